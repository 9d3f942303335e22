"""Verifies signed tokens (JWT), and reads from them who somebody is. Pure."""

import contextlib
import json
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey

from console.people.roles import LONGEST_NAME
from remediation.mapping.config.console import PersonClaims

LEEWAY = 60
"""Seconds by which clocks may differ."""

_LARGEST_TOKEN = 32_000
_MOST_GROUPS = 2_000


class TokenRefused(Exception):
    """A token is not believed. `code` says why, in our words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyUnknown(TokenRefused):
    """It names a key that is not known here: keys may have been changed."""


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """What a token must say: who made it, for whom, and (of OpenID Connect) which sign-in it answers."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    nonce: str | None = None


def keys_in(data: object) -> tuple[Key, ...]:
    """The public keys of a JWK set. Secret keys (`oct`) are left out: with them whoever verifies could sign, too.

    Raises TokenRefused where it has none.
    """
    try:
        with _no_warnings():
            keys = KeySet.import_key_set(data).keys  # type: ignore[arg-type]  # whatever came
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise TokenRefused("no_keys") from None
    public = tuple(key for key in keys if not isinstance(key, OctKey))
    if not public:
        raise TokenRefused("no_keys")
    return public


def key_in_pem(text: str) -> tuple[Key, ...]:
    """The public key of a file: a JWK set, or PEM. Raises TokenRefused where it is neither."""
    if text.lstrip().startswith("{"):
        try:
            return keys_in(json.loads(text))
        except ValueError:
            raise TokenRefused("no_keys") from None
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return (kind.import_key(text),)
        except (JoseError, ValueError, TypeError, AttributeError):
            continue
    raise TokenRefused("no_keys")


def claims_of(token: str, keys: Iterable[Key], expected: ExpectedToken, now: float) -> dict[str, Any]:
    """The claims of a token that one of the keys has signed. Raises TokenRefused, or KeyUnknown."""
    claims = _signed(token, keys, expected.algorithms)
    rules: dict[str, Any] = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.audience},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    if expected.nonce is not None:
        rules["nonce"] = {"essential": True, "value": expected.nonce}
    try:
        jwt.JWTClaimsRegistry(now=int(now), leeway=LEEWAY, **rules).validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        claim = getattr(error, "claim", "") or ""
        raise TokenRefused(f"claim_{claim}" if claim in rules else "claims") from None
    if expected.nonce is not None and claims.get("azp", expected.audience) != expected.audience:
        raise TokenRefused("claim_azp")
    return claims


def _signed(token: str, keys: Iterable[Key], algorithms: tuple[str, ...]) -> dict[str, Any]:
    """The claims of a token whose signature holds."""
    if len(token) > _LARGEST_TOKEN:
        raise TokenRefused("too_large")
    try:
        header: Any = jws.extract_compact(token.encode()).headers()  # whatever was sent
    except (JoseError, ValueError, TypeError):
        raise TokenRefused("no_token") from None
    if not isinstance(header, dict):
        raise TokenRefused("no_token")
    if header.get("alg") not in algorithms:
        raise TokenRefused("algorithm")
    named = header.get("kid")
    fitting = [key for key in keys if named is None or key.kid == named]
    if not fitting:
        raise KeyUnknown("unknown_key")
    registry = jws.JWSRegistry(algorithms=[*algorithms], strict_check_header=False)
    for key in fitting:
        with contextlib.suppress(JoseError, ValueError, TypeError), _no_warnings():
            return jwt.decode(token, key, registry=registry).claims
    raise TokenRefused("signature")


def name_in(claims: Mapping[str, Any], words: PersonClaims) -> str:
    """Who somebody is. Raises TokenRefused where the claim is missing, or has what a name cannot have.

    An address that the issuer has not verified names nobody: anybody can write any into a profile.
    """
    name = _claim(claims, words.user_claim)
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise TokenRefused("no_user_claim")
    if words.user_claim == "email" and str(claims.get("email_verified")).lower() == "false":  # some write it as text
        raise TokenRefused("email_not_verified")
    return name


def groups_in(claims: Mapping[str, Any], words: PersonClaims) -> tuple[str, ...]:
    """The groups of somebody; none where there is no such claim."""
    found = _claim(claims, words.groups_claim)
    groups = [found] if isinstance(found, str) else found
    return tuple(each for each in groups if isinstance(each, str))[:_MOST_GROUPS] if isinstance(groups, list) else ()


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or else by the names of the claims that it is inside of."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _no_warnings() -> AbstractContextManager[object]:
    """Without warnings of old names and short keys: mappings.yaml says what is believed."""
    return warnings.catch_warnings(action="ignore", category=SecurityWarning)
