"""Phones around a real feed: who is rung, what is replaced, repeated and taken away, and what survives a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import voluptuous as vol
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.crime_detect.const import DOMAIN
from tests.integration.fake_engine import FakeEngine
from tests.integration.household import Home, Phone


@pytest.fixture
def home(
    hass: HomeAssistant,
    engine: FakeEngine,
    entry: MockConfigEntry,
    setup_entry: Callable[[], Awaitable[Any]],
    freezer: FrozenDateTimeFactory,
) -> Home:
    return Home(hass, engine, entry, setup_entry, freezer)


async def test_a_new_incident_rings_with_its_picture_on_disk(home: Home, media: Any) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    incident_id = home.engine.incident()["incident_id"]
    (sent,) = anna.got
    assert sent["title"] == "Fighting: Front door"
    assert sent["data"]["tag"] == incident_id
    assert sent["data"]["group"] == "front_door"
    assert sent["data"]["image"] == f"/media/local/crime_detect/front_door/{incident_id}.jpg"
    assert (media / "crime_detect" / "front_door" / f"{incident_id}.jpg").read_bytes() == home.engine.picture(
        incident_id, 1
    )
    assert [one["action"] for one in sent["data"]["actions"]] == [
        f"CD_CONFIRM_{incident_id}",
        f"CD_FALSE_{incident_id}",
        f"CD_SNOOZE_{incident_id}",
    ]
    assert sent["data"]["url"] == sent["data"]["clickAction"]
    assert sent["data"]["url"].startswith("/media-browser/browser?more-info-entity-id=image.")


async def test_somebody_in_a_zone_is_told_in_words_with_the_incidents_picture(home: Home) -> None:
    anna = home.recipient("anna", classes=["trespassing", "tampering"])
    await home.start()
    person = {"label": "person", "box": [0.1, 0.2, 0.3, 0.4], "score": 0.9}
    found = {"label": "trespassing", "source": "zone", "zone": "back_yard", "rule": "intrusion", "boxes": [person]}
    await home.tell(home.engine.incident(1, **found))
    await home.tell(home.engine.incident(2, "yard", label="tampering", source="zone", rule="covered"))
    intruder, covered = anna.got
    assert intruder["title"] == "Trespassing in Back yard: Front door"
    assert intruder["message"].startswith("A person is in Back yard. ")
    assert intruder["data"]["image"].endswith(f"/front_door/{home.engine.incident(1)['incident_id']}.jpg")
    assert len(intruder["data"]["actions"]) == 3
    assert intruder["data"]["push"] == {"interruption-level": "time-sensitive"}
    assert covered["title"] == "Tampering: Yard"
    assert covered["message"].startswith("Something covers the camera. ")
    await home.tell(home.engine.incident(1, severity="critical", **found))
    assert anna.got[2]["message"].startswith("A person is in Back yard. It has become worse.")


async def test_without_a_picture_there_is_no_image(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(rev=0))
    (sent,) = anna.got
    assert "image" not in sent["data"]
    assert sent["message"].endswith("There is no picture.")


async def test_the_camera_is_called_as_the_person_calls_it(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    registry = dr.async_get(home.hass)
    device = registry.async_get_device_by_identifier((DOMAIN, f"{home.engine.uuid}_front_door"), home.entry.entry_id)
    assert device is not None
    registry.async_update_device(device.id, name_by_user="Porch")
    await home.tell(home.engine.incident())
    assert anna.got[0]["title"] == "Fighting: Porch"


async def test_each_recipient_has_rules_of_its_own(home: Home) -> None:
    everything = home.recipient("everything")
    yard = home.recipient("yard", cameras=["yard"])
    away = home.recipient("away", persons=["person.anna"], only_when_away=True)
    serious = home.recipient("serious", min_severity="critical")
    home.hass.states.async_set("person.anna", "home")
    await home.start()
    await home.tell(home.engine.incident(1))
    assert [len(phone.rung) for phone in (everything, yard, away, serious)] == [1, 0, 0, 0]
    home.hass.states.async_set("person.anna", "not_home")
    await home.tell(home.engine.incident(2, "yard", severity="critical"))
    assert [len(phone.rung) for phone in (everything, yard, away, serious)] == [2, 1, 1, 1]
    assert serious.got[0]["data"]["push"]["sound"]["critical"] == 1


async def test_whoever_cannot_be_located_is_not_taken_to_be_at_home(home: Home) -> None:
    away = home.recipient("away", persons=["person.anna"], only_when_away=True)
    home.hass.states.async_set("person.anna", "unknown")
    await home.start()
    await home.tell(home.engine.incident())
    assert len(away.rung) == 1


async def test_what_the_engine_suppresses_rings_nobody_until_it_is_to_notify(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(notify=False, suppressed_by="cooldown"))
    assert anna.got == []
    await home.tell(home.engine.incident(notify=True))
    assert len(anna.rung) == 1


async def test_what_is_long_over_rings_nobody(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(started_at="2026-11-21T02:00:00.000Z", ended_at="2026-11-21T02:01:00.000Z"))
    assert home.heard[-1].late
    assert anna.got == []


async def test_a_snoozed_camera_rings_nobody(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.engine.push_state("front_door", snoozed_until="2026-11-21T03:30:00.000Z")
    await home.eventually(lambda: home.entry.runtime_data.data.cameras["front_door"].snoozed_until is not None)
    await home.tell(home.engine.incident(1))
    await home.tell(home.engine.incident(2, "yard"))
    assert [one["data"]["group"] for one in anna.got] == ["yard"]


async def test_the_cooldown_is_of_one_camera_and_class(home: Home) -> None:
    anna = home.recipient("anna", cooldown_s=60)
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.tell(home.engine.incident(2))
    await home.tell(home.engine.incident(3, "yard"))
    await home.tell(home.engine.incident(4, label="weapon"))
    tags = [one["data"]["tag"][-1] for one in anna.got]
    assert tags == ["1", "3", "4"]
    await home.pass_time(seconds=61)
    await home.tell(home.engine.incident(5))
    assert len(anna.rung) == 4


async def test_the_cooldown_is_that_of_all_where_the_recipient_has_none(home: Home) -> None:
    anna = home.recipient("anna")
    home.hass.config_entries.async_update_entry(home.entry, options={"notifications": {"cooldown_s": 0}})
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.tell(home.engine.incident(2))
    assert len(anna.rung) == 2


async def test_a_message_that_failed_starts_no_cooldown(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben")
    anna.broken, anna.times = HomeAssistantError("no network"), 3
    await home.start()
    await home.tell(home.engine.incident(1), settle=False)
    await home.eventually(lambda: anna.tried == 1 and len(ben.rung) == 1)  # nobody waits for another's phone
    await home.pass_time(seconds=6)
    await home.eventually(lambda: anna.tried == 2)
    await home.pass_time(seconds=31)
    await home.settle()
    assert (anna.tried, anna.rung) == (3, [])
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING and "notify." in one.message] == [
        "notify.mobile_app_anna does not work: no network"
    ]
    await home.tell(home.engine.incident(2))
    assert len(anna.rung) == 1
    assert len(ben.rung) == 1  # whose first one counted
    assert "notify.mobile_app_anna works again" in caplog.text


async def test_a_retry_brings_what_is_known_by_then(home: Home) -> None:
    anna = home.recipient("anna")
    anna.broken, anna.times = HomeAssistantError("no network"), 1
    await home.start()
    await home.tell(home.engine.incident(), settle=False)
    await home.tell(home.engine.incident(severity="critical", rev=2), settle=False)
    await home.pass_time(seconds=6)
    await home.settle()
    (sent,) = anna.got
    assert sent["data"]["push"]["sound"]["critical"] == 1


async def test_a_phone_that_is_not_registered_yet_is_tried_again(home: Home) -> None:
    home.recipient("anna", action="mobile_app_new")
    await home.start()
    await home.tell(home.engine.incident(), settle=False)
    phone = Phone(home.hass, "mobile_app_new")
    await home.pass_time(seconds=6)
    await home.settle()
    assert len(phone.rung) == 1


async def test_while_home_assistant_starts_phones_are_waited_for(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.recipient("anna", action="mobile_app_new")
    await home.start()
    home.hass.set_state(CoreState.starting)
    await home.tell(home.engine.incident(), settle=False)
    for _ in range(12):
        await home.pass_time(seconds=6)
    assert "does not work" not in caplog.text
    home.hass.set_state(CoreState.running)
    phone = Phone(home.hass, "mobile_app_new")
    await home.pass_time(seconds=6)
    await home.settle()
    assert len(phone.rung) == 1


async def test_what_the_action_does_not_take_is_not_tried_again(home: Home) -> None:
    anna = home.recipient("anna")
    anna.broken, anna.times = vol.Invalid("unknown key"), 9
    await home.start()
    await home.tell(home.engine.incident())
    assert anna.tried == 1


async def test_an_action_that_hangs_is_given_up(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    anna = home.recipient("anna")
    anna.hold = asyncio.Event()
    await home.start()
    await home.tell(home.engine.incident(), settle=False)
    await home.eventually(lambda: anna.tried == 1)
    await home.pass_time(seconds=31)
    await home.eventually(lambda: "no answer within 30 s" in caplog.text)
    anna.hold.set()
    await home.pass_time(seconds=6)
    await home.settle()
    assert anna.tried == 2


async def test_one_message_an_incident_that_rings_again_when_it_rises(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    await home.tell(home.engine.incident(confidence=0.95))
    assert len(anna.got) == 1  # a mere number is no news
    await home.tell(home.engine.incident(severity="critical"))
    assert [one["data"]["tag"] for one in anna.got] == [home.engine.incident()["incident_id"]] * 2
    assert anna.rung[1].startswith("It has become worse.")
    await home.tell(home.engine.incident(severity="critical", label="weapon"))
    assert anna.got[2]["title"] == "Weapon: Front door"


async def test_it_is_updated_quietly_for_whoever_wants_to_be_rung_once(home: Home) -> None:
    anna = home.recipient("anna", renotify=False, critical="never")
    await home.start()
    await home.tell(home.engine.incident())
    await home.tell(home.engine.incident(severity="critical"))
    assert len(anna.rung) == 1
    (update,) = anna.quiet
    assert update["data"]["push"]["interruption-level"] == "passive"


async def test_a_better_picture_replaces_quietly_and_not_without_end(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    for rev in range(2, 9):
        await home.tell(home.engine.incident(rev=rev))
    assert len(anna.rung) == 1
    assert len(anna.quiet) == 5


async def test_a_critical_message_is_not_doubled_on_an_iphone(home: Home) -> None:
    android = home.recipient("android", critical="always")
    iphone = home.recipient("iphone", critical="always")
    for name, manufacturer in (("Android", "Google"), ("iPhone", "Apple")):
        data = {"device_name": name, "manufacturer": manufacturer, "webhook_id": name}
        MockConfigEntry(domain="mobile_app", data=data).add_to_hass(home.hass)
    await home.start()
    await home.tell(home.engine.incident())
    await home.tell(home.engine.incident(rev=2))
    assert len(android.quiet) == 1
    assert iphone.quiet == []


@pytest.mark.parametrize("changes", [{"acknowledged": True}, {"verdict": "confirmed"}, {"verdict": "false_alarm"}])
async def test_an_answer_from_anywhere_clears_all_phones(home: Home, changes: dict[str, Any]) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben", cameras=["yard"])
    await home.start()
    await home.tell(home.engine.incident())
    await home.tell(home.engine.incident(**changes))
    await home.tell(home.engine.incident(**changes, rev=2))
    assert anna.cleared == [home.engine.incident()["incident_id"]]
    assert ben.got == []  # who showed nothing has nothing to clear


async def test_a_deleted_incident_is_cleared(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    incident = home.engine.incident()
    await home.tell(incident)
    await home.tell(None, before=incident)
    assert anna.cleared == [incident["incident_id"]]


async def test_what_was_answered_while_it_was_sent_is_cleared(home: Home) -> None:
    anna = home.recipient("anna")
    anna.hold = asyncio.Event()
    await home.start()
    await home.tell(home.engine.incident(), settle=False)
    await home.eventually(lambda: anna.tried == 1)
    await home.tell(home.engine.incident(acknowledged=True), settle=False)
    anna.hold.set()
    await home.settle()
    assert len(anna.rung) == 1
    assert anna.cleared == [home.engine.incident()["incident_id"]]


async def test_nobody_is_rung_late_about_what_was_answered(home: Home) -> None:
    anna = home.recipient("anna")
    anna.broken, anna.times = HomeAssistantError("no network"), 1
    await home.start()
    await home.tell(home.engine.incident(), settle=False)
    await home.tell(home.engine.incident(acknowledged=True))
    assert anna.got == []
    assert anna.tried == 1


async def test_it_is_repeated_until_somebody_answers(home: Home) -> None:
    anna, ben = home.recipient("anna", repeat_minutes=5), home.recipient("ben")
    await home.start()
    await home.tell(home.engine.incident())
    await home.pass_time(minutes=4, seconds=59)
    await home.settle()
    assert len(anna.rung) == 1
    await home.pass_time(seconds=2)
    await home.settle()
    assert len(anna.rung) == 2
    assert anna.rung[1].startswith("Nobody has answered yet.")
    assert anna.got[1]["data"]["image"] == anna.got[0]["data"]["image"]
    await home.tell(home.engine.incident(acknowledged=True))
    await home.pass_time(minutes=6)
    await home.settle()
    assert len(anna.rung) == 2
    assert len(ben.rung) == 1


async def test_it_is_repeated_ten_times_at_most(home: Home) -> None:
    anna = home.recipient("anna", repeat_minutes=1)
    await home.start()
    await home.tell(home.engine.incident())
    for _ in range(13):
        await home.pass_time(seconds=61)
        await home.settle()
    assert len(anna.rung) == 11


async def test_repeating_keeps_to_the_rules_and_mutes_no_news(home: Home) -> None:
    anna = home.recipient("anna", repeat_minutes=5, persons=["person.anna"], only_when_away=True, cooldown_s=60)
    await home.start()
    await home.tell(home.engine.incident(1))
    home.hass.states.async_set("person.anna", "home")
    await home.pass_time(minutes=5, seconds=1)
    await home.settle()
    assert len(anna.rung) == 1
    home.hass.states.async_set("person.anna", "not_home")
    await home.pass_time(minutes=5, seconds=1)
    await home.settle()
    assert len(anna.rung) == 2
    await home.tell(home.engine.incident(2))
    assert len(anna.rung) == 3


async def test_after_a_restart_it_goes_on_repeating_and_clearing(home: Home) -> None:
    anna = home.recipient("anna", repeat_minutes=5, cooldown_s=3600)
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.restart()
    assert len(anna.got) == 1  # no false second message
    await home.tell(home.engine.incident(2))
    assert len(anna.got) == 1  # the cooldown goes on
    await home.pass_time(minutes=5, seconds=1)
    await home.settle()
    assert len(anna.rung) == 2
    assert "image" in anna.got[1]["data"]
    await home.tell(home.engine.incident(1, verdict="confirmed"))
    assert anna.cleared == [home.engine.incident(1)["incident_id"]]


async def test_what_was_answered_during_a_restart_is_cleared(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    await home.engine.push_incident(home.engine.incident(1, acknowledged=True))
    await home.restart()
    await home.pass_time(seconds=2)
    await home.eventually(lambda: anna.cleared == [home.engine.incident(1)["incident_id"]])


async def test_what_the_history_no_longer_knows_is_cleared_at_the_start(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(1))
    home.entry.runtime_data.history.delete(home.engine.incident(1)["incident_id"], 1)
    await home.restart()
    await home.settle()
    assert anna.cleared == [home.engine.incident(1)["incident_id"]]


async def test_messages_of_long_ago_are_forgotten(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.pass_time(days=8)
    await home.tell(home.engine.incident(2, started_at="2026-11-29T03:00:00.000Z"))
    await home.tell(home.engine.incident(1, acknowledged=True))
    assert anna.cleared == []


async def test_a_muted_camera_stays_muted_over_a_restart(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.notifier.async_set_muted("front_door", True)
    await home.restart()
    assert home.notifier.muted == {"front_door"}
    await home.tell(home.engine.incident(1))
    await home.tell(home.engine.incident(2, "yard"))
    assert [one["data"]["group"] for one in anna.got] == ["yard"]
    await home.notifier.async_set_muted("front_door", False)
    await home.tell(home.engine.incident(3))
    assert len(anna.rung) == 2


async def test_a_removed_entry_leaves_nothing_behind(home: Home, hass_storage: dict[str, Any]) -> None:
    home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident(1))
    await home.notifier.async_set_muted("front_door", True)
    assert hass_storage[f"{DOMAIN}.notifications"]["data"]["records"]
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    data = hass_storage[f"{DOMAIN}.notifications"]["data"]
    assert (data["records"], data["muted"]) == ({}, {})


async def test_a_test_is_marked_as_one_and_has_nothing_to_answer(home: Home) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben", critical="never")
    await home.start()
    assert await home.notifier.async_send_test() == ["anna", "ben"]
    assert await home.notifier.async_send_test("recipient_ben") == ["ben"]
    assert (len(anna.got), len(ben.got)) == (1, 2)
    assert anna.got[0]["title"].startswith("TEST")
    assert "actions" not in anna.got[0]["data"]
    assert anna.got[0]["data"]["push"]["sound"]["critical"] == 1
    assert "sound" not in ben.got[0]["data"]["push"]


async def test_a_test_says_whom_it_did_not_reach(home: Home) -> None:
    await home.start()
    with pytest.raises(ServiceValidationError, match="add a recipient"):
        await home.notifier.async_send_test()
    anna, ben = home.recipient("anna"), home.recipient("ben")
    anna.broken, anna.times = HomeAssistantError("no network"), 1
    with pytest.raises(HomeAssistantError, match="anna: no network"):
        await home.notifier.async_send_test()
    assert len(ben.got) == 1
