"""The sections `access` and `tls`: what they allow, and what they say of the rest; never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import Config, parse_config
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.web.options import Grant, TlsOptions

OIDC = "issuer: https://login.example.org, client_id: cd, client_secret: hush"


def parse(text: str) -> Config:
    return parse_config(f"timezone: UTC\n{text}", Path("c.yaml"), {})


def test_a_provider_and_what_its_groups_may_do():
    oidc = parse(
        "url: https://cd.example.org\n"
        f"access: {{oidc: {{{OIDC}, name: Example, scopes: [groups], role_claim: roles, roles: {{guards: operator, "
        "night: {role: operator, cameras: [yard]}, desk: {role: operator, cameras: {yard: viewer}}}, "
        "default_role: analyst}}"
    ).access.oidc
    assert oidc is not None
    assert (oidc.scopes, oidc.role_claim, oidc.default_role) == (("openid", "groups"), "roles", Grant("analyst"))
    assert oidc.roles == {
        "guards": Grant("operator"),
        "night": Grant("operator", {"yard": None}),
        "desk": Grant("operator", {"yard": "viewer"}),
    }
    assert "hush" not in repr(oidc)


def test_people_of_home_assistant():
    ingress = parse("access: {ingress: {users: {anna: admin, ben: none}, administrators: viewer, others: none}}")
    assert ingress.access.ingress.users == {"anna": Grant("admin"), "ben": None}
    assert (ingress.access.ingress.administrators, ingress.access.ingress.others) == (Grant("viewer"), None)
    default = parse("").access.ingress
    assert (default.administrators, default.others) == (Grant("admin"), Grant("viewer"))


def test_a_certificate():
    assert parse("tls: {certificate: /ssl/fullchain.pem, key: /ssl/privkey.pem}").tls == TlsOptions(
        "/ssl/fullchain.pem", "/ssl/privkey.pem"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"access: {{oidc: {{{OIDC}, roles: {{a: viewer}}}}}}", "access.oidc: needs `url`"),
        (f"url: https://x.example\naccess: {{oidc: {{{OIDC}}}}}", "access.oidc.roles: names no role"),
        ("access: {oidc: {issuer: http://login.example.org, client_id: a}}", "access.oidc.issuer: expected the issuer"),
        ("access: {oidc: {issuer: 'https://u:p@l.example', client_id: a}}", "access.oidc.issuer: expected the issuer"),
        ("access: {oidc: {issuer: https://l.example}}", "access.oidc.client_id: is required"),
        ("access: {oidc: {issuer: https://l.example, client_id: a, roles: {b: king}}}", "expected one of analyst"),
        ("access: {oidc: {issuer: https://l.example, client_id: a, default_role: integration}}", "expected one of"),
        ("access: {ingress: {others: {role: viewer, cameras: [a b]}}}", "others.cameras: expected cameras"),
        ("access: {ingress: {others: {role: viewer, cameras: {yard: admin}}}}", "cannot be above the role itself"),
        ("access: {ldap: {}}", "access.ldap: unknown key"),
        ("tls: {certificate: /c.pem}", "tls.key: is required"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(text, said):
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_broker_that_anybody_may_pose_as_is_warned_of():
    (warning,) = parse("mqtt: {host: h, tls: {insecure: true}}").warnings
    assert "mqtt.tls.ca" in warning
