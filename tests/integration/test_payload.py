"""What phones are sent, word by word."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from custom_components.crime_detect.engine.models import Incident
from custom_components.crime_detect.notifications import payload
from custom_components.crime_detect.notifications.payload import Alert
from custom_components.crime_detect.notifications.recipients import Button, Recipient
from custom_components.crime_detect.notifications.texts import Texts, async_load_texts, message_of, title_of
from tests.integration.fake_engine import golden

ID = "01KDWABCDEFGHJKMNPQRSTVWXY"
ALERT = Alert(
    incident_id=ID,
    camera="front_door",
    title="Fighting: Front door",
    message="03:00, 85 % sure. Look before you act.",
    image=f"/media/local/crime_detect/front_door/{ID}.jpg",
    link="/media-browser/browser",
)
ANNA = Recipient(id="anna", name="Anna", action="mobile_app_anna", snooze_minutes=45)
ACTIONS = [
    {"action": f"CD_CONFIRM_{ID}", "title": "Real"},
    {"action": f"CD_FALSE_{ID}", "title": "False alarm"},
    {"action": f"CD_SNOOZE_{ID}", "title": "Snooze 45 min"},
]
COMMON = {
    "tag": ID,
    "group": "front_door",
    "url": "/media-browser/browser",
    "clickAction": "/media-browser/browser",
    "image": f"/media/local/crime_detect/front_door/{ID}.jpg",
    "actions": ACTIONS,
    "action_data": {"snooze_minutes": 45},
}


@pytest.fixture
async def texts(hass: HomeAssistant) -> Texts:
    return await async_load_texts(hass)


async def test_an_alert_for_both_systems(texts: Texts) -> None:
    assert payload.ring(ANNA, ALERT, texts, critical=False) == {
        "title": "Fighting: Front door",
        "message": "03:00, 85 % sure. Look before you act.",
        "data": {
            **COMMON,
            "push": {"interruption-level": "time-sensitive"},
            "ttl": 0,
            "priority": "high",
            "channel": "Incidents",
            "importance": "high",
        },
    }


async def test_a_critical_alert_breaks_through_silence(texts: Texts) -> None:
    assert payload.ring(ANNA, ALERT, texts, critical=True)["data"] == {
        **COMMON,
        "push": {"sound": {"name": "default", "critical": 1, "volume": 1.0}},
        "ttl": 0,
        "priority": "high",
        "channel": "alarm_stream",
        "importance": "high",
    }


async def test_an_update_makes_no_sound(texts: Texts) -> None:
    assert payload.update_quietly(ANNA, ALERT, texts)["data"] == {
        **COMMON,
        "push": {"interruption-level": "passive", "sound": "none"},
        "ttl": 0,
        "priority": "high",
        "channel": "Incident updates",
        "importance": "low",
        "alert_once": True,
    }


async def test_there_is_no_image_without_a_picture_and_never_a_video(texts: Texts) -> None:
    without = payload.ring(ANNA, replace(ALERT, image=None), texts, critical=True)
    assert "image" not in without["data"]
    assert "video" not in payload.ring(ANNA, ALERT, texts, critical=True)["data"]


async def test_buttons_can_be_hidden(texts: Texts) -> None:
    two = payload.ring(replace(ANNA, buttons=(Button.CONFIRM, Button.FALSE_ALARM)), ALERT, texts, critical=False)
    assert two["data"]["actions"] == ACTIONS[:2]
    assert "action_data" not in two["data"]
    none = payload.ring(replace(ANNA, buttons=()), ALERT, texts, critical=False)
    assert "actions" not in none["data"]


async def test_payloads_go_over_the_wire(texts: Texts) -> None:
    sent = payload.ring(ANNA, ALERT, texts, critical=True)
    assert json.loads(json.dumps(sent)) == sent


def test_clearing_takes_the_tag_only() -> None:
    assert payload.clear(ID) == {"message": "clear_notification", "data": {"tag": ID}}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (f"CD_CONFIRM_{ID}", (Button.CONFIRM, ID)),
        (f"CD_FALSE_{ID}", (Button.FALSE_ALARM, ID)),
        (f"CD_SNOOZE_{ID}", (Button.SNOOZE, ID)),
        ("CD_CONFIRM_", None),
        ("OPEN_DOOR", None),
        ("", None),
    ],
)
def test_answers_are_told_from_other_buttons(action: str, expected: Any) -> None:
    assert payload.read_action(action) == expected


async def test_words_are_those_of_home_assistant(texts: Texts, hass: HomeAssistant) -> None:
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    incident = Incident.from_json(golden("message_new")["after"])
    same_day = datetime(2026, 11, 21, 12, tzinfo=dt_util.UTC)
    assert title_of(texts, incident, "Front door") == "Fighting: Front door"
    assert (
        message_of(texts, incident, same_day, "message_new", picture=True) == "04:00, 85 % sure. Look before you act."
    )
    next_day = datetime(2026, 11, 22, 12, tzinfo=dt_util.UTC)
    assert message_of(texts, incident, next_day, "message_repeat", picture=False) == (
        "Nobody has answered yet. Since 2026-11-21 04:00, 85 % sure. There is no picture."
    )


PERSON = [{"label": "person", "box": [0.1, 0.2, 0.3, 0.4], "score": 0.8}]
CAR = [{"label": "car", "box": [0.1, 0.2, 0.3, 0.4], "score": 0.8}]


@pytest.mark.parametrize(
    ("told", "title", "sentence"),
    [
        (
            {"label": "trespassing", "rule": "intrusion", "boxes": PERSON},
            "Trespassing in Back yard: Front door",
            "A person is in Back yard.",
        ),
        ({"label": "trespassing", "boxes": []}, "Trespassing in Back yard: Front door", "A person is in Back yard."),
        (
            {"label": "trespassing", "boxes": CAR},
            "Trespassing in Back yard: Front door",
            "Something is in Back yard.",
        ),
        (
            {"label": "loitering", "rule": "dwell", "boxes": PERSON},
            "Loitering in Back yard: Front door",
            "A person has been in Back yard for long.",
        ),
        (
            {"label": "loitering", "rule": "returns", "boxes": PERSON},
            "Loitering in Back yard: Front door",
            "A person keeps coming back to Back yard.",
        ),
        (
            {"label": "object_left", "boxes": CAR},
            "Object left behind in Back yard: Front door",
            "Something was left in Back yard.",
        ),
        (
            {"label": "tampering", "zone": None},
            "Tampering: Front door",
            "Somebody may have covered, turned or blinded the camera.",
        ),
        (
            {"label": "tampering", "rule": "sprayed", "zone": None},
            "Tampering: Front door",
            "Something was sprayed on the lens.",
        ),
        # What this version has no words for, and what no rule found.
        ({"label": "climbing"}, "Climbing in Back yard: Front door", ""),
        ({"label": "trespassing", "zone": None}, "Trespassing: Front door", ""),
        ({"label": "fighting", "source": "model"}, "Fighting in Back yard: Front door", ""),
    ],
)
async def test_what_a_rule_found_is_told_in_plain_words(
    texts: Texts, hass: HomeAssistant, told: dict[str, Any], title: str, sentence: str
) -> None:
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    incident = Incident.from_json(golden("message_new")["after"] | {"source": "zone", "zone": "back_yard"} | told)
    now = datetime(2026, 11, 21, 12, tzinfo=dt_util.UTC)
    assert title_of(texts, incident, "Front door") == title
    message = message_of(texts, incident, now, "message_new", picture=True)
    assert message == f"{sentence} 04:00, 85 % sure. Look before you act.".strip()


@pytest.mark.parametrize("language", ["de", "es", "fr", "hi", "nl"])
async def test_every_language_names_the_zone(hass: HomeAssistant, language: str) -> None:
    hass.config.language = language
    texts = await async_load_texts(hass)
    found = golden("message_new")["after"] | {"source": "zone", "zone": "back_yard", "label": "trespassing"}
    incident = Incident.from_json(found)
    assert "Back yard" in title_of(texts, incident, "Front door")
    message = message_of(texts, incident, dt_util.utcnow(), "message_new", picture=True)
    assert "Back yard" in message
    assert "seen_" not in message
    assert "who_" not in message


async def test_a_class_without_a_name_is_readable(texts: Texts) -> None:
    assert texts.name_of("something_else") == "Something else"


def test_every_sentence_is_there() -> None:
    """A key that no translation has would be shown as it is, on a phone, at night."""
    root = Path(payload.__file__).parent.parent
    common = json.loads((root / "translations" / "en.json").read_text())["common"]
    wanted = {f"button_{button}" for button in Button} | {
        "alert_title", "message_new", "message_raised", "message_repeat", "no_picture", "test_title", "test_message",
        "answer_kept_title", "answer_kept_message", "answer_lost_title", "answer_lost_message",
        "label_in_zone", "who_person", "who_other",
    }  # fmt: skip
    assert wanted <= set(common)
