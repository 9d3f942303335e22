"""*Scans*: how far the findings of each scan are listed, what that found, and how long what waits will take."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.context import context_of, lists_of, person_of
from console.exporting import ListExport, Row, exported
from console.questions.asked import ListAddress
from console.rendering import render
from remediation.read_model.account_work import account_work
from remediation.read_model.backfills import backfill_lines
from remediation.read_model.named_scans import SCAN_COLUMNS, scan_row, scan_state_words, summaries_of
from remediation.store.newest import ListPlace
from remediation.store.scans.named import named_scans

TITLE = "Scans"
ROWS = 50
MOST_ACCOUNTS = 50
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _ScanChoice:
    """What the address asks for: districts of which the person may read, all of them where none is named."""

    address: ListAddress
    known: tuple[str, ...]
    district: str
    begins: ListPlace | None

    @property
    def districts(self) -> tuple[str, ...]:
        return (self.district,) if self.district else self.known


def _choice(request: Request) -> _ScanChoice:
    address = ListAddress(request)
    known = person_of(request).visible(context_of(request).loaded().mappings.districts)
    return _ScanChoice(address, known, address.choice("district", known), address.place(ListPlace.parse))


async def scans(request: Request) -> Response:
    """The newest scans, and above them what is left to do in each account."""
    return await _shown(request, "scans.html")


async def scans_state(request: Request) -> Response:
    """The part of the first page that is fetched again."""
    return await _shown(request, "parts/scans_state.html")


async def _shown(request: Request, template: str) -> Response:
    choice, connection = _choice(request), context_of(request).connection
    page, work = await asyncio.gather(
        named_scans(connection, choice.districts, ROWS, choice.begins),
        account_work(connection, lists_of(request), () if choice.begins else choice.districts),
    )
    return render(
        request,
        template,
        again=choice.address.of_route("scans_state"),
        choice=choice,
        work=[
            (each, backfill_lines(each.district, each.backfill) if each.backfill else ())
            for each in work[:MOST_ACCOUNTS]
        ],
        more_work=max(0, len(work) - MOST_ACCOUNTS),
        rows=[(each, scan_state_words(each)) for each in page.scans],
        summaries=await summaries_of(connection, page.scans),
        next=choice.address.of_route("scans", page.after) if page.after else "",
        first=choice.address.of_route("scans") if choice.begins else "",
        exports={form: choice.address.of_route("scans_file", form=form) for form in ("csv", "json")},
    )


async def scans_file(request: Request) -> Response:
    """The same list as a file."""
    choice, connection = _choice(request), context_of(request).connection

    async def rows() -> AsyncIterator[Row]:
        after = choice.begins
        while True:
            page = await named_scans(connection, choice.districts, _AT_ONCE, after)
            for each in page.scans:
                yield scan_row(each)
            after = page.after
            if after is None:
                return

    what = ListExport("scans", SCAN_COLUMNS, choice.address.words())
    return await exported(request, what, rows(), request.path_params["form"])


ROUTES = [
    Route("/scans", scans, name="scans"),
    Route("/scans/state", scans_state, name="scans_state"),
    Route("/scans.{form}", scans_file, name="scans_file"),
]
