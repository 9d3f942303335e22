"""The console as a value: every page and every middleware on one screen."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route

from console import assets, health, live
from console.context import ConsoleContext
from console.ending import ConsoleEnding
from console.failures import answer_to
from console.http.bodies import BoundedBodies
from console.http.gate import Gate
from console.http.headers import SecurityHeaders
from console.http.observing import Observed
from console.http.prefix import Prefix
from console.navigation import Section
from console.pages import (
    audit,
    cases,
    charts,
    deliveries,
    incidents,
    now,
    parked,
    plan,
    rules,
    scans,
    selections,
    systems,
)
from console.people import session_page, signing_in
from console.people.guard import PageGuard
from console.people.identities import Identities
from console.people.provider import Provider
from console.rendering import RouteNames
from console.tasks.acting import stores_of
from console.tasks.running import TaskRunner
from remediation.domain.errors import ConfigurationError, Problem
from remediation.readiness import STOPPING, Readiness
from remediation.store.cases.lists import CaseLists
from remediation.store.console.pulse import read_pulse

PAGES = (
    now,
    cases,
    parked,
    deliveries,
    scans,
    incidents,
    plan,
    rules,
    systems,
    selections,
    charts,
    audit,
    session_page,
)
"""The modules with the pages. The order is that of the navigation, in which those with a TITLE are."""

COMPRESSION = 5
"""The level of gzip for pages: the highest saves a few bytes more, and takes three times as long."""

Ready = Callable[[], Awaitable[Readiness]]
"""Asks whether pages can be shown."""


Application = Starlette
"""The type that `create_app` returns, for the code that serves it."""


async def _always_ready() -> Readiness:
    return Readiness()


def create_app(
    context: ConsoleContext, ending: ConsoleEnding | None = None, readiness: Ready = _always_ready, *, prefix: str = ""
) -> Starlette:
    """The application that people's browsers call. Whatever the context holds open is closed by the caller.

    `ending` is the end of the process, `readiness` whether pages can be shown before that. `prefix` ("/remedy") is what
    a proxy puts before all addresses. Raises ConfigurationError where a page's own address begins with it.
    """
    open_routes: list[BaseRoute] = [*health.ROUTES, *assets.ROUTES, *signing_in.OPEN_ROUTES]
    provider = Provider(context.clock, context.reach)
    pages = [*live.ROUTES, *signing_in.ROUTES, *(route for page in PAGES for route in page.ROUTES)]
    ending = ending or ConsoleEnding()
    _must_differ(prefix, [*open_routes, *pages])
    app = Starlette(
        routes=[*open_routes, *pages],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Prefix, prefix),
            Middleware(GZipMiddleware, compresslevel=COMPRESSION),
            Middleware(Observed, answer_to),
            Middleware(BoundedBodies),
            Middleware(PageGuard, context, Identities(context, provider), open_routes),
            Middleware(Gate, open_routes),
        ],
        exception_handlers={HTTPException: answer_to},
    )
    app.router.redirect_slashes = False  # it would lead to whatever host and scheme the request names
    app.state.context = context
    app.state.routes = RouteNames(app.routes)
    app.state.case_lists = CaseLists(context.connection)
    app.state.provider = provider
    app.state.tasks = TaskRunner(stores_of(context))
    app.state.sections = [Section.of(title, page.ROUTES) for page in PAGES if (title := getattr(page, "TITLE", ""))]
    app.state.readiness = _asked_until(ending, readiness)
    app.state.news = live.LiveNews(partial(read_pulse, context.connection), ending)
    return app


def readiness_of(app: Starlette) -> Ready:
    """The readiness check of an application that `create_app` made."""
    ready: Ready = app.state.readiness
    return ready


async def end_tasks(app: Starlette) -> None:
    """End what the application does beside its pages, between two things. For the end of the process."""
    tasks: TaskRunner = app.state.tasks
    await tasks.close()


def _asked_until(ending: ConsoleEnding, readiness: Ready) -> Ready:
    async def asked() -> Readiness:
        return Readiness([STOPPING]) if ending.is_begun else await readiness()

    return asked


def _must_differ(prefix: str, routes: list[BaseRoute]) -> None:
    """With a prefix that is a page's own address nobody could tell which of the two is meant."""
    taken = set(_first_parts(routes))
    if prefix and prefix.split("/")[1] in taken:
        raise ConfigurationError([Problem("ROOT_PATH", "begins like a page's own address: choose another one")])


def _first_parts(routes: list[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Route):
            yield route.path.split("/")[1]
