"""Owns talking to a real Home Assistant as its pages and phones do: REST, WebSocket, flows, repairs, media."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import aiohttp

from tests.rig.engine import wait_until
from tests.rig.loop import LoopThread

ANSWER_S = 40.0
Json = dict[str, Any]


class HomeAssistantError(AssertionError):
    """Home Assistant refused; the message has its answer."""


class HomeAssistantApi:
    """Every method blocks until Home Assistant has answered. `subscribe` fills lists as events come."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.token = ""
        self._thread = LoopThread()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, list[Json]] = {}

    def close(self) -> None:
        self.disconnect()
        self._thread.close()

    def disconnect(self) -> None:
        self._thread.run(self._disconnect())

    # --- REST -----------------------------------------------------------------------------------------------------

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; signed in unless `headers` are given."""
        return self._thread.run(self._request(method, path, headers, options))  # type: ignore[no-any-return]

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of an answer that must be fine."""
        status, _, answer = self.request(method, path, **({} if body is None else {"json": body}))
        if status >= 300:
            raise HomeAssistantError(f"{method} {path}: {status} {answer.decode(errors='replace')[:1500]}")
        return json.loads(answer) if answer else None

    def states(self) -> dict[str, Json]:
        return {state["entity_id"]: state for state in self.rest("GET", "/api/states")}

    def state(self, entity_id: str) -> Json:
        found: Json = self.rest("GET", f"/api/states/{entity_id}")
        return found

    def call(self, action: str, *, answer: bool = False, **data: Any) -> Any:
        """`call("notify.mobile_app_x", message="…")`; with `answer` what the action responds."""
        domain, service = action.split(".", 1)
        result = self.rest("POST", f"/api/services/{domain}/{service}{'?return_response' if answer else ''}", data)
        return result["service_response"] if answer else result

    # --- flows ----------------------------------------------------------------------------------------------------

    def flow(self, handler: Any, *steps: Json, kind: str = "flow", **context: Any) -> Json:
        """Starts a flow (`flow`, `options/flow`, `subentries/flow`), answers its steps, returns its last answer."""
        base = f"/api/config/config_entries/{kind}"
        result: Json = self.rest("POST", base, {"handler": handler, "show_advanced_options": False, **context})
        return self.answer(result, *steps, base=base)

    def answer(self, result: Json, *steps: Json, base: str = "/api/config/config_entries/flow") -> Json:
        for step in steps:
            if "flow_id" not in result or result["type"] in ("create_entry", "abort"):
                raise HomeAssistantError(f"the flow is over before {step}: {result}")
            result = self.rest("POST", f"{base}/{result['flow_id']}", step)
        return result

    def submit(self, result: Json, base: str = "/api/config/config_entries/flow", **answers: Any) -> Json:
        """Sends a form with all that it shows, `answers` changed: as a person who leaves the rest alone."""
        return self.answer(result, merged(shown(result["data_schema"]), answers), base=base)

    def discovered(self, handler: str) -> list[Json]:
        """Flows that wait for a person."""
        return [flow for flow in self.command("config_entries/flow/progress") if flow["handler"] == handler]

    def entries(self, domain: str) -> list[Json]:
        return [entry for entry in self.rest("GET", "/api/config/config_entries/entry") if entry["domain"] == domain]

    def issues(self, domain: str) -> list[Json]:
        return [issue for issue in self.command("repairs/list_issues")["issues"] if issue["domain"] == domain]

    def fix(self, issue: Json, *steps: Json) -> Json:
        """Goes through an issue's repair as a person does, confirming every step that is not answered in `steps`."""
        base = "/api/repairs/issues/fix"
        result: Json = self.rest("POST", base, {"handler": issue["domain"], "issue_id": issue["issue_id"]})
        result = self.answer(result, *steps, base=base)
        while result["type"] == "form" and not result["data_schema"] and not result["errors"]:
            result = self.answer(result, {}, base=base)
        return result

    # --- WebSocket ------------------------------------------------------------------------------------------------

    def command(self, kind: str, **fields: Any) -> Any:
        """The result of one WebSocket command."""
        return self._thread.run(self._command(kind, fields, None))

    def subscribe(self, event_type: str) -> list[Json]:
        """A list that grows with each event of the type until the connection ends."""
        heard: list[Json] = []
        self._thread.run(self._command("subscribe_events", {"event_type": event_type}, heard))
        return heard

    def entities(self, platform: str | None = None) -> list[Json]:
        """The entity registry, of one integration or all."""
        listed = self.command("config/entity_registry/list")
        return [entity for entity in listed if platform in (None, entity["platform"])]

    def automate(self, name: str, blueprint: str, **inputs: Any) -> str:
        """An automation of a blueprint's file, as the page saves it; its entity when it is there and on."""
        config = {"alias": name, "use_blueprint": {"path": blueprint, "input": inputs}}
        self.rest("POST", f"/api/config/automation/config/{name}", config)
        entity_id = f"automation.{name}"
        wait_until(lambda: self.states().get(entity_id, {}).get("state") == "on", 10, f"{entity_id} does not run")
        return entity_id

    def device(self, name: str) -> str:
        """Id of the device of a name."""
        return str(next(one["id"] for one in self.devices() if one["name"] == name))

    def devices(self) -> list[Json]:
        found: list[Json] = self.command("config/device_registry/list")
        return found

    def browse(self, content_id: str) -> Json:
        found: Json = self.command("media_source/browse_media", media_content_id=content_id)
        return found

    def resolve(self, content_id: str) -> Json:
        found: Json = self.command("media_source/resolve_media", media_content_id=content_id)
        return found

    # --- inside the loop ------------------------------------------------------------------------------------------

    async def _request(
        self, method: str, path: str, headers: dict[str, str] | None, options: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        if headers is None and self.token:
            headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.request(method, f"{self.address}{path}", headers=headers, **options) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def _command(self, kind: str, fields: Json, events: list[Json] | None) -> Any:
        if self._socket is None or self._socket.closed:
            await self._connect()
        assert self._socket
        number = next(self._numbers)
        if events is not None:
            self._events[number] = events
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": kind, **fields})
        answer = await asyncio.wait_for(self._waiting[number], ANSWER_S)
        if not answer["success"]:
            raise HomeAssistantError(f"{kind}: {answer['error']}")
        return answer["result"]

    async def _connect(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        self._socket = await self._session.ws_connect(f"{self.address}/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self.token})
        answer = await self._socket.receive_json()
        if answer["type"] != "auth_ok":
            raise HomeAssistantError(str(answer))
        self._reader = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            if data["type"] == "event":
                self._events.get(data["id"], []).append(data["event"])
            elif data["type"] == "result" and not self._waiting[data["id"]].done():
                self._waiting[data["id"]].set_result(data)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(HomeAssistantError("the connection ended"))

    async def _disconnect(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        if self._session is not None:
            await self._session.close()
        self._socket = self._reader = self._session = None
        self._waiting.clear()
        self._events.clear()


def shown(fields: list[Json]) -> Json:
    """What a form has filled in already; sections by their name."""
    values: Json = {}
    for field in fields:
        suggested = (field.get("description") or {}).get("suggested_value", field.get("default"))
        if field.get("type") == "expandable":
            values[field["name"]] = {**shown(field["schema"]), **(suggested or {})}
        elif suggested is not None:
            values[field["name"]] = suggested
    return values


def merged(values: Json, changes: Json) -> Json:
    """`changes` over `values`, sections key by key."""
    return values | {
        key: merged(values[key], change) if isinstance(change, dict) and isinstance(values.get(key), dict) else change
        for key, change in changes.items()
    }
