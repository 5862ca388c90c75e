"""Owns TLS towards the broker: which files, what is wrong with them, and what a refused handshake may mean."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class MqttTls:
    """Files in PEM. Without `ca` the system's authorities are trusted."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    """Encrypts without knowing with whom: for self-signed brokers whose certificate is not at hand."""

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later. Raises OSError that names the file which cannot be read, or is not what it should be."""
        for name, path in (("ca", self.ca), ("cert", self.cert), ("key", self.key)):
            if path is not None:
                _read(name, path)
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError:
            raise OSError(f"ca: {self.ca} holds no certificate in PEM") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert is not None:
            self._show(context, self.cert)
        return context

    def ends(self) -> datetime | None:
        """When our own certificate ends; None without one. Raises OSError."""
        if self.cert is None:
            return None
        try:
            return load_pem_x509_certificates(_read("cert", self.cert))[0].not_valid_after_utc
        except ValueError:
            raise OSError(f"cert: {self.cert} is no certificate in PEM") from None

    def _show(self, context: ssl.SSLContext, cert: str) -> None:
        self.ends()
        try:
            # Without a password of ours OpenSSL would ask for one at the terminal.
            context.load_cert_chain(cert, self.key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            key = self.key or cert
            if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
                raise OSError(f"key: {key} is the key of another certificate than {cert}") from None
            raise OSError(f"key: {key} is no private key in PEM, or needs a passphrase") from None

    def why_refused(self, now: datetime) -> str:
        """What to look at when a broker ends the connection in or after the handshake."""
        if self.cert is None:
            return "if it asks for a client certificate, set mqtt.tls.cert and mqtt.tls.key"
        try:
            ends = self.ends()
        except OSError as error:
            return str(error)
        if ends is not None and ends <= now:
            return f"our certificate {self.cert} expired at {ends:%Y-%m-%d %H:%M} UTC; renew it"
        return f"it may not know the authority of our certificate {self.cert}, or speak no TLS at this port"


def _read(name: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_FILE_BYTES)
    except OSError as error:
        raise OSError(f"{name}: {path} cannot be read: {error.strerror or error}") from None
