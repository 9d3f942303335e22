"""A page of the feed as a value: what was asked for, what came, and whether it is all of it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from remediation.domain.errors import TryLater
from remediation.domain.incidents import Incident, IncidentFlaw
from remediation.sources.incident_feed.parsing import Stated

PAGE_SIZE = 1_000
"""Incidents of a full page. Source: the vendor's page."""

_HEADER = re.compile(r"[\x20-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class Window:
    """The days whose incidents are asked for, both included. The API takes both or none."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Validators:
    """What an answer was marked with, to be sent with the next request for the same page; None for what it had not."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> Mapping[str, str]:
        """The headers of a request that is to be answered only if the page has changed."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page as it came.

    `incidents` are valid whatever else is wrong. `trouble` says why the page is not whole, and is to be raised when
    they are kept: nothing may be concluded from what did not come, and no cursor may move on. `total_pages` is None
    where the page does not say. `unreadable` counts incidents by what could not be read in them. `validators` are those
    of a whole page. `has_ended`: the answer came to its end, so that it may be no other when it is asked for again.
    """

    number: int
    incidents: tuple[Incident, ...] = field(repr=False)
    total_pages: int | None = None
    unreadable: Mapping[IncidentFlaw, int] = field(default_factory=dict)
    validators: Validators = Validators()
    trouble: TryLater | None = None
    has_ended: bool = True


def validators_of(headers: Mapping[str, str]) -> Validators:
    """The validators of an answer; what no header could carry back is left out."""
    return checked(*(headers.get(name, "").strip() for name in ("ETag", "Last-Modified")))


def checked(etag: object, last_modified: object) -> Validators:
    """These validators, without what no header could carry."""
    return Validators(_sendable(etag), _sendable(last_modified))


def disagreement(stated: Stated, asked: int, came: int, page_size: int = PAGE_SIZE) -> str | None:
    """Why what a page states is not what came; None where it agrees, or states nothing.

    The vendor's page does not say whether `count` is that of the page or that of all pages: either is believed.
    """
    total = stated.total_pages
    if stated.page is not None and stated.page != asked:
        return f"page {asked} was asked for, and the answer is page {stated.page}"
    if stated.count is not None and came != stated.count and came != _share(stated.count, total, asked, page_size):
        return f"the page states {stated.count} incidents, and {came} came"
    if total is not None and came and asked > total:
        return f"page {asked} of {total} is not empty"
    if total is not None and not came and asked < total:
        return f"page {asked} of {total} is empty"
    return None


def _share(count: int, total_pages: int | None, asked: int, page_size: int) -> int | None:
    """How many of all are on this page; None where so many do not make so many pages."""
    if total_pages is not None and total_pages != ceil(count / page_size):
        return None
    return min(max(count - (asked - 1) * page_size, 0), page_size)


def _sendable(text: object) -> str | None:
    return text if isinstance(text, str) and _HEADER.fullmatch(text) else None
