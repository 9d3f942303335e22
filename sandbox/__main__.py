"""`python -m sandbox`: SchoolScan, the incident feed, ServiceNow and Jira for a laptop, until SIGTERM or Ctrl-C.

Prints one line of JSON, the addresses by name, when all of them listen.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence

from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.jira.stand_in import jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN, account_of, sites_of
from sandbox.servicenow.stand_in import servicenow_app
from sandbox.wire.server import run_servers

NAMES = ("schoolscan", "incident_feed", "servicenow", "jira")


async def _run(ports: dict[str, int], search_lag: float, incidents: int, districts: Sequence[str]) -> None:
    world = World([account(each, account_of(each)[1], *sites_of(each)) for each in districts])
    incident_world = IncidentWorld([FeedAccount(DISTRICT, (INCIDENT_FEED_TOKEN,))])
    incident_world.fill(DISTRICT, incidents)
    apps = {
        "schoolscan": create_app(world),
        "incident_feed": incident_feed_app(incident_world),
        "servicenow": servicenow_app(),
        "jira": jira_app(search_lag=search_lag),
    }
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with run_servers(apps, ports) as addresses:
        print(json.dumps(addresses), flush=True)  # noqa: T201 - how the sandbox says where it is
        await stopped.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    for name in NAMES:
        parser.add_argument(f"--{name.replace('_', '-')}-port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--jira-search-lag", type=float, default=1.0, help="seconds that Jira's search lags behind")
    parser.add_argument("--incidents", type=int, default=0, help="how many the feed shows of this school year")
    accounts = "a district with an account at SchoolScan; may be said several times  [default: lakeside]"
    parser.add_argument("--district", action="append", dest="districts", help=accounts)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    wanted = {name: getattr(arguments, f"{name}_port") for name in NAMES}
    asyncio.run(_run(wanted, arguments.jira_search_lag, arguments.incidents, arguments.districts or [DISTRICT]))
