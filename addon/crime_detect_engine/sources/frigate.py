"""Owns Frigate as a place to find cameras: its API says which there are, its restreams are watched.

`FrigateDiscovery(options)`: each `await poll()` asks once, `cameras` is what is there now, `status` how Frigate is.
`frigate:NAME` is a `FrigateSource` that asks the discovery for the restream's address at each connect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import voluptuous as vol

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.units import parse_duration

from .rtsp import RtspSource

RTSP_PORT = 8554
POLL_S = 30.0
_POLL_LIMITS_S = (1.0, 3600.0)
_REPLAY = "_replay_"
"""Cameras of which Frigate (0.18) shows a recording once more, for debugging: nothing there happens now."""
_MOST_BYTES = 8_000_000
_TIMEOUT = aiohttp.ClientTimeout(total=10.0)


@dataclass(frozen=True, slots=True)
class FrigateOptions:
    """`cameras` are watched without being named in the file; None: all that are enabled.

    `tls_verify: false` for Frigate's own certificate on port 8971.
    `rtsp_port` is where its restreams are reached from here; `poll_s` how often it is asked for its cameras.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cameras: tuple[str, ...] | None = None
    tls_verify: bool = True
    rtsp_port: int = RTSP_PORT
    poll_s: float = POLL_S


def _url(value: object) -> str:
    try:
        parts = urlsplit(str(value).strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in str(value):
        raise vol.Invalid("expected Frigate's address like http://frigate:5000, the login in username and password")
    return str(value).strip().rstrip("/")


def _cameras(value: object) -> tuple[str, ...] | None:
    if value is None or value == "all":
        return None
    if isinstance(value, list) and all(isinstance(name, str) and name for name in value):
        return tuple(value)
    raise vol.Invalid("expected all, or a list of Frigate's camera names ([] watches none by itself)")


def _port(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
        raise vol.Invalid("expected a port from 1 to 65535")
    return value


def _poll(value: object) -> float:
    shortest_s, longest_s = _POLL_LIMITS_S
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = 0.0
    if not shortest_s <= seconds <= longest_s:
        raise vol.Invalid("expected a duration from 1s to 1h, like 30s")
    return seconds


def _write_back(value: object) -> None:
    if value not in (None, False):
        raise vol.Invalid("write_back is not in this version; leave it out or set it to false")


def _build(value: dict[str, Any]) -> FrigateOptions:
    value.pop("write_back", None)
    given = {key: part for key, part in value.items() if part is not None}
    if "poll" in given:
        given["poll_s"] = given.pop("poll")
    return FrigateOptions(**given)


SCHEMA = vol.All(
    {
        vol.Required("url"): _url,
        "username": vol.Any(None, str),
        "password": vol.Any(None, str),
        "cameras": _cameras,
        "tls_verify": vol.Any(None, bool, msg="expected true or false"),
        "rtsp_port": vol.Any(None, _port),
        "poll": vol.Any(None, _poll),
        "write_back": _write_back,
    },
    _build,
)


@dataclass(frozen=True, slots=True)
class FrigateCamera:
    """One enabled camera. `url` is its restream, None where Frigate has none for it."""

    name: str
    url: str | None
    size: tuple[int, int] | None = None
    """Pixels, width and height, of the picture that Frigate detects in; None where it does not say."""
    tracks: tuple[str, ...] = ()
    """What Frigate looks for there; nothing while its detection is off."""


@dataclass(frozen=True, slots=True)
class FrigateStatus:
    """`error` says what is wrong and what to do, free of secrets."""

    available: bool
    version: str | None = None
    error: str | None = None


class FrigateDiscovery:
    """Follows Frigate's cameras and availability: `offered` are all that are enabled there, `cameras` those of them
    to be watched without being named in the file. Both keep their last value while Frigate is away."""

    def __init__(self, options: FrigateOptions) -> None:
        self._options = options
        self._token: str | None = None
        self.offered: Mapping[str, FrigateCamera] = {}
        self.cameras: Mapping[str, FrigateCamera] = {}
        self.topic_prefix: str | None = None
        """Of what Frigate says over MQTT; None while that is off or not known."""
        self.status = FrigateStatus(available=False, error="not asked yet")

    async def poll(self) -> None:
        """One question; never raises for what Frigate does."""
        try:
            async with self.session() as session:
                version = await self.ask(session, "/api/version")
                config = json.loads(await self.ask(session, "/api/config"))
                offered = _offered(config, self._host, self._options.rtsp_port)
                prefix = _topic_prefix(config)
        except SourceError as error:
            self.status = FrigateStatus(available=False, error=str(error))
            return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
            self.status = FrigateStatus(available=False, error=f"Frigate at {self._host}: {reason}; check frigate.url")
            return
        except (ValueError, AttributeError, KeyError, TypeError):
            reason = "its answer is not Frigate's; check frigate.url"
            self.status = FrigateStatus(available=False, error=f"Frigate at {self._host}: {reason}")
            return
        missing = sorted(set(self._options.cameras or ()) - set(offered))
        error_text = f"Frigate has no enabled camera named {', '.join(missing)}" if missing else None
        self.status = FrigateStatus(available=True, version=version.strip()[:40], error=error_text)
        self.offered, self.topic_prefix = offered, prefix
        wanted = self._options.cameras
        self.cameras = {name: one for name, one in offered.items() if wanted is None or name in wanted}

    def restream(self, name: str) -> str:
        """The address of a camera's restream. Raises SourceError with the reason while there is none."""
        camera = self.offered.get(name)
        if camera is None:
            raise SourceError(self.status.error or f"Frigate has no enabled camera named {name}")
        if camera.url is None:
            raise SourceError(f"Frigate does not restream {name}; add it to go2rtc.streams in Frigate's configuration")
        return camera.url

    @property
    def _host(self) -> str:
        return urlsplit(self._options.url).hostname or ""

    def session(self) -> aiohttp.ClientSession:
        """To `ask` more than once with; to be closed."""
        connector = aiohttp.TCPConnector(ssl=self._options.tls_verify)
        return aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector)

    async def ask(self, session: aiohttp.ClientSession, path: str) -> str:
        """The body of a GET, after a login where Frigate wants one.

        Raises SourceError with the reason, aiohttp.ClientError, TimeoutError.
        """
        for attempt in (1, 2):
            cookies = {"frigate_token": self._token} if self._token else {}
            address = self._options.url + path
            async with session.get(address, cookies=cookies, allow_redirects=False) as response:
                if response.status == 200:
                    return await _text(response)
                if response.status not in (401, 403) or attempt == 2:
                    break
            await self._login(session)
        if response.status in (401, 403):
            raise SourceError(f"Frigate at {self._host} refuses the login; check frigate.username and password")
        raise SourceError(f"Frigate at {self._host} answers {response.status} to {path}")

    async def _login(self, session: aiohttp.ClientSession) -> None:
        if not self._options.username or not self._options.password:
            raise SourceError(f"Frigate at {self._host} wants a login; set frigate.username and frigate.password")
        body = {"user": self._options.username, "password": self._options.password}
        async with session.post(self._options.url + "/api/login", json=body, allow_redirects=False) as response:
            cookie = response.cookies.get("frigate_token")
            if response.status == 429:
                raise SourceError(f"Frigate at {self._host} blocks logins for a while: too many attempts")
            if response.status != 200 or cookie is None:
                raise SourceError(f"Frigate at {self._host} refuses the login; check frigate.username and password")
            self._token = cookie.value


class FrigateSource(RtspSource):
    """`frigate:NAME`: the restream of a camera that Frigate knows."""

    def __init__(self, name: str, discovery: FrigateDiscovery, clock: Clock) -> None:
        super().__init__("rtsp://frigate", clock)
        self.name = f"frigate:{name}"
        self._camera = name
        self._discovery = discovery

    def _open(self) -> Any:
        self._url = self._discovery.restream(self._camera)
        return super()._open()


def _offered(config: Mapping[str, Any], host: str, port: int) -> dict[str, FrigateCamera]:
    streams = set((config.get("go2rtc") or {}).get("streams") or {})
    found: dict[str, FrigateCamera] = {}
    for name, camera in config["cameras"].items():
        if camera.get("enabled", True) and not name.startswith(_REPLAY):
            stream = _restream_name(name, camera, streams)
            address = f"[{host}]" if ":" in host else host
            url = f"rtsp://{address}:{port}/{quote(stream, safe='')}" if stream else None
            found[name] = FrigateCamera(name, url, _size(camera.get("detect") or {}), _tracks(camera))
    return found


def _size(detect: Mapping[str, Any]) -> tuple[int, int] | None:
    match detect.get("width"), detect.get("height"):
        case int(width), int(height) if 0 < width < 100_000 and 0 < height < 100_000:
            return width, height
    return None


def _tracks(camera: Mapping[str, Any]) -> tuple[str, ...]:
    looks = (camera.get("detect") or {}).get("enabled", True)
    labels = (camera.get("objects") or {}).get("track") or ["person"]
    return tuple(str(label) for label in labels) if looks else ()


def _topic_prefix(config: Mapping[str, Any]) -> str | None:
    mqtt = config.get("mqtt") or {}
    prefix = str(mqtt.get("topic_prefix") or "frigate")
    usable = mqtt.get("enabled", True) and len(prefix) < 200 and not set("+#\0") & set(prefix)
    return prefix if usable else None


async def _text(response: aiohttp.ClientResponse) -> str:
    """A body of a size that makes sense. Raises SourceError."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _MOST_BYTES:
            raise SourceError("Frigate's answer is too long to be Frigate's; check frigate.url")
    return body.decode(errors="replace")


def _restream_name(name: str, camera: Mapping[str, Any], streams: set[str]) -> str | None:
    """The go2rtc stream to watch: the one Frigate detects on (small), else the first of its live ones, else its own."""
    candidates: list[str] = []
    for feed in (camera.get("ffmpeg") or {}).get("inputs") or ():
        path = urlsplit(str(feed.get("path", "")))
        if "detect" in (feed.get("roles") or ()) and path.scheme == "rtsp" and path.netloc.endswith(":8554"):
            candidates.append(path.path.strip("/"))
    live = camera.get("live") or {}
    candidates += [*(live.get("streams") or {}).values(), live.get("stream_name") or name, name]
    return next((candidate for candidate in candidates if candidate in streams), None)
