"""Owns that the documentation is true: links, settings and addresses in it are real, and no mission row is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from crime_detect_engine.config import parse_config
from crime_detect_engine.web.routes import ROUTES

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ENGINE = ROOT / "addon" / "crime_detect_engine"
MISSION_ROWS = 155


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def headings(path: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in headings(path)):
            broken.append(target)
    assert not broken


SETTINGS = [(page, number) for page in PAGES for number in range(len(blocks(page, "yaml")))]


@pytest.mark.parametrize(
    ("page", "number"), SETTINGS, ids=lambda value: page_id(value) if isinstance(value, Path) else value
)
def test_settings_in_the_documentation_are_accepted(page: Path, number: int, tmp_path: Path) -> None:
    text = blocks(page, "yaml")[number]
    names = re.findall(r"!secret (\w+)", text)
    (tmp_path / "secrets.yaml").write_text("".join(f"{name}: a_secret\n" for name in names))
    parse_config(text, tmp_path / "crime_detect.yaml", {})


def test_every_address_is_described() -> None:
    described = set(re.findall(r"(GET|POST|PATCH|PUT|DELETE) (/[^\s`?]+)", (ROOT / "docs" / "api.md").read_text()))
    served = {
        (route.method, re.sub(r"\{(\w+)[^}]*\}", r"{\1}", route.path.removeprefix("/api/v1")))
        for route in ROUTES
        if route.path.startswith("/api/v1") or route.path in ("/health", "/metrics")
    }
    assert served - described == set()
    assert {(method, path.removeprefix("/api/v1")) for method, path in described} - served == set()


def test_every_row_of_the_mission_is_accounted_for() -> None:
    text = (ROOT / "docs" / "mission.md").read_text()
    row = r"^\| (\d+) \|[^|]+\|([^|]*)\|([^|]*)\| (done|partly|unproven|later|not ours) \|$"
    rows = re.findall(row, text, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, MISSION_ROWS + 1))
    wrong = []
    for number, where, proof, status in rows:
        if status in ("done", "partly") and not (where.strip() and proof.strip()):
            wrong.append(f"row {number} is {status}, but it is not said where, or what shows it")
        if status == "done" and not re.search(r"`tests/|`crime-detect|`models/", proof):
            wrong.append(f"row {number} is done, but no test or command shows it")
        wrong += [
            f"row {number} names {path}, which is not there"
            for path in re.findall(r"`([\w.-]*/[\w./-]*|[\w-]+\.(?:py|md))`", where + proof)
            if not ((ROOT / path).exists() or (ENGINE / path).exists() or path == "/metrics")
        ]
    assert not wrong
