"""Signing in with a name and a password: what a guesser learns, who is slowed down, and when a session ends."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from crime_detect_engine.domain.accounts import UserChange
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.access import COOKIE, CSRF_HEADER
from crime_detect_engine.web.guessing import FAILURE_WINDOW_S, FREE_TRIES, LONGEST_DELAY_S, MAX_FAILURES
from crime_detect_engine.web.sessions import SESSION_IDLE_S, SESSION_LONGEST_S

PASSWORD = "seven green bottles"
BOSS = Actor("boss", "admin")


async def sign_in(site, name, password=PASSWORD, **headers):
    """Status, body and headers of the answer."""
    async with site.client(**headers).post("/api/v1/session", json={"username": name, "password": password}) as answer:
        return answer.status, await answer.json(), answer.headers


async def status_of(client, path="/api/v1/info"):
    async with client.get(path) as answer:
        return answer.status


async def test_somebody_signs_in_and_is_who_they_are(town):
    browser, csrf = await town.person("BOSS")
    async with browser.get("/api/v1/users/me") as answer:
        me = await answer.json()
    assert (me["name"], me["role"], me["cameras"], me["account"]["name"]) == ("boss", "admin", None, "boss")
    assert [one["current"] for one in me["sessions"]] == [True]
    assert csrf
    _, _, headers = await sign_in(town, "boss")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Lax" in headers["Set-Cookie"]
    assert "boss" not in headers["Set-Cookie"]


@pytest.mark.parametrize("body", [{}, {"username": "boss"}, {"password": "x"}, {"token": "x", "username": "y"}])
async def test_half_a_credential_is_none(town, body):
    async with town.client().post("/api/v1/session", json=body) as answer:
        assert answer.status == 400


async def test_a_name_that_nobody_has_a_wrong_password_and_a_disabled_account_are_answered_alike(town):
    made = await town.store.users.create("ana", PASSWORD, "viewer", None, BOSS)
    await town.store.users.change(made.id, UserChange(disabled=True), BOSS)
    await town.store.users.external("https://id.example", "1", "carla", "viewer")
    told = [
        await sign_in(town, "boss", "wrong"), await sign_in(town, "nobody", "wrong"), await sign_in(town, "ana"),
        await sign_in(town, "carla"),
    ]  # fmt: skip
    assert {status for status, _, _ in told} == {401}
    assert len({json.dumps(body) for _, body, _ in told}) == 1
    assert not [headers for _, _, headers in told if "Set-Cookie" in headers]


async def test_guessing_one_password_takes_longer_every_time_and_the_answer_says_how_long(town):
    for _ in range(FREE_TRIES):
        assert (await sign_in(town, "boss", "guess"))[0] == 401
    waits = []
    for _ in range(6):
        status, body, headers = await sign_in(town, "boss")
        assert status == 429, "the right password does not help either"
        assert body["error"]["code"] == "too_many_attempts"
        waits.append(int(headers["Retry-After"]))
        town.clock.advance(max(waits[-1], FAILURE_WINDOW_S))
        assert (await sign_in(town, "boss", "guess"))[0] == 401
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]
    town.clock.advance(LONGEST_DELAY_S + 1)
    assert (await sign_in(town, "boss"))[0] == 201


async def test_another_way_to_write_a_name_is_no_way_around_the_wait(town):
    for name in ("boss", "BOSS", " boss ", "\uff42oss", "bos\u017f"):
        assert (await sign_in(town, name, "guess"))[0] == 401
    for name in ("boss", "b\uff4fss"):
        assert (await sign_in(town, name, "guess"))[0] == 429


async def test_names_that_nobody_has_are_slowed_alike(town):
    answers = [(await sign_in(town, "nobody", "guess"))[0] for _ in range(FREE_TRIES + 1)]
    assert answers == [401] * FREE_TRIES + [429]


async def test_many_names_from_one_address_are_slowed_too(town):
    for number in range(MAX_FAILURES):
        assert (await sign_in(town, f"name{number}"))[0] == 401
    assert (await sign_in(town, "boss"))[0] == 429
    town.clock.advance(FAILURE_WINDOW_S + 1)
    assert (await sign_in(town, "boss"))[0] == 201


async def test_tries_side_by_side_do_not_slip_past_the_limit(town):
    answers = await asyncio.gather(*(sign_in(town, f"name{number}") for number in range(MAX_FAILURES * 4)))
    told = [status for status, _, _ in answers]
    assert told.count(429) >= MAX_FAILURES * 3
    assert set(told) <= {401, 429, 503}


async def test_right_passwords_do_not_count_as_tries(town):
    for _ in range(MAX_FAILURES + 2):
        assert (await sign_in(town, "boss"))[0] == 201


async def test_many_wrong_tries_are_few_lines_in_the_audit(town):
    for _ in range(FREE_TRIES):
        await sign_in(town, "boss", "guess")
    town.clock.advance(LONGEST_DELAY_S)
    await sign_in(town, "boss", "guess")
    lines = [line for line in await town.store.audit.list() if line.action == "sign in refused"]
    assert [(line.target, line.details["attempts"]) for line in lines] == [("boss", FREE_TRIES), ("boss", 1)]
    assert lines[0].details["address"] == "127.0.0.1"


async def test_a_session_that_was_there_before_is_not_the_one_that_signs_in(town):
    """Who knows a browser's cookie from before must not know it afterwards."""
    browser, _ = await town.browser("viewer-token")
    before = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    async with browser.post("/api/v1/session", json={"username": "boss", "password": PASSWORD}) as answer:
        assert answer.status == 201
    after = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    assert after[COOKIE] != before[COOKIE]
    async with town.client().get("/api/v1/info", cookies=before) as answer:
        assert answer.status == 401
    planted = {COOKIE: "chosen-by-somebody-else"}
    async with town.client().post(
        "/api/v1/session", json={"username": "boss", "password": PASSWORD}, cookies=planted
    ) as answer:
        assert answer.status == 201
    async with town.client().get("/api/v1/info", cookies=planted) as answer:
        assert answer.status == 401


async def test_sessions_end_when_unused_and_when_old(town):
    idle, _ = await town.person("boss")
    town.clock.advance(SESSION_IDLE_S + 1)
    assert await status_of(idle) == 401
    busy, _ = await town.person("boss")
    for _ in range(int(SESSION_LONGEST_S / SESSION_IDLE_S) + 1):
        assert await status_of(busy) == 200
        town.clock.advance(SESSION_IDLE_S - 1)
    assert await status_of(busy) == 401


async def test_what_the_command_line_takes_away_is_gone_within_half_a_minute(town):
    made = await town.store.users.create("ana", PASSWORD, "admin", None, BOSS)
    browser, _ = await town.person("ana")
    assert await status_of(browser, "/api/v1/users") == 200
    await town.store.users.change(made.id, UserChange(role="viewer"), BOSS)
    town.clock.advance(31)
    assert await status_of(browser, "/api/v1/users") == 403
    await town.store.users.change(made.id, UserChange(disabled=True), BOSS)
    town.clock.advance(31)
    assert await status_of(browser) == 401


async def test_who_was_given_a_password_does_nothing_before_choosing_another(town):
    await town.store.users.create("ana", PASSWORD, "viewer", None, BOSS, must_change=True)
    async with town.client().post("/api/v1/session", json={"username": "ana", "password": PASSWORD}) as answer:
        assert (await answer.json())["must_change_password"] is True
    browser, csrf = await town.person("ana")
    async with browser.get("/api/v1/cameras") as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "password_due"
    async with browser.get("/incidents", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "./account")
    assert await status_of(browser, "/account") == 200
    body = {"current": PASSWORD, "new": "eight green bottles"}
    async with browser.post("/api/v1/users/me/password", json=body, headers={CSRF_HEADER: csrf}) as answer:
        assert answer.status == 200
    assert await status_of(browser, "/api/v1/cameras") == 200


async def test_an_expired_token_and_its_session_are_refused(town):
    secret, _ = await town.store.tokens.issue(
        "phone", "viewer", None, BOSS, expires_at=town.clock.now() + timedelta(minutes=5)
    )
    browser, _ = await town.browser(secret)
    assert await status_of(town.client(secret)) == 200
    town.clock.advance(301)
    assert await status_of(town.client(secret)) == 401
    assert await status_of(browser) == 401


async def test_without_accounts_a_name_opens_nothing(site):
    assert (await sign_in(site, "boss"))[0] == 401
