"""The console as a value: every page and every middleware on one screen."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from console.answers import PageRefused
from console.context import ConsoleContext
from console.pages import now, plan
from console.rendering import render

PAGES = (now, plan)
"""The modules with the pages; the order is that of the navigation."""


def create_app(context: ConsoleContext) -> Starlette:
    """The application that people's browsers call. Whatever the context holds open is closed by the caller."""
    app = Starlette(
        routes=[route for page in PAGES for route in page.ROUTES],
        exception_handlers={PageRefused: _refused},
    )
    app.state.context = context
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """The page that says why there is no other."""
    if not isinstance(error, PageRefused):
        raise error
    return render(request, "refused.html", status=error.status, says=error.says)
