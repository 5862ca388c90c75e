"""Owns an engine that tests control: a real server on loopback that speaks docs/api.md as the golden files do."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

WIRE = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
TOKEN = "the-token-of-the-tests"
JPEG = b"\xff\xd8\xff\xe0 picture %s \xff\xd9"
FEATURES = ["cameras", "models", "mqtt_discovery", "retention", "sources_test"]
RETENTION = {"incidents": "30d", "below_threshold": "7d", "per_class": {"fighting": "90d"}, "media_quota": "20GB"}
_UNSET: Any = object()


def golden(name: str) -> Any:
    """A fresh copy of one golden file."""
    return json.loads((WIRE / f"{name}.json").read_text())


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Below /api/v1, such as /cameras/yard/snooze."""
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


@dataclass
class Fault:
    """What happens to requests whose path ends with `path`."""

    path: str
    status: int | None = None
    code: str = "failed"
    body: bytes | None = None
    times: int = -1
    hold: asyncio.Event | None = None
    """The answer waits for it."""
    met: int = 0


@dataclass
class FakeEngine:
    """Everything it says can be changed; `push_*` tells connected clients and keeps the message for replays."""

    uuid: str = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001"
    epoch: str = "01KDWEPOCH0000000000000000"
    token: str = TOKEN
    refuse_tokens: bool = False
    seq: int = 41
    oldest_seq: int = 7
    info: dict[str, Any] = field(default_factory=lambda: golden("info_http"))
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """By incident id; an incident that is not in here has one made up from its id and revision."""
    retention: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(RETENTION))
    frigate: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list, repr=False)
    requests: list[Request] = field(default_factory=list, repr=False)
    faults: list[Fault] = field(default_factory=list)
    job: dict[str, Any] = field(default_factory=lambda: golden("job_done"))
    clip: bytes = field(default=b"an mp4 " * 30_000, repr=False)
    cut_clips: bool = False
    """The connection breaks in the middle of a clip."""
    schema_version: int = 1
    greeting: dict[str, Any] | None = None
    """Said in place of hello."""
    deaf: bool = False
    """It does not answer pings any more."""
    port: int = 0
    tls: SSLContext | None = None

    def __post_init__(self) -> None:
        self.info |= {"features": list(FEATURES), "mqtt_discovery": False, "problems": [], "fallback": None}
        for camera in golden("cameras_page")["items"]:
            self.cameras[camera["id"]] = camera
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        self._connected = asyncio.Condition()
        self._pings = 0
        self._pongs: list[bytes] = []

    # --- being there ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._sockets)

    async def start(self) -> None:
        """On the same port again after `stop`."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/v1/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.drop_connections()
        for fault in self.faults:
            if fault.hold:
                fault.hold.set()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def drop_connections(self) -> None:
        """Every WebSocket ends, as when the process dies."""
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        self._sockets.clear()

    async def wait_connected(self, count: int = 1) -> None:
        """Until exactly so many WebSockets are open and have had their hello and replay."""
        async with asyncio.timeout(60), self._connected:
            await self._connected.wait_for(lambda: len(self._sockets) == count)

    def fail(self, path: str, status: int | None = 500, **more: Any) -> Fault:
        """Requests whose path ends with `path` are answered with `status` (None: as usual, after `hold`)."""
        fault = Fault(path, status, **more)
        self.faults.append(fault)
        return fault

    def sent(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests so far."""
        return [one.body for one in self.requests if (one.method, one.path) == (method, path)]

    # --- saying something -----------------------------------------------------------------------------------------

    def incident(self, number: int = 1, camera: str = "front_door", **changes: Any) -> dict[str, Any]:
        """An open incident at `alert`, as the engine tells it first. `rev` is that of its picture."""
        rev = changes.pop("rev", 1)
        incident_id = changes.pop("incident_id", f"01KDW{number:021d}")
        base = golden("message_new")["after"]
        base |= {"incident_id": incident_id, "camera": camera} | changes
        base["media"] = {
            "snapshot": f"/api/v1/incidents/{incident_id}/snapshot.jpg?rev={rev}" if rev else None,
            "snapshot_rev": rev,
            "clip": f"/api/v1/incidents/{incident_id}/clip.mp4" if base["ended_at"] else None,
        }
        return base

    async def push_incident(
        self, after: dict[str, Any] | None, kind: str | None = None, *, before: Any = _UNSET, keep: bool = True
    ) -> dict[str, Any]:
        """`kind` is found from what is known of the incident: new, update, end. None for `after` needs `before`."""
        if after is None:
            known = before
            self.incidents.pop(known["incident_id"], None)
            kind = "deleted"
        else:
            known = self.incidents.get(after["incident_id"]) if before is _UNSET else before
            ends = after["ended_at"] is not None and known is not None and known["ended_at"] is None
            kind = kind or ("new" if known is None else "end" if ends else "update")
            self.incidents[after["incident_id"]] = copy.deepcopy(after)
        data = {
            "schema_version": 1, "uuid": self.uuid, "epoch": self.epoch, "seq": self.seq + 1, "type": kind,
            "before": copy.deepcopy(known), "after": copy.deepcopy(after),
        }  # fmt: skip
        camera = (after or known)["camera"]
        return await self._tell("incident", data, camera=camera, keep=keep)

    async def push_state(self, camera: str, **changes: Any) -> dict[str, Any]:
        state = self.cameras[camera]["state"]
        state.update(changes)
        return await self._tell("camera", copy.deepcopy(state), camera=camera)

    async def push_info(self, **changes: Any) -> dict[str, Any]:
        self.info.update(changes)
        return await self._tell("engine", self.full_info())

    async def push_raw(self, message: Any) -> None:
        """Whatever it is: text as it is, else JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        for socket in list(self._sockets):
            with suppress(ConnectionError):  # it is just leaving
                await socket.send_str(text)

    def add_camera(self, camera: str, name: str, source: str = "rtsp://***@10.0.0.7/new") -> dict[str, Any]:
        """Only here; `push_info` and `push_state` tell."""
        added = golden("camera") | {"id": camera, "name": name, "source": source, "location": None}
        self.cameras[camera] = added
        return added

    def full_info(self) -> dict[str, Any]:
        cameras = [{"id": one["id"], "name": one["name"]} for one in self.cameras.values()]
        return copy.deepcopy(self.info) | {"uuid": self.uuid, "epoch": self.epoch, "cameras": cameras}

    def picture(self, incident_id: str, rev: int) -> bytes:
        return self.pictures.get(incident_id, JPEG % f"{incident_id} {rev}".encode())

    async def _tell(self, kind: str, data: Any, *, camera: str | None = None, keep: bool = True) -> dict[str, Any]:
        self.seq += 1
        message = self._message(kind, self.seq, data) | ({"camera": camera} if camera else {})
        if keep:
            self.events.append(message)
        await self.push_raw(message)
        return message

    def _message(self, kind: str, seq: int, data: Any) -> dict[str, Any]:
        return {
            "schema_version": self.schema_version, "uuid": self.uuid, "epoch": self.epoch, "seq": seq, "kind": kind,
            "data": data,
        }  # fmt: skip

    # --- answering ------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        body = None
        if request.content_type == "application/json" and request.can_read_body:
            body = await request.json()
        elif request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            assert part is not None
            body = {"filename": part.filename, "size": len(await part.read())}
        self.requests.append(Request(request.method, path, dict(request.query), body, dict(request.headers)))
        if self.refuse_tokens or request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "unauthorized", "The token is not known.")
        for fault in self.faults:
            if path.endswith(fault.path) and fault.times != 0:
                fault.times -= 1
                fault.met += 1
                if fault.hold:
                    await fault.hold.wait()
                if fault.status is not None:
                    if fault.body is not None:
                        return web.Response(status=fault.status, body=fault.body)
                    return _error(fault.status, fault.code, "It was told to fail.")
        if path == "/events":
            return await self._events(request)
        if path.endswith("/clip.mp4") and self.cut_clips:
            return await self._cut(request)
        answer = self._route(request.method, path, request.query, body)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer)

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(self.clip))})
        await response.prepare(request)
        await response.write(self.clip[: len(self.clip) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    def _route(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        match (method, *path.strip("/").split("/")):
            case ("GET", "info"):
                return self.full_info()
            case (_, "cameras", *rest):
                return self._cameras(method, rest, body)
            case (_, "incidents", *rest):
                return self._incidents(method, rest, query, body)
            case ("POST", "sources", "test"):
                return web.Response(body=JPEG % b"of a source", content_type="image/jpeg")
            case ("GET", "sources", "frigate"):
                return {"items": self.frigate, "next_cursor": None}
            case ("GET", "retention"):
                return self.retention
            case ("PUT", "retention"):
                self.retention = self.retention | body
                return self.retention
            case ("DELETE", "mqtt", "discovery"):
                self.info["mqtt_discovery"] = False
                return web.Response(status=204)
            case ("POST", "analyze"):
                return web.json_response(golden("job_queued"), status=202)
            case ("GET", "jobs", _):
                return self.job
            case ("POST", "alerts", "test"):
                return {"mqtt": "sent"}
        return _error(404, "not_found", "There is nothing.")

    def _cameras(self, method: str, rest: list[str], body: Any) -> Any:
        match (method, *rest):
            case ("GET",):
                return {"items": list(self.cameras.values()), "next_cursor": None}
            case ("POST",):
                camera = body.get("id") or body["name"].lower().replace(" ", "_")
                return web.json_response(self.add_camera(camera, body["name"], body["source"]), status=201)
        camera = self.cameras.get(rest[0])
        if camera is None:
            return _error(404, "not_found", f"There is no camera {rest[0]}.")
        match (method, *rest[1:]):
            case ("GET",):
                return camera
            case ("PATCH",):
                camera["state"].update({key: value for key, value in body.items() if key in camera["state"]})
                camera["settings"].update(body)
                return camera
            case ("DELETE",):
                del self.cameras[rest[0]]
                return web.Response(status=204)
            case ("POST", "snooze"):
                return camera
            case ("GET", "live.jpg"):
                return web.Response(body=JPEG % rest[0].encode(), content_type="image/jpeg")
            case ("GET", "live.mjpeg"):
                frame = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG % b"live" + b"\r\n"
                return web.Response(body=frame, headers={"Content-Type": "multipart/x-mixed-replace;boundary=frame"})
        return _error(404, "not_found", "There is nothing.")

    def _incidents(self, method: str, rest: list[str], query: Mapping[str, str], body: Any) -> Any:
        if not rest:
            return self._page(query)
        incident = self.incidents.get(rest[0])
        if incident is None:
            return _error(404, "not_found", f"There is no incident {rest[0]}.")
        match (method, *rest[1:]):
            case ("GET",):
                return incident
            case ("GET", "snapshot.jpg"):
                rev = int(query.get("rev", incident["media"]["snapshot_rev"]))
                return web.Response(body=self.picture(rest[0], rev), content_type="image/jpeg")
            case ("GET", "clip.mp4"):
                return web.Response(body=self.clip, content_type="video/mp4")
            case ("GET", "evidence.zip") if "evidence" in self.info["features"]:
                return web.Response(body=b"PK evidence", content_type="application/zip")
            case ("POST", "verdict" | "acknowledge" | "hold"):
                incident.update(body)
                return incident
        return _error(404, "not_found", "There is nothing.")

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Newest first; the cursor is the last id of the page before."""
        wanted = {key: query[key] for key in ("camera", "label", "severity", "verdict") if key in query}
        found = sorted(
            (
                one
                for one in self.incidents.values()
                if all(one[key] == value for key, value in wanted.items())
                and query.get("from", "") <= one["started_at"] <= query.get("to", "9")
            ),
            key=lambda one: (one["started_at"], one["incident_id"]),
            reverse=True,
        )
        ids = [one["incident_id"] for one in found]
        start = ids.index(query["cursor"]) + 1 if query.get("cursor") in ids else 0
        limit = int(query.get("limit", 50))
        page = found[start : start + limit]
        more = start + limit < len(found)
        return {"items": page, "next_cursor": page[-1]["incident_id"] if more else None}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        states = {key: copy.deepcopy(one["state"]) for key, one in self.cameras.items()}
        hello = {"oldest_seq": self.oldest_seq, "engine": self.full_info(), "cameras": states}
        usual = self._message("hello", self.seq, hello)
        await socket.send_json(usual if self.greeting is None else self.greeting)
        if "since" in request.query:
            since = int(request.query["since"])
            if request.query.get("epoch") != self.epoch or since < self.oldest_seq - 1 or since > self.seq:
                reset = {"reason": "unknown epoch", "oldest_seq": self.oldest_seq}
                await socket.send_json(self._message("reset", self.seq, reset))
            else:
                for message in [one for one in self.events if one["seq"] > since]:
                    await socket.send_json(message)
        async with self._connected:
            self._sockets.add(socket)
            self._connected.notify_all()
        try:
            async for message in socket:
                await self._control(socket, message)
        finally:
            async with self._connected:
                self._sockets.discard(socket)
                self._connected.notify_all()
        return socket

    async def _control(self, socket: web.WebSocketResponse, message: WSMessage) -> None:
        async with self._connected:
            if message.type is WSMsgType.PING:
                self._pings += 1
                if not self.deaf:
                    await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pongs.append(bytes(message.data))
            self._connected.notify_all()

    async def pinged(self, count: int) -> None:
        """Until clients have asked so often whether we are there."""
        async with asyncio.timeout(60), self._connected:
            await self._connected.wait_for(lambda: self._pings >= count)

    async def ping(self) -> bytes:
        """What a client answers."""
        for socket in list(self._sockets):
            await socket.ping(b"there?")
        async with asyncio.timeout(60), self._connected:
            await self._connected.wait_for(lambda: bool(self._pongs))
        return self._pongs[-1]


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, "details": {}}}, status=status)
