"""All stand-ins in one process: SchoolScan, the incident feed, ServiceNow and Jira, until SIGTERM or Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.jira.stand_in import jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN, account_of, sites_of
from sandbox.servicenow.stand_in import servicenow_app
from sandbox.wire.server import run_servers

NAMES = ("schoolscan", "incident_feed", "servicenow", "jira")


@dataclass(frozen=True, slots=True)
class SandboxOrder:
    """What is to run. A port that is missing or 0 is any free one.

    `districts` have an account at SchoolScan; `incidents` is how many the feed shows of this school year; Jira's search
    lags behind by `search_lag` seconds.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    search_lag: float = 1.0
    incidents: int = 0
    districts: Sequence[str] = (DISTRICT,)


def run_sandbox(order: SandboxOrder, announce: Callable[[Mapping[str, str]], None]) -> None:
    """Run them; `announce` is given their addresses by name when all of them listen. Raises PortTaken."""
    asyncio.run(_run(order, announce))


async def _run(order: SandboxOrder, announce: Callable[[Mapping[str, str]], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with run_servers(_apps(order), order.ports) as addresses:
        announce(addresses)
        await stopped.wait()


def _apps(order: SandboxOrder) -> dict[str, ASGIApp]:
    world = World([account(each, account_of(each)[1], *sites_of(each)) for each in order.districts])
    incident_world = IncidentWorld([FeedAccount(DISTRICT, (INCIDENT_FEED_TOKEN,))])
    incident_world.fill(DISTRICT, order.incidents)
    return {
        "schoolscan": create_app(world),
        "incident_feed": incident_feed_app(incident_world),
        "servicenow": servicenow_app(),
        "jira": jira_app(search_lag=order.search_lag),
    }
