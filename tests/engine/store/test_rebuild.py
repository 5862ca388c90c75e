"""Owns the tests of sidecar files: enough to fill a lost database, and harmless when they are not ours."""

from __future__ import annotations

import json

from crime_detect_engine.domain.ports import IncidentQuery


async def test_only_sound_sidecars_are_taken(open_store, make_alert, tmp_path, lose_database):
    store = await open_store()
    good = (await store.write(make_alert(), b"x")).after
    await store.close()
    data = tmp_path / "data"
    sidecar = (data / "media" / good.snapshot).with_suffix(".json")
    document = json.loads(sidecar.read_text())
    for name, change in (("version", {"sidecar_version": 99}), ("short", {"incident": {"incident_id": "x"}})):
        sidecar.with_name(f"{name}.json").write_text(json.dumps(document | change))
    sidecar.with_name("broken.json").write_bytes(b"\xff{")
    sidecar.with_name("list.json").write_text("[]")
    lose_database()
    store = await open_store()
    assert list((await store.incidents(IncidentQuery())).items) == [good]
    unknown = {path.split("/")[-1] for path in await store.retention.unknown_files()}
    assert unknown == {"version.json", "short.json", "broken.json", "list.json"}
