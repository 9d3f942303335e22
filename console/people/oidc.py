"""Sign-in at an OpenID Connect provider: authorization code with PKCE, a state and a nonce.

What is asked for is kept sealed in a cookie of the browser that asks, one for each sign-in: two tabs may sign in at
once, strangers fill nothing in Redis, and what another browser brings back is of no use in this one.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from authlib.common.security import generate_token
from joserfc.jwk import Key

from console.people.addresses import CookiePlace
from console.people.provider import Provider, issuer_of
from console.people.tokens import ExpectedToken, KeyUnknown, TokenRefused, claims_of, groups_in, name_in
from remediation.domain.errors import KeyMissing
from remediation.mapping.config.console import OidcSignIn, address_of
from remediation.mapping.config.schema import Mappings
from remediation.sealing import Keyring
from remediation.store.console.sessions import ConsoleIdentity, new_token

CALLBACK = "/sign-in/oidc/callback"
ATTEMPT_SECONDS = 600
"""How long somebody may take to sign in at the provider."""

MOST_ATTEMPTS = 3
"""Sign-ins that one browser may have begun and not ended. Each has a cookie of up to some 3 KB."""

_COOKIE = "remedy-sign-in-"
_STATE = 48
_NAMED = 12
"""Characters of a state by which its cookie is named."""
_AGAIN = "again-"
"""How the state of a sign-in begins that was started anew by us: it is not started anew once more."""


class SignInAttempt(msgspec.Struct, frozen=True):
    """What was asked of the provider, and where the person comes back to. `at` is in Unix seconds."""

    state: str
    nonce: str
    verifier: str
    back: str
    at: float


def new_attempt(back: str, now: float, *, again: bool) -> SignInAttempt:
    """A sign-in that begins."""
    state = (_AGAIN if again else "") + generate_token(_STATE)
    return SignInAttempt(state, generate_token(_STATE), generate_token(_STATE), back, now)


def may_start_again(state: str) -> bool:
    """Whether somebody who came back with this state, which this browser does not know, may be sent there once more."""
    return not state.startswith(_AGAIN)


def cookie_word(state: str) -> str:
    """The name of the cookie of a sign-in."""
    plain = "".join(letter for letter in state.removeprefix(_AGAIN)[:_NAMED] if letter.isascii() and letter.isalnum())
    return f"{_COOKIE}{plain}"


def given_up(place: CookiePlace, cookies: Iterable[str]) -> list[str]:
    """The cookies of sign-ins to forget when another begins: of those that a browser sends, the oldest come first.

    Whoever begins and ends none would have a request whose head is too large to be taken.
    """
    beginning = place.name(_COOKIE)
    open_ones = [_COOKIE + each.removeprefix(beginning) for each in cookies if each.startswith(beginning)]
    return open_ones[: -(MOST_ATTEMPTS - 1)]


def sealed_attempt(attempt: SignInAttempt, keyring: Keyring) -> str:
    """The attempt as the value of its cookie."""
    sealed = keyring.seal(msgspec.json.encode(attempt), _identity(attempt.state))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def attempt_in(cookie: str, state: str, keyring: Keyring, now: float) -> SignInAttempt | None:
    """The attempt that this browser began with this state; None where it did not, or too long ago."""
    try:
        sealed = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        attempt = msgspec.json.decode(keyring.open(sealed, _identity(state)), type=SignInAttempt)
    except (KeyMissing, msgspec.MsgspecError, binascii.Error, ValueError):
        return None
    return attempt if 0 <= now - attempt.at < ATTEMPT_SECONDS else None


async def address_to(provider: Provider, config: OidcSignIn, attempt: SignInAttempt, url: str) -> str:
    """Where the browser goes to sign in. `url` is the console's own. Raises ProviderAway."""
    said = await provider.metadata(issuer_of(config))
    asked = {"state": attempt.state, "nonce": attempt.nonce, "code_verifier": attempt.verifier}
    return provider.authorization(config, said, redirect_uri=url + CALLBACK, **asked)


async def signed_in_by(
    provider: Provider, config: OidcSignIn, secret: str, attempt: SignInAttempt, code: str, url: str, now: float
) -> ConsoleIdentity:
    """Who has signed in. Raises ProviderAway, ProviderRefused and TokenRefused."""
    said = await provider.metadata(issuer_of(config))
    brought = {"code": code, "code_verifier": attempt.verifier, "redirect_uri": url + CALLBACK}
    tokens = await provider.exchanged(config, secret, said, **brought)
    claims = await _claims(provider, config, said, str(tokens.get("id_token", "")), attempt.nonce, now)
    if not groups_in(claims, config):
        claims = await _completed(provider, said, claims, str(tokens.get("access_token", "")))
    name, groups = name_in(claims, config), groups_in(claims, config)
    return ConsoleIdentity(name, "oidc", issuer_of(config), groups, form_token=new_token())


async def logout_address(provider: Provider, config: OidcSignIn) -> str:
    """Where the provider has people sign out; empty where it names no such page. Raises ProviderAway."""
    said = await provider.metadata(issuer_of(config))
    address = said.get("end_session_endpoint")
    return str(address) if isinstance(address, str) and address.startswith(("https://", "http://")) else ""


def url_of(mappings: Mappings) -> str:
    """The console's own address; empty where mappings.yaml has none."""
    return address_of(mappings.console.url) if mappings.console else ""


async def _claims(
    provider: Provider, config: OidcSignIn, said: Mapping[str, Any], token: str, nonce: str, now: float
) -> dict[str, Any]:
    algorithms = tuple(str(each) for each in config.algorithms)
    expected = ExpectedToken(str(said["issuer"]), config.client_id, algorithms, nonce)

    async def keys(*, anew: bool = False) -> tuple[Key, ...]:
        return await provider.keys(str(said["jwks_uri"]), anew=anew)

    try:
        return claims_of(token, await keys(), expected, now)
    except KeyUnknown:
        return claims_of(token, await keys(anew=True), expected, now)


async def _completed(
    provider: Provider, said: Mapping[str, Any], claims: dict[str, Any], access_token: str
) -> dict[str, Any]:
    """The claims with those that the provider tells only when it is asked, if they are of the same person."""
    more = await provider.person(said, access_token)
    if more and more.get("sub") != claims.get("sub"):
        raise TokenRefused("other_person")
    return {**more, **claims}


def _identity(state: str) -> str:
    return f"console sign-in {state}"
