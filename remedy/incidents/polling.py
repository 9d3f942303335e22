"""`remedy incidents poll`: have the workers read a feed now and follow them, or see what reading it would change."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import click

from remediation.domain.walks import FeedWalk, Timetable, WalkKind
from remediation.read_model.cases.words import time_words
from remediation.read_model.incidents import walk_words
from remediation.read_model.wording import count_words
from remediation.sources.incident_feed.answers import system_of
from remediation.store.audit.entries import AuditAct
from remediation.store.incidents.feeds import FeedState
from remediation.store.processes import Processes
from remediation.store.systems import Systems
from remedy.incidents.rehearsal import Rehearsal, rehearsed
from remedy.incidents.stores import IncidentStores, with_stores
from remedy.reconcile.report import Screen
from remedy.runtime.failures import ExitCode

_FOLLOW_SECONDS = 0.5
"""Seconds between two looks at how far a walk has come."""

Pause = Callable[[], Awaitable[None]]


class PollOutcome(StrEnum):
    """How it went with a feed."""

    READ = "read"
    MOVING = "moving"
    """Its list never stood still, or has more pages than are read: some incidents may not have been seen."""
    TORN = "torn"
    """A page never came whole, and was taken in part: some incidents may not have been seen."""
    PUT_OFF = "put_off"
    NO_WORKER = "no_worker"


_CODES = {
    PollOutcome.READ: ExitCode.DONE,
    PollOutcome.MOVING: ExitCode.FAILED,
    PollOutcome.TORN: ExitCode.FAILED,
    PollOutcome.NO_WORKER: ExitCode.FAILED,
    PollOutcome.PUT_OFF: ExitCode.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Polled:
    """What became of reading one feed. `says` is for people."""

    feed: str
    kind: WalkKind
    outcome: PollOutcome
    says: str


@click.command()
@click.option("--district", metavar="NAME", help="Only of this district.")
@click.option("--feed", metavar="DISTRICT/FEED", help="Only this feed.  [default: all feeds]")
@click.option("--sweep", is_flag=True, help="Read the whole school year, and not only what is new.")
@click.option("--dry-run", is_flag=True, help="Read the pages here, say what is new in them, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each feed.")
def poll(*, district: str | None, feed: str | None, sweep: bool, dry_run: bool, as_json: bool) -> None:
    """Have the workers read feeds now, and follow them until the last page; --dry-run reads here instead.

    A worker begins within half a minute. Where this is interrupted, the workers go on by themselves. A feed that was
    never read as a whole is read so first.

    Exit codes: 0 all were read; 1 no worker runs, or a list never stood still or never came whole; 3 a feed could not
    be read, and workers try again; 4 (--dry-run) it refused.

    \b
      remedy incidents poll
      remedy incidents poll --feed lakeside/handbook --sweep
      remedy incidents poll --dry-run
    """
    screen = Screen(as_json=as_json)
    if dry_run:
        for seen in with_stores(lambda stores: rehearsed(stores, screen, sweep=sweep), district, feed):
            screen.result(
                {**asdict(seen), "flaws": dict(seen.flaws)}, _rehearsal_lines(seen)
            )  # asdict spoils a Counter
        return
    pause = partial(asyncio.sleep, _FOLLOW_SECONDS)
    polled = with_stores(lambda stores: read_now(stores, screen, pause, sweep=sweep), district, feed)
    for each in polled:
        screen.result(_json(each), [f"{each.feed}: {each.says}"])
    raise SystemExit(max((_CODES[each.outcome] for each in polled), default=ExitCode.DONE))


async def read_now(stores: IncidentStores, screen: Screen, pause: Pause, *, sweep: bool) -> list[Polled]:
    """Have each feed read. `pause` returns after a moment. Raises StoreUnavailable."""
    choice = " ".join([*stores.timetables, *(["--sweep"] if sweep else [])])
    await stores.audit.note(stores.audit.entry(AuditAct.POLL, choice=choice))
    wait = partial(_Reading, stores, screen, pause, sweep=sweep)
    return list(await asyncio.gather(*(wait(feed, each).polled() for feed, each in stores.timetables.items())))


class _Reading:
    """One feed while it is being read."""

    def __init__(
        self, stores: IncidentStores, screen: Screen, pause: Pause, feed: str, timetable: Timetable, *, sweep: bool
    ) -> None:
        self._stores = stores
        self._screen = screen
        self._pause = pause
        self._feed = feed
        self._timetable = timetable
        self._sweep = sweep
        self._said = ""

    async def polled(self) -> Polled:
        """Have it read from its first page to its last; behind a walk in hand that reads less than is asked for."""
        while True:
            before = await self._stores.states.state(self._feed)
            now = self._stores.clock()
            wanted = walk_wanted(self._timetable, before, now, sweep=self._sweep)
            in_hand = await self._stores.states.ask(self._feed, wanted, now)
            ended = await self._ended(in_hand, before)
            if ended is None:
                continue
            if ended.outcome is not PollOutcome.READ or in_hand.kind is wanted.kind or in_hand.kind is WalkKind.SWEEP:
                return ended

    async def _ended(self, walk: FeedWalk, before: FeedState) -> Polled | None:
        """Follow a walk, which may have ended by now. `before` is the feed before it was asked for.

        None where a worker has found that the feed is another account's by now: it has given the walk up.
        """
        attempts = before.attempts if before.walk == walk else 0
        began_at = (await self._stores.states.state(self._feed)).began_at
        while True:
            state = await self._stores.states.state(self._feed)
            if before.account and state.account != before.account:
                return None
            if state.walk is None or state.began_at != began_at:
                return self._read(walk) if state.polled_at != before.polled_at else self._not_whole(walk, state)
            if state.attempts > attempts:
                return self._put_off(walk, f"{state.trouble}; asked again after {time_words(state.wait_until)} UTC")
            attempts = min(attempts, state.attempts)
            if (reason := await self._why_nobody_reads()) is not None:
                return reason(walk)
            self._say(walk_words(state))
            await self._pause()

    async def _why_nobody_reads(self) -> Callable[[FeedWalk], Polled] | None:
        """Why nobody reads the feed now, if so."""
        now = self._stores.clock()
        until = await Systems(self._stores.connection).limited_until(system_of(self._feed))
        if now < until:
            return lambda walk: self._put_off(walk, f"its limit is reached; it is read after {time_words(until)} UTC")
        running = await Processes(self._stores.connection).running(now)
        return None if any(each.role == "worker" for each in running) else self._no_worker

    def _say(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._screen.say(f"{self._feed}: {words}")

    def _read(self, walk: FeedWalk) -> Polled:
        return Polled(self._feed, walk.kind, PollOutcome.READ, f"read from {walk.since} to {walk.until}")

    def _not_whole(self, walk: FeedWalk, state: FeedState) -> Polled:
        if state.torn:
            says = f"read, and not whole: {state.torn}; some may be unseen"
            return Polled(self._feed, walk.kind, PollOutcome.TORN, says)
        says = "its list became shorter while it was read, again and again, or is too long: some may be unseen"
        return Polled(self._feed, walk.kind, PollOutcome.MOVING, says)

    def _put_off(self, walk: FeedWalk, why: str) -> Polled:
        return Polled(self._feed, walk.kind, PollOutcome.PUT_OFF, f"not read: {why}")

    def _no_worker(self, walk: FeedWalk) -> Polled:
        says = "no worker runs: it is read as soon as one does (remedy run worker)"
        return Polled(self._feed, walk.kind, PollOutcome.NO_WORKER, says)


def walk_wanted(timetable: Timetable, state: FeedState, now: float, *, sweep: bool) -> FeedWalk:
    """What is to be read of a feed in this state, as the clock shows `now` (Unix seconds). Pure."""
    at = datetime.fromtimestamp(now, UTC)
    polled, swept = (datetime.fromtimestamp(each, UTC) if each else None for each in (state.polled_at, state.swept_at))
    if sweep:
        return timetable.sweep(at)
    return timetable.due(at, polled, swept) or timetable.poll(at, polled)


def _json(polled: Polled) -> dict[str, Any]:
    return {"feed": polled.feed, "kind": polled.kind, "outcome": polled.outcome, "says": polled.says}


def _rehearsal_lines(seen: Rehearsal) -> list[str]:
    flaws = ", ".join(f"{count:,} with an unreadable {flaw}" for flaw, count in sorted(seen.flaws.items()))
    pages = f"{count_words(seen.incidents, 'incident')} on {count_words(seen.pages, 'page')}"
    return [
        f"{seen.feed}: {pages} from {seen.since} to {seen.until}",
        f"  {seen.new:,} new, {seen.changed:,} changed ({seen.deleted:,} of all these deleted)",
        f"  {count_words(seen.cases, 'case')} would be looked at",
        *([f"  {flaws}"] if flaws else []),
    ]
