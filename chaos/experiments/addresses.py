"""A fail-over of Redis moves its address to another server, and the old one keeps its connections, as a replica."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chaos.experiment import Experiment, Goal, Outcome
from chaos.experiments.deaths import endless
from chaos.experiments.links import behind_proxies, socket_of
from chaos.failover import paired
from chaos.figures import figures
from chaos.journal import ACCEPTED
from chaos.proxy import Streams
from chaos.world import World

WELL_WITHIN = 5.0
_PAUSE = 0.05
_BETWEEN = 3.0
"""Seconds between two moves: longer than a worker's loop would take to end and to be started again."""

Move = Callable[[], None]


def address_moves(world: World, times: int) -> Outcome:
    """Under load, the address of the store moves to the other one so many times, and in the end back to the first."""
    findings, well, moves = world.find(10), 0.0, times + times % 2
    with moving(world) as move:
        with world.flow(endless(world, findings), senders=4, pause=_PAUSE) as flow:
            for _ in range(moves):
                flow.goes_on(10)
                move()
                well = max(well, _taken_again(world))
                time.sleep(_BETWEEN)
            flow.goes_on(10)
        goals = (Goal("well again within", well, WELL_WITHIN),)
        zeros = {"worker loops ended": world.logged().count("worker_restarts")}
        return Outcome({"fail-overs": moves}, figures(world), goals, zeros=zeros)


@contextmanager
def moving(world: World) -> Iterator[Move]:
    """Receivers and workers behind proxies, a second store beside the first, and what makes them change places."""
    with paired(world.redis) as (pair, second), behind_proxies(world) as proxies:
        homes = {id(world.redis): _opener(socket_of(world)), id(pair.replica): _opener(second)}

        def move() -> None:
            pair.change_places()
            for proxy in proxies:
                proxy.lead_to(homes[id(pair.primary)])

        yield move


def _opener(path: Path) -> Callable[[], Awaitable[Streams]]:
    return partial(asyncio.open_unix_connection, path)


def _taken_again(world: World) -> float:
    """Seconds until the next delivery is taken."""
    began = time.time()
    while not world.journal.answers(began)[ACCEPTED] and time.time() < began + 4 * WELL_WITHIN:
        time.sleep(_PAUSE)
    return time.time() - began


EXPERIMENTS = (
    Experiment(
        "address-moves", "a fail-over of Redis moves its address, and the old one lives on", address_moves, 2, 20
    ),
)
