"""Which tokens are believed, and what is read from them."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from console.people.tokens import (
    ExpectedToken,
    KeyUnknown,
    TokenRefused,
    claims_of,
    groups_in,
    key_in_pem,
    keys_in,
    name_in,
)
from remediation.mapping.config.console import PersonClaims, TokenAlgorithm
from tests.unit.console_observers import AUDIENCE, ISSUER, KEYS, public, token

ALGORITHMS = tuple(str(each) for each in TokenAlgorithm)
EXPECTED = ExpectedToken(ISSUER, AUDIENCE, ALGORITHMS)
WITH_NONCE = ExpectedToken(ISSUER, AUDIENCE, ALGORITHMS, "n1")


def refused(text: str, expected: ExpectedToken = EXPECTED, keys: Any = None) -> str:
    """With which code a token is refused."""
    with pytest.raises(TokenRefused) as error:
        claims_of(text, keys or [public("ES256")], expected, time.time())
    return error.value.code


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_that_the_key_has_signed_is_believed(algorithm: str) -> None:
    claims = claims_of(token(algorithm), [public(algorithm)], EXPECTED, time.time())
    assert claims["email"] == "ana@example.org"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://other.example"}, "claim_iss"),
        ({"iss": None}, "claim_iss"),
        ({"aud": "another"}, "claim_aud"),
        ({"aud": ["another", "third"]}, "claim_aud"),
        ({"aud": None}, "claim_aud"),
        ({"exp": int(time.time()) - 3_600}, "claim_exp"),
        ({"exp": None}, "claim_exp"),
        ({"exp": "soon"}, "claim_exp"),
        ({"iat": int(time.time()) + 3_600}, "claim_iat"),
        ({"iat": None}, "claim_iat"),
        ({"nbf": int(time.time()) + 3_600}, "claims"),
    ],
)
def test_a_token_of_somebody_else_for_somebody_else_or_of_another_time_is_refused(
    claims: dict[str, Any], code: str
) -> None:
    assert refused(token(**claims)) == code


def test_a_token_for_several_is_for_us_too() -> None:
    assert claims_of(token(aud=["another", AUDIENCE]), [public("ES256")], EXPECTED, time.time())


@pytest.mark.parametrize(
    ("claims", "code"),
    [({}, "claim_nonce"), ({"nonce": "n2"}, "claim_nonce"), ({"nonce": "n1", "azp": "another"}, "claim_azp")],
)
def test_a_token_of_another_sign_in_is_refused(claims: dict[str, Any], code: str) -> None:
    assert refused(token(**claims), WITH_NONCE) == code


def test_the_token_of_this_sign_in_is_believed() -> None:
    assert claims_of(token(nonce="n1", azp=AUDIENCE), [public("ES256")], WITH_NONCE, time.time())


def test_a_token_without_a_signature_is_refused() -> None:
    _, body, _ = token().split(".")
    assert refused(f"{part({'alg': 'none'})}.{body}.") == "algorithm"


def test_a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    key = KEYS["ES256"]
    assert isinstance(key, ECKey)
    said = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'iss': ISSUER, 'aud': AUDIENCE})}"
    proof = hmac.digest(key.as_pem(private=False), said.encode(), "sha256")
    assert refused(f"{said}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}") == "algorithm"


def test_an_algorithm_that_is_not_on_the_list_is_refused() -> None:
    assert refused(token(), ExpectedToken(ISSUER, AUDIENCE, ("RS256",))) == "algorithm"


def test_what_another_key_has_signed_is_refused() -> None:
    assert refused(token(key=ECKey.generate_key("P-256"))) == "signature"
    head, body, signature = token().split(".")
    assert refused(f"{head}.{part({'iss': ISSUER, 'aud': AUDIENCE})}.{signature}") == "signature"
    assert refused(f"{head}.{body}.{signature[:-8]}AAAAAAAA") == "signature"


def test_a_key_of_another_name_is_asked_for_again() -> None:
    named = jwt.encode({"alg": "ES256", "kid": "new"}, {"iss": ISSUER}, KEYS["ES256"], algorithms=["ES256"])
    with pytest.raises(KeyUnknown):
        claims_of(named, [public("ES256")], EXPECTED, time.time())


@pytest.mark.parametrize(
    "text", ["", "a", "a.b.c", "a" * 40_000, "é.é.é", f"{part([])}.{part([])}.", f"{part('alg')}.{part({})}.x"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert refused(text) in {"no_token", "too_large", "algorithm"}


def test_secret_keys_of_a_set_are_left_out() -> None:
    secret = OctKey.generate_key(256).as_dict(private=True)
    assert len(keys_in({"keys": [secret, public("ES256").as_dict()]})) == 1
    with pytest.raises(TokenRefused):
        keys_in({"keys": [secret]})


@pytest.mark.parametrize("data", [None, [], {}, {"keys": 3}, {"keys": []}, {"keys": [{"kty": "new"}]}, {"keys": [3]}])
def test_what_is_no_set_of_keys_is_refused(data: object) -> None:
    with pytest.raises(TokenRefused):
        keys_in(data)


def test_a_key_may_be_in_pem_or_in_a_set() -> None:
    for kind in (RSAKey.generate_key(2048), ECKey.generate_key("P-256")):
        (key,) = key_in_pem(kind.as_pem(private=False).decode())
        assert key.thumbprint() == kind.thumbprint()
    assert key_in_pem(json.dumps({"keys": [public("ES256").as_dict()]}))
    for text in ("", "{", "nothing", "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"):
        with pytest.raises(TokenRefused):
            key_in_pem(text)


@pytest.mark.parametrize(
    ("claims", "path", "groups"),
    [
        ({"groups": ["a", "b"]}, "groups", ("a", "b")),
        ({"groups": "a"}, "groups", ("a",)),
        ({"groups": ["a", 3, None]}, "groups", ("a",)),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "groups", ()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://x.example/groups": ["a"]}, "https://x.example/groups", ("a",)),
        ({"realm_access": 3}, "realm_access.roles", ()),
    ],
)
def test_groups_are_read_from_a_claim_or_from_one_inside_others(
    claims: dict[str, object], path: str, groups: tuple[str, ...]
) -> None:
    assert groups_in(claims, PersonClaims(groups_claim=path)) == groups


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, "no_user_claim"),
        ({"email": ""}, "no_user_claim"),
        ({"email": " "}, "no_user_claim"),
        ({"email": 3}, "no_user_claim"),
        ({"email": "a\nb"}, "no_user_claim"),
        ({"email": "a" * 201}, "no_user_claim"),
        ({"email": "a@x", "email_verified": False}, "email_not_verified"),
        ({"email": "a@x", "email_verified": "false"}, "email_not_verified"),
    ],
)
def test_who_is_not_named_or_not_vouched_for_is_refused(claims: dict[str, object], code: str) -> None:
    with pytest.raises(TokenRefused) as error:
        name_in(claims, PersonClaims())
    assert error.value.code == code
