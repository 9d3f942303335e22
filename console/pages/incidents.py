"""*Incidents*: how far each feed was read, and the incidents that it showed, without what happened in them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import NotShown
from console.context import context_of, person_of
from console.exporting import ListExport, Row, exported
from console.people.roles import ConsoleRole
from console.questions.asked import ListAddress
from console.rendering import render
from remediation.domain.status import Status
from remediation.read_model.incidents import (
    LEFT_OUT,
    PUBLIC_COLUMNS,
    STATUSES,
    IncidentCursor,
    IncidentFilter,
    incident_page,
    incident_row,
    timetables_of,
)
from remediation.read_model.status.lines import feed_line
from remediation.read_model.status.overview import feed_statuses
from remediation.store.audit.entries import AuditAct
from remediation.store.incidents.records import IncidentRecords

TITLE = "Incidents"
ROWS = 50
STEPS = 5
"""Steps through the rows of a feed for one page: where few fit, a page may be empty although others follow."""

_AT_ONCE = 250


async def feeds(request: Request) -> Response:
    """Every feed of the districts that the person may read."""
    context, person = context_of(request), person_of(request)
    seen = [
        each
        for each in await feed_statuses(context.connection)
        if person.may(ConsoleRole.VIEWER, each.figures.name.partition("/")[0])
    ]
    known, now = timetables_of(context.loaded().mappings), context.clock()
    rows = [(each, feed_line(each, now), each.figures.name in known) for each in seen]
    return render(request, "incidents.html", rows=rows)


@dataclass(frozen=True, slots=True)
class _FeedChoice:
    """The feed whose incidents are asked for, and which of them."""

    feed: str
    address: ListAddress
    wanted: IncidentFilter
    begins: IncidentCursor | None

    def command(self) -> str:
        """The command that lists the same."""
        return " ".join(filter(None, (f"incidents list --feed {self.feed}", self.address.words())))


def _choice(request: Request) -> _FeedChoice:
    feed, address = request.path_params["feed"], ListAddress(request)
    known = timetables_of(context_of(request).loaded().mappings)
    if feed not in known or not person_of(request).may(ConsoleRole.VIEWER, feed.partition("/")[0]):
        raise NotShown("There is no such feed.")
    status, begins = address.choice("status", map(str, STATUSES)), address.place(IncidentCursor.parse)
    if begins is not None and begins.feed != feed:
        raise NotShown("This page is of another feed.")
    return _FeedChoice(feed, address, IncidentFilter(Status(status) if status else None), begins)


async def incidents(request: Request) -> Response:
    """The incidents of one feed, in no order. They rest sealed: to have them shown leaves a line in the audit."""
    choice, context = _choice(request), context_of(request)
    records = IncidentRecords(context.connection, context.keyring)
    page = await incident_page(
        context.connection, records, (choice.feed,), choice.wanted, ROWS, choice.begins, steps=STEPS
    )
    if page.incidents:
        name, count = person_of(request).name, len(page.incidents)
        await context.audit.note(context.audit.entry(AuditAct.READ, name, choice=choice.command(), count=count))
    address = choice.address
    return render(
        request,
        "incidents_of.html",
        feed=choice.feed,
        rows=[incident_row(each) for each in page.incidents],
        left_out=page.left_out,
        left_out_says=LEFT_OUT,
        statuses=[str(each) for each in STATUSES],
        asked=address.filters,
        next=address.of_route("incidents_of", page.cursor, feed=choice.feed) if page.cursor else "",
        first=address.of_route("incidents_of", feed=choice.feed) if choice.begins else "",
        exports={form: address.of_route("incidents_file", feed=choice.feed, form=form) for form in ("csv", "json")},
    )


async def incidents_file(request: Request) -> Response:
    """The same list as a file."""
    choice, context = _choice(request), context_of(request)
    records = IncidentRecords(context.connection, context.keyring)

    async def rows() -> AsyncIterator[Row]:
        at = choice.begins
        while True:
            page = await incident_page(context.connection, records, (choice.feed,), choice.wanted, _AT_ONCE, at)
            for each in page.incidents:
                yield incident_row(each)
            at = page.cursor
            if at is None:
                return

    what = ListExport("incidents", PUBLIC_COLUMNS, choice.command())
    return await exported(request, what, rows(), request.path_params["form"])


ROUTES = [
    Route("/incidents", feeds, name="incidents"),
    Route("/incidents/of/{feed:path}", incidents, name="incidents_of"),
    Route("/incidents.{form}/{feed:path}", incidents_file, name="incidents_file"),
]
