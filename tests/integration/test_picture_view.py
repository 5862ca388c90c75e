"""Tests that a test picture is seen by who knows its address, for ten minutes, and by nobody else."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.crime_detect.picture_view import KEPT_MAX, KEPT_S, async_drop_picture, async_keep_picture

JPEG = b"\xff\xd8 picture \xff\xd9"


@pytest.fixture(autouse=True)
async def web(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "http", {})


async def test_a_picture_is_there_for_ten_minutes(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, freezer: FrozenDateTimeFactory
) -> None:
    path = async_keep_picture(hass, JPEG)
    client = await hass_client_no_auth()
    response = await client.get(path)
    assert (response.status, response.content_type, await response.read()) == (HTTPStatus.OK, "image/jpeg", JPEG)
    assert response.headers["Cache-Control"] == "no-store"
    assert (await client.get(path)).status == HTTPStatus.OK  # browsers ask again

    freezer.tick(timedelta(seconds=KEPT_S + 1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert (await client.get(path)).status == HTTPStatus.NOT_FOUND


async def test_addresses_cannot_be_guessed(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> None:
    first, second = async_keep_picture(hass, JPEG), async_keep_picture(hass, JPEG)
    assert first != second
    client = await hass_client_no_auth()
    folder, _, name = first.rpartition("/")
    assert len(name) >= 40
    for guess in ("", "x", name[:-1], "../../states"):
        assert (await client.get(f"{folder}/{guess}")).status == HTTPStatus.NOT_FOUND
    for path in (first, second):
        async_drop_picture(hass, path)


async def test_a_dropped_picture_is_gone(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> None:
    path = async_keep_picture(hass, JPEG)
    client = await hass_client_no_auth()
    async_drop_picture(hass, path)
    async_drop_picture(hass, path)
    assert (await client.get(path)).status == HTTPStatus.NOT_FOUND


async def test_only_some_are_kept(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> None:
    paths = [async_keep_picture(hass, JPEG) for _ in range(KEPT_MAX + 1)]
    client = await hass_client_no_auth()
    found = [(await client.get(path)).status for path in paths]
    assert found == [HTTPStatus.NOT_FOUND] + [HTTPStatus.OK] * KEPT_MAX
    for path in paths:
        async_drop_picture(hass, path)


async def test_nothing_was_kept(hass: HomeAssistant) -> None:
    async_drop_picture(hass, "")
