"""Redis dies in a burst, stands still, is full, takes no writes, or is wiped."""

import contextlib
import time
from collections.abc import Iterator

from chaos.experiment import Experiment, Goal, Outcome
from chaos.experiments.deaths import endless
from chaos.figures import figures
from chaos.journal import ACCEPTED
from chaos.world import BOTH, World

UNAVAILABLE = "503"
REFUSED_WITHIN = 3.0
WELL_WITHIN = 5.0
_SHORT_STOP = 3.0
_LONG_STOP = 10.0
_LEAST_REFUSED = 5
_BURST = 1_000
_SHORT_BURST = 200
_MANY = 2
_PAUSE = 0.05


def redis_dies(world: World, times: int) -> Outcome:
    """In a burst, the store is killed so many times and started again on its data."""
    world.staff()
    burst = _BURST if times > _MANY else _SHORT_BURST
    findings, away = world.find(20), 0.0
    for _ in range(times):
        events = world.events(world.chance.choices(findings, k=burst))
        with world.flow(events, senders=8) as flow:
            flow.goes_on(world.chance.randint(burst // 10, burst // 2))
            pause = world.chance.uniform(0, 1.5)
            world.kill_redis(pause)
            away = max(away, pause)
            flow.finish()
    answers = world.journal.answers()
    notes = (f"{answers[UNAVAILABLE]} answers 503", f"away for up to {away:.1f} s")
    return Outcome({"kill -9 of Redis": times}, figures(world), notes=notes, zeros=_ended(world))


def redis_stands_still(world: World, times: int) -> Outcome:
    """The store is stopped for some seconds with its connections open; senders go on asking."""
    world.staff()
    findings, slowest, well = world.find(10), 0.0, 0.0
    seconds = _LONG_STOP if times > _MANY else _SHORT_STOP
    with world.flow(endless(world, findings), senders=4, pause=_PAUSE) as flow:
        for _ in range(times):
            flow.goes_on(20)
            began = time.time()
            with world.redis_stopped():
                time.sleep(seconds)
            over = time.time()
            flow.goes_on(1)
            well = max(well, time.time() - over)
            slowest = max(slowest, world.journal.slowest([UNAVAILABLE], began - 1))
    goals = (Goal("503 within", slowest, REFUSED_WITHIN), Goal("well again within", well, WELL_WITHIN))
    notes = (f"{world.journal.answers()[UNAVAILABLE]} answers 503",)
    return Outcome({f"stops of {seconds:.0f} s": times}, figures(world), goals, notes, _ended(world))


@contextlib.contextmanager
def full(world: World) -> Iterator[None]:
    """No memory for anything more."""
    world.redis.config_set("maxmemory", max(int(world.redis.info("memory")["used_memory"]) - 1, 1))
    try:
        yield
    finally:
        world.redis.config_set("maxmemory", 0)


@contextlib.contextmanager
def read_only(world: World) -> Iterator[None]:
    """A replica of a primary that is not there."""
    world.redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        world.redis.replicaof("NO", "ONE")


def redis_takes_nothing(world: World, times: int) -> Outcome:
    """The store is full, then read-only, so many times each, under load and with work in hand."""
    world.staff()
    findings, well, taken = world.find(10, BOTH), 0.0, 0
    with world.flow(endless(world, findings), senders=4, pause=_PAUSE) as flow:
        for trouble in (full, read_only) * times:
            flow.goes_on(10)
            before = world.journal.answers()[UNAVAILABLE]
            with trouble(world):
                began = time.time()
                while world.journal.answers()[UNAVAILABLE] < before + _LEAST_REFUSED and time.time() < began + 20:
                    time.sleep(_PAUSE)
                time.sleep(world.chance.uniform(0, 2))
                # A delivery that the script took just before is answered just after: that is no 2xx without a row.
                taken += world.journal.answers(began + 1.0)[ACCEPTED]
            over = time.time()
            flow.goes_on(1)
            well = max(well, time.time() - over)
    evicted = int(world.redis.info("stats")["evicted_keys"])
    notes = (f"{world.journal.answers()[UNAVAILABLE]} answers 503", f"{taken} answers 202 meanwhile")
    goals = (Goal("well again within", well, WELL_WITHIN),)
    zeros = {"keys evicted": evicted} | _ended(world)
    return Outcome({"full": times, "read-only": times}, figures(world), goals, notes, zeros)


def redis_is_wiped(world: World, times: int) -> Outcome:
    """Everything in the store is gone, also while tickets are being opened; then the findings are told of again."""
    world.staff()
    known, wiped_at = world.find(10, BOTH), 0.0
    world.deliver(world.events(known))
    world.settle()
    for _ in range(times):
        busy = world.find(10, BOTH)
        world.deliver(world.events(busy))
        time.sleep(world.chance.uniform(0, 0.6))
        world.redis.flushall()
        wiped_at = time.time()
        known += busy
        world.deliver(world.events(known))
        world.settle()
    return Outcome({"FLUSHALL": times}, figures(world, wiped_at=wiped_at), zeros=_ended(world))


def _ended(world: World) -> dict[str, int]:
    return {"processes ended for good": sum(not slot.lives for slot in (*world.receivers, *world.workers))}


EXPERIMENTS = (
    Experiment("redis-dies", "kill -9 of Redis in a burst of deliveries", redis_dies, 1, 10),
    Experiment("redis-stops", "Redis stands still for a while", redis_stands_still, 1, 6),
    Experiment("redis-refuses", "Redis is full, then read-only", redis_takes_nothing, 1, 10),
    Experiment("redis-wiped", "Redis forgets everything; tickets are found by their marks", redis_is_wiped, 1, 10),
)
