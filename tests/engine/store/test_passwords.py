"""Which passwords are refused and why, and the digests that are kept instead of them."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from crime_detect_engine.domain.errors import BusyError, InvalidInputError
from crime_detect_engine.store.passwords import MAX_WAITING, Passwords, check_password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "12 characters"),
        ("short enough", None),
        ("eleven char", "12 characters"),
        ("x" * 201, "200"),
        ("aaaaaaaaaaaaaaaa", "repeats"),
        ("abcabcabcabcabc", "repeats"),
        ("123456789012", "first that somebody tries"),
        ("1234567890abcdef", "first that somebody tries"),
        ("qwertyuiop123", "first that somebody tries"),
        ("Password123456!", "first that somebody tries"),
        ("P@ssw0rd2026!!!", "first that somebody tries"),
        ("admin-admin-1234", "first that somebody tries"),
        ("CorrectHorseBatteryStaple", "first that somebody tries"),
        ("crime-detect-2026", "first that somebody tries"),
        ("Marieke2026!", "little more than the name"),
        ("marieke marieke", "little more than the name"),
        ("seven green bottles", None),
        ("gAQ-9mT_x2vL", None),
        ("пять зелёных бутылок", None),
        ("ножницы камень бумага 7", None),
        ("the purple camera sleeps", None),
    ],
)
def test_what_somebody_would_try_is_refused_and_everything_else_is_not(password: str, why: str | None) -> None:
    if why is None:
        check_password(password, "Marieke")
        return
    with pytest.raises(InvalidInputError, match=why):
        check_password(password, "Marieke")


async def test_digests_are_argon2id_by_todays_advice_and_salted() -> None:
    passwords = Passwords()
    first, second = await passwords.digest("seven green bottles"), await passwords.digest("seven green bottles")
    assert first != second
    asked = extract_parameters(first)
    assert asked.type is Type.ID
    assert asked.memory_cost >= 19 * 1024
    assert await passwords.verify(first, "seven green bottles") == (True, None)
    assert await passwords.verify(first, "seven green bottle") == (False, None)
    passwords.close()


async def test_letters_composed_in_another_way_are_the_same_password() -> None:
    passwords = Passwords(CHEAP)
    digest = await passwords.digest("caf\u00e9 au lait noir")
    assert (await passwords.verify(digest, "cafe\u0301 au lait noir"))[0]
    passwords.close()


async def test_a_digest_of_older_parameters_is_replaced_when_the_password_is_known() -> None:
    old = await Passwords(CHEAP).digest("seven green bottles")
    passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    fits, better = await passwords.verify(old, "seven green bottles")
    assert fits
    assert better is not None
    assert extract_parameters(better).time_cost == 2
    assert await passwords.verify(better, "seven green bottles") == (True, None)
    assert await passwords.verify(old, "wrong") == (False, None)
    passwords.close()


@pytest.mark.parametrize("digest", [None, "", "$argon2id$", "plain text"])
async def test_nothing_fits_what_is_no_digest(digest: str | None) -> None:
    passwords = Passwords(CHEAP)
    assert await passwords.verify(digest, "nobody's") == (False, None)
    passwords.close()


async def test_a_flood_is_refused_and_the_loop_goes_on_meanwhile() -> None:
    passwords = Passwords()
    waiting = [asyncio.create_task(passwords.digest("seven green bottles")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await passwords.digest("seven green bottles")
    assert not all(task.done() for task in waiting), "digests are made beside the loop"
    await asyncio.gather(*waiting)
    await passwords.digest("seven green bottles")
    passwords.close()
