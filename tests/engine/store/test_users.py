"""Accounts of people: who gets in, who no longer does, and who is left to administer."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from crime_detect_engine.domain.accounts import UserChange
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.passwords import Passwords

BOSS = Actor("boss", "admin")
SECRET = "seven green bottles"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Digests that cost next to nothing; what they cost otherwise is another test's."""
    monkeypatch.setattr(Passwords.__init__, "__defaults__", (PasswordHasher(1, 8, 1),))


async def test_somebody_signs_in_by_name_whatever_its_case_and_password(store, clock):
    made = await store.users.create("Marieke", SECRET, "operator", {"yard": "viewer", "gate": None}, BOSS)
    clock.advance(60)
    login = await store.users.verify(" mariEKE ", SECRET)
    assert login.actor == Actor("Marieke", "operator", frozenset({"yard", "gate"}), {"yard": "viewer"})
    assert login.actor.role_at("gate") == "operator"
    assert login.actor.role_at("yard") == "viewer"
    assert (await store.users.get(made.id)).last_login_at == clock.now()
    for name, password in (("Marieke", "wrong"), ("Marieke", ""), ("nobody", SECRET), ("", ""), ("x" * 5000, "x")):
        assert await store.users.verify(name, password) is None
    assert [line.action for line in await store.audit.list()] == ["sign in", "user create"]


async def test_no_digest_leaves_the_database(store, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    made = await store.users.create("ana", SECRET, "viewer", None, BOSS)
    login = await store.users.verify("ana", SECRET)
    changed = await store.users.change(made.id, UserChange(password="eight green bottles"), BOSS)
    said = f"{made!r} {login!r} {changed!r} {UserChange(password=SECRET)!r} {await store.users.list()!r}"
    said += f"{await store.audit.list()!r} {caplog.text}"
    assert "argon2" not in said
    assert "bottles" not in said


@pytest.mark.parametrize(
    ("name", "role", "cameras"),
    [
        ("", "viewer", None), ("  ", "viewer", None), ("x" * 65, "viewer", None), ("a\nb", "viewer", None),
        ("<b>", "viewer", None), ("Engine", "viewer", None), ("ana", "root", None), ("ana", "integration", None),
        ("ana", "viewer", {"yard": "operator"}), ("ana", "admin", {"yard": "analyst"}),
        ("ana", "analyst", {"yard": "viewer"}),
    ],
)  # fmt: skip
async def test_names_and_roles_that_make_no_sense_are_refused(store, name, role, cameras):
    with pytest.raises(InvalidInputError):
        await store.users.create(name, SECRET, role, cameras, BOSS)
    assert await store.users.list() == []


async def test_a_name_is_taken_in_any_case(store):
    await store.users.create("Straße", SECRET, "viewer", None, BOSS)
    for other in ("straße", "STRASSE", "Straße"):
        with pytest.raises(InvalidInputError, match="already"):
            await store.users.create(other, SECRET, "viewer", None, BOSS)


async def test_what_changes_holds_for_who_is_signed_in(store):
    await store.users.create("boss", SECRET, "admin", None, BOSS)
    made = await store.users.create("ana", SECRET, "operator", None, BOSS)
    login = await store.users.verify("ana", SECRET)
    await store.users.change(made.id, UserChange(role="viewer", cameras={"yard": None}, grants=True), BOSS)
    login = await store.users.renew(login)
    assert login.actor == Actor("ana", "viewer", frozenset({"yard"}))
    await store.users.change(made.id, UserChange(cameras=None, grants=True), BOSS)
    assert (await store.users.renew(login)).actor.cameras is None
    await store.users.change(made.id, UserChange(disabled=True), BOSS)
    assert await store.users.renew(login) is None
    assert await store.users.verify("ana", SECRET) is None
    await store.users.change(made.id, UserChange(disabled=False), BOSS)
    assert await store.users.renew(login) is None, "a session that ended stays ended"
    assert await store.users.verify("ana", SECRET) is not None


async def test_another_password_ends_sessions_and_counts_at_once(store):
    made = await store.users.create("ana", SECRET, "viewer", None, BOSS, must_change=True)
    login = await store.users.verify("ana", SECRET)
    assert login.must_change
    assert await store.users.change_own_password(login, "wrong", "eight green bottles") is None
    for poor in ("short", SECRET, "ana ana ana ana"):
        with pytest.raises(InvalidInputError):
            await store.users.change_own_password(login, SECRET, poor)
    renewed = await store.users.change_own_password(login, SECRET, "eight green bottles")
    assert not renewed.must_change
    assert await store.users.renew(login) is None
    assert await store.users.renew(renewed) is not None
    assert await store.users.verify("ana", SECRET) is None
    assert await store.users.verify("ana", "eight green bottles") is not None
    await store.users.end_sessions(made.id, BOSS)
    assert await store.users.renew(renewed) is None


async def test_a_deleted_account_is_gone_and_its_number_opens_nothing(store):
    made = await store.users.create("ana", SECRET, "viewer", None, BOSS)
    login = await store.users.verify("ana", SECRET)
    await store.users.delete(made.id, BOSS)
    await store.users.create("eve", SECRET, "admin", None, BOSS)
    assert await store.users.renew(login) is None, "also where the database gives the number again"
    with pytest.raises(NotFoundError):
        await store.users.delete(10**9, BOSS)


async def test_the_last_way_in_as_an_admin_stays(store):
    boss = await store.users.create("boss", SECRET, "admin", None, BOSS)
    await store.users.create("gardener", SECRET, "admin", {"yard": None}, BOSS)
    await store.users.external("https://id.example", "1", "Carla", "admin")
    await store.tokens.issue("script", "admin", None, BOSS, expires_at=store.users._clock.now() + timedelta(days=1))
    await store.tokens.issue("reader", "admin", None, BOSS, scopes=frozenset({"audit"}))
    for change in (
        UserChange(role="operator"), UserChange(disabled=True), UserChange(cameras={"yard": None}, grants=True),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError, match="nobody would be left"):
            await store.users.change(boss.id, change, BOSS)
    with pytest.raises(InvalidInputError, match="nobody would be left"):
        await store.users.delete(boss.id, BOSS)
    assert await store.users.verify("boss", SECRET) is not None
    await store.users.change(boss.id, UserChange(password="eight green bottles"), BOSS)
    _, token = await store.tokens.issue("admin-token", "admin", None, BOSS)
    await store.users.delete(boss.id, BOSS)
    with pytest.raises(InvalidInputError, match="nobody would be left"):
        await store.tokens.revoke(token.id, BOSS)


async def test_a_digest_of_older_parameters_is_renewed_at_sign_in(store):
    await store.users.create("ana", SECRET, "viewer", None, BOSS)
    store.users._passwords._hasher = PasswordHasher(2, 16, 1)
    before = await store.users._database.read(lambda c: c.exec_driver_sql("SELECT password FROM users").scalar_one())
    assert await store.users.verify("ana", SECRET) is not None
    after = await store.users._database.read(lambda c: c.exec_driver_sql("SELECT password FROM users").scalar_one())
    assert "m=8,t=1" in before
    assert "m=16,t=2" in after
    assert await store.users.verify("ana", SECRET) is not None


async def test_people_of_another_system_are_as_it_says_and_may_be_shut_out(store):
    told = ("https://id.example", "4711")
    login = await store.users.external(*told, "Carla", "operator", {"yard": None})
    assert login.actor == Actor("Carla", "operator", frozenset({"yard"}))
    again = await store.users.external(*told, "Carla Verhoeven", "viewer")
    assert again.user_id == login.user_id
    assert (await store.users.renew(login)).actor == Actor("Carla Verhoeven", "viewer")
    other = await store.users.external("https://other.example", "4711", "Carla", "viewer")
    assert other.user_id != login.user_id
    assert await store.users.verify("Carla", "") is None, "they have no password here"
    with pytest.raises(InvalidInputError, match="kept by"):
        await store.users.change(login.user_id, UserChange(role="admin"), BOSS)
    await store.users.change(login.user_id, UserChange(disabled=True), BOSS)
    assert await store.users.renew(login) is None
    assert await store.users.external(*told, "Carla", "viewer") is None
    with pytest.raises(InvalidInputError):
        await store.users.external(*told, "Carla", "integration")


async def test_refused_sign_ins_are_told_without_what_may_be_a_password(store):
    await store.users.create("ana", SECRET, "viewer", None, BOSS)
    await store.users.refused("ANA", 3, {"address": "10.0.0.9"})
    await store.users.refused("hunter2 is my secret", 1, {"address": "10.0.0.9"})
    unknown, known, _ = await store.audit.list()
    assert (known.action, known.target) == ("sign in refused", "ana")
    assert known.details == {"address": "10.0.0.9", "attempts": 3}
    assert unknown.target == "an unknown name"
    assert "hunter2" not in repr(unknown)


async def test_two_who_add_the_same_name_at_once_make_one(store):
    made = await asyncio.gather(
        *(store.users.create("ana", SECRET, "viewer", None, BOSS) for _ in range(3)), return_exceptions=True
    )
    assert sorted(isinstance(one, InvalidInputError) for one in made) == [False, True, True]
    assert len(await store.users.list()) == 1
