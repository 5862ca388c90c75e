"""Owns the tests of the cameras' switches: kept over a restart, audited, ended snoozes forgotten."""

from __future__ import annotations

from datetime import timedelta

from crime_detect_engine.domain.ports import Actor, CameraRuntime

PERSON = Actor("anna", "operator")


async def test_switches_survive_a_restart(open_store, clock):
    store = await open_store()
    until = clock.now() + timedelta(minutes=30)
    assert await store.cameras.get("yard") == CameraRuntime(snoozed_labels={})
    await store.cameras.set_detection("yard", False, PERSON)
    await store.cameras.set_privacy("yard", True, PERSON)
    await store.cameras.snooze("yard", until, None, PERSON)
    await store.cameras.snooze("yard", until, "fighting", PERSON)
    await store.close()
    store = await open_store()
    expected = CameraRuntime(False, True, until, {"fighting": until})
    assert await store.cameras.all() == {"yard": expected}
    assert [line.action for line in await store.audit.list()] == ["snooze", "snooze", "privacy", "detection"]


async def test_a_snooze_ends_for_a_class_or_for_all(store, clock):
    until = clock.now() + timedelta(minutes=30)
    await store.cameras.snooze("yard", until, "fighting", PERSON)
    await store.cameras.snooze("yard", until, "arson", PERSON)
    assert (await store.cameras.snooze("yard", None, "arson", PERSON)).snoozed_labels == {"fighting": until}
    await store.cameras.snooze("yard", until, None, PERSON)
    assert await store.cameras.snooze("yard", None, None, PERSON) == CameraRuntime(snoozed_labels={})
    clock.advance(3600)
    later = clock.now() + timedelta(minutes=5)
    await store.cameras.snooze("yard", until, "robbery", PERSON)
    assert (await store.cameras.snooze("yard", later, "arson", PERSON)).snoozed_labels == {"arson": later}
