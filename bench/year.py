"""A school year of incidents as a feed shows it: pages on the disk, sent to the feed's client without a network."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2

from sandbox.incident_feed.pages import MEDIA_TYPE, PAGE_SIZE, page_bytes
from sandbox.incident_feed.values import KeptIncident
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN
from sandbox.stage.processes import WEAPON

_CHUNK = 64 * 1024
_RECENT = timedelta(days=8)
_PAGES_A_CHANGED_ONE, _CHANGED_OF_IT = 10, 20
"""On one page of ten, twenty incidents change: one of 500."""


class Year:
    """So many incidents, whose pages lie in a folder: all of them, and those of the last days."""

    def __init__(self, folder: Path, incidents: int) -> None:
        self._folder = folder
        self._world = IncidentWorld([FeedAccount(DISTRICT, (INCIDENT_FEED_TOKEN,))])
        self._world.fill(DISTRICT, incidents)
        self._recent_from = datetime.now(UTC).date() - _RECENT
        members = self._world.incidents(DISTRICT)
        self._write("year", members)
        self._write("recent", [each for each in members if each.happened_on >= self._recent_from])
        self.megabytes = sum(path.stat().st_size for path in folder.glob("year.*")) / 1e6

    @property
    def pages(self) -> int:
        """How many pages the whole year has."""
        return len([*self._folder.glob("year.*")])

    @property
    def recent_pages(self) -> int:
        """How many pages the last days have."""
        return len([*self._folder.glob("recent.*")])

    def change(self) -> int:
        """Let some incidents become such with a weapon, and write their pages anew. Returns how many."""
        changed = 0
        for number in range(1, self.pages + 1, _PAGES_A_CHANGED_ONE):
            members = self._members(number)
            for incident in members[:: len(members) // _CHANGED_OF_IT][:_CHANGED_OF_IT]:
                self._world.change(incident.uuid, {"type": "referral", "offenders": [{"weapons": [WEAPON]}]})
                changed += 1
            self._write_page("year", number, self._members(number), self.pages)
        return changed

    def bytes_of(self, number: int, since: date) -> Iterator[bytes]:
        """A page of all that happened since a day."""
        with self._path("recent" if since >= self._recent_from else "year", number).open("rb") as page:
            while chunk := page.read(_CHUNK):
                yield chunk

    def _members(self, number: int) -> Sequence[KeptIncident]:
        return self._world.incidents(DISTRICT)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]

    def _write(self, which: str, members: Sequence[KeptIncident]) -> None:
        pages = [members[start : start + PAGE_SIZE] for start in range(0, len(members), PAGE_SIZE)] or [()]
        for number, page in enumerate(pages, start=1):
            self._write_page(which, number, page, len(pages))

    def _write_page(self, which: str, number: int, members: Sequence[KeptIncident], pages: int) -> None:
        with self._path(which, number).open("wb") as file:
            file.writelines(page_bytes(members, count=len(members), page=number, total_pages=pages))

    def _path(self, which: str, number: int) -> Path:
        return self._folder / f"{which}.{number}.xml"


class YearTransport(httpx2.AsyncBaseTransport):
    """Answers requests for pages of a year, as a server without `ETag` does."""

    def __init__(self, year: Year) -> None:
        self._year = year

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The page that is asked for."""
        asked = request.url.params
        number, since = int(asked["page"]), date.fromisoformat(asked["from"])
        return httpx2.Response(200, headers={"Content-Type": MEDIA_TYPE}, content=self._sent(number, since))

    async def _sent(self, number: int, since: date) -> AsyncIterator[bytes]:
        for chunk in self._year.bytes_of(number, since):
            yield chunk
