"""A stand-in for the vendor's feed of incidents over real HTTP: its one endpoint, and controls for what it shows."""

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.incident_feed.api import PATH, Feed
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.controls import FeedControls
from sandbox.incident_feed.world import IncidentWorld
from sandbox.pages.incident_feed import FeedOverview


def incident_feed_app(world: IncidentWorld, behaviour: FeedBehaviour | None = None) -> Starlette:
    """The stand-in for this world. `app.state.feed` has the world and what was ordered."""
    feed = Feed(world, behaviour or FeedBehaviour())
    page = Route("/", FeedOverview(world).show, methods=["GET"])
    app = Starlette(routes=[Route(PATH, feed.incidents, methods=["GET"]), FeedControls(feed).routes(), page])
    app.state.feed = feed
    return app
