"""Owns the detectors' weights: which file by which digest, where it is looked for, and fetching it once."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.vision.checkpoint import file_digest

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class DetectorWeights:
    """One file. `addresses` are tried in order; all hold the very same bytes."""

    file: str
    sha256: str
    size_bytes: int
    licence: str
    addresses: tuple[str, ...]


WEIGHTS: Mapping[str, DetectorWeights] = {
    "yolox_nano": DetectorWeights(
        "yolox_nano.onnx",
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        3_659_407,
        "Apache-2.0",
        ("https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",),
    ),
    "nanodet_m": DetectorWeights(
        "nanodet_m.onnx",
        "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186",
        3_800_954,
        "Apache-2.0",
        (
            "https://huggingface.co/opencv/object_detection_nanodet/resolve/"
            "81a2a35b00f92e9bd03f03d9b611076d9aa2f942/object_detection_nanodet_2022nov.onnx",
            "https://media.githubusercontent.com/media/opencv/opencv_zoo/510899a2a0adb8c25957915fd030d66dbd553919/"
            "models/object_detection_nanodet/object_detection_nanodet_2022nov.onnx",
        ),
    ),
    "rfb_640": DetectorWeights(
        "version-RFB-640.onnx",
        "8f4c659275977e7a3bfbfa339a9c769ad793df50f9c0baa8c14b11baa1646430",
        1_588_012,
        "MIT",
        (
            "https://raw.githubusercontent.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB/"
            "029907032ba408fc57a829c430d5bd3936e3cae7/models/onnx/version-RFB-640.onnx",
            "https://media.githubusercontent.com/media/onnx/models/6a7a5a89206051096f8da0566da2df0047f89afa/"
            "vision/body_analysis/ultraface/models/version-RFB-640.onnx",
        ),
    ),
}


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects, as release pages need, but never to an address without encryption."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise HTTPError(req.full_url, code, "leads to an address that is not https", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def stored_weights(name: str, folders: Sequence[Path]) -> Path | None:
    """The file where it lies in one of `folders`, first come first, its digest checked; None where it is in none.

    Raises CheckpointError for a file that was altered or cut off: it is never passed over in silence.
    """
    wanted = WEIGHTS[name]
    for folder in folders:
        path = folder / wanted.file
        try:
            found = file_digest(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
        if found != wanted.sha256:
            raise CheckpointError(
                f"{path} was altered or cut off: its SHA-256 is {found[:12]}…, not {wanted.sha256[:12]}…; "
                "remove it, or put the right file there"
            )
        return path
    return None


def find_weights(name: str, folders: Sequence[Path]) -> Path:
    """`stored_weights`, or else fetched into the last of `folders`; blocks. Raises CheckpointError."""
    wanted = WEIGHTS[name]
    found = stored_weights(name, folders)
    if found is not None:
        return found
    reasons = []
    for address in wanted.addresses:
        try:
            return fetch(address, wanted, folders[-1])
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"{address}: {_reason(error)}")
    looked = ", ".join(str(folder) for folder in folders)
    raise CheckpointError(
        f"the detector {name} has no weights: {wanted.file} is not in {looked}, and fetching failed "
        f"({'; '.join(reasons)}). Connect once to the internet, or put the file into {folders[-1]} by hand; "
        f"its SHA-256 is {wanted.sha256}"
    )


def fetch(address: str, wanted: DetectorWeights, folder: Path) -> Path:
    """Fetches over https; the file appears under its name only when complete and of the right digest.

    Raises OSError, HTTPException, ValueError.
    """
    if not address.startswith("https://"):
        raise ValueError("not an https address")
    digest, received = hashlib.sha256(), 0
    with urllib.request.build_opener(_HttpsOnly).open(address, timeout=TIMEOUT_S) as answer:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{wanted.file}.", delete=False) as partial:
            target = Path(partial.name)
            try:
                while chunk := answer.read(CHUNK_BYTES):
                    received += len(chunk)
                    if received > wanted.size_bytes:
                        raise ValueError(f"sends more than the {wanted.size_bytes} bytes that the file has")
                    digest.update(chunk)
                    partial.write(chunk)
                if digest.hexdigest() != wanted.sha256:
                    raise ValueError(f"sent another file: {received} bytes of SHA-256 {digest.hexdigest()[:12]}…")
                partial.flush()
                os.fsync(partial.fileno())
                target.chmod(0o644)
                return target.replace(folder / wanted.file)
            finally:
                target.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if reason is not None else error) or type(error).__name__
