"""Owns stream addresses: taking them apart, hiding their secrets, and which hosts a redirect may reach."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from crime_detect_engine.domain.errors import SourceError

_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", re.IGNORECASE)
_SECRET_QUERY = re.compile(
    r"([?&;](?:token|access_token|key|api_?key|auth|pass|passwd|password|pwd|user|username|usr|sig|signature|secret"
    r"|passphrase|streamid|session|login|loginpas|loginuse)=)[^&;#\s\"'<>]*",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_METADATA = frozenset({"169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"})


def redact(text: str) -> str:
    """`text` (an address or any message around addresses) without user names, passwords, tokens and keys."""
    return _SECRET_QUERY.sub(r"\1***", _USERINFO.sub(r"\1***@", text))


def scheme_of(address: str) -> str | None:
    """The scheme in lower case, None for a plain path."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else None


def split_url(url: str, default_port: int) -> tuple[SplitResult, str, int]:
    """The parts, host and port of a stream's URL. Raises a permanent SourceError for one that cannot be used."""
    if re.search(r"[\x00-\x20\x7f|\\]", url):
        raise SourceError(f"{redact(url)}: an address must not contain spaces, | or \\", permanent=True)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text quotes what it takes for a port: a piece of the password
        hint = "write /, ?, # and [ in a password as %2F, %3F, %23 and %5B"
        raise SourceError(f"{redact(url)}: not a valid address; {hint}", permanent=True) from None
    if not host:
        raise SourceError(f"{redact(url)}: the address names no host", permanent=True)
    return parts, host, port or default_port


def resolve(host: str, port: int) -> list[str]:
    """The host's IP addresses, in the order to try. Raises SourceError when the name is not known."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"{host}: the name cannot be resolved ({error}); check the address and DNS") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_inner(ip: str) -> bool:
    """True for addresses that only this machine or its cloud host answers: loopback, link-local, metadata."""
    address = ipaddress.ip_address(ip.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or str(address) in _METADATA
    )


def allowed_targets(host: str, port: int, configured_host: str) -> list[str]:
    """The IP addresses to which `configured_host` may send us on; connect to these, not to the name again.

    Raises SourceError when `host` is inner (see `is_inner`) and the host that the user wrote is not.
    """
    targets = resolve(host, port)
    if any(is_inner(ip) for ip in targets) and not all(is_inner(ip) for ip in resolve(configured_host, port)):
        raise SourceError(f"{configured_host} redirects to {host}, an address inside this machine or network: refused")
    return targets
