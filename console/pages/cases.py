"""*Cases*: which cases there are, by page and by filter, and the one that somebody looks for."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.cases import choosing
from console.cases.filters import choice_of, command_of, fields_of
from console.context import context_of, lists_of, person_of
from console.exporting import MOST_ROWS, ListExport, Row, exported
from console.pages import case
from console.rendering import path_of, render
from console.tasks.acting import may_anywhere
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.cases.pages import NOT_COMPLETE, ROW_COLUMNS, case_page, next_words, shown_row, states_words
from remediation.read_model.cases.sides import ticket_page
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor
from remediation.store.cases.todo import Todo
from remediation.store.console.selections import SelectedAct

TITLE = "Cases"
ROWS = 50
MOST_COUNTED = 10_000
"""Up to so many cases are counted; of more it is only said that there are more."""

_AT_ONCE = 500
_LONGEST_NAME = 300


async def cases(request: Request) -> Response:
    """The cases that fit, newest change first."""
    asked, lists = choice_of(request, person_of(request).granted_districts()), lists_of(request)
    after = asked.address.place(ListCursor.parse)
    page, count, fields = await asyncio.gather(
        case_page(lists, asked.wanted, ROWS, after),
        lists.count(asked.wanted, MOST_COUNTED),
        fields_of(request, asked),
    )
    return render(
        request,
        "cases.html",
        rows=[(each, states_words(each.listed.states), next_words(each.listed.states)) for each in page.cases],
        count=count_text(count),
        note="" if page.is_complete else NOT_COMPLETE,
        fields=fields,
        command=command_of(asked),
        ticket_page=ticket_page,
        may_retry=may_anywhere(person_of(request), SelectedAct.RETRY),
        retry=asked.address.of_route("retry_cases"),
        is_filtered=bool(asked.address.filters),
        next=asked.address.of_route("cases", page.cursor) if page.cursor else "",
        first=asked.address.of_route("cases") if after else "",
        exports={form: asked.address.of_route("cases_file", form=form) for form in ("csv", "json")},
    )


def count_text(count: int) -> str:
    """How many cases there are, in words: more than MOST_COUNTED are not told apart."""
    if count > MOST_COUNTED:
        return f"{MOST_COUNTED:,}+ cases"
    return f"{count:,} {'case' if count == 1 else 'cases'}"


async def cases_file(request: Request) -> Response:
    """The same list as a file."""
    asked, lists = choice_of(request, person_of(request).granted_districts()), lists_of(request)
    count = await lists.count(asked.wanted, MOST_ROWS)
    what = ListExport("cases", ROW_COLUMNS, asked.address.words(), count if count <= MOST_ROWS else None)
    return await exported(request, what, _rows(lists, asked.wanted), request.path_params["form"])


async def _rows(lists: CaseLists, wanted: CaseFilter) -> AsyncIterator[Row]:
    after: ListCursor | None = None
    while True:
        page = await case_page(lists, wanted, _AT_ONCE, after)
        for each in page.cases:
            yield shown_row(each)
        after = page.cursor
        if after is None:
            return


async def find_case(request: Request) -> Response:
    """To the case that has this name: its reference or mark, its ticket's key, a finding's or incident's id."""
    name, context = request.query_params.get("name", "").strip(), context_of(request)
    if not name:
        return RedirectResponse(path_of(request, "cases"), HTTPStatus.SEE_OTHER)
    if len(name) > _LONGEST_NAME:
        return _not_found(request, "", "the name is too long")
    districts = person_of(request).granted_districts()
    found = await case_named(name, lambda: context.loaded().mappings, context.connection, districts)
    if isinstance(found, UnclearName):
        return _not_found(request, name, found.says)
    if not await Todo(context.connection).is_known(found.ref):
        return _not_found(request, name, f"no case is known that has the name {name}")
    return RedirectResponse(path_of(request, "case", ref=found.ref), HTTPStatus.SEE_OTHER)


def _not_found(request: Request, asked: str, says: str) -> Response:
    return render(request, "cases_find.html", status=HTTPStatus.NOT_FOUND, asked=asked, says=says)


ROUTES = [
    Route("/cases", cases, name="cases"),
    Route("/cases/find", find_case, name="find_case"),
    Route("/cases.{form}", cases_file, name="cases_file"),
    *case.ROUTES,
    *choosing.ROUTES,
]
