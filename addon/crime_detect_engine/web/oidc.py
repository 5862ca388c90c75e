"""Owns signing in at somebody else's: the authorization code flow of OpenID Connect."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from crime_detect_engine.domain.clock import Clock

from .attempts import Attempt
from .id_token import ALGORITHMS, Expected, OidcError, header_of, printable, read_token, suiting_key
from .options import Grant, OidcOptions, is_loopback

_LOG = logging.getLogger(__name__)
ANSWER_S = 10.0
ANSWER_BYTES = 500_000
METADATA_KEPT_S = 3600.0
KEYS_RETRY_S = 60.0
"""Who shows tokens of unknown keys makes us ask for keys no more often than this."""


class ProviderDownError(OidcError):
    """Nobody can sign in there at present."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider says this is. `grant` None: nothing of theirs is mapped to a role. `values`: what they have."""

    issuer: str
    subject: str
    name: str
    grant: Grant | None
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization: str
    token: str
    keys: str
    user: str | None
    algorithms: frozenset[str]
    secret_in_form: bool


class Provider:
    """One issuer. Holds no state of people: what a sign-in needs travels in its Attempt."""

    def __init__(self, options: OidcOptions, redirect_uri: str, clock: Clock) -> None:
        self.options = options
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._metadata: _Metadata | None = None
        self._metadata_until_s = float("-inf")
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._keys_tick_s = float("-inf")

    async def reach(self) -> None:
        """Asks the provider to describe itself. Raises OidcError."""
        await self._discover()

    async def address(self, attempt: Attempt) -> str:
        """Where to send the browser. Raises OidcError."""
        metadata = await self._discover()
        asked = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.options.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization).query else "?"
        return f"{metadata.authorization}{joint}{urlencode(asked)}"

    async def identify(self, code: str, attempt: Attempt) -> Identity:
        """Exchanges the code; believes what is signed, fresh, and meant for us and this attempt. Raises OidcError."""
        metadata = await self._discover()
        tokens = await self._exchange(metadata, code, attempt)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > ANSWER_BYTES:
            raise OidcError("The provider sent no identity; is openid among the scopes that it allows?")
        claims = await self._believe(metadata, id_token, attempt.nonce)
        if _claim(claims, self.options.role_claim) is None and metadata.user is not None:
            claims = await self._ask_more(metadata.user, tokens.get("access_token"), claims)
        values = _texts(_claim(claims, self.options.role_claim))
        mapped = (grant for value, grant in self.options.roles.items() if value in values)
        return Identity(
            self.options.issuer, claims["sub"], _name_of(claims), next(mapped, self.options.default_role), values
        )

    async def _discover(self) -> _Metadata:
        if self._metadata is not None and self._clock.tick_s() < self._metadata_until_s:
            return self._metadata
        issuer = self.options.issuer
        told = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            named = str(told.get("issuer"))[:200]
            _LOG.error("the provider of access.oidc calls itself %r: write exactly that as issuer", named)
            raise OidcError("The provider goes by another name than the configuration's; see the engine's log.")
        signs = _texts(told.get("id_token_signing_alg_values_supported")) or ["RS256"]
        methods = _texts(told.get("token_endpoint_auth_methods_supported")) or ["client_secret_basic"]
        self._metadata = _Metadata(
            self._endpoint(told, "authorization_endpoint"),
            self._endpoint(told, "token_endpoint"),
            self._endpoint(told, "jwks_uri"),
            self._endpoint(told, "userinfo_endpoint") if told.get("userinfo_endpoint") else None,
            ALGORITHMS & frozenset(signs),
            "client_secret_basic" not in methods,
        )
        self._metadata_until_s = self._clock.tick_s() + METADATA_KEPT_S
        return self._metadata

    def _endpoint(self, told: Mapping[str, Any], name: str) -> str:
        address = told.get(name)
        parts = urlsplit(address) if isinstance(address, str) else None
        local = is_loopback(urlsplit(self.options.issuer).hostname or "")
        if parts is None or not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise OidcError(f"The provider names no {name} that can be trusted.")
        return str(address)

    async def _exchange(self, metadata: _Metadata, code: str, attempt: Attempt) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
        }
        client, secret = self.options.client_id, self.options.client_secret
        headers = {}
        if secret is None or metadata.secret_in_form:
            form |= {"client_id": client} | ({} if secret is None else {"client_secret": secret})
        else:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._ask("POST", metadata.token, headers, form)

    async def _believe(self, metadata: _Metadata, token: str, nonce: str) -> Mapping[str, Any]:
        key_id, algorithm = header_of(token, metadata.algorithms)
        key = await self._key(metadata, key_id, algorithm)
        expected = Expected(self.options.issuer, self.options.client_id, nonce, self._clock.now().timestamp())
        return read_token(token, key, algorithm, expected)

    async def _key(self, metadata: _Metadata, key_id: object, algorithm: str) -> Mapping[str, Any]:
        """The provider's key for a token; asks for its keys again where it has changed them. Raises OidcError."""
        found = suiting_key(self._keys, key_id, algorithm)
        if found is None and self._clock.tick_s() - self._keys_tick_s >= KEYS_RETRY_S:
            self._keys_tick_s = self._clock.tick_s()
            told = (await self._get(metadata.keys)).get("keys")
            self._keys = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
            found = suiting_key(self._keys, key_id, algorithm)
        if found is None:
            raise OidcError("The provider signed with a key that it does not publish.")
        return found

    async def _ask_more(self, address: str, token: object, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """With what the provider tells only when it is asked; nothing signed is replaced."""
        if not isinstance(token, str):
            return claims
        told = await self._ask("GET", address, {"Authorization": f"Bearer {token}"})
        if told.get("sub") != claims["sub"]:
            raise OidcError("The provider speaks of two different people.")
        return {**told, **claims}

    async def _get(self, address: str) -> Mapping[str, Any]:
        return await self._ask("GET", address, {})

    async def _ask(
        self, method: str, address: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """A JSON object. Nothing of what is sent or answered reaches the log: both hold secrets."""
        where = urlsplit(address).hostname
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(
                    method,
                    address,
                    headers={"Accept": "application/json", **headers},
                    data=form,
                    allow_redirects=False,
                ) as answer,
            ):
                status, body = answer.status, await _read(answer.content)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            _LOG.warning("the identity provider %s does not answer: %s", where, type(error).__name__)
            raise ProviderDownError("The identity provider does not answer; try again later.") from None
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            told = None
        if status != 200 or not isinstance(told, dict):
            code = told.get("error") if isinstance(told, dict) else None
            _LOG.warning("the identity provider %s refused: status %d, %s", where, status, printable(code))
            if status >= 500:
                raise ProviderDownError("The identity provider has a fault; try again later.")
            raise OidcError("The identity provider refused; sign in again. The engine's log says more.")
        return told


async def _read(stream: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in stream.iter_chunked(65536):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise aiohttp.ClientPayloadError
    return bytes(body)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """By its name, or by the way to it (`realm_access.roles`)."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)]


def _name_of(claims: Mapping[str, Any]) -> str:
    """How people call them; another claim than the subject proves nothing, and is for reading only."""
    for claim in ("preferred_username", "email", "name", "sub"):
        if isinstance(name := claims.get(claim), str) and (shown := printable(name)):
            return shown
    return "unknown"
