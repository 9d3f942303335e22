"""A feed of incidents as the rounds of a worker read it: page after page of a walk, and no page twice that is known."""

import json
from dataclasses import dataclass

from remediation.domain.errors import Refused
from remediation.domain.incidents import IncidentFlaw
from remediation.domain.walks import FeedWalk, Timetable
from remediation.ports import IncidentPage
from remediation.sources.incident_feed.answers import system_of
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.pages import PAGE_SIZE, FeedPage, Validators, Window, checked


@dataclass(frozen=True, slots=True)
class PolledFeed:
    """A feed of one district, by the name `district/feed`. Fulfils remediation.ports.WalkedFeed."""

    name: str
    client: IncidentFeedClient
    timetable: Timetable

    @property
    def district(self) -> str:
        """Whose incidents it shows."""
        return self.name.partition("/")[0]

    @property
    def account(self) -> str:
        """Tells whose incidents it shows, and from where."""
        return self.client.account

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        """Returns the walk's next page; without incidents where it still has this version.

        Raises TryLater or Refused; TryLater, too, where not all of the page came, unless it is taken `in_part` and the
        answer has come to its end.
        """
        known = _known(version, walk, self.account)
        page = await self.client.page(walk.page, Window(walk.since, walk.until), known=known[0] if known else None)
        if page is None and known is not None:
            return IncidentPage((), known[1], version=version)
        if page is None:
            raise Refused(system_of(self.name), "the feed says that a page is known which was never read")
        if page.trouble is not None and not (in_part and page.has_ended):
            raise page.trouble
        pages = _pages(page)
        version = _version(page.validators, walk, pages, self.account)
        return IncidentPage(page.incidents, pages, page.unreadable, version, page.trouble)


def _pages(page: FeedPage) -> int:
    """How many pages there are. Where a page does not say, a full one is followed by another."""
    if page.total_pages is not None:
        return page.total_pages
    came = len(page.incidents) + page.unreadable.get(IncidentFlaw.UUID, 0)
    return page.number + 1 if came >= PAGE_SIZE else page.number


def _version(validators: Validators, walk: FeedWalk, pages: int, account: str) -> str:
    """What tells whether the page is still the same: its validators, of which window and account; empty for none."""
    if validators == Validators():
        return ""
    window = [walk.since.isoformat(), walk.until.isoformat()]
    return json.dumps([*window, account, pages, validators.etag, validators.last_modified])


def _known(version: str, walk: FeedWalk, account: str) -> tuple[Validators, int] | None:
    """The validators of a page that was read before, in the same window of the same account, and its number of pages.

    An earlier version did not say of which account they were: they count as none.
    """
    try:
        *window, known_account, pages, etag, last_modified = json.loads(version or "[]")
    except ValueError:
        return None
    asked = [walk.since.isoformat(), walk.until.isoformat()]
    is_same = window == asked and known_account == account and type(pages) is int
    return (checked(etag, last_modified), pages) if is_same else None
