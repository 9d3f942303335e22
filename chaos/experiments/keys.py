"""The keys that seal deliveries are missing, wrong, or change while work goes on."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.experiment import Experiment, Outcome
from chaos.experiments.deaths import endless
from chaos.figures import figures
from chaos.parked import parked, remedy
from chaos.senders import Flow
from chaos.world import Slot, World
from remediation.sealing import generate_key
from remediation.store.keys import AUDIT_HEAD, AUDIT_WAITING, PARKED, PENDING
from sandbox.stage.processes import Program

_MOST_AT_ONCE = 100
_TAKES_WITHIN = 20.0
_LOST = 3
"""Findings that are told of while a worker lacks the key: each in one delivery, so that none may be dropped."""


def keys_are_missing(world: World, times: int) -> Outcome:
    """Workers without the key, then with a wrong one of its name, park so many deliveries; a person replays them."""
    world.staff(receivers=1, workers=0)
    good, findings = world.stage.environment["DATA_KEYS"], world.find(10)
    wrong = f"{good.partition(':')[0]}:{generate_key().partition(':')[2]}"
    counts: dict[str, int] = {}
    for name, keys in (("without the key", generate_key()), ("with a wrong key", wrong)):
        worker = world.start("worker", DATA_KEYS=keys)
        world.deliver(world.events(world.chance.choices(findings, k=times)))
        world.settle()
        worker.program.stop()
        counts[name] = len(parked(world)) - sum(counts.values())
    names = parked(world)
    world.staff(receivers=1, workers=1)
    for start in range(0, len(names), _MOST_AT_ONCE):
        remedy(world, "replay", *names[start : start + _MOST_AT_ONCE])
    return Outcome(counts, figures(world), notes=(f"{len(names)} parked, then replayed",))


def keys_are_rotated(world: World, times: int) -> Outcome:
    """Under load: the new key everywhere, then first, then alone when nothing that the old one sealed waits."""
    world.staff(receivers=1, workers=1)
    old, findings, restarts = world.stage.environment["DATA_KEYS"], world.find(10), 0
    with world.flow(endless(world, findings), senders=2, pause=0.1) as flow:
        for _ in range(times):
            new = generate_key()
            for keys in (f"{old},{new}", f"{new},{old}"):
                for slot in (*world.workers, *world.receivers):
                    slot.environment["DATA_KEYS"] = keys
                    slot.program.stop()
                    world.again(slot, wait=True)
                    restarts += 1
                flow.goes_on(5)
            old = new
    world.settle()
    for slot in (*world.workers, *world.receivers):
        slot.environment["DATA_KEYS"] = old
        slot.program.stop()
        world.again(slot, wait=True)
    counted = figures(world)
    world.dismiss(world.receivers)
    world.dismiss(world.workers)
    return Outcome({"keys changed": times, "restarts": restarts}, counted)


@dataclass(slots=True)
class _Files:
    """A receiver and a worker, each with a file of data keys of its own, and what was done to these."""

    world: World
    files: dict[str, Path]
    slots: dict[str, Slot]
    injected: Counter[str] = field(default_factory=Counter)
    unsound: Counter[str] = field(default_factory=Counter)

    @classmethod
    def opened(cls, world: World, keys: str) -> "_Files":
        """Both processes, with these keys."""
        files = {role: world.stage.folder / f"{role}-data-keys" for role in ("receiver", "worker")}
        for file in files.values():
            file.write_text(keys, encoding="ascii")
        world.staff(receivers=0, workers=0)
        slots = {
            role: world.start(role, wait=False, DATA_KEYS="", DATA_KEYS_FILE=str(file)) for role, file in files.items()
        }
        world.receivers.append(slots["receiver"])
        world.workers.append(slots["worker"])
        for slot in slots.values():
            world.wait_until_ready(slot)
        return cls(world, files, slots)

    def change(self, what: str, keys: Sequence[str], *roles: str, asked: bool = True) -> None:
        """Put this list into the files of these, or of both, and wait until each has taken it. No process ends.

        `asked`: they are asked to look at once; otherwise each finds the change by itself, a second or two later.
        """
        self.injected[what] += 1
        for role in roles or tuple(self.files):
            program = self.slots[role].program
            before = _reloads(program)
            written = self.files[role].with_suffix(".new")
            written.write_text(",".join(keys), encoding="ascii")
            written.replace(self.files[role])
            if asked:
                os.kill(program.pid, signal.SIGHUP)
            if not _becomes(lambda program=program, before=before: _reloads(program) > before):  # type: ignore[misc]  # bound
                self.unsound["changes that were not taken"] += 1

    def lose(self, held: Sequence[str], lost: Sequence[str], flow: Flow) -> None:
        """The worker loses a key that the receiver seals with; what comes meanwhile is parked, and replayed later."""
        world, before = self.world, int(self.world.redis.zcard(PARKED))
        self.change("keys lost", lost, "worker", asked=False)
        world.deliver(world.events(world.find(_LOST)), senders=2)
        flow.goes_on(3)
        if not _becomes(lambda: int(world.redis.zcard(PARKED)) >= before + _LOST):
            self.unsound["losses after which nothing was parked"] += 1
        self.change("keys that came back", held, "worker")
        remedy(world, "replay", "--error", "KeyMissing", "--yes")

    def wait_for_what_waits(self) -> None:
        """Wait until nothing waits any more of what waits now: an older key may have sealed it."""
        redis = self.world.redis
        now, lines = set(redis.zrange(PENDING, 0, -1)), {name for name, _ in redis.xrange(AUDIT_WAITING)}
        _becomes(lambda: now.isdisjoint(redis.zrange(PENDING, 0, -1)))
        _becomes(lambda: lines.isdisjoint(name for name, _ in redis.xrange(AUDIT_WAITING)))


def keys_change_in_files(world: World, times: int) -> Outcome:
    """Under load, without a restart: a key is added, made the first, lost by the worker, and the one before retired."""
    stays = world.stage.environment["DATA_KEYS"]  # commands, and the experiments after this one, have no other key
    files, findings, old = _Files.opened(world, stays), world.find(10), ""
    with world.flow(endless(world, findings), senders=2, pause=0.1) as flow:
        for _ in range(times):
            new, others = generate_key(), [each for each in (old, stays) if each]
            files.change("keys added", [*others, new])
            files.change("keys made the first", [new, *others])
            flow.goes_on(3)
            files.lose([new, *others], others, flow)
            if old:
                files.wait_for_what_waits()
                files.change("keys retired", [new, stays])
            old = new
        files.change("keys made the first", [stays, old])
        world.deliver(world.events(world.find(1)))  # the decision about it is signed with that key
    world.settle()
    signed_by = f":{stays.partition(':')[0]}:".encode()
    _becomes(lambda: signed_by in (world.redis.get(AUDIT_HEAD) or b""))
    counted = figures(world)
    files.unsound["bends of the audit"] = world.logged().count('"event": "audit_bent"')
    world.dismiss(world.receivers)
    world.dismiss(world.workers)
    return Outcome(files.injected, counted, zeros=files.unsound)


def _reloads(program: Program) -> int:
    return program.logged().count('"event": "data_keys_reloaded"')


def _becomes(is_so: Callable[[], bool]) -> bool:
    """Wait until it is so; False where it does not become so in time."""
    deadline = time.monotonic() + _TAKES_WITHIN
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


EXPERIMENTS = (
    Experiment("keys-missing", "data keys are missing or wrong; parked and replayed", keys_are_missing, 8, 200),
    Experiment(
        "keys-in-files", "data keys are rotated and lost in files, without a restart", keys_change_in_files, 1, 5
    ),
    Experiment("keys-rotated", "data keys are rotated under load", keys_are_rotated, 0, 5),
)
