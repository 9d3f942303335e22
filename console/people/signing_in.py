"""The pages on which people sign in and out."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.context import ConsoleContext, context_of, person_of
from console.forms import sent_form, text_in
from console.people.access import grants_of
from console.people.addresses import own_path
from console.people.oidc import (
    ATTEMPT_SECONDS,
    SignInAttempt,
    address_to,
    attempt_in,
    cookie_word,
    given_up,
    logout_address,
    may_start_again,
    new_attempt,
    sealed_attempt,
    signed_in_by,
    url_of,
)
from console.people.provider import Provider, ProviderAway, ProviderRefused
from console.people.refusals import SignInAway, SignInFailed, SignInLimited, SignInRefused
from console.people.sessions import begin, config_of, drop, end, keep, place_of, root_of
from console.people.tokens import TokenRefused
from console.rendering import path_of, render
from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.console import OidcSignIn
from remediation.mapping.reading.secrets import console_secrets
from remediation.settings import environ
from remediation.store.console.attempts import ConsoleAttempts
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSessions

_USED_UP = "This link was used before, or is older than ten minutes. Ask for another one: remedy console link"
_NOT_KNOWN = "This browser did not begin this sign-in, or began it too long ago. Begin again."
_NOT_LET_IN = "The identity provider did not let you in."
_NO_SECRET = (
    "The console cannot read the secret that it has with the identity provider. Its operators can: remedy doctor"  # noqa: S105 - a message  # nosec B105
)
_TOO_MANY = "There were too many attempts to sign in. Wait some minutes, and try again."


async def sign_in(request: Request) -> Response:
    """The page on which people begin, and to which they come when a session has ended, or when they have signed out."""
    context, asked = context_of(request), request.query_params
    config = config_of(context)
    return render(
        request,
        "sign_in.html",
        has_provider=_oidc(context) is not None,
        has_proxy=bool(config and config.sign_in and config.sign_in.proxy),
        back=own_path(asked.get("next", "/")),
        ended="ended" in asked,
        is_out="out" in asked,
        is_bare=request.scope["scheme"] == "http" and place_of(request).secure and not _is_https(context),
        provider_sign_out=await _provider_sign_out(request) if "out" in asked else "",
    )


async def begin_oidc(request: Request) -> Response:
    """Send the browser to the identity provider."""
    back = own_path(request.query_params.get("next", "/"))
    with _leading_to(back):
        return await _sent_to_provider(request, back, again=False)


async def end_oidc(request: Request) -> Response:
    """Somebody comes back from the identity provider."""
    context, asked = context_of(request), request.query_params
    await _count_attempt(request)
    config, state = _oidc_or_refused(context), asked.get("state", "")
    place, word = place_of(request), cookie_word(state)
    attempt = attempt_in(request.cookies.get(place.name(word), ""), state, context.keyring, context.clock())
    if attempt is None:
        if "error" in asked:  # some providers leave out the state where they refuse
            raise SignInRefused("provider", _NOT_LET_IN)
        if not may_start_again(state):
            raise SignInRefused("state", _NOT_KNOWN)
        return await _sent_to_provider(request, "/", again=True)
    with _leading_to(attempt.back):
        who = await _brought(request, config, attempt)
        answer = await _let_in(request, who, attempt.back)
    answer.headers.append("set-cookie", place.header(word, "", 0))
    return answer


async def show_link(request: Request) -> Response:
    """A page with one button. Whoever only looks at the link, as previews do, does not use it up."""
    return render(request, "sign_in_link.html", token=request.query_params.get("token", ""))


async def use_link(request: Request) -> Response:
    """The button was pressed: the link signs in, and is used up.

    Only a wrong one counts as an attempt: where all people share the address of a proxy, strangers must not shut out
    whoever has a link.
    """
    context, token = context_of(request), text_in(await sent_form(request), "link")
    who = await ConsoleSessions(context.connection, context.keyring).of_link(token)
    if who is None:
        await _count_attempt(request)
        raise SignInRefused("link", _USED_UP)
    return await _let_in(request, who, "/", token)


async def sign_out(request: Request) -> Response:
    """The session of this browser ends."""
    await end(request, context_of(request), person_of(request).name)
    answer = RedirectResponse(f"{path_of(request, 'sign in')}?out=1", HTTPStatus.SEE_OTHER)
    drop(request, answer)
    return answer


@contextlib.contextmanager
def _leading_to(back: str) -> Iterator[None]:
    """Whoever is not let in may begin again, and comes to `back`, the page that was asked for."""
    try:
        yield
    except SignInFailed as error:
        error.back = back
        raise


async def _sent_to_provider(request: Request, back: str, *, again: bool) -> Response:
    if not again:
        await _count_attempt(request)
    context = context_of(request)
    config, attempt = _oidc_or_refused(context), new_attempt(back, context.clock(), again=again)
    try:
        address = await address_to(_provider(request), config, attempt, url_of(context.loaded().mappings))
    except ProviderAway as error:
        raise SignInAway(str(error)) from None
    answer, place = RedirectResponse(address, HTTPStatus.SEE_OTHER), place_of(request)
    for word in given_up(place, request.cookies):
        answer.headers.append("set-cookie", place.header(word, "", 0))
    cookie = sealed_attempt(attempt, context.keyring)
    answer.headers.append("set-cookie", place.header(cookie_word(attempt.state), cookie, ATTEMPT_SECONDS))
    return answer


async def _brought(request: Request, config: OidcSignIn, attempt: SignInAttempt) -> ConsoleIdentity:
    """Who the provider says has signed in."""
    context, code = context_of(request), request.query_params.get("code", "")
    if not code:
        raise SignInRefused("provider", _NOT_LET_IN)
    try:
        secret = console_secrets(context.loaded(), environ())["client_secret"]
        url = url_of(context.loaded().mappings)
        return await signed_in_by(_provider(request), config, secret, attempt, code, url, context.clock())
    except ConfigurationError:
        raise SignInAway(_NO_SECRET) from None
    except ProviderAway as error:
        raise SignInAway(str(error)) from None
    except ProviderRefused as error:
        raise SignInRefused(
            "code", f"The identity provider did not confirm the sign-in ({error}). Begin again."
        ) from None
    except TokenRefused as error:
        raise SignInRefused(error.code, f"What the identity provider says cannot be believed ({error.code}).") from None


async def _let_in(request: Request, who: ConsoleIdentity, back: str, link: str = "") -> Response:
    """Begin a session, and go back to where the person came from."""
    context = context_of(request)
    if not grants_of(config_of(context), who):
        says = f"You have signed in as {who.name}, and nothing in mappings.yaml lets you see this console."
        raise SignInRefused("no_access", says, who.name)
    begun = await begin(request, context, who, link)
    if begun is None:
        raise SignInRefused("link", _USED_UP)
    answer = RedirectResponse(root_of(request) + back, HTTPStatus.SEE_OTHER)
    keep(request, answer, begun)
    return answer


async def _count_attempt(request: Request) -> None:
    context = context_of(request)
    attempts = ConsoleAttempts(context.connection, context.keyring)
    if after := await attempts.may_sign_in(_address(request), context.clock()):
        raise SignInLimited("limit", _TOO_MANY, headers={"retry-after": str(int(after) + 1)})


async def _provider_sign_out(request: Request) -> str:
    config = _oidc(context_of(request))
    if config is None:
        return ""
    try:
        address = await logout_address(_provider(request), config)
    except ProviderAway:
        return ""
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'client_id': config.client_id})}" if address else ""


def _oidc(context: ConsoleContext) -> OidcSignIn | None:
    config = config_of(context)
    return config.sign_in.oidc if config and config.sign_in else None


def _oidc_or_refused(context: ConsoleContext) -> OidcSignIn:
    config = _oidc(context)
    if config is None:
        raise SignInRefused("no_provider", "mappings.yaml names no identity provider for this console.")
    return config


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.provider
    return provider


def _is_https(context: ConsoleContext) -> bool:
    return url_of(context.loaded().mappings).startswith("https://")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


OPEN_ROUTES = [
    Route("/sign-in", sign_in, name="sign in"),
    Route("/sign-in/link", show_link, name="sign in with a link"),
    Route("/sign-in/link", use_link, methods=["POST"], name="use a link"),
    Route("/sign-in/oidc", begin_oidc, name="sign in at the provider"),
    Route("/sign-in/oidc/callback", end_oidc, name="back from the provider"),
]
"""For everybody."""

ROUTES = [Route("/sign-out", sign_out, methods=["POST"], name="sign out")]
"""For who has signed in."""
