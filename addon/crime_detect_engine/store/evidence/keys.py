"""Owns the installation's signing key: made once, private to its owner, and the part that anybody may have."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from crime_detect_engine.domain.errors import InvalidInputError, StoreError

KEY_FILE = "keys/evidence.pem"
SIGNATURE_BYTES = 64


class PublicKey:
    """The part that anybody may have; `key_id` is the SHA-256 of its DER form."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = hashlib.sha256(der).hexdigest()

    @classmethod
    def read(cls, pem: bytes) -> PublicKey:
        """Raises InvalidInputError for what is no Ed25519 public key in PEM."""
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise InvalidInputError("this is no Ed25519 public key in PEM")
        return cls(key)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """Signs; never shown, logged or sent."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(data)

    @classmethod
    def keep(cls, data_dir: Path) -> SigningKey:
        """The key in DATA/keys, made at the first call. Raises StoreError; a file that is no key is never replaced."""
        path = data_dir / KEY_FILE
        try:
            if not path.exists():
                _make(path)
            pem = path.read_bytes()
        except OSError as error:
            raise StoreError(f"the signing key {path} cannot be used: {error.strerror or error}") from error
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise StoreError(
                f"{path} is no Ed25519 key; put the right one back, or move it away to have a new one made"
            )
        return cls(key)


def _make(path: Path) -> None:
    """Whole or not at all: a half-written key would keep the engine from starting."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # fails where another process was quicker: then its key counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
