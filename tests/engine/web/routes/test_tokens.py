"""Tokens over HTTP: their secret is shown once, they end, and they are limited in what they open."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.store.tokens import USED_EVERY


async def ask(client, method, path, body=None):
    async with client.request(method, f"/api/v1/{path}", json=body) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def test_a_token_is_made_used_listed_and_revoked(town):
    admin = town.client("admin-token")
    body = {"name": "tablet", "role": "viewer", "cameras": ["yard"], "scopes": ["cameras:read", "status"]}
    status, made = await ask(admin, "POST", "tokens", body)
    assert status == 201
    secret = made.pop("token")
    tablet = town.client(secret)
    _, cameras = await ask(tablet, "GET", "cameras")
    assert [one["id"] for one in cameras["items"]] == ["yard"]
    status, refused = await ask(tablet, "GET", "incidents")
    assert (status, refused["error"]["details"]) == (403, {"missing_scope": "incidents:read"})
    await town.store.tokens.settle()
    _, listed = await ask(admin, "GET", "tokens")
    assert secret not in str(listed)
    assert listed["items"] == [{**made, "last_used_at": timestamp(town.clock.now())}]
    assert (await ask(admin, "DELETE", f"tokens/{made['id']}"))[0] == 204
    assert (await ask(tablet, "GET", "cameras"))[0] == 401
    assert (await ask(admin, "DELETE", f"tokens/{made['id']}"))[0] == 404


async def test_a_token_ends_by_itself(town):
    ends = town.clock.now() + timedelta(hours=1)
    _, made = await ask(
        town.client("admin-token"), "POST", "tokens", {"name": "x", "role": "viewer", "expires_at": timestamp(ends)}
    )
    client = town.client(made["token"])
    town.clock.advance(3599)
    assert (await ask(client, "GET", "info"))[0] == 200
    town.clock.advance(2)
    assert (await ask(client, "GET", "info"))[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "x", "role": "king"}, {"name": "", "role": "viewer"},
        {"name": "x", "role": "viewer", "scopes": ["all"]},
        {"name": "x", "role": "viewer", "scopes": ["pages"]}, {"name": "x", "role": "viewer", "expires_at": "tomorrow"},
        {"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "role": "viewer", "cameras": {"yard": "admin"}}, {"name": "a\u0007b", "role": "viewer"},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(town, body):
    assert (await ask(town.client("admin-token"), "POST", "tokens", body))[0] == 400
    assert await town.store.tokens.list() == []


async def test_a_token_with_scopes_cannot_make_itself_one_without(town):
    admin = town.client("admin-token")
    _, made = await ask(
        admin, "POST", "tokens", {"name": "x", "role": "admin", "scopes": ["accounts:read", "settings"]}
    )
    limited = town.client(made["token"])
    assert (await ask(limited, "GET", "users"))[0] == 200
    new = {"name": "eve", "password": "seven green bottles", "role": "admin"}
    for method, path, body in (
        ("POST", "tokens", {"name": "y", "role": "admin"}), ("DELETE", "tokens/1", None), ("POST", "users", new),
        ("PATCH", "users/1", {"password": "eight green bottles"}), ("DELETE", "users/1", None),
    ):  # fmt: skip
        assert (await ask(limited, method, path, body))[0] == 403, (method, path)


async def test_asking_writes_down_the_use_rarely(town):
    _, made = await ask(town.client("admin-token"), "POST", "tokens", {"name": "x", "role": "viewer"})
    client, uses = town.client(made["token"]), []
    for _ in range(3):
        await asyncio.gather(*(ask(client, "GET", "info") for _ in range(5)))
        await town.store.tokens.settle()
        uses.append((await town.store.tokens.list())[0].last_used_at)
        town.clock.advance(USED_EVERY.total_seconds() * 0.6)
    assert uses[0] == uses[1] < uses[2]
