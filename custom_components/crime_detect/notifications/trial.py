"""Owns the test message: the way to each phone, tried without an incident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import voluptuous as vol
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN
from . import payload
from .phones import Phones
from .recipients import Critical, Recipient
from .texts import async_load_texts

TEST_TAG: Final = f"{DOMAIN}_test"


async def async_send_test(hass: HomeAssistant, phones: Phones, recipients: Sequence[Recipient]) -> list[str]:
    """Names of who got it. Raises HomeAssistantError where it failed, after the others were tried."""
    if not recipients:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_recipients")
    texts = await async_load_texts(hass)
    title, message = texts.say("test_title"), texts.say("test_message")
    failed = {}
    for one in recipients:
        critical = one.critical is not Critical.NEVER
        try:
            await phones.async_send_once(one.action, payload.notice(TEST_TAG, title, message, critical=critical))
        except (HomeAssistantError, vol.Invalid) as error:
            failed[one.name] = str(error)
    if failed:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="test_not_sent",
            translation_placeholders={
                "recipients": ", ".join(failed),
                "error": "; ".join(dict.fromkeys(failed.values())),
            },
        )
    return [one.name for one in recipients]
