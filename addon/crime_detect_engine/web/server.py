"""Owns the web application: routes, answers to errors, security headers, start and stop."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from crime_detect_engine.domain.auditing import Auditing
from crime_detect_engine.domain.errors import CrimeDetectError
from crime_detect_engine.domain.ports import EngineControl

from .access import ACCESS, LOGIN_LINKS, PLACE, Access
from .auditing import AUDIT, AUDITOR, Auditor, note_access
from .errors import Handler, PasswordDueError, UnauthenticatedError, answer, answer_http, is_api, status_and_code
from .jobs import JOBS, Jobs
from .live import LIVE, LivePictures
from .picture_links import PICTURE_LINKS, PictureLinks
from .rendering import ENVIRONMENT, base_path, build_environment, render
from .route import DECLARED, ENGINE, UPLOAD_LIMIT_BYTES, UPLOADS, add_route
from .routes import ROUTES
from .routes.oidc import ADDRESS, SIGN_IN, SignIn
from .streams import STREAMS, Streams
from .trials import TRIALS, Trials
from .turns import TURNS, Turns
from .visibility import find_place

_BODY_LIMIT_BYTES = 64 * 1024
_STOP_S = 0.4
_HSTS = "max-age=31536000"
_HAS_NAME = web.AppKey("has_name", bool)
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
    has_name: bool = False,
    sign_in: SignIn | None = None,
    audit: Auditing | None = None,
) -> web.Application:
    """Everything that is served. `uploads` is a folder of its own for files being analysed; leftovers are deleted.

    `has_name`: the host name leads here and nowhere else, so browsers may be told to use TLS for all of it (HSTS holds
    for a name with all its ports, and Home Assistant may live on another). `sign_in` is an identity provider's.
    """
    app = web.Application(middlewares=[answer_errors], client_max_size=_BODY_LIMIT_BYTES)
    app[ENGINE], app[ACCESS], app[PLACE] = engine, access, find_place
    app[UPLOADS], app[UPLOAD_LIMIT_BYTES] = uploads, upload_limit_bytes
    app[PICTURE_LINKS] = picture_links or PictureLinks(access.clock)
    app[LIVE] = LivePictures(engine)
    app[ENVIRONMENT] = build_environment()
    app[_HAS_NAME] = has_name
    if audit is not None:
        app[AUDIT], app[AUDITOR] = audit, Auditor(audit, access.clock)
    if sign_in is not None:
        app[SIGN_IN] = sign_in
        app[LOGIN_LINKS] = [(f"Sign in with {sign_in.provider.options.name}", ADDRESS)]
    app[STREAMS] = Streams()
    app[TRIALS] = Trials(access.clock)
    app[TURNS] = Turns()
    app[JOBS] = Jobs(engine, access.clock, uploads)
    app[DECLARED] = ROUTES
    for route in ROUTES:
        add_route(app, route)
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(note_access)
    app.on_startup.append(app[JOBS].start)
    app.on_shutdown.append(app[STREAMS].close)
    app.on_cleanup.append(app[JOBS].stop)
    return app


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Nothing is kept by caches unless its handler says so."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "crime-detect"
    if request.app[_HAS_NAME] and request.secure:
        response.headers["Strict-Transport-Security"] = _HSTS


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ConnectionResetError:
        if request.transport is not None and not request.transport.is_closing():
            raise  # somebody else than who asks
        return web.Response(status=499)  # nobody gets this, and nothing went wrong here
    except CrimeDetectError as error:
        if is_api(request):
            return answer(error)
        if isinstance(error, UnauthenticatedError):
            raise web.HTTPFound(f"{base_path(request)}login?next={request.path.lstrip('/')}") from error
        if isinstance(error, PasswordDueError):
            raise web.HTTPFound(f"{base_path(request)}account") from error
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
    """A started application: on `port`, with TLS where `secure`, and on what `listen` added."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, *, secure: bool) -> None:
        self._runner = runner
        self.host = host
        self.port = port
        self.secure = secure

    async def listen(self, port: int, tls: ssl.SSLContext) -> int:
        """The same application with TLS on a second port, which is returned. Raises CrimeDetectError."""
        return await _listen(self._runner, self.host, port, tls)

    async def stop(self) -> None:
        """Ends within a second, also with open feeds and live pictures."""
        await self._runner.cleanup()


async def serve(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> Server:
    """Starts serving; port 0 takes a free one. Raises CrimeDetectError when the port cannot be had."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        taken = await _listen(runner, host, port, tls)
    except CrimeDetectError:
        await runner.cleanup()
        raise
    return Server(runner, host, taken, secure=tls is not None)


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> int:
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        raise CrimeDetectError(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another with --port."
        ) from error
    return int(runner.addresses[-1][1])
