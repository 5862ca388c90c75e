"""Owns uploads to analyse and the jobs they become."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path, PurePath

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import JOB, json_answer, named
from crime_detect_engine.web.auditing import audited
from crime_detect_engine.web.errors import TooLargeError
from crime_detect_engine.web.jobs import JOBS, discard
from crime_detect_engine.web.route import API, UPLOAD_LIMIT_BYTES, UPLOADS, Route

_CHUNK_BYTES = 256 * 1024


@audited("analyze", "an upload", fold_s=0.0)
@role("operator")
async def start_analysis(request: web.Request) -> web.Response:
    """Takes one video or photo as the form field `file` and answers with the job that analyses it."""
    jobs, limit = request.app[JOBS], request.app[UPLOAD_LIMIT_BYTES]
    jobs.refuse_when_full()
    if (request.content_length or 0) > limit + _CHUNK_BYTES:
        raise _too_large(limit)
    if request.content_type != "multipart/form-data":
        raise InvalidInputError("Send multipart/form-data with the field file.")
    try:
        part = await anext(aiter(await request.multipart()), None)
    except (ValueError, HttpProcessingError) as error:
        raise InvalidInputError("The form is not well formed.") from error
    if not isinstance(part, BodyPartReader) or part.name != "file" or not part.filename:
        raise InvalidInputError("Send the video or photo as the first form field, named file.")
    name = _display_name(part.filename)
    path = await _receive(part, request.app[UPLOADS], PurePath(name).suffix, limit)
    job = jobs.add(path, name, request[ACTOR])
    return web.json_response(job.json(), status=202, headers={"Location": f"jobs/{job.id}"})


async def _receive(part: BodyPartReader, folder: Path, suffix: str, limit: int) -> Path:
    """The body of one form field in a new file; nothing stays behind when it is too large or breaks off."""
    safe_suffix = suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else ""
    complete = False
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", suffix=safe_suffix, delete=False) as file:
        path = Path(file.name)
        try:
            size = 0
            while chunk := await part.read_chunk(_CHUNK_BYTES):
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                await asyncio.to_thread(file.write, chunk)
            complete = True
        except OSError as error:
            raise StoreError(f"The upload cannot be stored: {error.strerror}.") from error
        finally:
            if not complete:
                discard(path)
    if size == 0:
        discard(path)
        raise InvalidInputError("The file is empty.")
    return path


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The file is larger than {limit // 10**6} MB.")


def _display_name(filename: str) -> str:
    """The last part of what the browser called it: shown to people, never used as a path."""
    last = re.split(r"[/\\]", filename)[-1]
    return "".join(c for c in last if c.isprintable())[-120:] or "upload"


@audited("view_analysis", "{job}")
@role("operator")
async def get_job(request: web.Request) -> web.Response:
    """One analysis: `queued`, `running`, `done` with its result, or `failed` with the reason."""
    return web.json_response(request.app[JOBS].find(request.match_info["job"], request[ACTOR]).json())


ROUTES = (
    Route("POST", f"{API}/analyze", start_analysis, upload="file", answers=(json_answer(named("Job"), 202),)),
    Route("GET", f"{API}/jobs/{{job}}", get_job, answers=(JOB,)),
)
