"""Accounts over HTTP: what admins change holds at once, and what everybody does with their own."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.access import COOKIE, CSRF_HEADER
from crime_detect_engine.web.guessing import FREE_TRIES, LONGEST_DELAY_S

PASSWORD = "seven green bottles"
BOSS = Actor("boss", "admin")
ANA = {"name": "ana", "password": PASSWORD, "role": "operator", "cameras": ["yard"], "must_change": False}


async def ask(client, method, path, body=None, csrf=""):
    async with client.request(method, f"/api/v1/{path}", json=body, headers={CSRF_HEADER: csrf}) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def test_an_account_is_made_changed_and_deleted(town):
    boss, csrf = await town.person("boss")
    status, ana = await ask(boss, "POST", "users", ANA, csrf)
    assert status == 201
    assert (ana["role"], ana["cameras"], ana["must_change"], ana["disabled"]) == (
        "operator",
        {"yard": None},
        False,
        False,
    )
    assert "password" not in ana
    hers, _ = await town.person("ana")
    _, me = await ask(hers, "GET", "users/me")
    assert me["cameras"] == {"yard": "operator"}
    path = f"users/{ana['id']}"
    _, changed = await ask(boss, "PATCH", path, {"cameras": {"yard": "viewer", "front_door": None}}, csrf)
    assert changed["cameras"] == {"front_door": None, "yard": "viewer"}
    _, me = await ask(hers, "GET", "users/me")
    assert me["cameras"] == {"front_door": "operator", "yard": "viewer"}, "without signing in again"
    _, listed = await ask(boss, "GET", "users")
    assert [one["name"] for one in listed["items"]] == ["ana", "boss"]
    assert (await ask(boss, "DELETE", path, csrf=csrf))[0] == 204
    assert (await ask(hers, "GET", "users/me"))[0] == 401
    assert (await ask(boss, "GET", path))[0] == 404


async def test_disabling_or_another_password_signs_out_at_once(town):
    boss, csrf = await town.person("boss")
    _, ana = await ask(boss, "POST", "users", ANA, csrf)
    path = f"users/{ana['id']}"
    for change in ({"disabled": True}, {"disabled": False, "password": "eight green bottles"}):
        made = await town.store.users.get(ana["id"])
        hers, _ = await town.person("ana")
        assert (await ask(hers, "GET", "info"))[0] == 200, made
        assert (await ask(boss, "PATCH", path, change, csrf))[0] == 200
        assert (await ask(hers, "GET", "info"))[0] == 401
        await ask(boss, "PATCH", path, {"disabled": False, "password": PASSWORD, "must_change": False}, csrf)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "ana"}, {**ANA, "role": "king"}, {**ANA, "role": "integration"}, {**ANA, "password": "short"},
        {**ANA, "name": "<script>"}, {**ANA, "name": "BOSS"}, {**ANA, "cameras": {"yard": "admin"}},
        {**ANA, "cameras": {"yard": "analyst"}}, {**ANA, "cameras": "yard"}, {**ANA, "password": None}, {**ANA, "x": 1},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_and_no_password_repeated(town, body):
    boss, csrf = await town.person("boss")
    status, answer = await ask(boss, "POST", "users", body, csrf)
    assert status == 400
    assert PASSWORD not in str(answer)
    assert len(await town.store.users.list()) == 1


async def test_an_admin_of_some_cameras_makes_no_accounts(town):
    """They could give themselves all cameras."""
    await town.store.users.create("gardener", PASSWORD, "admin", {"yard": None}, BOSS)
    browser, csrf = await town.person("gardener")
    for method, path in (("GET", "users"), ("POST", "users"), ("GET", "tokens"), ("POST", "tokens")):
        assert (await ask(browser, method, path, ANA, csrf))[0] == 403


async def test_a_write_needs_the_csrf_token(town):
    boss, csrf = await town.person("boss")
    assert (await ask(boss, "POST", "users", ANA))[0] == 403
    assert (await ask(boss, "POST", "users", ANA, csrf[:-1] + "x"))[0] == 403
    assert (await ask(boss, "POST", "users/me/password", {"current": PASSWORD, "new": "eight green bottles"}))[0] == 403


async def test_the_last_admin_cannot_be_lost_over_the_network(town):
    boss, csrf = await town.person("boss")
    _, me = await ask(boss, "GET", "users/me")
    path = f"users/{me['account']['id']}"
    for change in ({"role": "viewer"}, {"disabled": True}, {"cameras": []}):
        status, answer = await ask(boss, "PATCH", path, change, csrf)
        assert (status, "another admin" in answer["error"]["message"]) == (400, True)
    assert (await ask(boss, "DELETE", path, csrf=csrf))[0] == 400
    assert (await ask(boss, "GET", "users"))[0] == 200


async def test_ones_own_password_is_changed_and_everybody_else_signed_out(town):
    browser, csrf = await town.person("boss")
    other, _ = await town.person("boss")
    before = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    new = {"current": PASSWORD, "new": "eight green bottles"}
    assert (await ask(browser, "POST", "users/me/password", {**new, "current": "wrong"}, csrf))[0] == 403
    assert (await ask(browser, "POST", "users/me/password", {**new, "new": "boss boss"}, csrf))[0] == 400
    status, answer = await ask(browser, "POST", "users/me/password", new, csrf)
    assert status == 200
    assert answer["csrf_token"] != csrf
    assert {cookie.key: cookie.value for cookie in browser.cookie_jar}[COOKIE] != before[COOKIE]
    assert (await ask(browser, "GET", "info"))[0] == 200
    assert (await ask(other, "GET", "info"))[0] == 401
    async with town.client().get("/api/v1/info", cookies=before) as answer:
        assert answer.status == 401


async def test_who_finds_a_browser_open_cannot_try_passwords_there(town):
    browser, csrf = await town.person("boss")
    guess = {"current": "guess", "new": "eight green bottles"}
    tried = [(await ask(browser, "POST", "users/me/password", guess, csrf))[0] for _ in range(FREE_TRIES + 1)]
    assert tried == [403] * FREE_TRIES + [429]
    town.clock.advance(LONGEST_DELAY_S)
    right = {"current": PASSWORD, "new": "eight green bottles"}
    assert (await ask(browser, "POST", "users/me/password", right, csrf))[0] == 200


async def test_ones_sessions_are_seen_and_ended(town):
    browser, csrf = await town.person("boss")
    second, _ = await town.person("boss")
    third, _ = await town.person("boss")
    _, me = await ask(browser, "GET", "users/me")
    assert [one["current"] for one in me["sessions"]] == [True, False, False]
    assert {one["address"] for one in me["sessions"]} == {"127.0.0.1"}
    third_id = me["sessions"][1]["id"]
    assert (await ask(browser, "DELETE", f"users/me/sessions/{third_id}", csrf=csrf))[0] == 204
    assert (await ask(browser, "DELETE", f"users/me/sessions/{third_id}", csrf=csrf))[0] == 404
    assert (await ask(third, "GET", "info"))[0] == 401
    assert (await ask(second, "GET", "info"))[0] == 200
    assert (await ask(browser, "DELETE", "users/me/sessions", csrf=csrf))[0] == 204
    assert (await ask(second, "GET", "info"))[0] == 401
    assert (await ask(browser, "GET", "info"))[0] == 200
    town.clock.advance(60)
    assert (await ask(browser, "GET", "info"))[0] == 200, "nor does the one that stays end later"


async def test_nobody_ends_the_sessions_of_others_but_admins(town):
    await town.store.users.create("ana", PASSWORD, "viewer", None, BOSS)
    hers, hers_csrf = await town.person("ana")
    boss, csrf = await town.person("boss")
    _, me = await ask(boss, "GET", "users/me")
    assert (await ask(hers, "DELETE", f"users/me/sessions/{me['sessions'][0]['id']}", csrf=hers_csrf))[0] == 404
    ana = next(one for one in (await ask(boss, "GET", "users"))[1]["items"] if one["name"] == "ana")
    _, sessions = await ask(boss, "GET", f"users/{ana['id']}/sessions")
    assert len(sessions["items"]) == 1
    assert (await ask(boss, "DELETE", f"users/{ana['id']}/sessions", csrf=csrf))[0] == 204
    assert (await ask(hers, "GET", "info"))[0] == 401


async def test_a_token_is_nobody_with_a_password(town):
    client = town.client("viewer-token")
    _, me = await ask(client, "GET", "users/me")
    assert (me["name"], me["role"], me["account"], me["sessions"]) == ("viewer", "viewer", None, [])
    assert (await ask(client, "POST", "users/me/password", {"current": "x", "new": "y"}))[0] == 404


@pytest.mark.parametrize("user", ["0", "999999999999999", "9" * 40, "abc", "-1", "²"])
async def test_an_account_that_there_is_not_is_not_found(town, user):
    assert (await ask(town.client("admin-token"), "GET", f"users/{user}"))[0] == 404


async def test_changes_are_audited_with_who_made_them_and_without_secrets(town):
    boss, csrf = await town.person("boss")
    _, ana = await ask(boss, "POST", "users", ANA, csrf)
    await ask(boss, "PATCH", f"users/{ana['id']}", {"role": "viewer", "password": "eight green bottles"}, csrf)
    await ask(boss, "DELETE", f"users/{ana['id']}", csrf=csrf)
    lines = [line for line in await town.store.audit.list() if line.target == "ana"]
    assert [(line.actor, line.action) for line in lines] == [
        ("boss", "user delete"), ("boss", "user change"), ("boss", "user create"),
    ]  # fmt: skip
    assert lines[1].details == {"role": "viewer", "password": "changed"}
    assert "bottles" not in repr(lines)
    assert "argon2" not in repr(lines)
