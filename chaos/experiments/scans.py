"""kill -9 of workers while scans are read, grouped, counted and verified, and people close and open their tickets."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from chaos.experiment import Experiment, Outcome
from chaos.experiments.deaths import standing_still
from chaos.figures import ENDS, Figures, defects, writes_outside
from chaos.scanned import RULES, ScannedDistrict
from chaos.world import REST_SECONDS, Slot, World, address_of
from remediation.deliveries.events import delivery_id
from remediation.domain.errors import ConfigurationError
from remediation.failpoints import ON_GROUPS, ON_LOOKS, ON_SCANS, ON_VERIFICATIONS
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.todo import Todo
from remediation.store.keys import INBOX, PARKED, VERIFICATION_CASES, VERIFICATIONS
from remediation.store.scans.counting import Countings
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_connection
from sandbox.secrets import ENVIRONMENT

_HURRIED = ("--hurried",)
_FOUND_AT_FIRST = 110
"""In each district and round: more than a page of SchoolScan's list has, and than one look reads or writes."""

_FOUND_SILENTLY = 12
_DIES_WITHIN = 25.0
_TURNS = 8
"""In each wave each district changes so often at least, also where everybody dies at once."""

_QUIET_FOR = 2.5
"""Seconds without anything to do after which trackers have been asked for changes, too."""

_ANY = "any moment"
_PAUSES = (0.1, 0.5)
POINTS = (*ON_SCANS, *ON_GROUPS, *ON_VERIFICATIONS)


def scans_die(world: World, times: int, points: Collection[str] = POINTS, found: int = _FOUND_AT_FIRST) -> Outcome:
    """In each round every point kills one worker, and two more die at a point of a look and at any moment.

    Meanwhile two districts are scanned, with so many things `found` at first, and backfilled, and people close tickets
    and open them again.
    """
    world.staff(receivers=1, workers=0)
    mappings, kills = str(_rules(world)), Counter[str]()
    with _told_of_everything(world):
        exposed: set[str] = set()
        districts = [ScannedDistrict.at(world, name, exposed) for name in world.stage.districts]
        sound = _started(world, "sound", mappings)
        world.wait_until_ready(sound)
        world.workers.append(sound)
        for _ in range(times):
            with standing_still(sound):
                for district in districts:
                    district.find_silently(_FOUND_SILENTLY)
                    district.scan_much(found)
                kills += _one_round(world, districts, points, mappings)
                world.end_leases()
            _come_to_rest(world, districts)
        counted = _figures(world, districts)
        world.dismiss(world.workers)
    done = sum((each.done for each in districts), Counter[str]())
    return Outcome(kills, counted, notes=(", ".join(f"{count} {what}" for what, count in sorted(done.items())),))


def _rules(world: World) -> Path:
    """The stage's rules with those of this experiment; each scan of every district is summed up."""
    yaml, path = YAML(), world.stage.folder / "scanned.yaml"
    tree = yaml.load(world.stage.folder / "mappings.yaml")
    tree["rules"] = list(RULES)
    for district in tree["districts"].values():
        district["scan_summary"] = {"tickets": {"jira": {"project": "SEC", "type": "Task"}}, "lists": "numbers"}
        district.pop("incidents", None)
    yaml.dump(tree, path)
    return path


@contextlib.contextmanager
def _told_of_everything(world: World) -> Iterator[None]:
    """SchoolScan tells of what happens, each thing twice and the last first; its scans take a moment."""
    outside = world.outside
    outside.control("schoolscan", "DELETE", "deliveries")
    outside.control("schoolscan", "PATCH", "settings", json={"scan_seconds": 0.5, "scan_finds": 1})
    for district in world.stage.districts:
        endpoint = {
            "url": f"{address_of(world.receivers[0])}/webhooks/schoolscan/{district}",
            "secret": ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"],
            "form": "timestamped",
            "copies": 2,
            "reorder": True,
        }
        outside.control("schoolscan", "PUT", f"webhooks/{district}", json=endpoint)
    try:
        yield
    finally:
        for district in world.stage.districts:
            outside.control("schoolscan", "DELETE", f"webhooks/{district}")
        outside.control("schoolscan", "PATCH", "settings", json={"scan_finds_again": [], "scan_fails": 0})


def _started(world: World, name: str, mappings: str, **environment: str) -> Slot:
    return world.start("worker", name=name, words=_HURRIED, wait=False, MAPPINGS_PATH=mappings, **environment)


def _one_round(
    world: World, districts: Sequence[ScannedDistrict], points: Collection[str], mappings: str
) -> Counter[str]:
    """Much is found and grouped, then mended and verified: two waves of doomed workers, of whom few are in each."""
    verifying = [each for each in points if each in ON_VERIFICATIONS]
    kills = _one_wave(world, districts, [each for each in points if each not in verifying], mappings)
    world.end_leases()
    _backfill(world, districts, mappings)
    point_of_a_look = world.chance.choice([each for each in ON_LOOKS if each != "request_sent"])
    return kills + _one_wave(world, districts, [*verifying, point_of_a_look], mappings)


def _one_wave(
    world: World, districts: Sequence[ScannedDistrict], points: Collection[str], mappings: str
) -> Counter[str]:
    """A doomed worker for each point, and one more that dies at any moment, with all that happens meanwhile."""
    slots = {point: _doomed(world, point, mappings) for point in points}
    slots[_ANY] = _started(world, f"doomed-{_ANY}", mappings)
    for slot in slots.values():
        with suppress(ConfigurationError):  # it may have died already
            world.wait_until_ready(slot)
    deadline, turns = time.monotonic() + _DIES_WITHIN, 0
    while (sum(slot.lives for slot in slots.values()) > 1 or turns < _TURNS) and time.monotonic() < deadline:
        turns += 1
        for district in districts:
            district.change_something()
        time.sleep(world.chance.uniform(*_PAUSES))
    return _kills(slots)


def _kills(slots: Mapping[str, Slot]) -> Counter[str]:
    """Kill those that have not died; returns how often each point killed, or did not."""
    kills = Counter[str]()
    for point, slot in slots.items():
        if slot.lives:
            slot.program.stop(signal.SIGKILL)
            kills[_ANY] += 1
        else:
            kills[point] += slot.program.process.returncode == -signal.SIGKILL
    return kills


def _doomed(world: World, point: str, mappings: str) -> Slot:
    breaks = {
        "REMEDY_FAILPOINTS": f"{point}=kill@{world.chance.randint(1, 3) if point in ON_SCANS else 1}",
        "ALLOW_FAILPOINTS": "true",
    }
    return _started(world, f"doomed-{point}", mappings, **breaks)


def _backfill(world: World, districts: Sequence[ScannedDistrict], mappings: str) -> None:
    """Have what nobody told of found by a backfill.

    Raises CalledProcessError where the command fails.
    """
    for district in districts:
        words = ["-m", "remedy", "backfill", "--no-wait", "--district", district.name]
        environment = {**world.stage.environment, "MAPPINGS_PATH": mappings}
        subprocess.run([sys.executable, *words], env=environment, check=True, capture_output=True, timeout=60)  # noqa: S603 - our own interpreter, with arguments of ours
        district.done["backfills"] += 1


def _come_to_rest(world: World, districts: Sequence[ScannedDistrict]) -> tuple[float, int]:
    """Wait until nothing is left to do for some time, or for too long. Returns the seconds, and how much was left."""
    began = quiet_since = time.monotonic()
    left = 0
    while time.monotonic() - quiet_since < _QUIET_FOR and time.monotonic() - began < REST_SECONDS:
        if left := _left(world, districts):
            quiet_since = time.monotonic()
        time.sleep(0.1)
    return time.monotonic() - began - _QUIET_FOR, left


def _left(world: World, districts: Sequence[ScannedDistrict]) -> int:
    waiting = sum(int(world.redis.hlen(VERIFICATION_CASES + name.decode())) for name in _sites(world))
    untaken = sum(not each["taken"] for each in world.outside.deliveries())
    return world.left_to_do() + waiting + untaken + sum(each.is_scanning for each in districts)


def _sites(world: World) -> list[bytes]:
    found: list[bytes] = world.redis.zrange(VERIFICATIONS, 0, -1)
    return found


def _figures(world: World, districts: Sequence[ScannedDistrict]) -> Figures:
    """Wait for rest, and count: as `figures`, over what SchoolScan delivered and what the judge of scans finds."""
    seconds, _ = _come_to_rest(world, districts)
    _with_store(world, lambda connection: _count_again(connection, districts))
    _, left = _come_to_rest(world, districts)
    deliveries = {(each["district"], each["event_id"]): each for each in world.outside.deliveries() if each["taken"]}
    lost = [name for name in deliveries if _state(world, *name) not in ENDS]
    found = [wrong for district in districts for wrong in district.wrongs()]
    written = [] if found or left else _writes_of_another_look(world, districts)
    kinds = Counter(each.kind for each in found)
    world.remarks += [f"delivery without an end: {name}" for name in lost]
    world.remarks += [f"{each.kind}: {each.where}" for each in found]
    world.remarks += [f"written at another look: {each}" for each in written]
    return Figures(
        attempts=sum(len(each["attempts"]) for each in world.outside.deliveries()),
        accepted=len(deliveries),
        tickets=sum(each.ticket_count for each in districts),
        lost=len(lost) + kinds["lost"],
        twice=kinds["twice"] + kinds["repeated"],
        unsettled=kinds["apart"] + kinds["early"] + left + len(written),
        dishonest=0,
        defects=defects(world.logged()),
        parked=int(world.redis.zcard(PARKED)) - world.parked_before,
        settle_seconds=seconds,
    )


def _state(world: World, district: str, event_id: str) -> Any:
    return world.redis.hget(INBOX + delivery_id("schoolscan", district, event_id), "state")


def _writes_of_another_look(world: World, districts: Sequence[ScannedDistrict]) -> list[str]:
    """Have every case looked at once more; returns the writes that this caused outside."""
    for system in world.stage.outside:
        world.outside.control(system, "DELETE", "requests")

    keys = [(key, None) for district in districts for key in district.cases]
    _with_store(world, lambda connection: Todo(connection).mark(keys, time.time()))
    world.settle()
    return writes_outside(world)


async def _count_again(connection: Connection, districts: Sequence[ScannedDistrict]) -> None:
    """Have the scans counted again from which later scans have taken findings: nothing tells of that."""
    keys = [key for district in districts for key in district.left]
    for key in keys:
        await Countings(connection, Keyring.parse(generate_key())).begin(key, time.time(), 0.0)


def _with_store(world: World, do: Callable[[Connection], Awaitable[object]]) -> None:
    async def done() -> None:
        address = RedisAddress.parse(world.stage.redis_url)
        async with open_connection(address, socket_timeout=10.0, retries=1) as connection:
            await do(connection)

    asyncio.run(done())


EXPERIMENTS = (
    Experiment(
        "scans-die",
        "kill -9 of a worker at each line of reading, grouping, counting and verifying what scans find",
        scans_die,
        1,
        5,
    ),
)
