"""Nothing is shown to somebody who has not signed in, but what is named here."""

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from console.answers import NotSignedIn


class Gate:
    """Middleware: raises NotSignedIn for a request without a person, whether or not there is what it asks for.

    `open_routes` are the routes for everybody: probes, scripts and styles, and the pages of the sign-in. The sign-in
    stands before this, and puts the person into `request.state.person`.
    """

    def __init__(self, app: ASGIApp, open_routes: list[BaseRoute]) -> None:
        self._app = app
        self._open_routes = open_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI."""
        if scope["type"] == "http" and not (_is_somebodys(scope) or self._is_open(scope)):
            raise NotSignedIn("Sign in to see this page.")
        await self._app(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._open_routes)


def _is_somebodys(scope: Scope) -> bool:
    return scope.get("state", {}).get("person") is not None
