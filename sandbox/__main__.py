"""`python -m sandbox`: SchoolScan, ServiceNow and Jira for a laptop, until SIGTERM or Ctrl-C.

Prints one line of JSON, the addresses by name, when all of them listen.
"""

import argparse
import asyncio
import json
import signal

from sandbox.jira.stand_in import jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.servicenow.stand_in import servicenow_app
from sandbox.wire.server import run_servers

NAMES = ("schoolscan", "servicenow", "jira")


async def _run(ports: dict[str, int], search_lag: float) -> None:
    world = World([account(DISTRICT, ENVIRONMENT["SCHOOLSCAN_TOKEN"])])
    apps = {
        "schoolscan": create_app(world),
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
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--jira-search-lag", type=float, default=1.0, help="seconds that Jira's search lags behind")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    wanted = {name: getattr(arguments, f"{name}_port") for name in NAMES}
    asyncio.run(_run(wanted, arguments.jira_search_lag))
