"""Asks an identity provider, or where a proxy publishes its keys: the only requests that the console makes.

What was learned is kept for an hour. A provider that hangs holds up only who is signing in.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.auth import encode_client_secret_basic
from joserfc.jwk import Key

from console.people.tokens import TokenRefused, key_in_pem, keys_in
from remediation.mapping.config.console import OidcSignIn, ProxySignIn, address_of
from remediation.regular_files import open_regular

KEPT_SECONDS = 3_600.0
_AGAIN_SECONDS = 60.0
"""How often keys are asked for at most, whatever tokens name."""
_LARGEST = 1_000_000
_LARGEST_KEY = 64_000
_TIMEOUT = 8.0
_AWAY = "The identity provider does not answer."
_STRANGE = "The identity provider answers, and not as one must."
_NO_KEYS = "The identity provider publishes no keys with which tokens could be verified."
_METHODS = ("client_secret_basic", "client_secret_post")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
"""What means the same before and after the encoding that RFC 6749 wants in `client_secret_basic`."""


class ProviderAway(Exception):
    """The provider does not answer, or not as it must. The message is for people, and quotes nothing."""


class ProviderDiffers(ProviderAway):
    """The provider answers, and is not as mappings.yaml says: it names another issuer, no addresses, or no keys."""


class ProviderRefused(Exception):
    """The provider does not take what a browser brought back from it."""


class Provider:
    """What is known of issuers and their keys. `reach` are terms of the HTTP client: certificates, a proxy.

    `clock` returns Unix seconds.
    """

    def __init__(self, clock: Callable[[], float], reach: Mapping[str, Any]) -> None:
        self._clock = clock
        self._reach = {"timeout": _TIMEOUT, "trust_env": False, "follow_redirects": False, **reach}
        self._known: dict[str, tuple[float, Any]] = {}

    async def metadata(self, issuer: str) -> Mapping[str, Any]:
        """What the issuer says of itself (OpenID Connect Discovery 1.0). Raises ProviderAway."""
        said = await self._fetched(f"{issuer}/.well-known/openid-configuration", KEPT_SECONDS)
        if not isinstance(said, dict) or str(said.get("issuer", "")).rstrip("/") != issuer:
            raise ProviderDiffers("The identity provider says that it is another one than mappings.yaml names.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(said.get(name), str):
                raise ProviderDiffers("The identity provider does not say where people sign in.")
        return said

    async def keys(self, address: str, *, anew: bool = False) -> tuple[Key, ...]:
        """The keys that are published there. `anew`: a token named one that is not known. Raises ProviderAway."""
        try:
            return keys_in(await self._fetched(address, _AGAIN_SECONDS if anew else KEPT_SECONDS))
        except TokenRefused:
            raise ProviderDiffers(_NO_KEYS) from None

    def authorization(self, config: OidcSignIn, said: Mapping[str, Any], **asked: str) -> str:
        """The address at which somebody signs in. `asked` are redirect_uri, state, nonce and code_verifier."""
        address, _ = self._client(config, "").create_authorization_url(said["authorization_endpoint"], **asked)
        return str(address)

    async def exchanged(
        self, config: OidcSignIn, secret: str, said: Mapping[str, Any], **brought: str
    ) -> Mapping[str, Any]:
        """The tokens for what a browser brought back: code, code_verifier, redirect_uri.

        Raises ProviderRefused and ProviderAway.
        """
        offered = said.get("token_endpoint_auth_methods_supported") or _METHODS[:1]
        method = _method(offered, config.client_id, secret)
        try:
            async with self._client(config, secret, token_endpoint_auth_method=method) as client:
                tokens = await client.fetch_token(said["token_endpoint"], grant_type="authorization_code", **brought)
        except OAuthError as error:
            raise ProviderRefused(_code(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            raise ProviderAway(_AWAY) from None
        return dict(tokens)

    async def person(self, said: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """What the provider says of somebody besides the token; nothing where it has no such page.

        Raises ProviderAway.
        """
        address = said.get("userinfo_endpoint")
        if not isinstance(address, str) or not access_token:
            return {}
        found = await self._asked(address, {"Authorization": f"Bearer {access_token}"})
        return found if isinstance(found, dict) else {}

    def _client(self, config: OidcSignIn, secret: str, **more: Any) -> AsyncOAuth2Client:
        scope = " ".join(config.scopes)
        terms = {"scope": scope, "code_challenge_method": "S256", **self._reach, **more}
        return AsyncOAuth2Client(client_id=config.client_id, client_secret=secret, **terms)

    async def _fetched(self, address: str, kept: float) -> Any:
        at, said = self._known.get(address, (0.0, None))
        if said is None or not 0 <= self._clock() - at < kept:
            said = await self._asked(address, {})
            self._known[address] = (self._clock(), said)
        return said

    async def _asked(self, address: str, headers: Mapping[str, str]) -> Any:
        try:
            async with (
                httpx2.AsyncClient(**self._reach) as client,
                client.stream("GET", address, headers=headers) as said,
            ):
                said.raise_for_status()
                body = b""
                async for part in said.aiter_bytes():
                    body += part
                    if len(body) > _LARGEST:
                        raise ProviderAway("The identity provider's answer is too large.")
            return json.loads(body)
        except httpx2.HTTPStatusError as error:
            raise (ProviderAway(_AWAY) if error.response.is_server_error else ProviderDiffers(_STRANGE)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise ProviderAway(_AWAY) from None
        except ValueError:
            raise ProviderDiffers(_STRANGE) from None


async def proxy_keys(provider: Provider, config: ProxySignIn, *, anew: bool = False) -> tuple[Key, ...]:
    """The keys of a proxy: those that it publishes (see `Provider.keys`), or that of its file.

    Raises ProviderAway, and TokenRefused where the file has none.
    """
    if config.jwks is not None:
        return await provider.keys(str(config.jwks), anew=anew)
    return key_in_pem(_text(config.key)) if config.key else ()


def _text(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read(_LARGEST_KEY).decode()
    except (OSError, ValueError):
        raise TokenRefused("no_keys") from None


def issuer_of(config: OidcSignIn) -> str:
    """The issuer, without a final slash."""
    return address_of(config.issuer)


def _method(offered: Collection[str], client_id: str, secret: str) -> Any:
    """How the client authenticates, as Authlib takes it.

    Providers disagree on whether what a header says is encoded. So what would be two secrets for two of them goes into
    the body where the provider takes that.
    """
    is_plain = _PLAIN.fullmatch(client_id + secret) is not None
    wanted = _METHODS if is_plain else _METHODS[::-1]
    method = next((each for each in wanted if each in offered), _METHODS[0])
    return _basic if method == _METHODS[0] else method


def _basic(client: Any, method: str, uri: str, headers: Any, body: Any) -> Any:
    """`client_secret_basic` as RFC 6749 has it (section 2.3.1): Authlib leaves the encoding out."""
    encoded = SimpleNamespace(client_id=quote_plus(client.client_id), client_secret=quote_plus(client.client_secret))
    return encode_client_secret_basic(encoded, method, uri, headers, body)


def _code(error: OAuthError) -> str:
    code = str(getattr(error, "error", ""))
    return code if code.isidentifier() and len(code) <= _LONGEST_CODE else "error"


_LONGEST_CODE = 40
