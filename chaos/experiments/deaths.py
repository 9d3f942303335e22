"""kill -9 of receivers and workers at every named line, in the middle of much work, and gentle restarts under load."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from chaos.experiment import Experiment, Goal, Outcome
from chaos.figures import figures
from chaos.journal import Delivery
from chaos.parked import parked, remedy
from chaos.world import BOTH, Slot, World, address_of
from remediation.domain.errors import ConfigurationError
from remediation.failpoints import ON_DELIVERIES, ON_LOOKS, ON_READINGS
from remediation.store.keys import DIRTY, PARKED_ROW
from sandbox.secrets import DISTRICT

TAKEN_UP_WITHIN = 15.0
STARTS_WITHIN = 2.0
_DIES_WITHIN = 40.0
_SEARCH_LAG = 6.0
"""Seconds for which Jira's search shows nothing new: longer than it takes until a dead worker's case is taken up here,
so that a search alone would not do; shorter than the horizon (8 s) that mappings.yaml promises."""
_USUAL_LAG = 0.5
_IN_FLIGHT_SECONDS = 4.0
_PAUSE = 0.02
_MOST_DEATHS = 12
_KINDS = 2
"""Receivers and workers; and two of each are played on."""


def doomed(world: World, role: str, point: str) -> Slot:
    """A process that kills itself when it first comes to a point."""
    breaks = {"REMEDY_FAILPOINTS": f"{point}=kill@1", "ALLOW_FAILPOINTS": "true", "POLL_SECONDS": "60"}
    return world.start(role, name=f"doomed-{point}", words=("--clock", "0"), wait=False, **breaks)


def has_died(slot: Slot, seconds: float = _DIES_WITHIN) -> bool:
    """Wait for its end; whether it was killed."""
    with suppress(subprocess.TimeoutExpired):
        slot.program.process.wait(seconds)
    return slot.program.process.poll() == -signal.SIGKILL


def receivers_die(world: World, times: int) -> Outcome:
    """Each point kills so many receivers; what they did not answer goes to a sound one."""
    world.staff(receivers=1, workers=1)
    findings, kills = world.find(10), Counter[str]()
    for _ in range(times):
        slots = {point: doomed(world, "receiver", point) for point in ON_DELIVERIES}
        for point, slot in slots.items():
            world.wait_until_ready(slot)
            event = world.events([world.chance.choice(findings)])
            world.deliver(event, addresses=[address_of(slot), *world.addresses], senders=1)
            kills[point] += has_died(slot)
    return Outcome(kills, figures(world))


def workers_die(world: World, times: int) -> Outcome:
    """In each round every point kills one worker, all of them at work on the same cases; then a sound one finishes."""
    world.staff(receivers=1, workers=1)
    sound, kills, taken_up = world.workers[0], Counter[str](), 0.0
    world.outside.control("jira", "PUT", "settings", json={"search_lag": _SEARCH_LAG})
    try:
        for number in range(times):
            with standing_still(sound):
                kills += _one_round(world, ON_LOOKS)
                died, left = time.time(), [name.decode() for name in world.redis.zrange(DIRTY, 0, -1)]
            if times > 1 and not number:  # one round of many shows how long it takes by itself
                taken_up = _taken_up(world, left, died)
            world.end_leases()
            world.settle()
        counted = figures(world)
    finally:
        world.outside.control("jira", "PUT", "settings", json={"search_lag": _USUAL_LAG})
    goals = (Goal("taken up again within", taken_up, TAKEN_UP_WITHIN),) if times > 1 else ()
    return Outcome(kills, counted, goals)


def readers_die(world: World, times: int) -> Outcome:
    """In each round a worker dies with deliveries in hand, and another after it finished some; a sound one reads on."""
    world.staff(receivers=1, workers=1)
    kills = Counter[str]()
    for _ in range(times):
        with standing_still(world.workers[0]):
            kills += _one_round(world, ON_READINGS)
        world.end_leases()
        world.settle()
    return Outcome(kills, figures(world))


def _one_round(world: World, points: Sequence[str]) -> Counter[str]:
    """Findings come until every doomed worker has died of one."""
    slots = {point: doomed(world, "worker", point) for point in points}
    for slot in slots.values():
        with suppress(ConfigurationError):  # it may have died already, over something that another left behind
            world.wait_until_ready(slot)
    deadline = time.monotonic() + _DIES_WITHIN
    while any(slot.lives for slot in slots.values()) and time.monotonic() < deadline:
        world.deliver(world.events(world.find(2, BOTH)), senders=1)
        time.sleep(world.chance.uniform(0.2, 0.6))
    for slot in slots.values():
        if slot.lives:
            slot.program.stop(signal.SIGKILL)
    return Counter({point: int(has_died(slot)) for point, slot in slots.items()})


@contextmanager
def standing_still(slot: Slot) -> Iterator[None]:
    """The process is stopped meanwhile; it has nothing in hand."""
    os.kill(slot.program.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(slot.program.pid, signal.SIGCONT)


def _taken_up(world: World, refs: Sequence[str], since: float) -> float:
    """Seconds until each of these cases has been looked at; the longest of them."""
    wanted = {ref.rpartition(":")[2] for ref in refs}

    def seen() -> dict[str, float]:
        reads = [
            each for each in world.outside.requests("schoolscan") if each["at"] > since and each["method"] == "GET"
        ]
        return {each["path"].rpartition("/")[2]: each["at"] - since for each in reversed(reads)}

    waited = until(lambda: wanted <= seen().keys(), 30.0)
    return max((seen().get(finding_id, waited) for finding_id in wanted), default=0.0)


def until(true: Callable[[], bool], seconds: float) -> float:
    """Wait until it is true, or for so long; returns how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds and not true():
        time.sleep(_PAUSE)
    return time.monotonic() - began


def dies_with_much_in_flight(world: World, times: int) -> Outcome:
    """Two workers die with so many looks in hand, all of which wait for SchoolScan; another begins something new."""
    world.staff(receivers=1, workers=0)
    busy = [world.start("worker", MAX_JOBS=str(times // 2)) for _ in range(2)]
    world.outside.break_down("schoolscan", "slow", method="GET", path="^/v1/findings/", times=None, seconds=60)
    world.deliver(world.events(world.find(times)))
    flight = until(lambda: in_flight(world) >= times, 30.0)
    count = in_flight(world)
    world.workers.append(world.start("worker"))
    for slot in busy:
        slot.program.stop(signal.SIGKILL)
    world.outside.mend()
    (new,) = world.find(1)
    world.deliver(world.events([new]))
    answered, path = time.time(), f"/v1/findings/{new}"
    until(lambda: any(each["path"] == path for each in world.outside.requests("schoolscan")), 60.0)
    began = next((each["at"] for each in world.outside.requests("schoolscan") if each["path"] == path), answered + 60)
    goal = Goal("new work starts within", max(began - answered, 0.0), STARTS_WITHIN)
    note = f"{count} in flight after {flight:.1f} s"
    return Outcome({"kill -9": len(busy), "looks cut off": count}, figures(world), (goal,), (note,))


def in_flight(world: World) -> int:
    """How many questions SchoolScan has not answered."""
    return sum(each["fault"] == "slow" for each in world.outside.requests("schoolscan"))


def restarts(world: World, times: int) -> Outcome:
    """Every process is restarted gently in turn, so many in all, while deliveries keep coming."""
    world.staff(receivers=2, workers=2)
    findings, slow = world.find(20), 0.0
    with world.flow(endless(world, findings), senders=2, pause=0.05) as flow:
        for number in range(times):
            slots = world.receivers if number % 2 else world.workers
            slot = slots[number // 2 % len(slots)]
            began = time.monotonic()
            slot.program.stop()
            slow = max(slow, time.monotonic() - began)
            world.again(slot, wait=True)
            flow.goes_on(10)
    answers = world.journal.answers()
    closed = sum(count for answer, count in answers.items() if not answer.isdigit())
    notes = (f"{closed} of {sum(answers.values())} posts met a closed door and went to the next",)
    zeros = {"answers other than 202": sum(answers.values()) - closed - answers["202"]}
    return Outcome({"restarts": times}, figures(world), (Goal("a process drains within", slow, 30.0),), notes, zeros)


def drains(world: World, times: int) -> Outcome:
    """SIGTERM and kill -9 of receivers and workers in turn, so many in all, while deliveries keep coming."""
    world.staff(receivers=0, workers=2)
    # These senders go on dialling a receiver that stops, whatever it says: it would linger for half of its usual time.
    world.receivers += [world.start("receiver", wait=False, COMPLETION_WAIT="4") for _ in range(2)]
    for slot in world.receivers:
        world.wait_until_ready(slot)
    findings, ended, slow = world.find(10), Counter[str](), 0.0
    codes = cut = 0
    with world.flow(endless(world, findings), senders=4, pause=0.2) as flow:
        for number in range(times):
            is_gentle, slots = number % 4 < _KINDS, (world.receivers, world.workers)[number % _KINDS]
            slot, began = slots[number // 4 % len(slots)], time.time()
            code = slot.program.stop(signal.SIGTERM if is_gentle else signal.SIGKILL)
            ended[f"{slot.role} {'SIGTERM' if is_gentle else 'kill -9'}"] += 1
            if is_gentle:
                slow, codes = max(slow, time.time() - began), codes + (code != 0)
                cut += world.journal.cut(began, time.time())
            world.again(slot, wait=True)
            flow.goes_on(10)
    answers = world.journal.answers()
    wrong = sum(count for answer, count in answers.items() if answer.isdigit() and answer not in {"202", "503"})
    zeros = {"answers other than 202 and 503": wrong, "cut off by a stop": cut, "stops with another code than 0": codes}
    notes = (f"{sum(answers.values())} posts: {', '.join(f'{count} {answer}' for answer, count in answers.items())}",)
    return Outcome(ended, figures(world), (Goal("a process drains within", slow, 30.0),), notes, zeros)


def poison(world: World, times: int) -> Outcome:
    """So many cases kill whoever looks at them, until they are parked; a person replays them once they are harmless."""
    world.staff(receivers=1, workers=0)
    deaths = 0
    for _ in range(times):
        (deadly,) = world.find(1, BOTH)
        world.deliver(world.events([deadly]))
        deaths += _deaths_of(world, PARKED_ROW + f"{DISTRICT}:finding:{deadly}/look")
    names = parked(world)
    world.staff(receivers=1, workers=1)
    remedy(world, "replay", *names)
    notes = (f"{len(names)} cases parked, then replayed",)
    return Outcome({"deaths": deaths}, figures(world), notes=notes, zeros={"not parked": times - len(names)})


def _deaths_of(world: World, row: str) -> int:
    """How many workers die one after the other until this row is there."""
    for number in range(_MOST_DEATHS):
        slot = doomed(world, "worker", "observed")
        until(lambda slot=slot: not slot.lives or world.redis.exists(row) == 1, _DIES_WITHIN)  # type: ignore[misc]
        slot.program.stop()
        if world.redis.exists(row):
            return number
        world.end_leases()
    return _MOST_DEATHS


def endless(world: World, findings: Sequence[str]) -> Iterator[Delivery]:
    """Deliveries about these findings without an end."""
    while True:
        yield from world.events([world.chance.choice(findings)])


EXPERIMENTS = (
    Experiment("receivers-die", "kill -9 of a receiver at each failpoint", receivers_die, 1, 100),
    Experiment("workers-die", "kill -9 of a worker at each failpoint, with a search that lags", workers_die, 1, 100),
    Experiment("readers-die", "kill -9 of a worker that reads deliveries", readers_die, 0, 100),
    Experiment("poison", "cases that kill whoever looks at them are parked", poison, 0, 10),
    Experiment("much-in-flight", "kill -9 of two workers with many looks in hand", dies_with_much_in_flight, 20, 200),
    Experiment("restarts", "gentle restarts of everything in turn, under load", restarts, 0, 10),
    Experiment("drains", "SIGTERM and kill -9 of everything in turn, under load", drains, 4, 40),
)
