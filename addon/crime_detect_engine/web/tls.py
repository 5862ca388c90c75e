"""Owns the certificate that the engine shows: read at the start, taken up anew when its files change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import ConfigError

from .options import TlsOptions

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 10.0
SOON = timedelta(days=7)
"""Renewal is due long before: who sees this has one that does not work."""
_FILE_BYTES = 1_000_000


class Certificate:
    """`context` stays the same object: a renewed certificate is shown from the next connection on, open ones go on."""

    def __init__(self, options: TlsOptions, clock: Clock) -> None:
        """Raises ConfigError that names the file and what is wrong with it."""
        self._options = options
        self._clock = clock
        self._ends = check_files(options)
        self._seen = self._look()
        self._problem: str | None = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load(self.context, options)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.follow)

    def follow(self) -> None:
        """Takes up other files. Half a renewal (new certificate, old key) changes nothing until it is whole."""
        now = self._look()
        if now == self._seen and self._problem is None:
            return
        try:
            ends = check_files(self._options)
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._options)  # a context that refuses keeps half of it
            _load(self.context, self._options)
        except ConfigError as error:
            if self._problem != str(error):
                _LOG.error("the certificate before goes on: %s", error)
            self._problem = str(error)
            return
        self._ends, self._problem = ends, None
        if now != self._seen:
            _LOG.info("took up the certificate of %s, valid until %s", self._options.certificate, f"{ends:%Y-%m-%d}")
        self._seen = now

    def notes(self) -> Sequence[str]:
        """What people should know, shown on the page."""
        notes = [] if self._problem is None else [f"the changed certificate is not used: {self._problem}"]
        if (said := expiry(self._ends, self._clock.now())) is not None:
            notes.append(f"{self._options.certificate} {said}; renew it, and it is taken up without a restart")
        return notes

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(Path(path)) for path in (self._options.certificate, self._options.key))


def expiry(ends: datetime, now: datetime) -> str | None:
    """What to say of a certificate that has ended or soon will; None for another."""
    if ends <= now:
        return f"expired at {ends:%Y-%m-%d %H:%M} UTC"
    return f"expires at {ends:%Y-%m-%d %H:%M} UTC" if ends <= now + SOON else None


def check_files(options: TlsOptions) -> datetime:
    """When the certificate ends, of a pair that belongs together. Raises ConfigError."""
    path, key_path = options.certificate, options.key
    try:
        certificate = load_pem_x509_certificates(_read(path))[0]
    except ValueError:
        raise ConfigError(f"tls.certificate: {path} is no certificate in PEM") from None
    try:
        key = load_pem_private_key(_read(key_path, "key"), None)
    except TypeError:
        raise ConfigError(f"tls.key: {key_path} is protected by a passphrase; write it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"tls.key: {key_path} is no private key in PEM") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ConfigError(
            f"tls: {key_path} is the key of another certificate than {path}; the server's own must come first in it"
        )
    return certificate.not_valid_after_utc


def _read(path: str, name: str = "certificate") -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_FILE_BYTES)
    except OSError as error:
        raise ConfigError(f"tls.{name}: {path} cannot be read: {error.strerror or error}") from None


def _load(context: ssl.SSLContext, options: TlsOptions) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one at the terminal.
        context.load_cert_chain(options.certificate, options.key, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"tls: {options.certificate} with {options.key} cannot be used: {reason}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
