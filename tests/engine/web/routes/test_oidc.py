"""Signing in at an identity provider: who is let in as what, and every answer that must not be believed."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession, CookieJar
from crime_detect_engine.domain.accounts import CameraGrants, Login, actor_of
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.web.access import COOKIE, Access
from crime_detect_engine.web.options import Grant, OidcOptions
from crime_detect_engine.web.routes.oidc import COOKIE as ATTEMPT
from crime_detect_engine.web.routes.oidc import build_sign_in
from crime_detect_engine.web.server import Server, build_app, serve

from tests.fakes import FakeEngine
from tests.rig.oidc import CLIENT, SECRET, Provider


class Guests:
    """Keeps who was let in; `shut` are subjects that an admin has disabled."""

    def __init__(self) -> None:
        self.known: dict[str, Login] = {}
        self.shut: set[str] = set()

    async def welcome(
        self, issuer: str, subject: str, name: str, role: str, cameras: CameraGrants | None
    ) -> Login | None:
        if subject in self.shut:
            return None
        self.known[f"{issuer} {subject}"] = Login(actor_of(name, role, cameras), len(self.known), 1)
        return list(self.known.values())[-1]

    async def renew(self, login: Login) -> Login | None:
        return login


class Place:
    """The engine with a provider beside it, and browsers."""

    def __init__(self, provider: Provider, server: Server, guests: Guests, clock: ManualClock) -> None:
        self.provider, self.server, self.guests, self.clock = provider, server, guests, clock
        self.sessions: list[ClientSession] = []

    def browser(self) -> ClientSession:
        session = ClientSession(f"http://127.0.0.1:{self.server.port}", cookie_jar=CookieJar(unsafe=True))
        self.sessions.append(session)
        return session

    async def come_back(self, browser: ClientSession, next_page: str = "") -> str:
        """The address to which the provider sends the browser; nobody has gone there yet."""
        async with browser.get("/login/oidc", params={"next": next_page}, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            away = answer.headers["Location"]
        async with ClientSession() as elsewhere, elsewhere.get(away, allow_redirects=False) as answer:
            return answer.headers["Location"]

    async def sign_in(self, browser: ClientSession, next_page: str = "") -> tuple[int, str]:
        """Status and page (or where it leads) at the end."""
        async with browser.get(await self.come_back(browser, next_page), allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()


@pytest.fixture
async def make_place(tmp_path: Any) -> AsyncIterator[Callable[..., Any]]:
    made: list[Place] = []
    async with Provider() as provider:

        async def make(**changes: Any) -> Place:
            clock, guests = ManualClock(datetime.fromtimestamp(time.time(), UTC)), Guests()
            roles = {"bosses": Grant("admin"), "guards": Grant("operator", {"yard": None})}
            options = replace(OidcOptions(provider.issuer, CLIENT, SECRET, name="Example", roles=roles), **changes)

            async def nobody(_token: str) -> None:
                return None

            access = Access(nobody, clock, people=guests)  # type: ignore[arg-type]
            engine = FakeEngine(tmp_path)
            # The port is known once it is served; the address below which people come is made of it.
            sign_in = build_sign_in(options, "http://127.0.0.1:0", clock, guests.welcome)
            app = build_app(engine, access, uploads=tmp_path / "uploads", sign_in=sign_in)
            server = await serve(app, "127.0.0.1", 0)
            sign_in.provider._redirect_uri = f"http://127.0.0.1:{server.port}/login/oidc/callback"
            made.append(Place(provider, server, guests, clock))
            return made[-1]

        yield make
        for place in made:
            for session in place.sessions:
                await session.close()
            await place.server.stop()


@pytest.fixture
async def place(make_place: Callable[..., Any]) -> Place:
    built: Place = await make_place()
    return built


async def who(browser: ClientSession) -> tuple[int, Any]:
    async with browser.get("/api/v1/cameras") as answer:
        return answer.status, await answer.json()


async def test_the_first_group_that_is_mapped_gives_the_role_and_its_cameras(place):
    browser = place.browser()
    async with browser.get("/login") as answer:
        assert "Sign in with Example" in await answer.text()
    assert await place.sign_in(browser, "incidents") == (302, "../../incidents")
    status, told = await who(browser)
    assert (status, [camera["id"] for camera in told["items"]]) == (200, ["yard"])
    (login,) = place.guests.known.values()
    assert (login.actor.name, login.actor.role) == ("ana", "operator")
    place.provider.claims["groups"] = ["guards", "bosses"]
    await place.sign_in(browser)
    assert (await who(browser))[1]["items"][0]["id"] == "front_door"


async def test_a_role_in_a_claim_within_a_claim_and_for_everybody(make_place):
    nested = await make_place(role_claim="realm_access.roles")
    nested.provider.claims["realm_access"] = {"roles": ["bosses"]}
    assert (await nested.sign_in(nested.browser()))[0] == 302
    everybody = await make_place(roles={}, default_role=Grant("viewer"))
    assert (await everybody.sign_in(everybody.browser()))[0] == 302
    assert [login.actor.role for login in everybody.guests.known.values()] == ["viewer"]


async def test_groups_that_only_the_user_endpoint_tells(place):
    del place.provider.claims["groups"]
    place.provider.user = {"sub": "u-1", "groups": ["bosses"], "preferred_username": "mallory"}
    assert (await place.sign_in(place.browser()))[0] == 302
    (login,) = place.guests.known.values()
    assert (login.actor.name, login.actor.role) == ("ana", "admin"), "what is signed is not replaced"
    place.provider.user = {"sub": "u-2", "groups": ["bosses"]}
    status, page = await place.sign_in(place.browser())
    assert (status, "two different people" in page) == (403, True)


async def test_who_has_no_role_is_told_what_an_administrator_must_do(place):
    place.provider.claims["groups"] = ["<b>visitors</b>"]
    browser = place.browser()
    status, page = await place.sign_in(browser)
    assert status == 403
    assert "access.oidc.roles" in page
    assert "&lt;b&gt;visitors&lt;/b&gt;" in page
    assert (await who(browser))[0] == 401
    place.provider.claims["groups"] = ["guards"]
    place.guests.shut.add("u-1")
    status, page = await place.sign_in(browser)
    assert (status, "disabled" in page) == (403, True)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"nonce": "another"}, "belongs to another sign-in"),
        ({"nonce": None}, "belongs to another sign-in"),
        ({"aud": "another"}, "meant for another program"),
        ({"aud": [CLIENT, "another"]}, "meant for another program"),
        ({"azp": "another"}, "meant for another program"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"exp": 1}, "too old"),
        ({"iat": 1}, "too old"),
        ({"iat": 99999999999}, "of the future"),
        ({"nbf": 99999999999}, "of the future"),
        ({"exp": "soon"}, "nothing usable"),
        ({"sub": ""}, "does not say who"),
    ],
)
async def test_an_identity_that_is_not_for_us_now_is_not_believed(place, spoil, said):
    place.provider.spoil = lambda claims: claims.update(spoil)
    browser = place.browser()
    status, page = await place.sign_in(browser)
    assert status == 403
    assert said in page.replace("&#39;", "'")
    assert (await who(browser))[0] == 401
    assert place.guests.known == {}


@pytest.mark.parametrize("lacking", ["exp", "iat", "sub", "aud", "iss", "nonce"])
async def test_an_identity_that_lacks_something_is_not_believed(place, lacking):
    place.provider.spoil = lambda claims: claims.pop(lacking)
    assert (await place.sign_in(place.browser()))[0] == 403
    assert place.guests.known == {}


async def test_signatures_that_are_none_or_by_what_everybody_knows_are_refused(place):
    provider = place.provider
    other = Provider()
    forgeries: dict[str, Callable[[dict[str, Any]], str]] = {
        "none": lambda claims: jwt.encode(claims, None, "none"),
        "by the public key": lambda claims: _hmac(claims, provider.public_pem, provider.key_id),
        "by the client's secret": lambda claims: _hmac(claims, SECRET.encode(), provider.key_id),
        "by another key": lambda claims: jwt.encode(claims, other.key, "RS256", {"kid": provider.key_id}),
        "by a key that is not published": lambda claims: jwt.encode(claims, other.key, "RS256", {"kid": "mine"}),
        "by a key that it brings along": lambda claims: jwt.encode(
            claims,
            other.key,
            "RS256",
            {"kid": provider.key_id, "jwk": jwt.algorithms.RSAAlgorithm.to_jwk(other.key.public_key(), as_dict=True)},
        ),
        "no token": lambda _claims: "a.b.c",
        "cut": lambda claims: provider._sign(claims)[:-8],
    }
    for what, forge in forgeries.items():
        provider.sign = forge
        status, _ = await place.sign_in(place.browser())
        assert status == 403, what
    # Not even where the provider itself says that it signs so.
    provider.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    place.clock.advance(4000)
    for what in ("none", "by the public key"):
        provider.sign = forgeries[what]
        assert (await place.sign_in(place.browser()))[0] == 403, what
    assert place.guests.known == {}


def _hmac(claims: dict[str, Any], secret: bytes, key_id: str) -> str:
    """PyJWT itself refuses to sign so."""
    import base64
    import hashlib
    import hmac
    import json

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256", "kid": key_id, "typ": "JWT"}) + b"." + part(claims)
    made = base64.urlsafe_b64encode(hmac.new(secret, text, hashlib.sha256).digest()).rstrip(b"=")
    return (text + b"." + made).decode()


async def test_a_new_key_of_the_provider_is_fetched_once_and_seldom(place):
    assert (await place.sign_in(place.browser()))[0] == 302
    assert (await place.sign_in(place.browser()))[0] == 302
    assert place.provider.key_fetches == 1
    place.provider.rotate("second")
    assert (await place.sign_in(place.browser()))[0] == 403, "asked for keys less than a minute ago"
    place.clock.advance(61)
    assert (await place.sign_in(place.browser()))[0] == 302
    assert place.provider.key_fetches == 2


async def test_only_the_browser_that_began_may_finish_and_only_once(place):
    victim, attacker = place.browser(), place.browser()
    for_victim = await place.come_back(attacker)  # an attacker's own account, for somebody else to be signed in with
    await place.come_back(victim)
    for wrong in (for_victim, for_victim.replace("state=", "state=x"), for_victim.split("?")[0]):
        async with victim.get(wrong, allow_redirects=False) as answer:
            assert answer.status == 403
            assert "not begun here" in await answer.text()
    assert place.provider.exchanges == 0
    cookies = {cookie.key: cookie.value for cookie in attacker.cookie_jar}
    async with attacker.get(for_victim, allow_redirects=False) as answer:
        assert answer.status == 302
    async with place.browser().get(for_victim, cookies=cookies, allow_redirects=False) as answer:
        assert answer.status == 403, "a second time"
    assert place.provider.exchanges == 1


async def test_a_code_that_was_used_and_a_sign_in_that_took_too_long(place):
    browser = place.browser()
    back = await place.come_back(browser)
    place.provider._codes.clear()
    async with browser.get(back) as answer:
        assert answer.status == 403
        assert "refused" in await answer.text()
    late = await place.come_back(browser)
    place.clock.advance(601)
    async with browser.get(late) as answer:
        assert answer.status == 403


async def test_a_cookie_of_ones_own_making_begins_nothing(place):
    for forged in ("", "x", "e30.x", "é", "a" * 4000):
        headers = {"Cookie": f"{ATTEMPT}={forged}"}
        async with place.browser().get("/login/oidc/callback?state=a&code=b", headers=headers) as answer:
            assert answer.status == 403, forged


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "\\\\evil", "../x", "api/v1/users", "a\r\nb"]
)
async def test_nobody_is_sent_to_pages_of_others(place, wanted):
    assert await place.sign_in(place.browser(), wanted) == (302, "../../")


async def test_what_the_provider_says_is_shown_as_text(place):
    place.provider.refuse = "<script>alert(1)</script>"
    status, page = await place.sign_in(place.browser())
    assert (status, "<script>alert" in page) == (403, False)
    assert "&lt;script&gt;" in page


async def test_a_session_that_the_browser_had_does_not_go_on(place):
    browser = place.browser()
    await place.sign_in(browser)
    (before,) = [cookie.value for cookie in browser.cookie_jar if cookie.key == COOKIE]
    place.provider.claims.update(sub="u-2", preferred_username="bo")
    await place.sign_in(browser)
    async with place.browser().get("/api/v1/cameras", cookies={COOKIE: before}) as answer:
        assert answer.status == 401


async def test_after_a_working_day_the_provider_is_asked_again(place):
    browser = place.browser()
    await place.sign_in(browser)
    for _ in range(11):
        place.clock.advance(3600)
        assert (await who(browser))[0] == 200
    place.clock.advance(3601)
    assert (await who(browser))[0] == 401


async def test_a_provider_that_is_down_is_said_and_others_still_sign_in(make_place):
    place = await make_place(issuer="http://127.0.0.1:9")
    async with place.browser().get("/login/oidc") as answer:
        assert answer.status == 503
        assert "does not answer" in await answer.text()
    async with place.browser().get("/login") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"issuer": "http://127.0.0.1:1"}, "another name"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "names no authorization_endpoint"),
        ({"token_endpoint": None}, "names no token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "names no jwks_uri"),
        ({"more": "x" * 600_000}, "does not answer"),
    ],
)
async def test_a_provider_that_describes_itself_wrongly_is_not_used(place, metadata, said):
    place.provider.metadata = metadata
    async with place.browser().get("/login/oidc", allow_redirects=False) as answer:
        assert answer.status in (403, 503)
        assert said in await answer.text()


async def test_secrets_are_in_no_log(place, caplog):
    caplog.set_level(logging.DEBUG)
    await place.sign_in(place.browser())
    place.provider.sign = lambda _claims: "a.b.c"
    await place.sign_in(place.browser())
    place.provider.refuse = "access_denied"
    await place.sign_in(place.browser())
    for secret in (SECRET, "s3cret", "at-1", "code-0", "eyJ"):
        assert secret not in caplog.text
    assert SECRET not in repr(OidcOptions(place.provider.issuer, CLIENT, SECRET))


async def test_without_a_provider_there_is_no_such_page(site):
    async with site.client().get("/login/oidc") as answer:
        assert answer.status == 404
    async with site.client().get("/login/oidc/callback?state=a&code=b") as answer:
        assert answer.status == 404
