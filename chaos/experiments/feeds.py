"""kill -9 of workers at every named line of the reading of a feed, while a school year goes on, and Redis is wiped."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from chaos.experiment import Experiment, Outcome
from chaos.experiments.deaths import has_died, standing_still, until
from chaos.figures import Figures, defects, writes_outside
from chaos.school import MARKS, School, overlaps
from chaos.world import Slot, World
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.walks import SchoolYear, Timetable, WalkKind
from remediation.failpoints import ON_FEEDS, ON_LOOKS
from remediation.redis_address import RedisAddress
from remediation.store.cases.todo import Todo
from remediation.store.incidents.feeds import Feeds, FeedState
from remediation.store.keys import FEED as FEED_ROW
from remediation.store.keys import INCIDENTS, PARKED
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_connection
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import FEED

_NAME = f"{DISTRICT}/{FEED}"
_SYSTEM = "incident_feed"
_TIMETABLE = Timetable(ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), clock_time(2))
"""That of a feed of which mappings.yaml says nothing else."""

_PAGE_SIZE = 7
_INCIDENTS = 30
_HURRIED = ("--hurried",)
_DIES_WITHIN = 40.0
_SWEPT_WITHIN = 60.0
_AT_MOST = 3
"""A doomed worker dies when it comes to its point for the first time, or up to so many times later."""

_MISBEHAVIOUR: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "html"},
    {"kind": "half"},
    {"kind": "cut"},
    {"kind": "reset"},
    {"kind": "lost_reply"},
    {"kind": "large", "size": 0, "gzip": True},
    {"kind": "slow", "seconds": 0.5},
    {"kind": "trickle", "seconds": 0.01},
)
_SPELLINGS: tuple[Mapping[str, Any], ...] = (
    {"count_off": 1},
    {"total_pages_off": 1},
    {"namespace": "prefixed"},
    {"dates": "american"},
)


def feeds_die(world: World, times: int, points: Collection[str] = ON_FEEDS, *, wipes: bool = True) -> Outcome:
    """In each round every point kills one worker, while the year goes on, the feed misbehaves and Redis is wiped.

    One more worker dies in each round, at one of the points of a look.
    """
    world.staff(receivers=0, workers=0)
    world.outside.control(_SYSTEM, "PATCH", "settings", json={"page_size": _PAGE_SIZE})
    world.outside.control(_SYSTEM, "DELETE", "requests")
    world.redis.delete(FEED_ROW + _NAME)  # an experiment before may have moved its times
    school, kills, sound = School.at(world), Counter[str](), world.start("worker", words=_HURRIED)
    world.workers.append(sound)
    school.write_year(_INCIDENTS)
    _come_to_rest(world, school)
    school.be_silent_about()
    for _ in range(times):
        with standing_still(sound):
            kills += _one_round(world, school, points, wipes=wipes)
            world.end_leases()
        _come_to_rest(world, school)
    counted = _figures(world, school)
    at_once = overlaps(world.outside.requests(_SYSTEM), school.forgotten_at)
    notes = (", ".join(f"{count} {what}" for what, count in sorted(school.done.items())),)
    return Outcome(kills, counted, notes=notes, zeros={"requests at once": at_once})


def _one_round(world: World, school: School, points: Collection[str], *, wipes: bool) -> Counter[str]:
    """The year goes on until every doomed worker has died; somewhere in the middle Redis is wiped."""
    point_of_a_look = world.chance.choice([each for each in ON_LOOKS if each != "request_sent"])
    slots = {point: _doomed(world, point) for point in (*points, point_of_a_look)}
    for slot in slots.values():
        with suppress(ConfigurationError):  # it may have died already
            world.wait_until_ready(slot)
    to_wipe, deadline = wipes, time.monotonic() + _DIES_WITHIN
    while (lives := sum(slot.lives for slot in slots.values())) and time.monotonic() < deadline:
        _misbehave(world, school)
        for _ in range(3):
            school.change_something()
        _ask_for_something(world)
        time.sleep(world.chance.uniform(0.1, 0.6))
        if to_wipe and lives <= len(slots) // 2:
            to_wipe = _wipe(world, school)
    for slot in slots.values():
        if slot.lives:
            slot.program.stop(signal.SIGKILL)
    if to_wipe:
        _wipe(world, school)
    return Counter({point: int(has_died(slot)) for point, slot in slots.items()} | {"FLUSHALL": int(wipes)})


def _ask_for_something(world: World) -> None:
    """Have the feed read: its last days, the whole year, or what is due if it was not read for long."""
    kind = world.chance.choice([WalkKind.POLL, WalkKind.SWEEP, None])
    if kind is None:
        world.redis.hdel(FEED_ROW + _NAME, "polled_at")
    else:
        _ask(world, kind)


def _doomed(world: World, point: str) -> Slot:
    number = world.chance.randint(1, _AT_MOST) if point in {"page_taken", "page_read", "page_kept"} else 1
    breaks = {"REMEDY_FAILPOINTS": f"{point}=kill@{number}", "ALLOW_FAILPOINTS": "true"}
    return world.start("worker", name=f"doomed-{point}", words=_HURRIED, wait=False, **breaks)


def _misbehave(world: World, school: School) -> None:
    """Let something go wrong with one of the next pages."""
    match world.chance.randrange(3):
        case 0:
            world.outside.break_down(_SYSTEM, path="incidents.xml", **world.chance.choice(_MISBEHAVIOUR))
        case 1:
            world.outside.control(_SYSTEM, "POST", "spellings", json=world.chance.choice(_SPELLINGS))
        case _:
            school.shrink()


def _wipe(world: World, school: School) -> bool:
    """Redis forgets everything. Returns whether it is to be wiped again in this round: it is not."""
    world.redis.flushall()
    school.forgotten()
    return False


def _come_to_rest(world: World, school: School) -> float:
    """Everything works again; the whole year is read once more, and its cases are looked at. Returns the seconds."""
    world.outside.mend()
    world.outside.control(_SYSTEM, "DELETE", "spellings")
    school.whole()
    began = time.time()
    until(lambda: _is_swept(world, began), _SWEPT_WITHIN)
    world.fall_due()
    world.settle()
    school.rested()
    return time.time() - began


def _is_swept(world: World, since: float) -> bool:
    """Whether a sweep has come to its end that began after this moment (Unix seconds); otherwise one is asked for."""
    state = _ask(world, WalkKind.SWEEP)
    time.sleep(0.3)
    return state.swept_at is not None and state.swept_at >= since


def _ask(world: World, kind: WalkKind) -> FeedState:
    """Have the feed read with the next round. Returns how far it was read before."""

    async def asked(connection: Connection) -> FeedState:
        feeds, now = Feeds(connection), datetime.now(UTC)
        state, walk = await feeds.state(_NAME), _TIMETABLE.poll(now, None)
        await feeds.ask(_NAME, walk if kind is WalkKind.POLL else _TIMETABLE.sweep(now), now.timestamp())
        return state

    state: FeedState = asyncio.run(_with_redis(world, asked))
    return state


async def _with_redis(world: World, do: Callable[[Connection], Awaitable[Any]]) -> Any:
    address = RedisAddress.parse(world.stage.redis_url)
    async with open_connection(address, socket_timeout=10.0, retries=1) as connection:
        return await do(connection)


def _figures(world: World, school: School) -> Figures:
    """Wait for rest, and count: as `figures`, of the incidents that the rule takes in place of deliveries."""
    seconds, rest = _come_to_rest(world, school), world.settle()
    found = list(school.wrongs())
    kept = world.redis.hlen(INCIDENTS + _NAME)
    shown = sum(not each.is_silent for each in school.incidents.values())
    if kept < shown:
        found += [("lost", "row")] * (shown - kept)
    written = [] if found or rest.left else _writes_of_another_look(world, school)
    world.remarks += [f"{what}: {which}" for what, which in found] + [
        f"written at another look: {each}" for each in written
    ]
    counts = Counter(what for what, _ in found)
    return Figures(
        attempts=len(world.outside.requests(_SYSTEM)),
        accepted=school.taken,
        tickets=sum(mark.startswith(MARKS) for mark, _ in world.outside.all_tickets()),
        lost=counts["lost"],
        twice=counts["twice"],
        unsettled=counts["apart"] + rest.left + len(written),
        dishonest=0,
        defects=defects(world.logged()),
        parked=int(world.redis.zcard(PARKED)) - world.parked_before,
        settle_seconds=seconds,
    )


def _writes_of_another_look(world: World, school: School) -> list[str]:
    """Have the case of every incident looked at once more; returns the writes that this caused outside."""
    for system in world.stage.outside:
        if system != _SYSTEM:
            world.outside.control(system, "DELETE", "requests")
    marks = [
        (CaseKey(DISTRICT, CaseKind.INCIDENT, uuid), None) for uuid, each in school.incidents.items() if each.is_taken
    ]
    asyncio.run(_with_redis(world, lambda connection: Todo(connection).mark(marks, time.time())))
    world.settle()
    return writes_outside(world)


EXPERIMENTS = (
    Experiment(
        "feeds-die", "kill -9 of a worker at each line of the reading of a feed, wiped and repeated", feeds_die, 1, 20
    ),
)
