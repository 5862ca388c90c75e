"""Owns that the app's folder, the compose file and the workflows say what the Supervisor, Docker and GitHub need."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine import __version__
from crime_detect_engine.config import parse_config
from crime_detect_engine.door import TLS_PORT_IN_APP
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "addon"
SERVICE = APP / "rootfs" / "etc" / "s6-overlay" / "s6-rc.d" / "crime-detect"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
LANGUAGES = {"en", "de", "es", "fr", "hi", "nl"}
# What would lower the security rating or open the host; none of it is needed.
NEVER = {
    "full_access", "docker_api", "host_network", "host_pid", "host_ipc", "host_uts", "host_dbus", "privileged",
    "kernel_modules", "auth_api", "hassio_api", "hassio_role", "stdin", "usb", "uart", "gpio", "devicetree", "udev",
}  # fmt: skip


def yaml_of(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    found: dict[str, Any] = yaml_of(APP / "config.yaml")
    return found


# --- config.yaml ---------------------------------------------------------------------------------------------------


def test_the_supervisor_finds_one_app(app: dict[str, Any]) -> None:
    """It searches the whole repository for files of this name."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    found = [name for name in listing.split("\0") if re.fullmatch(r"config\.(ya?ml|json)", name.rsplit("/", 1)[-1])]
    assert found in ([], ["addon/config.yaml"])
    assert app["slug"] == "crime_detect"
    assert not list(ROOT.glob("addon/build.*")), "retired: the Dockerfile says it all"


def test_the_app_is_the_engine_of_the_same_version(app: dict[str, Any]) -> None:
    assert app["version"] == __version__
    assert yaml_of(ROOT / "compose.yaml")["services"]["crime-detect-cuda"]["image"].endswith(f":{__version__}")
    assert re.findall(r"^## (\S+)", (APP / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == __version__


def test_it_runs_where_home_assistant_does(app: dict[str, Any]) -> None:
    assert set(app["arch"]) == {"amd64", "aarch64"}
    assert app["init"] is False, "s6-overlay is the init of the base"
    assert "/dev/dri/renderD128" in app["devices"]
    assert app["video"] is True


def test_home_assistant_reaches_it_and_it_asks_only_for_what_it_uses(app: dict[str, Any]) -> None:
    assert (app["ingress"], app["ingress_port"]) == (True, 8099)
    assert app["watchdog"].startswith("http://[HOST]:[PORT:8099]/health")
    assert app["ports"] == {"8099/tcp": None, f"{TLS_PORT_IN_APP}/tcp": None}, "closed unless somebody opens them"
    assert app["discovery"] == ["crime_detect"]
    assert app["services"] == ["mqtt:want"], "want: it runs without a broker"
    assert app["homeassistant_api"] is True, "roles of ingress users"
    assert app["map"] == [
        {"type": "app_config", "read_only": False},
        {"type": "ssl", "read_only": True},
        {"type": "share", "read_only": False},
    ]
    assert app.get("apparmor", True) is True
    assert not NEVER & set(app)


def test_a_backup_holds_no_film(app: dict[str, Any]) -> None:
    assert set(app["backup_exclude"]) == {"cache/**", "models/**", "media/**"}


def test_options_and_their_names_in_every_language(app: dict[str, Any]) -> None:
    assert set(app["options"]) == set(app["schema"]) == {"log_level"}
    translated = {path.stem: yaml_of(path) for path in (APP / "translations").iterdir()}
    assert set(translated) == LANGUAGES
    for language, texts in translated.items():
        assert set(texts) == {"configuration", "network"}, language
        assert set(texts["configuration"]) == set(app["options"]), language
        assert set(texts["configuration"]["log_level"]) == {"name", "description"}, language
        assert set(texts["network"]) == set(app["ports"]), language


@pytest.mark.parametrize(("name", "size"), [("icon.png", (128, 128)), ("logo.png", None)])
def test_pictures_are_pngs_of_the_right_size(name: str, size: tuple[int, int] | None) -> None:
    data = (APP / name).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found = struct.unpack(">II", data[16:24])
    assert found == size or (size is None and found[0] > found[1])


def test_the_repository_can_be_added_to_home_assistant() -> None:
    assert set(yaml_of(ROOT / "repository.yaml")) == {"name", "url", "maintainer"}


def test_settings_in_the_apps_documentation_are_accepted(tmp_path: Path) -> None:
    text = (APP / "DOCS.md").read_text()
    (tmp_path / "secrets.yaml").write_text("mqtt_password: x\nfront_door: rtsp://10.0.0.5/sub\n")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        parse_config(block, tmp_path / "crime_detect.yaml", {})


# --- the images ----------------------------------------------------------------------------------------------------


def dockerfile(name: str) -> str:
    return re.sub(r"\\\n\s*", "", (APP / name).read_text())


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_an_image_has_a_health_check_a_data_folder_and_no_leftovers(name: str) -> None:
    text = dockerfile(name)
    assert re.search(r"^ARG BUILD_FROM=\S+$", text, re.MULTILINE), "a default: nothing passes one any more"
    assert re.search(r"^HEALTHCHECK .*CMD \[.*8099/health", text, re.MULTILINE)
    assert "CRIME_DETECT_CONTAINER=1" in text
    assert "PIP_NO_CACHE_DIR=1" in text
    for line in re.findall(r"^RUN .*apt-get install.*$", text, re.MULTILINE):
        assert "--no-install-recommends" in line
        assert "rm -rf /var/lib/apt/lists/*" in line


def test_the_apps_image_is_marked_as_one_and_has_no_torch() -> None:
    text = dockerfile("Dockerfile")
    assert "ARG BUILD_FROM=ghcr.io/home-assistant/base-debian:trixie\n" in text
    for label in ("io.hass.type", "io.hass.version", "io.hass.arch"):
        assert label in text
    assert "'.[cpu,postgres,encrypted]'" in text
    assert "ENTRYPOINT" not in text, "the base starts s6-overlay, which starts the service"


def test_the_cuda_image_does_not_run_as_root() -> None:
    text = dockerfile("Dockerfile.cuda")
    assert re.search(r"^USER crime-detect$", text, re.MULTILINE)
    assert "cuda]'" in text


def test_everything_that_is_copied_into_an_image_is_in_its_context() -> None:
    let_in = {line[1:] for line in (APP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in ("Dockerfile", "Dockerfile.cuda"):
        for arguments in re.findall(r"^COPY (?!--from)(.+)$", dockerfile(name), re.MULTILINE):
            for source in arguments.split()[:-1]:
                assert (APP / source).exists(), source
                assert source.split("/")[0] in let_in, source


def test_the_service_is_one_line_and_ends_the_container_with_it() -> None:
    run, finish = SERVICE / "run", SERVICE / "finish"
    lines = run.read_text().splitlines()
    assert lines == ["#!/command/with-contenv sh", "exec crime-detect run"]
    assert (SERVICE / "type").read_text().strip() == "longrun"
    assert (SERVICE.parent / "user" / "contents.d" / "crime-detect").exists()
    assert "halt" in finish.read_text()
    for script in (run, finish):
        assert script.stat().st_mode & 0o111, f"{script.name} cannot be started"
        subprocess.run(["sh", "-n", str(script)], check=True, timeout=10)


def test_the_apparmor_profile_can_be_read_and_bears_the_apps_name(app: dict[str, Any]) -> None:
    text = (APP / "apparmor.txt").read_text()
    assert re.findall(r"^profile (\S+)", text, re.MULTILINE) == [app["slug"]]
    for folder in ("/data/**", "/config/**"):
        assert re.search(rf"^  {re.escape(folder)} rwkl,", text, re.MULTILINE)
    assert "sys_admin" not in text
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin")
    if parser is None:
        pytest.skip("apparmor_parser is not installed (apt install apparmor): only the text was looked at")
    command = [parser, "--skip-kernel-load", "--skip-cache", str(APP / "apparmor.txt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# --- compose -------------------------------------------------------------------------------------------------------


def test_compose_runs_either_world_confined_and_watched() -> None:
    services = yaml_of(ROOT / "compose.yaml")["services"]
    database = services.pop("postgres")
    assert (database["profiles"], "ports" in database, database["volumes"]) == (
        ["postgres"], False, ["postgres:/var/lib/postgresql"],
    )  # fmt: skip
    assert "pg_isready" in database["healthcheck"]["test"]
    assert {tuple(one["profiles"]) for one in services.values()} == {("cpu",), ("nvidia",)}
    for one in services.values():
        assert "/health" in " ".join(one["healthcheck"]["test"])
        assert one["cap_drop"] == ["ALL"]
        assert "privileged" not in one
        assert "network_mode" not in one
        assert {volume.split(":")[1] for volume in one["volumes"]} == {"/data", "/config"}
        assert (ROOT / one["build"]["context"] / one["build"].get("dockerfile", "Dockerfile")).is_file()
    (device,) = services["crime-detect-cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


# --- workflows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_bounded_pinned_and_has_few_rights(path: Path) -> None:
    workflow = yaml_of(path)
    assert workflow["permissions"] == {"contents": "read"}, "more only in the job that needs it"
    for name, job in workflow["jobs"].items():
        assert set(job.get("needs", []) if isinstance(job.get("needs"), list) else []) <= set(workflow["jobs"])
        assert job.get("timeout-minutes", 30) <= 120, name
        for step in job["steps"]:
            used = step.get("uses")
            # hassfest is published as a branch only.
            if used and not used.startswith("home-assistant/actions/hassfest@"):
                assert re.search(r"@v?\d+(\.\d+)*$", used), f"{used} is not pinned to a version"


def test_the_workflows_check_what_only_github_can() -> None:
    texts = {path.name: path.read_text() for path in WORKFLOWS}
    everything = "\n".join(texts.values())
    for action in (
        "home-assistant/actions/hassfest", "hacs/action", "home-assistant/builder/actions/build-image",
        "home-assistant/builder/actions/publish-multi-arch-manifest", "pypa/gh-action-pip-audit", "anchore/sbom-action",
        "Dockerfile.cuda", ".ci/run", "github/codeql-action/analyze", "actions/dependency-review-action",
    ):  # fmt: skip
        assert action in everything, action
    assert "home-assistant/builder@" not in everything, "retired with build.yaml"
    assert set(
        YAML(typ="safe").load(yaml_of(ROOT / ".github/workflows/app-image.yaml")["env"]["ARCHITECTURES"])
    ) == set(yaml_of(APP / "config.yaml")["arch"])


def test_every_library_is_pinned_so_that_the_audit_of_pins_is_one_of_all() -> None:
    """pip-audit reads constraints.txt: what stands in no line of it would never be looked at."""

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    project = tomllib.loads((APP / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {plain(re.split(r"[^\w.-]", one)[0]) for one in asked}
    pins = (APP / "constraints.txt").read_text().splitlines()
    pinned = {plain(line.partition("==")[0]) for line in pins if "==" in line}
    assert names - pinned == set()
    audit = yaml_of(ROOT / ".github/workflows/dependencies.yaml")["jobs"]["audit"]["steps"][-1]
    assert audit["with"] == {"inputs": "addon/constraints.txt", "no-deps": True}


def test_the_bill_of_materials_is_of_what_the_image_installs() -> None:
    installs = re.search(r"'\.(\[[\w,]+\])'", (APP / "Dockerfile").read_text())
    assert installs is not None
    sbom = (ROOT / ".github/workflows/dependencies.yaml").read_text()
    assert f"./addon{installs[1]}" in sbom
    assert "image: ${{ matrix.image }}:latest" in (ROOT / ".github/workflows/app-image.yaml").read_text()
    tracked = subprocess.run(["git", "ls-files", "*package.json"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not tracked.stdout, "no script of others is in the pages"
