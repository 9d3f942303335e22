"""Who a proxy in front of the console says that somebody is, at each request."""

from starlette.requests import Request

from console.context import ConsoleContext
from console.people.addresses import is_background
from console.people.provider import Provider, ProviderAway, proxy_keys
from console.people.refusals import SignInAway, SignInRefused
from console.people.sessions import Begun, begin, config_of, session_of
from console.people.tokens import ExpectedToken, KeyUnknown, TokenRefused, claims_of, groups_in, name_in
from remediation.mapping.config.console import ProxySignIn
from remediation.store.console.sessions import ConsoleIdentity, new_token


class Identities:
    """Reads the proxy's token of each request."""

    def __init__(self, context: ConsoleContext, provider: Provider) -> None:
        self._context = context
        self._provider = provider

    @property
    def is_behind_proxy(self) -> bool:
        """Whether a proxy says who people are."""
        return self._config is not None

    async def vouched(self, request: Request) -> tuple[ConsoleIdentity, Begun | None] | None:
        """Who asks, and the session that this request began, if it did; None where a script asks without a session.

        A session is of the person whom the token names, or of a link. The groups are those of the token. A page that
        asks by itself begins none: whoever has signed out, or has gone, would be in again. Raises SignInRefused,
        SignInAway and StoreUnavailable.
        """
        session = await session_of(request, self._context)
        before = session.who if session else None
        if before is not None and before.way == "link":
            return before, None
        named = await self.named(request)
        if before is not None and (before.way, before.source, before.name) == ("proxy", named.source, named.name):
            return replace_groups(before, named), None
        if is_background(request.headers):
            return None
        begun = await begin(request, self._context, named)
        if begun is None:
            raise SignInRefused("session", "No session could be begun. Load the page again.")
        return begun.who, begun

    @property
    def _config(self) -> ProxySignIn | None:
        config = config_of(self._context)
        return config.sign_in.proxy if config and config.sign_in else None

    async def named(self, request: Request) -> ConsoleIdentity:
        """Whom the proxy names. Raises SignInRefused and SignInAway."""
        config = self._config
        tokens = request.headers.getlist(config.header) if config else []
        if config is None or len(tokens) != 1:
            raise SignInRefused(
                "no_token", "This console is behind a proxy where people sign in, and it did not say who you are."
            )
        try:
            claims = await self._claims(config, tokens[0])
            name, groups = name_in(claims, config), groups_in(claims, config)
        except ProviderAway as error:
            raise SignInAway(str(error)) from None
        except TokenRefused as error:
            says = f"What the proxy says of you cannot be believed ({error.code})."
            raise SignInRefused(error.code, says) from None
        return ConsoleIdentity(name, "proxy", config.issuer, groups, form_token=new_token())

    async def _claims(self, config: ProxySignIn, token: str) -> dict[str, object]:
        algorithms = tuple(str(each) for each in config.algorithms)
        expected = ExpectedToken(config.issuer, config.audience, algorithms)
        try:
            return claims_of(token, await proxy_keys(self._provider, config), expected, self._context.clock())
        except KeyUnknown:
            keys = await proxy_keys(self._provider, config, anew=True)
            return claims_of(token, keys, expected, self._context.clock())


def replace_groups(who: ConsoleIdentity, named: ConsoleIdentity) -> ConsoleIdentity:
    """A session's person with the groups that the token names now."""
    return ConsoleIdentity(who.name, who.way, who.source, named.groups, form_token=who.form_token)
