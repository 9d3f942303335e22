"""*Now*: what needs a person, the worst first, each with the one thing to do."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.context import ConsoleContext, context_of, person_of
from console.rendering import path_of, render
from remediation.read_model.activity.today import responses_today
from remediation.read_model.cases.words import WAITING
from remediation.read_model.status.codes import TroubleCode
from remediation.read_model.status.needs import Need, PresentState, present_state
from remediation.read_model.status.overview import ServiceStatus, installed_file, service_status
from remediation.sharing import SharedReading
from remediation.sources.connections import installed_version
from remediation.store.budgets.learned import BudgetFigures
from remediation.store.cases.waiting import longest_waiting

TITLE = "Now"

READ_SECONDS = 2.0
"""Seconds for which one reading of the status serves all who look."""

MOST_NEEDS = 20
"""Things that are shown, the worst."""

MOST_BUDGETS = 8
"""Budgets that are shown, those of which least is left."""

_ASKER = "this console"


@dataclass(frozen=True, slots=True)
class NeedPage:
    """The page on which something can be done: the name of its route, what the link to it says, and its filter.

    Where it `narrows`, its list is that of the account or district that needs somebody.
    """

    route: str
    label: str
    filters: Mapping[str, str] = field(default_factory=dict)
    narrows: str = ""

    def query(self, need: Need) -> str:
        """The query of its address."""
        words = {"account": need.about, "district": need.district}
        word = words.get(self.narrows, "")
        return urlencode(dict(self.filters) | ({self.narrows: word} if word else {}))


_DELIVERIES = NeedPage("deliveries", "See the deliveries")
_FEEDS = NeedPage("incidents", "See the feeds")
_RULES = NeedPage("rules", "See the rules")
_SYSTEMS = NeedPage("systems", "See the systems")

_PAGES: Mapping[TroubleCode, NeedPage] = {
    TroubleCode.PARKED: NeedPage("parked", "See what is parked, and decide", narrows="district"),
    TroubleCode.QUARANTINED: NeedPage("parked", "See them, and decide", {"kind": "quarantined"}, "district"),
    TroubleCode.CASES_WAITING: NeedPage("cases", "See the cases", {"state": "put_off"}),
    TroubleCode.DELIVERIES_UNREAD: NeedPage("deliveries", "See the deliveries", {"state": "received"}),
    TroubleCode.DELIVERIES_SILENT: _DELIVERIES,
    TroubleCode.DELIVERIES_REFUSED: NeedPage("refused_deliveries", "See what was refused", narrows="account"),
    TroubleCode.FEED_UNREAD: _FEEDS,
    TroubleCode.FEED_UNSWEPT: _FEEDS,
    TroubleCode.MAPPINGS_WRONG: _RULES,
    TroubleCode.MAPPINGS_DIFFER: _RULES,
    TroubleCode.TRACKER_UNNAMED: _RULES,
}
"""Where most can be done about each; about all others, where systems are."""


async def now(request: Request) -> Response:
    """The first page."""
    return await _shown(request, "now.html")


async def now_state(request: Request) -> Response:
    """The part of it that is fetched again."""
    return await _shown(request, "parts/now_state.html")


async def _shown(request: Request, template: str) -> Response:
    state = await _state(request)
    needs = [(need, _page_of(request, need)) for need in state.needs[:MOST_NEEDS]]
    more, least = len(state.needs) - len(needs), _least_left(state)
    return render(request, template, state=state, needs=needs, more=more, budgets=least, waiting=WAITING)


async def _state(request: Request) -> PresentState:
    """What the reader may know of the present state. Raises StoreUnavailable."""
    context, districts = context_of(request), person_of(request).granted_districts()
    status, undone = await asyncio.gather(status_of(request)(), longest_waiting(context.connection, districts))
    responses = status.responses
    if districts is not None:
        responses = await responses_today(context.connection, status.at, districts)
    return present_state(status, responses, undone, districts)


def status_of(request: Request) -> SharedReading[ServiceStatus]:
    """The reading that all who look share; made for the first of them."""
    state = request.app.state
    if not hasattr(state, "status_reading"):
        state.status_reading = SharedReading(partial(_read, context_of(request)), READ_SECONDS)
    reading: SharedReading[ServiceStatus] = state.status_reading
    return reading


async def _read(context: ConsoleContext) -> ServiceStatus:
    loaded, at = context.loaded(), context.clock()
    here = installed_file(loaded.mappings, loaded.digest, at)
    return await service_status(context.connection, here, installed_version(), at, _ASKER)


def _page_of(request: Request, need: Need) -> tuple[str, str]:
    """The address of the page where something can be done, and what the link to it says."""
    page = _PAGES.get(need.code, _SYSTEMS)
    query = page.query(need)
    return path_of(request, page.route) + (f"?{query}" if query else ""), page.label


def _least_left(state: PresentState) -> list[BudgetFigures]:
    known = [each for each in state.budgets if each.limit]
    return sorted(known, key=lambda each: (each.left / each.limit, each.system, each.access))[:MOST_BUDGETS]


ROUTES = [Route("/", now, name="now"), Route("/now/state", now_state, name="now state")]
