"""Tests that Twilio's SDK is silent about people's numbers and goes where it is told."""

from __future__ import annotations

import asyncio
import logging

import pytest
from crime_detect_engine.outputs.sms_transport import Transport
from twilio.rest import Client

from tests.fakes import TwilioServer


async def test_calls_go_to_the_configured_base_and_leave_no_number_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with TwilioServer() as server:
        client = Client(server.sid, server.token, http_client=Transport(f"{server.url}/", 5.0))
        await asyncio.to_thread(client.messages.create, to="+31612345678", from_="+15005550006", body="hello")
        found = await asyncio.to_thread(client.messages.list, to="+31612345678")
    assert [message.body for message in found] == ["hello"]
    assert "31612345678" not in "".join(record.getMessage() for record in caplog.records if "twilio" in record.name)
    assert server.token not in caplog.text
