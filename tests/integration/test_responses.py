"""Buttons on phones: to the engine, in whose name, and what happens while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.crime_detect.const import DOMAIN
from custom_components.crime_detect.notifications.responses import RETRY_S
from tests.integration.fake_engine import FakeEngine
from tests.integration.household import Home

ID = "01KDW000000000000000000001"


@pytest.fixture
def home(
    hass: HomeAssistant,
    engine: FakeEngine,
    entry: MockConfigEntry,
    setup_entry: Callable[[], Awaitable[Any]],
    freezer: FrozenDateTimeFactory,
) -> Home:
    return Home(hass, engine, entry, setup_entry, freezer)


@pytest.fixture
async def anna_user(hass: HomeAssistant) -> MockUser:
    """With a phone whose notify action is mobile_app_anna."""
    user = MockUser(name="Anna").add_to_hass(hass)
    data = {"device_name": "Anna", "device_id": "device-of-anna", "manufacturer": "Google", "user_id": user.id}
    MockConfigEntry(domain="mobile_app", data=data).add_to_hass(hass)
    return user


async def press(home: Home, action: str, user: MockUser | None = None, **data: Any) -> None:
    context = Context(user_id=user.id) if user else None
    home.hass.bus.async_fire("mobile_app_notification_action", {"action": action, **data}, context=context)
    await home.hass.async_block_till_done()
    await home.breathe()


def on_behalf_of(home: Home, path: str) -> list[str | None]:
    return [one.headers.get("X-On-Behalf-Of") for one in home.engine.requests if one.path.endswith(path)]


@pytest.mark.parametrize(("button", "verdict"), [("CONFIRM", "confirmed"), ("FALSE", "false_alarm")])
async def test_a_verdict_reaches_the_engine_in_the_persons_name(
    home: Home, anna_user: MockUser, button: str, verdict: str
) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben")
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_{button}_{ID}", anna_user, device_id="device-of-anna")
    assert home.engine.sent("POST", f"/incidents/{ID}/verdict") == [{"verdict": verdict}]
    assert on_behalf_of(home, "/verdict") == ["Anna (Anna)"]
    assert anna.cleared == ben.cleared == [ID]
    assert len(anna.rung) == len(ben.rung) == 1


async def test_an_iphone_says_its_own_name(home: Home, anna_user: MockUser) -> None:
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_CONFIRM_{ID}", anna_user, sourceDeviceName="iPhone of Anna " + "x" * 200)
    (who,) = on_behalf_of(home, "/verdict")
    assert who is not None
    assert who.startswith("Anna (iPhone of Anna x")
    assert len(who) == 100


async def test_nobody_known_is_nobody(home: Home) -> None:
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_CONFIRM_{ID}", device_id="unknown")
    assert on_behalf_of(home, "/verdict") == [None]


async def test_other_peoples_buttons_are_left_alone(home: Home) -> None:
    await home.start()
    before = len(home.engine.requests)
    await press(home, "OPEN_DOOR")
    await press(home, "CD_CONFIRM_")
    assert len(home.engine.requests) == before


async def test_a_snooze_is_seen_and_silences_the_camera(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_SNOOZE_{ID}", action_data={"snooze_minutes": 45})
    assert home.engine.sent("POST", "/cameras/front_door/snooze")[0]["minutes"] == 45
    assert home.engine.sent("POST", f"/incidents/{ID}/acknowledge") == [{"acknowledged": True}]
    assert anna.cleared == [ID]


async def test_a_snooze_is_as_long_as_the_persons_button_said(home: Home, anna_user: MockUser) -> None:
    home.recipient("anna", snooze_minutes=90)
    home.recipient("ben", snooze_minutes=20)
    await home.start()
    await home.tell(home.engine.incident(1))
    await press(home, f"CD_SNOOZE_{ID}", anna_user)
    await home.tell(home.engine.incident(2))
    await press(home, f"CD_SNOOZE_{ID[:-1]}2")
    minutes = [one["minutes"] for one in home.engine.sent("POST", "/cameras/front_door/snooze")]
    assert minutes == [90, 20]


async def test_the_last_word_counts(home: Home) -> None:
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_CONFIRM_{ID}")
    await press(home, f"CD_FALSE_{ID}")
    assert [one["verdict"] for one in home.engine.sent("POST", f"/incidents/{ID}/verdict")] == [
        "confirmed",
        "false_alarm",
    ]


async def test_it_works_after_a_restart(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    await home.restart()
    await press(home, f"CD_FALSE_{ID}")
    assert {"verdict": "false_alarm"} in home.engine.sent("POST", f"/incidents/{ID}/verdict")
    assert anna.cleared == [ID]


async def test_it_works_for_what_only_the_engine_remembers(home: Home) -> None:
    await home.start()
    home.engine.incidents["01OLD"] = home.engine.incident(incident_id="01OLD", camera="yard")
    await press(home, "CD_SNOOZE_01OLD")
    await press(home, "CD_FALSE_01OLD")
    assert home.engine.sent("POST", "/cameras/yard/snooze")[0]["minutes"] == 30
    assert home.engine.sent("POST", "/incidents/01OLD/verdict") == [{"verdict": "false_alarm"}]


async def test_what_no_engine_knows_is_said_and_forgotten(
    home: Home, anna_user: MockUser, hass_storage: dict[str, Any]
) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben")
    await home.start()
    await press(home, "CD_CONFIRM_01GONE", anna_user)
    assert anna.got[0]["title"] == "Your answer was not stored"
    assert anna.got[0]["data"]["tag"] == "01GONE"
    assert ben.got == []
    assert hass_storage[f"{DOMAIN}.notifications"]["data"]["answers"] == []


async def test_what_the_engine_refuses_is_said(home: Home, anna_user: MockUser) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    home.engine.fail("/verdict", 409, code="conflict")
    await press(home, f"CD_CONFIRM_{ID}", anna_user)
    assert anna.got[-1]["title"] == "Your answer was not stored"
    await home.pass_time(seconds=RETRY_S + 1)
    assert len(home.engine.sent("POST", f"/incidents/{ID}/verdict")) == 1


async def test_an_engine_that_is_down_gets_the_answer_later(home: Home, anna_user: MockUser) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben")
    await home.start()
    await home.tell(home.engine.incident())
    fault = home.engine.fail("/verdict", 503)
    await press(home, f"CD_FALSE_{ID}", anna_user)
    assert ben.cleared == [ID]  # nobody else needs to answer
    assert anna.got[-1]["title"] == "Your answer is kept"
    await home.pass_time(seconds=RETRY_S + 1)
    await home.eventually(lambda: fault.met == 2)
    assert len([one for one in anna.got if one.get("title") == "Your answer is kept"]) == 1
    home.engine.faults.clear()
    await home.pass_time(seconds=RETRY_S + 1)
    await home.eventually(lambda: home.engine.incidents[ID]["verdict"] == "false_alarm")
    await home.eventually(lambda: anna.cleared == [ID, ID])
    assert on_behalf_of(home, "/verdict")[-1] == "Anna"


async def test_an_answer_survives_that_both_are_down(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    await home.engine.stop()
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    await press(home, f"CD_CONFIRM_{ID}")
    assert anna.got[-1]["title"] == "Your answer is kept"  # on the phones that showed it: whose it was is not known
    await home.engine.start()
    await home.restart()
    await home.pass_time(seconds=RETRY_S + 1)
    await home.eventually(lambda: home.engine.incidents[ID]["verdict"] == "confirmed")


async def test_a_snooze_that_comes_late_is_shorter(home: Home) -> None:
    home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    home.engine.fail("/acknowledge", 503)
    await press(home, f"CD_SNOOZE_{ID}")
    await home.pass_time(minutes=10)
    await home.pass_time(minutes=1)
    home.engine.faults.clear()
    await home.pass_time(minutes=1)
    await home.eventually(lambda: bool(home.engine.sent("POST", "/cameras/front_door/snooze")))
    minutes = home.engine.sent("POST", "/cameras/front_door/snooze")[0]["minutes"]
    assert 17 <= minutes <= 19


async def test_the_engine_does_not_wait_for_phones(home: Home) -> None:
    anna, ben = home.recipient("anna"), home.recipient("ben")
    await home.start()
    await home.tell(home.engine.incident())
    ben.hold = asyncio.Event()
    await press(home, f"CD_CONFIRM_{ID}")
    assert home.engine.incidents[ID]["verdict"] == "confirmed"
    assert anna.cleared == [ID]
    ben.hold.set()
    await home.eventually(lambda: ben.cleared == [ID])


async def test_a_snooze_of_what_nobody_remembers_needs_http(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a broker nothing tells which camera it was."""
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    monkeypatch.setattr(type(home.entry.runtime_data.link), "client", None)
    home.entry.runtime_data.history.delete(ID, 99)
    home.entry.runtime_data.notifier.async_close(ID)
    await home.settle()
    await press(home, f"CD_SNOOZE_{ID}")
    assert home.engine.sent("POST", "/cameras/front_door/snooze") == []
    assert anna.cleared == [ID]


async def test_after_a_day_an_answer_is_given_up(home: Home) -> None:
    anna = home.recipient("anna")
    await home.start()
    await home.tell(home.engine.incident())
    fault = home.engine.fail("/verdict", 503)
    await press(home, f"CD_CONFIRM_{ID}")
    await home.pass_time(days=1, seconds=RETRY_S)
    await home.eventually(lambda: anna.got[-1].get("title") == "Your answer was not stored")
    met = fault.met
    await home.pass_time(seconds=RETRY_S + 1)
    assert fault.met == met


async def test_retrying_ends_with_home_assistant(home: Home) -> None:
    await home.start()
    await home.tell(home.engine.incident())
    fault = home.engine.fail("/verdict", 503)
    await press(home, f"CD_CONFIRM_{ID}")
    home.hass.bus.async_fire("homeassistant_stop")
    await home.hass.async_block_till_done()
    await home.pass_time(seconds=RETRY_S + 1)
    assert fault.met == 1


async def test_a_phone_whose_app_was_removed_still_answers(home: Home) -> None:
    await home.start()
    await home.tell(home.engine.incident())
    await press(home, f"CD_CONFIRM_{ID}", sourceDeviceName="Old phone")
    assert on_behalf_of(home, "/verdict") == ["Old phone"]


async def test_several_engines_are_told_apart(home: Home) -> None:
    """The one that knows the incident gets the answer, wherever the button was pressed."""
    await home.start()
    other = FakeEngine(uuid="0c4f1f9e-6f3e-4b6e-9a5e-000000000002")
    await other.start()
    try:
        data = {**home.entry.data, "url": other.url}
        second = MockConfigEntry(domain=DOMAIN, title="Shop", unique_id=other.uuid, data=data)
        second.add_to_hass(home.hass)
        await home.hass.config_entries.async_setup(second.entry_id)
        home.engine.incidents["01HOME"] = home.engine.incident(incident_id="01HOME")
        other.incidents["01SHOP"] = other.incident(incident_id="01SHOP")
        await press(home, "CD_FALSE_01SHOP")
        await press(home, "CD_CONFIRM_01HOME")
        assert home.engine.incidents["01HOME"]["verdict"] == "confirmed"
        assert other.incidents["01SHOP"]["verdict"] == "false_alarm"
        await home.hass.config_entries.async_unload(second.entry_id)
        await press(home, "CD_CONFIRM_01SHOP")  # its engine may know it: kept
        await home.hass.config_entries.async_setup(second.entry_id)
        await home.pass_time(seconds=RETRY_S + 1)
        await home.eventually(lambda: other.incidents["01SHOP"]["verdict"] == "confirmed")
        await home.hass.config_entries.async_unload(second.entry_id)
    finally:
        await other.stop()
