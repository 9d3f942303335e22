"""*Deliveries*: what senders have brought, what became of it, and what was refused. Never a body."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import NotShown
from console.context import context_of, person_of
from console.exporting import ListExport, Row, exported
from console.people.roles import Person
from console.questions.asked import ListAddress
from console.rendering import render
from remediation.deliveries.events import SCHOOLSCAN
from remediation.mapping.config.schema import Mappings
from remediation.read_model.delivery_list import (
    ACCEPTED_COLUMNS,
    REFUSED_COLUMNS,
    accepted_row,
    path_of,
    refusal_words,
    refused_row,
)
from remediation.read_model.delivery_views import delivery_view
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.listing import DeliveryFilter, delivery_page, each_delivery
from remediation.store.deliveries.refused import RefusedDeliveries, RefusedLog
from remediation.store.newest import ListPlace

TITLE = "Deliveries"
ROWS = 50
_REFUSED_ROWS = 100


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the address asks for, within what the person may read. `paths` is None for all accounts."""

    address: ListAddress
    account: str
    wanted: DeliveryFilter
    begins: ListPlace | None

    @property
    def paths(self) -> frozenset[str] | None:
        return self.wanted.paths


def _choice(request: Request) -> _Choice:
    address, visible = ListAddress(request), _visible(person_of(request))
    account, state = address.text("account"), address.choice("state", map(str, DeliveryState))
    since, until = address.day("since"), address.day("until", is_last=True)
    paths = visible if not account else frozenset({account}) & (visible if visible is not None else {account})
    wanted = DeliveryFilter(paths, DeliveryState(state) if state else None, since)
    begins = address.place(ListPlace.parse) or (None if until is None else ListPlace.before(until))
    return _Choice(address, account, wanted, begins)


def _visible(person: Person) -> frozenset[str] | None:
    """The accounts whose deliveries the person may read: trackers' are of no district. None for all."""
    granted = person.granted_districts()
    return None if granted is None else frozenset(f"{SCHOOLSCAN.name}/{name}" for name in granted)


def _accounts(mappings: Mappings, person: Person) -> Sequence[str]:
    districts = [f"{SCHOOLSCAN.name}/{name}" for name in person.visible(mappings.districts)]
    trackers = [f"{each.sender.name}/{name}" for name, each in mappings.trackers.items()]
    return sorted((*districts, *trackers) if person.sees_everything() else districts)


async def deliveries(request: Request) -> Response:
    """The newest deliveries of an account, in a state, of a span of time."""
    choice, context = _choice(request), context_of(request)
    page, refused = await asyncio.gather(
        delivery_page(context.connection, choice.wanted, ROWS, choice.begins), _refused(request, choice.paths)
    )
    return render(
        request,
        "deliveries.html",
        rows=page.deliveries,
        has_waiting=page.has_waiting,
        next=choice.address.of_route("deliveries", page.after) if page.after else "",
        first=choice.address.of_route("deliveries") if "after" in request.query_params else "",
        choice=choice,
        states=[str(each) for each in DeliveryState],
        accounts=_accounts(context.loaded().mappings, person_of(request)),
        asked=choice.address.filters,
        refused=sum(each.count for each in refused),
        exports={form: choice.address.of_route("deliveries_file", form=form) for form in ("csv", "json")},
    )


async def deliveries_file(request: Request) -> Response:
    """The same list as a file."""
    choice, context = _choice(request), context_of(request)
    what = ListExport("deliveries", ACCEPTED_COLUMNS, choice.address.words())

    async def rows() -> AsyncIterator[Row]:
        async for each in each_delivery(context.connection, choice.wanted, choice.begins):
            yield accepted_row(each)

    return await exported(request, what, rows(), request.path_params["form"])


async def refused_deliveries(request: Request) -> Response:
    """What was refused, by day, account, answer and reason."""
    address = ListAddress(request)
    rows = await _refused(request, _visible(person_of(request)), address.text("account"))
    begins = address.place(int) or 0
    shown = rows[begins : begins + _REFUSED_ROWS]
    goes_on = begins + _REFUSED_ROWS < len(rows)
    return render(
        request,
        "deliveries_refused.html",
        rows=[(each, path_of(each), refusal_words(each)) for each in shown],
        next=address.of_route("refused_deliveries", begins + _REFUSED_ROWS) if goes_on else "",
        first=address.of_route("refused_deliveries") if begins else "",
        account=address.filters.get("account", ""),
        accounts=_accounts(context_of(request).loaded().mappings, person_of(request)),
        exports={form: address.of_route("refused_deliveries_file", form=form) for form in ("csv", "json")},
    )


async def refused_deliveries_file(request: Request) -> Response:
    """The same list as a file."""
    address = ListAddress(request)
    found = await _refused(request, _visible(person_of(request)), address.text("account"))
    what = ListExport("refused-deliveries", REFUSED_COLUMNS, address.words(), len(found))

    async def rows() -> AsyncIterator[Row]:
        for each in found:
            yield refused_row(each)

    return await exported(request, what, rows(), request.path_params["form"])


async def _refused(request: Request, paths: frozenset[str] | None, account: str = "") -> list[RefusedDeliveries]:
    found = await RefusedLog(context_of(request).connection).listed()
    return [each for each in found if (paths is None or path_of(each) in paths) and account in {"", path_of(each)}]


async def delivery(request: Request) -> Response:
    """One delivery: whose it is, and what became of it."""
    context, visible = context_of(request), _visible(person_of(request))
    view = await delivery_view(context.connection, context.keyring, request.path_params["delivery_id"])
    if view is None or (visible is not None and view.delivery.path not in visible):
        raise NotShown("There is no such delivery, or what was kept of it is over its time.")
    return render(request, "delivery.html", status=HTTPStatus.OK, view=view)


ROUTES = [
    Route("/deliveries", deliveries, name="deliveries"),
    Route("/deliveries.{form}", deliveries_file, name="deliveries_file"),
    Route("/deliveries/refused", refused_deliveries, name="refused_deliveries"),
    Route("/deliveries/refused.{form}", refused_deliveries_file, name="refused_deliveries_file"),
    Route("/deliveries/of/{delivery_id:path}", delivery, name="delivery"),
]
