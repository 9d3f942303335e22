"""Asks whether a feed of incidents is as mappings.yaml says. Sends only GET, and asks for one day."""

from collections.abc import Callable
from datetime import date

from remediation.domain.errors import OutsideError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, right, signed_out
from remediation.mapping.reading.positions import Steps
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.pages import Window


class FeedInspector:
    """The `Inspector` of one feed of a district. `today` returns the day where the feed's schools are."""

    def __init__(self, district: str, name: str, feed: IncidentFeedClient, today: Callable[[], date]) -> None:
        self._where: Steps = ("districts", district, "incidents", name)
        self._feed = feed
        self._today = today

    async def check(self) -> str:
        """Returns what the token can do, in words. Raises TryLater or Refused."""
        today = self._today()
        page = await self._feed.page(1, Window(today, today))
        if page is not None and page.trouble is not None:
            raise page.trouble
        return "reads incidents"

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:  # noqa: ARG002 - the file asks nothing more of a feed
        """Returns whether the token reads incidents."""
        token = (*self._where, "token")
        try:
            return (right(token, await self.check()),)
        except OutsideError as error:
            return (signed_out((*self._where, "url"), token, error),)

    async def close(self) -> None:
        """Does nothing: no connection is held open."""
