"""Owns the web application: routes, answers to errors, security headers, start and stop."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from crime_detect_engine.domain.errors import CrimeDetectError
from crime_detect_engine.domain.ports import EngineControl

from .access import ACCESS, Access
from .errors import Handler, UnauthenticatedError, answer, answer_http, is_api, status_and_code
from .jobs import JOBS, Jobs
from .live import LIVE, LivePictures
from .picture_links import PICTURE_LINKS, PictureLinks
from .rendering import ENVIRONMENT, base_path, build_environment, render
from .route import DECLARED, ENGINE, UPLOAD_LIMIT_BYTES, UPLOADS, add_route
from .routes import ROUTES
from .streams import STREAMS, Streams
from .trials import TRIALS, Trials
from .turns import TURNS, Turns

_BODY_LIMIT_BYTES = 64 * 1024
_STOP_S = 0.4
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def build_app(
    engine: EngineControl,
    access: Access,
    *,
    uploads: Path,
    upload_limit_bytes: int = 500 * 10**6,
    picture_links: PictureLinks | None = None,
) -> web.Application:
    """Everything that is served. `uploads` is a folder of its own for files being analysed; leftovers are deleted."""
    app = web.Application(middlewares=[answer_errors], client_max_size=_BODY_LIMIT_BYTES)
    app[ENGINE], app[ACCESS] = engine, access
    app[UPLOADS], app[UPLOAD_LIMIT_BYTES] = uploads, upload_limit_bytes
    app[PICTURE_LINKS] = picture_links or PictureLinks(access.clock)
    app[LIVE] = LivePictures(engine)
    app[ENVIRONMENT] = build_environment()
    app[STREAMS] = Streams()
    app[TRIALS] = Trials(access.clock)
    app[TURNS] = Turns()
    app[JOBS] = Jobs(engine, access.clock, uploads)
    app[DECLARED] = ROUTES
    for route in ROUTES:
        add_route(app, route)
    app.on_response_prepare.append(add_headers)
    app.on_startup.append(app[JOBS].start)
    app.on_shutdown.append(app[STREAMS].close)
    app.on_cleanup.append(app[JOBS].stop)
    return app


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Nothing is kept by caches unless its handler says so."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "crime-detect"


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except CrimeDetectError as error:
        if is_api(request):
            return answer(error)
        if isinstance(error, UnauthenticatedError):
            raise web.HTTPFound(f"{base_path(request)}login?next={request.path.lstrip('/')}") from error
        return render_error(request, status_and_code(error)[0], str(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        if is_api(request):
            return answer_http(error)
        return render_error(request, error.status, "There is no such page.")


def render_error(request: web.Request, status: int, message: str) -> web.Response:
    return render(request, "error.html", status=status, title=HTTPStatus(status).phrase.capitalize(), message=message)


class Server:
    """A started application on one port."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner = runner
        self.host = host
        self.port = port

    async def stop(self) -> None:
        """Ends within a second, also with open feeds and live pictures."""
        await self._runner.cleanup()


async def serve(app: web.Application, host: str, port: int) -> Server:
    """Starts serving; port 0 takes a free one. Raises CrimeDetectError when the port cannot be had."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise CrimeDetectError(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another with --port."
        ) from error
    return Server(runner, host, runner.addresses[0][1])
