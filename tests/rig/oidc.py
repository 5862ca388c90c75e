"""Owns an identity provider for tests: the authorization code flow with PKCE over HTTP, and it can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT, SECRET = "crime-detect", "s3cret & more"


class Provider:
    """`people` answers who signs in (claims). `spoil` changes claims or header before they are signed; `sign` replaces
    the signing altogether. A code is good for one exchange with the verifier of its challenge."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "u-1", "preferred_username": "ana", "groups": ["guards"]}
        self.spoil: Callable[[dict[str, Any]], None] = lambda _claims: None
        self.sign: Callable[[dict[str, Any]], str] = self._sign
        self.user: dict[str, Any] | None = None
        self.metadata: dict[str, Any] = {}
        self.refuse: str | None = None
        self.exchanges = 0
        self.key_fetches = 0
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate("first")

    def rotate(self, name: str) -> None:
        """Another key in place of the one before."""
        self.key_id, self.key = name, rsa.generate_private_key(65537, 2048)

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, "RS256", {"kid": self.key_id})

    async def __aenter__(self) -> Provider:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._exchange)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/user", self._user)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _describe(self, _request: web.Request) -> web.Response:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/user",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return web.json_response(told | self.metadata)

    async def _authorize(self, request: web.Request) -> web.Response:
        """Somebody is signed in here already, so the browser goes straight back."""
        asked = dict(request.query)
        back: dict[str, str] = {"state": asked["state"]}
        if self.refuse is not None:
            back["error"] = self.refuse
        else:
            assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
            assert "openid" in asked["scope"].split()
            back["code"] = f"code-{len(self._codes)}"
            self._codes[back["code"]] = asked
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    async def _exchange(self, request: web.Request) -> web.Response:
        self.exchanges += 1
        form = parse_qs(await request.text())
        asked = self._codes.pop(form["code"][0], None)
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:s3cret%20%26%20more".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return web.json_response({"error": "invalid_client"}, status=401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest()).rstrip(b"=")
        if (
            asked is None
            or challenge.decode() != asked["code_challenge"]
            or form["redirect_uri"] != [asked["redirect_uri"]]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        self.spoil(claims)
        return web.json_response({"access_token": "at-1", "token_type": "Bearer", "id_token": self.sign(claims)})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.key_fetches += 1
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**jwk, "kid": self.key_id, "use": "sig"}]})

    async def _user(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer at-1"
        return web.json_response(self.user or {"sub": self.claims["sub"]})
