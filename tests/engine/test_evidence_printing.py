"""The PDF in an evidence package: what stands in it, and that the package holds with it."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity, Verdict
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.evidence_printing import prepare_evidence
from crime_detect_engine.store.evidence.verify import verify_package
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.store import Store
from pypdf import PdfReader

from tests.fakes import NOON

ANNA = Actor("anna <b>", "investigator")


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    opened = await Store.open(tmp_path / "data", ManualClock(NOON), reserve_bytes=0)
    prepare_evidence(opened)
    yield opened
    await opened.close()


async def incident_of(store: Store, picture: bytes | None, scores: int = 5) -> str:
    at, incident_id = NOON - timedelta(minutes=5), ulid(NOON, "yard", "fighting")
    found = [
        Score("yard", at + timedelta(seconds=n / 2), n / 2, {"normal": 0.1, "fighting": 0.9}, "m", 5.0)
        for n in range(scores)
    ]
    for kind, jpeg in ((ChangeType.NEW, picture), (ChangeType.END, None)):
        told = tuple(found) if kind is ChangeType.NEW else ()
        alert = Alert(
            incident_id, "yard", kind, "fighting", 0.9, 0.8, Severity.ALERT, True, None, at, NOON, told, best=True
        )
        await store.write(alert, jpeg)
    return incident_id


async def pdf_of(store: Store, incident_id: str) -> tuple[PdfReader, str]:
    made = await store.evidence.make(incident_id, ANNA)
    checked = verify_package(made.path, (await store.evidence.key()).public, made.signature)
    assert "report.pdf" in checked.parts
    with zipfile.ZipFile(made.path) as package:
        reader = PdfReader(io.BytesIO(package.read("report.pdf")))
    return reader, " ".join(page.extract_text() for page in reader.pages)


async def test_it_says_what_was_recorded_and_shows_it(store: Store) -> None:
    incident_id = await incident_of(store, encode_jpeg(np.full((360, 640, 3), 90, np.uint8)))
    await store.set_verdict(incident_id, Verdict.CONFIRMED, ANNA)
    reader, text = await pdf_of(store, incident_id)
    for said in (incident_id, "Fighting, camera yard", "confirmed", "0.900", "anna <b> (investigator)", "Chain"):
        assert said in " ".join(text.split()), said
    assert sum(len(page.images) for page in reader.pages) == 1


@pytest.mark.parametrize("picture", [None, b"no picture at all"])
async def test_what_is_missing_is_said(store: Store, picture: bytes | None) -> None:
    incident_id = await incident_of(store, picture, scores=0)
    reader, text = await pdf_of(store, incident_id)
    assert "clip.mp4 is not in this package" in " ".join(text.split())
    assert "No scores were kept" in text
    assert not [image for page in reader.pages for image in page.images]
