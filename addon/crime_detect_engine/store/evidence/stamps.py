"""Owns time stamps of an authority (RFC 3161) over the chain's head: asked for, checked, and kept as files."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from crime_detect_engine.domain.errors import AnchorError, StoreError

FOLDER = "stamps"


def make_request(text: str) -> TimeStampRequest:
    """With a nonce, and asking for the authority's certificate; `as_bytes` is what is sent."""
    return TimestampRequestBuilder().data(text.encode()).nonce(nonce=True).cert_request(cert_request=True).build()


def check_stamp(request: TimeStampRequest, answer: bytes, text: str, ca: Path) -> None:
    """Raises AnchorError for what is no stamp over this text and request, by an authority below `ca` (PEM)."""
    try:
        roots = x509.load_pem_x509_certificates(ca.read_bytes())
        builder = VerifierBuilder.from_request(request)
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(decode_timestamp_response(answer), text.encode())
    except OSError as error:
        raise AnchorError(f"the certificates {ca} cannot be read: {error.strerror or error}") from error
    except (ValueError, VerificationError) as error:
        raise AnchorError(f"the time stamp does not hold: {error}") from error


def keep_stamp(data_dir: Path, seq: int, text: str, answer: bytes) -> Path:
    """`stamps/SEQ.tsr` and the text that it stamps beside it. Raises StoreError."""
    folder = data_dir / FOLDER
    stamp = folder / f"{seq}.tsr"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for path, data in ((stamp.with_suffix(".txt"), text.encode()), (stamp, answer)):
            temporary = path.with_suffix(".tmp")
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise StoreError(f"a time stamp cannot be kept in {folder}: {error.strerror or error}") from error
    return stamp
