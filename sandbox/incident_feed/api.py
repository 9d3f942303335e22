"""The feed's one endpoint, `GET /public/v1/incidents.xml`: what it asks of a request, and what it answers.

What the vendor's page does not say, and what is assumed here: a parameter that cannot be read is answered with 400; one
of `from` and `to` without the other is as none; beyond the last page there is an empty page; an empty feed has 0 pages;
the list is ordered by day. Other parameters are ignored, and so is any `deleted` but 1.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from math import ceil

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from sandbox.incident_feed.behaviour import FeedBehaviour, Orders
from sandbox.incident_feed.fakes import TYPES
from sandbox.incident_feed.pages import MEDIA_TYPE, page_bytes
from sandbox.incident_feed.school_year import Window
from sandbox.incident_feed.spelling import Spelling
from sandbox.incident_feed.values import KeptIncident
from sandbox.incident_feed.world import FeedAccount, IncidentFilter, IncidentWorld

PATH = "/public/v1/incidents.xml"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is to be written."""

    members: tuple[KeptIncident, ...]
    count: int
    number: int
    total_pages: int
    spelling: Spelling

    @property
    def etag(self) -> str:
        """The same for pages that are written with the same bytes."""
        return f'"{hashlib.sha256(repr(self).encode()).hexdigest()[:32]}"'

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes. Others who are on the event loop get a turn before each piece."""
        for piece in page_bytes(
            self.members,
            count=self.count,
            page=self.number,
            total_pages=self.total_pages,
            spelling=self.spelling,
        ):
            await asyncio.sleep(0)
            yield piece


class Feed:
    """The endpoint over a world."""

    def __init__(self, world: IncidentWorld, behaviour: FeedBehaviour) -> None:
        self.world = world
        self.orders = Orders(behaviour)

    async def incidents(self, request: Request) -> Response:
        """Answer a request. 401 without a token that is known, 400 for parameters that cannot be read."""
        account = self.world.account_of(_token(request.headers))
        if account is None:
            return PlainTextResponse("Unauthorized", 401, {"WWW-Authenticate": "Bearer"})
        try:
            number, selection = self._asked(account, request.query_params)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        touched_at = self.world.touched_at[account.district]
        found = self.world.selected(account.district, selection)
        ordered = found[::-1] if self.orders.behaviour.newest_first else found
        page = self._page(ordered, number)
        self._move(account, ordered, number)
        return self._answer(page, touched_at, request.headers)

    def _asked(self, account: FeedAccount, params: Mapping[str, str]) -> tuple[int, IncidentFilter]:
        """The page and the incidents that a request asks for. Raises ValueError."""
        page, kind = params.get("page", "1"), params.get("type")
        if not re.fullmatch("[1-9][0-9]*", page):
            raise ValueError("Pages are counted from 1.")
        known = next((each for each in TYPES if each == kind), None)
        if kind is not None and known is None:
            raise ValueError("No such type.")
        window, filtered_by = self._window(account, params), self.orders.behaviour.filtered_by
        return int(page), IncidentFilter(window, known, params.get("deleted") == "1", filtered_by)

    def _window(self, account: FeedAccount, params: Mapping[str, str]) -> Window:
        if {"from", "to"} <= params.keys():
            return Window(_day(params["from"]), _day(params["to"]))
        today = self.world.now().date()
        if self.orders.behaviour.default_window == "term":
            return account.calendar.term_of(today)
        return account.calendar.year_of(today)

    def _page(self, found: Sequence[KeptIncident], number: int) -> Page:
        size = self.orders.behaviour.page_size
        members = tuple(found[(number - 1) * size : number * size])
        count = len(found) if self.orders.behaviour.counted == "all" else len(members)
        return Page(members, count, number, ceil(len(found) / size), self.orders.spelling_of(number))

    def _move(self, account: FeedAccount, found: Sequence[KeptIncident], number: int) -> None:
        for move in self.orders.moves_after(number):
            self.world.add(account.district, move.add)
            for incident in found[: move.withhold]:
                self.world.withhold(incident.uuid)

    def _answer(self, page: Page, touched_at: datetime, asked: Headers) -> Response:
        headers = {}
        if self.orders.behaviour.etags:
            headers["ETag"] = page.etag
        if self.orders.behaviour.last_modified:
            headers["Last-Modified"] = format_datetime(touched_at.astimezone(UTC), usegmt=True)
        if _is_known(headers, asked):
            return Response(status_code=304, headers=headers)
        return StreamingResponse(page.pieces(), headers=headers, media_type=f"{MEDIA_TYPE}; charset=utf-8")


def _token(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _day(text: str) -> date:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("Days are written as YYYY-MM-DD.")
    return date.fromisoformat(text)


def _is_known(now: Mapping[str, str], asked: Headers) -> bool:
    """Whether who asks has the page already. A tag is stronger than a time (RFC 9110, 13.1.3)."""
    if "ETag" in now and "if-none-match" in asked:
        return now["ETag"] in re.findall('"[^"]*"', asked["if-none-match"])
    if "Last-Modified" not in now or "if-modified-since" not in asked:
        return False
    try:
        return parsedate_to_datetime(asked["if-modified-since"]) >= parsedate_to_datetime(now["Last-Modified"])
    except (ValueError, TypeError):
        return False
