"""The feed's first page for people: how many incidents there are, and which, without what they say of anybody."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.incident_feed.world import IncidentWorld
from sandbox.pages.html import Layout, table, text

_LAYOUT = Layout("Feed of incidents")
_SHOWN = 200


class FeedOverview:
    """The page over one feed's world."""

    def __init__(self, world: IncidentWorld) -> None:
        self._world = world

    async def show(self, _request: Request) -> Response:
        """The newest incidents of each district."""
        body = "<p>The feed itself is at /public/v1/incidents.xml, for whoever has its token.</p>"
        for district in self._world.accounts:
            kept = self._world.incidents(district)
            newest = sorted(kept, key=lambda each: each.modified_at, reverse=True)[:_SHOWN]
            rows = (
                (text(each.uuid), text(each.type), text(each.happened_on), text(each.modified_at)) for each in newest
            )
            caption = f"{district}: {len(kept)} incidents, the {len(newest)} that changed last"
            body += table(caption, ("Incident", "Type", "Day", "Changed"), rows)
        return _LAYOUT.page("Incidents", body)
