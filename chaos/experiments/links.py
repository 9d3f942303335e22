"""The connection to Redis breaks: before the script, after it, in the middle of its reply; or it is slow, or silent."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.proxy import Fault, Kind, Proxy
from chaos.world import World

_SCRIPT = b"EVALSHA"
_MOST_IN_A_ROW = 3
"""More than a receiver tries by itself, so that senders see some of it."""
_LONGEST = {"delay": 0.4, "stall": 4.0}
_DELIVERIES = 4


@contextlib.contextmanager
def behind_proxies(world: World) -> Iterator[tuple[Proxy, Proxy]]:
    """Two receivers behind one proxy to Redis and two workers behind another, for as long as this is open."""
    near, far = (Proxy(partial(asyncio.open_unix_connection, socket_of(world))) for _ in range(2))
    with near.running(), far.running():
        world.dismiss(world.receivers)
        world.dismiss(world.workers)
        addresses = {"receiver": near.port, "worker": far.port}
        for role, slots in (("receiver", world.receivers), ("worker", world.workers)):
            url = f"redis://127.0.0.1:{addresses[role]}/0"
            slots += [world.start(role, wait=False, REDIS_URL=url) for _ in range(2)]
        for slot in (*world.receivers, *world.workers):
            world.wait_until_ready(slot)
        try:
            yield near, far
        finally:
            world.dismiss(world.receivers)
            world.dismiss(world.workers)


def socket_of(world: World) -> Path:
    """Where the store listens."""
    return Path(unquote(world.stage.redis_url.removeprefix("unix://").partition("?")[0]))


def breaking(kind: Kind, world: World, times: int) -> Outcome:
    """Break the receivers' link so often, and the workers' now and then; all deliveries are about a few findings."""
    with behind_proxies(world) as (near, far):
        findings = world.find(8)
        while near.happened < times:
            in_a_row = min(world.chance.randint(1, _MOST_IN_A_ROW), times - near.happened)
            seconds = world.chance.uniform(0.05, _LONGEST.get(kind, 0.05))
            near.order(Fault(kind, _SCRIPT, in_a_row, seconds if kind in _LONGEST else 0.0))
            far.order(Fault(kind, _SCRIPT, 1, seconds if kind in _LONGEST else 0.0))
            world.deliver(world.events(world.chance.choices(findings, k=_DELIVERIES)), senders=2)
        near.mend()
        far.mend()
        injected = {"at receivers": near.happened, "at workers": far.happened}
        return Outcome(injected, figures(world))


EXPERIMENTS = (
    Experiment("cut-before", "the link to Redis is cut before a script", partial(breaking, "cut_before"), 6, 200),
    Experiment("cut-after", "the link to Redis is cut after a script ran", partial(breaking, "cut_after"), 6, 200),
    Experiment("half-replies", "half of a script's reply, then a cut", partial(breaking, "half"), 4, 100),
    Experiment("slow-link", "scripts are held up by up to 0.4 s", partial(breaking, "delay"), 0, 100),
    Experiment("silent-link", "scripts are swallowed, the link stays open", partial(breaking, "stall"), 1, 30),
)
