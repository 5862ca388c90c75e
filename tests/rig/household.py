"""Owns a household put together from real parts: engine, broker, Home Assistant with our integration, a phone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import RealHomeAssistant
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener
from tests.rig.phone import Phone

Json = dict[str, Any]
DOMAIN = "crime_detect"
INSTANCE = "e2e"


class Household:
    """`feed` is `websocket` or `mqtt`. `with Household(…) as household:` everything runs and the entry is there."""

    def __init__(
        self,
        folder: Path,
        feed: str,
        cameras: dict[str, str],
        extra: str = "",
        options: str = "detection: {cooldown: 2s}",
    ) -> None:
        """`cameras`: addresses by id. `extra`: further lines of the engine's configuration. `options`: of each
        camera."""
        self.feed = feed
        self.broker = Mosquitto(folder / "broker", password=True)
        watched = "".join(
            f"  {name}: {{source: '{url}', name: {name.replace('_', ' ').capitalize()}, {options}}}\n"
            for name, url in cameras.items()
        )
        mqtt = f"{{host: 127.0.0.1, port: {self.broker.port}, username: {USERNAME}, password: {PASSWORD}"
        config = f"instance: {INSTANCE}\ntimezone: Europe/Amsterdam\ncameras:\n{watched}mqtt: {mqtt}}}\n{extra}"
        self.engine = EngineProcess(folder / "engine", config)
        self.home = RealHomeAssistant(folder / "home")
        self.phone, self.other_phone = Phone("Annas phone"), Phone("Toms phone")
        self.listener: MqttListener | None = None
        self.entry_id = self.uuid = ""
        self.since = datetime.now(UTC)
        """When Home Assistant began to listen."""

    def __enter__(self) -> Household:
        try:
            self.broker.start()
            self.listener = MqttListener(self.broker, "#", (USERNAME, PASSWORD))
            self.engine.start()
            self.uuid = self.engine.get("/info")["uuid"]
            self.home.__enter__()
            self.phone.register(self.home)
            self.other_phone.register(self.home)
            self.entry_id = self._add_by_address() if self.feed == "websocket" else self._add_what_was_discovered()
            wait_until(self.loaded, 20, lambda: f"the entry does not load:\n{self.home.log()[-5000:]}")
            self.since = datetime.now(UTC)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.home.__exit__()
        self.phone.close()
        self.other_phone.close()
        self.engine.close()
        if self.listener is not None:
            self.listener.close()
        self.broker.stop()

    def _add_by_address(self) -> str:
        result = self.home.flow(DOMAIN)
        assert (result["type"], result["step_id"]) == ("form", "address"), result
        address = self.engine.address.removeprefix("http://")
        result = self.home.submit(result, url=address, token=self.engine.make_token("integration"))
        assert result["type"] == "create_entry", result
        return str(result["result"]["entry_id"])

    def _add_what_was_discovered(self) -> str:
        self.home.add_mqtt(self.broker.host, self.broker.port, USERNAME, PASSWORD)
        found: list[Json] = wait_until(
            lambda: self.home.discovered(DOMAIN), 20, lambda: f"MQTT discovers nothing:\n{self.home.log()[-5000:]}"
        )
        assert [flow["context"]["source"] for flow in found] == ["mqtt"]
        result = self.home.rest("GET", f"/api/config/config_entries/flow/{found[0]['flow_id']}")
        if result["type"] == "menu":
            result = self.home.answer(result, {"next_step_id": "mqtt_confirm"})
        result = self.home.submit(result)
        assert result["type"] == "create_entry", result
        return str(result["result"]["entry_id"])

    def loaded(self) -> bool:
        return [entry["state"] for entry in self.home.entries(DOMAIN)] == ["loaded"]

    def add_recipient(self, **answers: Any) -> Json:
        """The phone, by the subentry's flow; `answers` change what the form shows."""
        kind = "subentries/flow"
        result = self.home.flow([self.entry_id, "recipient"], kind=kind)
        assert result["type"] == "form", result
        base = f"/api/config/config_entries/{kind}"
        result = self.home.submit(result, base, action=self.phone.action, name="Anna", **answers)
        assert result["type"] == "create_entry", result
        return result

    def entity(self, camera: str | None, key: str) -> str:
        """The id of `key` such as `image.last_incident`, whatever its entity is called; `camera` None: the engine's."""
        platform, _, name = key.partition(".")
        unique_id = "_".join(part for part in (self.uuid, camera, name) if part)
        found = [entity for entity in self.home.entities(DOMAIN) if entity["unique_id"] == unique_id]
        ids: list[str] = [one["entity_id"] for one in found if one["entity_id"].startswith(f"{platform}.")]
        assert len(ids) == 1, f"{key} of {camera}: {found}"
        return ids[0]

    def state(self, camera: str | None, key: str) -> Json:
        return self.home.state(self.entity(camera, key))

    def told(self, camera: str | None = None) -> list[Json]:
        """The engine's incidents that are worth telling and began since the entry is there, oldest first."""
        query = f"&camera={camera}" if camera else ""
        items = self.engine.get(f"/incidents?severity=alert&limit=200{query}")["items"]
        return [one for one in reversed(items) if datetime.fromisoformat(one["started_at"]) > self.since]

    def pictures(self, incident_id: str) -> list[bytes]:
        """Every revision of an incident's picture, as the engine published them."""
        assert self.listener
        return self.listener.payloads(f"crime_detect/{INSTANCE}/media/{incident_id}.jpg")

    def picture_file(self, incident: Json) -> Path:
        return self.home.media / DOMAIN / incident["camera"] / f"{incident['incident_id']}.jpg"
