"""A stand-in for the SchoolScan API over real HTTP: the vendor's endpoints, its webhooks, and controls for both."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette

from sandbox.pages import schoolscan as pages
from sandbox.schoolscan import api as schoolscan_api
from sandbox.schoolscan import controls as schoolscan_controls
from sandbox.schoolscan.stage import Behaviour, Stage
from sandbox.schoolscan.values import Account
from sandbox.schoolscan.webhooks import Courier, Endpoint
from sandbox.schoolscan.world import World

SEND_TIMEOUT_SECONDS = 5


def account(district: str, token: str, *domains: str) -> Account:
    """A district with one token that may do everything; without domains it has `<district>.example`."""
    return Account(district, {token: "admin"}, domains or (f"{district}.example",))


def create_app(
    world: World, *, behaviour: Behaviour | None = None, webhooks: Mapping[str, Endpoint] | None = None
) -> Starlette:
    """The stand-in for this world. `webhooks` are endpoints by district; they can also be set while it runs."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(
            timeout=SEND_TIMEOUT_SECONDS, trust_env=False, headers={"User-Agent": "SchoolScan-Webhooks/1"}
        ) as client:
            courier = Courier(client, world.clock)
            courier.endpoints.update(webhooks or {})
            stage = Stage(world, behaviour or Behaviour(), courier)
            app.state.stage = stage
            yield
            await stage.close()

    return Starlette(
        routes=[schoolscan_api.routes(), schoolscan_controls.routes(), *pages.routes()],
        exception_handlers={404: schoolscan_api.not_found},
        lifespan=lifespan,
    )
