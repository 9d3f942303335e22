"""*Now*: what needs a person, the worst first."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.rendering import render

TITLE = "Now"


async def now(request: Request) -> Response:
    """The first page."""
    return render(request, "now.html")


ROUTES = [Route("/", now, name="now")]
