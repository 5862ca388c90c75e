"""Owns a real Home Assistant process in a folder of its own: our integration and blueprints in it, and an owner."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from tests.rig.engine import wait_until
from tests.rig.homeassistant_api import HomeAssistantApi
from tests.rig.mosquitto import free_port

ROOT = Path(__file__).resolve().parents[2]
HASS = Path(os.environ.get("CRIME_DETECT_HASS") or ROOT / ".venv-hass" / "bin" / "hass")
READY_S = 90.0
OWNER = {"name": "Anna", "username": "anna", "password": "correct-horse-9"}
# What default_config loads, less what looks for hardware, clouds and neighbours.
CONFIGURATION = """
homeassistant:
  name: Home
  latitude: 52.1
  longitude: 4.3
  country: NL
  language: en
  unit_system: metric
  time_zone: Europe/Amsterdam
  media_dirs: {{local: {media}}}
frontend:
history:
logbook:
media_source:
mobile_app:
automation: !include automations.yaml
script: {{}}
scene: []
input_boolean: {{lamp: {{}}, siren: {{}}}}
alarm_control_panel: [{{platform: manual, name: House, arming_time: 0, code_arm_required: false}}]
logger: {{default: info, logs: {{homeassistant.core: warning, custom_components.crime_detect: debug}}}}
"""


def homeassistant_missing() -> str | None:
    """Why there is no Home Assistant to test with, or None."""
    return None if HASS.exists() else "no .venv-hass: ./scripts/test e2e makes it"


def http_storage(port: int) -> dict[str, Any]:
    """What Home Assistant keeps of its own server. In its YAML it would be a change that waits for a person."""
    return {
        "version": 3, "minor_version": 1, "key": "http",
        "data": {
            "stable": {
                "server_port": port, "server_host": ["127.0.0.1"], "cors_allowed_origins": [],
                "login_attempts_threshold": -1, "ip_ban_enabled": True, "ssl_profile": "intermediate_v6",
                "use_x_frame_options": True, "created_at": "2026-01-01T00:00:00+00:00",
                "error": None, "error_message": None,
            },
            "pending": None, "yaml_migration_done": True,
        },
    }  # fmt: skip


class RealHomeAssistant(HomeAssistantApi):
    """`with RealHomeAssistant(folder) as home:` answers, has an owner and a token. Ends only its own process."""

    def __init__(self, folder: Path, *, integration: bool = True) -> None:
        self.config = folder / "config"
        self.media = folder / "media"
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self._process: subprocess.Popen[bytes] | None = None
        self._lay_out(integration)

    def _lay_out(self, integration: bool) -> None:
        storage = self.config / ".storage"
        storage.mkdir(parents=True)
        self.media.mkdir()
        (storage / "http").write_text(json.dumps(http_storage(self.port)))
        (self.config / "configuration.yaml").write_text(CONFIGURATION.format(media=self.media))
        (self.config / "automations.yaml").write_text("[]\n")
        unwanted = shutil.ignore_patterns("__pycache__")
        if integration:
            source = ROOT / "custom_components" / "crime_detect"
            shutil.copytree(source, self.config / "custom_components" / "crime_detect", ignore=unwanted)
        if (ROOT / "blueprints").is_dir():
            shutil.copytree(ROOT / "blueprints", self.config / "blueprints", ignore=unwanted)

    def __enter__(self) -> RealHomeAssistant:
        try:
            self.start()
            if not self.token:
                self.onboard()
            self.wait_until_running()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)
        self.close()

    def start(self) -> None:
        """Returns when it answers, and where it has an owner, when everything is set up."""
        command = [str(HASS), "--config", str(self.config), "--skip-pip", "--log-no-color"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHON"))}
        with (self.config / "output.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until(self._answers, READY_S, lambda: f"Home Assistant did not start:\n{self.log()[-6000:]}")
        if self.token:
            self.wait_until_running()

    def stop(self) -> int:
        """As a restart does it: everything is saved. The exit code."""
        assert self._process
        self.disconnect()
        self._process.terminate()
        return self._process.wait(60)

    def kill(self) -> None:
        """As a power cut."""
        assert self._process
        self.disconnect()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)

    def log(self) -> str:
        """Everything it has logged since the first start."""
        return (self.config / "output.log").read_text(errors="replace")

    def logged(self, text: str, since: int = 0) -> list[str]:
        """Lines with `text`, after the first `since` characters of the log."""
        return [line for line in self.log()[since:].splitlines() if text in line]

    def onboard(self) -> None:
        """Makes the owner and keeps a long-lived token, as a person and their browser do."""
        client = f"{self.address}/"
        made = self.rest("POST", "/api/onboarding/users", {"client_id": client, "language": "en", **OWNER})
        form = {"client_id": client, "grant_type": "authorization_code", "code": made["auth_code"]}
        status, _, answer = self.request("POST", "/auth/token", data=form)
        assert status == 200, answer
        self.token = json.loads(answer)["access_token"]
        self.rest("POST", "/api/onboarding/core_config", {})
        self.rest("POST", "/api/onboarding/analytics", {})
        step = {"client_id": client, "redirect_uri": f"{client}?auth_callback=1"}
        self.rest("POST", "/api/onboarding/integration", step)
        token = self.command("auth/long_lived_access_token", client_name="tests", lifespan=30)
        self.disconnect()
        self.token = token

    def wait_until_running(self) -> None:
        wait_until(
            lambda: self.rest("GET", "/api/config")["state"] == "RUNNING",
            READY_S,
            lambda: f"Home Assistant is not done setting up:\n{self.log()[-6000:]}",
        )

    def add_mqtt(self, host: str, port: int, username: str, password: str) -> dict[str, Any]:
        """The MQTT integration, by its flow."""
        result = self.flow(
            "mqtt",
            {
                "broker": host, "port": port, "username": username, "password": password, "protocol": "5",
                "other_settings": {"set_client_cert": False, "set_ca_cert": "off"},
            },
        )  # fmt: skip
        assert result["type"] == "create_entry", result
        return result

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(
                f"Home Assistant ended with {self._process and self._process.returncode}:\n{self.log()[-6000:]}"
            )
        try:
            return self.request("GET", "/api/onboarding")[0] in (200, 404)
        except (aiohttp.ClientError, OSError):
            return False
