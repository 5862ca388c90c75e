"""Owns what is believed of an id token (OpenID Connect Core 3.1.3.7): its signature, its time, and for whom it is."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import jwt

from crime_detect_engine.domain.errors import CrimeDetectError

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key that only the provider has: none, and none by a secret that both have."""
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})
LEEWAY_S = 60.0
OLDEST_S = 600.0
"""A token that comes straight from the provider was made just now."""
_TOKEN_BYTES = 100_000
_OTHER = "The provider's answer is meant for another program; check client_id."


class OidcError(CrimeDetectError):
    """The provider is away, refused, or its answer is not to be believed; the message is fit for people."""


@dataclass(frozen=True, slots=True)
class Expected:
    """`now` in seconds since 1970."""

    issuer: str
    client_id: str
    nonce: str
    now: float


def header_of(token: str, algorithms: Set[str]) -> tuple[object, str]:
    """(key id or None, algorithm) that a token names. Raises OidcError for an algorithm that is not accepted."""
    if len(token) > _TOKEN_BYTES:
        raise OidcError("The provider's answer is too long.")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise OidcError("The provider's answer is no token.") from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS & algorithms:
        raise OidcError("The provider signed by a method that is not accepted.")
    return header.get("kid"), algorithm


def suiting_key(keys: Sequence[Mapping[str, Any]], key_id: object, algorithm: str) -> Mapping[str, Any] | None:
    """The key of that name, or the only one where tokens name none."""
    found = [
        one
        for one in keys
        if one.get("kty") in _ASYMMETRIC
        and one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and (key_id is None or one.get("kid") == key_id)
    ]
    return found[0] if len(found) == 1 else None


def read_token(token: str, key: Mapping[str, Any], algorithm: str, expected: Expected) -> Mapping[str, Any]:
    """Its claims. Raises OidcError."""
    # Times are checked by the engine's own clock, below.
    options: Any = {"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(dict(key), algorithm),
            algorithms=[algorithm],
            audience=expected.client_id,
            issuer=expected.issuer,
            options=options,
        )
    except jwt.InvalidAudienceError:
        raise OidcError(_OTHER) from None
    except jwt.InvalidIssuerError:
        raise OidcError("The answer is another provider's.") from None
    except jwt.MissingRequiredClaimError as error:
        raise OidcError(f"The provider's answer lacks {error.claim}.") from None
    except jwt.PyJWTError:
        raise OidcError("The provider's answer is not signed as it should be.") from None
    _check(claims, expected)
    return claims


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != expected.client_id:
        raise OidcError(_OTHER)
    times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in times):
        raise OidcError("The provider's answer says nothing usable of its time.")
    ends, made, begins = times
    if ends <= expected.now - LEEWAY_S or made < expected.now - OLDEST_S:
        raise OidcError("The provider's answer is too old; sign in again. Do the clocks of both machines agree?")
    if made > expected.now + LEEWAY_S or begins > expected.now + LEEWAY_S:
        raise OidcError("The provider's answer is of the future: the clocks of the two machines differ.")
    told = claims.get("nonce")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), expected.nonce.encode()):
        raise OidcError("The provider's answer belongs to another sign-in.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise OidcError("The provider does not say who this is.")


def printable(text: object) -> str:
    """What others sent, fit for a page or a log."""
    return "".join(c for c in str(text) if c.isprintable())[:100] if text is not None else ""
