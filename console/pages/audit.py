"""*Audit*: what people did and what was decided about cases, newest first, and whether the trail ends as it should."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.context import context_of, person_of
from console.exporting import ListExport, Row, exported
from console.questions.asked import ListAddress
from console.rendering import render
from remediation.read_model.audit import COLUMNS, OF_PEOPLE, AuditFilter, about_words, line_row, who_words
from remediation.read_model.audit_pages import AuditPlace, audit_page, case_of, standing_lines
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.trail import AuditGlance, AuditTrail

TITLE = "Audit"
ROWS = 50
_AT_ONCE = 500
_PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class _AuditChoice:
    """What the address asks for, and the districts about whose cases the person may read; None for all lines."""

    address: ListAddress
    wanted: AuditFilter
    districts: frozenset[str] | None
    begins: AuditPlace | None


def _choice(request: Request) -> _AuditChoice:
    address = ListAddress(request)
    act = address.choice("act", (_PEOPLE, *map(str, AuditAct)))
    wanted = AuditFilter(
        acts=frozenset(map(str, OF_PEOPLE)) if act == _PEOPLE else frozenset({act} - {""}),
        case=address.text("case"),
        by=address.text("by"),
        since=address.day("since"),
        until=address.day("until", is_last=True),
    )
    return _AuditChoice(address, wanted, person_of(request).granted_districts(), address.place(AuditPlace.parse))


async def audit(request: Request) -> Response:
    """The newest lines."""
    choice, context = _choice(request), context_of(request)
    trail, connection = context.audit.trail, context.connection
    page, glance = await asyncio.gather(
        audit_page(connection, trail, choice.wanted, choice.districts, ROWS, choice.begins), _glance(trail, choice)
    )
    return render(
        request,
        "audit.html",
        rows=[(line, *_told(line.entry)) for line in page.lines],
        standing=list(standing_lines(glance, context.clock())) if glance else [],
        is_limited=choice.districts is not None,
        asked=choice.address.filters,
        acts=[str(each) for each in AuditAct],
        next=choice.address.of_route("audit", page.after) if page.after else "",
        first=choice.address.of_route("audit") if choice.begins else "",
        exports={form: choice.address.of_route("audit_file", form=form) for form in ("csv", "json")},
    )


async def _glance(trail: AuditTrail, choice: _AuditChoice) -> AuditGlance | None:
    """How the trail stands, on the first page of whoever may read all of it."""
    return await trail.glance() if choice.districts is None and not choice.begins else None


def _told(entry: AuditEntry) -> tuple[AuditEntry, str, str, str]:
    """An entry, its case, who it was, and what was done."""
    return entry, case_of(entry), who_words(entry), about_words(entry)


async def audit_file(request: Request) -> Response:
    """The same list as a file. Who closed tickets stays sealed."""
    choice, context = _choice(request), context_of(request)

    async def rows() -> AsyncIterator[Row]:
        after = choice.begins
        while True:
            page = await audit_page(
                context.connection, context.audit.trail, choice.wanted, choice.districts, _AT_ONCE, after
            )
            for line in page.lines:
                yield line_row(line)
            after = page.after
            if after is None:
                return

    what = ListExport("audit", tuple(each for each in COLUMNS if each != _PEOPLE), choice.address.words())
    return await exported(request, what, rows(), request.path_params["form"])


ROUTES = [
    Route("/audit", audit, name="audit"),
    Route("/audit.{form}", audit_file, name="audit_file"),
]
