"""Where people sign in to the console: what `remedy doctor` asks of the identity provider, or of a proxy's keys."""

import time
from functools import partial

from console.people.provider import Provider, ProviderAway, ProviderDiffers, issuer_of, proxy_keys
from console.people.tokens import TokenRefused
from remediation.mapping.config.console import ConsoleSignIn, OidcSignIn, ProxySignIn
from remediation.mapping.reading.loading import Loaded
from remediation.operations.examining.checks import Check
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble, well
from remediation.read_model.wording import count_words
from remedy.runtime.calls.outbound import outbound

SECONDS = 20.0
"""Seconds for the provider: two requests, each as long as the console waits for it."""

_WHAT = "sign-in to the console"
_NO_ALGORITHM = "The identity provider signs with none of the algorithms that mappings.yaml names"
_NO_KEY = "The file with the proxy's key cannot be read, or has none"


def sign_in_checks(loaded: Loaded) -> list[Check]:
    """The check of how people sign in; none where mappings.yaml names no way."""
    console = loaded.mappings.console
    return [Check(_WHAT, SECONDS, partial(_look, console.sign_in))] if console and console.sign_in else []


async def _look(sign_in: ConsoleSignIn) -> list[Diagnosis]:
    provider = Provider(time.time, outbound().reach())
    try:
        if sign_in.oidc:
            return await _look_at_provider(provider, sign_in.oidc)
        return await _look_at_proxy(provider, sign_in.proxy) if sign_in.proxy else []
    except ProviderDiffers as error:
        return [trouble(Code.PROVIDER_DIFFERS, _WHAT, str(error).rstrip("."))]
    except ProviderAway as error:
        return [trouble(Code.PROVIDER_AWAY, _WHAT, str(error).rstrip("."))]


async def _look_at_provider(provider: Provider, config: OidcSignIn) -> list[Diagnosis]:
    said = await provider.metadata(issuer_of(config))
    keys = await provider.keys(str(said["jwks_uri"]))
    offered = said.get("id_token_signing_alg_values_supported")
    is_strange = isinstance(offered, list) and not {*map(str, config.algorithms)} & {*map(str, offered)}
    flaws = [trouble(Code.PROVIDER_DIFFERS, _WHAT, _NO_ALGORITHM)] if is_strange else []
    return ordinary(_WHAT, f"{issuer_of(config)} answers, and publishes {count_words(len(keys), 'key')}", *flaws)


async def _look_at_proxy(provider: Provider, config: ProxySignIn) -> list[Diagnosis]:
    try:
        keys = await proxy_keys(provider, config)
    except TokenRefused:
        return [trouble(Code.PROVIDER_DIFFERS, _WHAT, _NO_KEY)]
    return [well(_WHAT, f"{count_words(len(keys), 'key')} of the proxy")]
