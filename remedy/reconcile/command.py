"""`remedy reconcile`: look at everything again, and say what changed or would change."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import click

from remediation.mapping.config.words import duration_of, duration_text
from remediation.mapping.reading.loading import load_mappings
from remediation.operations.examining.sites import histories_of
from remediation.ports import ListedSource, Rulebook, SourceKey
from remediation.read_model.rules.previews import district_of
from remediation.read_model.wording import by_count, count_words
from remediation.redis_address import RedisAddress
from remediation.rulebook import MappingsRulebook
from remediation.settings import load_settings
from remediation.store.audit.entries import AuditAct
from remediation.store.budgets.trackers import TrackerBudgets
from remediation.store.cases.links import Owners, linked_places
from remediation.store.cases.relations import CaseRelations
from remediation.store.cases.standings import Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Found, Todo
from remediation.store.incidents.records import IncidentRecords
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.mappings.rules_file import Moment
from remedy.reconcile.forecast import forecasts
from remedy.reconcile.incidents import IncidentCases, not_swept
from remedy.reconcile.left_behind import LeftBehind, left_behind
from remedy.reconcile.report import (
    Screen,
    Tally,
    forecast_json,
    forecast_lines,
    forecast_word,
    outcome_json,
    outcome_lines,
    outcome_word,
    systems_of,
)
from remedy.reconcile.wait import CaseWaiter
from remedy.reconcile.walk import BEGINNING, Candidate, Walk
from remedy.runtime.assembly import OutsideSystems, open_for_command, open_outside, redis_address, with_drills
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.calls.budgets import CommandBudgets
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import keyring_of
from remedy.runtime.failures import ExitCode
from workers.metering import TrackerLimits, metered_command

_LATELY = timedelta(days=7)


class Span(click.ParamType[timedelta]):
    """A span of time: a whole number and a unit."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span. Fails with a message for everything else."""
        try:
            return duration_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(click.ParamType[datetime]):
    """A moment, or a span before now."""

    name = "since"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment. Fails with a message for everything else."""
        try:
            return datetime.now(UTC) - duration_of(value)
        except (ValueError, OverflowError):
            try:
                return Moment().convert(value, param, ctx)
            except click.BadParameter:
                self.fail("must be a span such as 7d, or a date such as 2026-04-15 or 2026-04-15T14:02Z", param, ctx)


@click.command
@click.option("--district", metavar="NAME", help="Only this district's cases.  [default: all districts]")
@click.option(
    "--since",
    metavar="7d|DATE",
    type=Since(),
    help=f"Only what changed since, on either side.  [default: {duration_text(_LATELY)}]",
)
@click.option(
    "--all", "everything", is_flag=True, help="Everything, however long ago it changed: after Redis was wiped."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing anywhere.")
@click.option("--no-wait", is_flag=True, help="Mark the cases and end; workers look at them behind other work.")
@click.option(
    "--patience",
    metavar="2m",
    type=Span(),
    default="2m",
    show_default=True,
    help="Stop waiting once nothing has moved for so long; for a system that puts cases off, once none came through.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: each case with news, then a summary.")
def reconcile(
    *,
    district: str | None,
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    no_wait: bool,
    patience: timedelta,
    as_json: bool,
) -> None:
    """Look at every finding, every incident and every ticket of ours again, and bring both sides into step.

    Pages through the findings of SchoolScan, what is kept of incidents and the tickets in each tracker, and asks the
    workers to look at each case, behind all other work and the worst first. Waits until they have, and says what was
    changed. No ticket is opened twice: where Redis has forgotten, tickets are found again by their marks. A system that
    stays down, or refuses, is named, and all that does not depend on it is done; run this again once it answers.
    --dry-run names besides what changes of mappings.yaml left behind: cases and tickets of which the file does not
    speak any more.

    Feeds of incidents are not read for it (remedy incidents poll does that): one whose school year was not read whole
    yet is named. Of an incident, --since goes by its day. A district with a feed needs DATA_KEYS.

    Exit codes: 0 all in step; 1 something is parked or held up, or (--dry-run) would be done or was left behind;
    3 something was put off, is not looked at yet, or could not be asked; 4 a system refused to be asked.

    \b
    Examples:
      remedy reconcile --dry-run                      (is everything in step?)
      remedy reconcile --since 30d --district lakeside
      remedy reconcile --all                          (after Redis was lost)
    """
    if everything and since is not None:
        raise click.UsageError("--all and --since exclude each other: --all is since ever.")
    begin = BEGINNING if everything else max(since or datetime.now(UTC) - _LATELY, BEGINNING)
    order = ReconcileScope(district, begin, patience, wait=not no_wait)
    screen = Screen(as_json=as_json)
    raise SystemExit(carried_out(order, screen, dry_run=dry_run))


@dataclass(frozen=True, slots=True)
class ReconcileScope:
    """What is to be reconciled."""

    district: str | None
    since: datetime
    patience: timedelta
    wait: bool

    @property
    def choice(self) -> str:
        """What is reconciled, in the words of the command line."""
        since = "--all" if self.since == BEGINNING else f"--since {self.since.isoformat(timespec='seconds')}"
        return since if self.district is None else f"--district {self.district} {since}"


def carried_out(order: ReconcileScope, screen: Screen, *, dry_run: bool) -> ExitCode:
    """Carry out the order."""
    settings = load_settings()
    loaded = load_mappings(settings.mappings_path)
    if order.district is not None:
        district_of(loaded, order.district)

    keyring = None if dry_run else keyring_of(settings)

    async def work(address: RedisAddress) -> ExitCode:
        async with AsyncExitStack() as opened:
            connection = await opened.enter_async_context(open_for_command(address))
            clock = await clock_of(connection)
            budgets = CommandBudgets(connection, clock, screen.say)
            outside = await opened.enter_async_context(open_outside(loaded, budgets.of))
            await opened.enter_async_context(metered_command(TrackerLimits(TrackerBudgets(connection), clock)))
            owners = Owners(Todo(connection), MappingsRulebook(loaded.mappings, outside.identities))
            linked = {name: await linked_places(connection, name) for name in outside.trackers}
            sources, unswept, relations = dict(with_drills(_findings(order, outside), connection, clock)), {}, None
            if feeds := [name for name, feed in outside.feeds.items() if order.district in {None, feed.district}]:
                records = IncidentRecords(connection, keyring_of(settings))
                sources |= _incidents(order, outside, records, owners.rulebook, clock)
                unswept, relations = await not_swept(feeds, records), CaseRelations(connection, keyring_of(settings))
            walk = Walk(
                sources, outside.trackers, owners, order.since, clock, screen.say, linked=linked, not_listed=unswept
            )
            if dry_run:
                sites = await histories_of(connection, outside.trackers, clock())
                tally = await _foretell(replace(walk, sites=sites, relations=relations), screen)
                left = await left_behind(connection, loaded.mappings, walk.strays)
                return _end_of_dry_run(walk, tally, [each for each in left if each.concerns(order.district)], screen)
            if keyring is not None:
                audit = CommandAudit(connection, keyring, clock)
                await audit.note(audit.entry(AuditAct.RECONCILE, choice=order.choice))
            return await bring_into_step(walk, order, connection, clock, screen)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


def _findings(order: ReconcileScope, outside: OutsideSystems) -> Mapping[SourceKey, ListedSource]:
    return {which: source for which, source in outside.sources.items() if order.district in {None, which[0]}}


def _incidents(
    order: ReconcileScope, outside: OutsideSystems, records: IncidentRecords, rulebook: Rulebook, clock: SharedClock
) -> Mapping[SourceKey, ListedSource]:
    """What feeds have shown: nothing is asked of a feed."""
    return {
        which: IncidentCases(source, rulebook, records, clock)
        for which, source in outside.incident_sources(records).items()
        if order.district in {None, which[0]}
    }


async def _foretell(walk: Walk, screen: Screen) -> Tally:
    """What would be done about each case of the walk; each that has news is shown."""
    tally = Tally()
    with screen.bar("looking", None) as bar:
        async for forecast in forecasts(walk, walk.owners.rulebook):
            word = forecast_word(forecast)
            tally.add(word, *systems_of(forecast))
            if word != "well":
                screen.result(forecast_json(forecast), forecast_lines(forecast))
            bar.step()
    return tally


def _end_of_dry_run(walk: Walk, tally: Tally, left: Sequence[LeftBehind], screen: Screen) -> ExitCode:
    """The summary, and what changes of the file left behind; returns the exit code."""
    words = {
        "well": "{} in step",
        "change": "{} would change",
        "held_up": "{} held up",
        "parked": "{} parked",
        "unseen": "{} could not be told",
        "refused": "{} refused to be told",
    }
    lines = [*(each.line for each in left), f"{tally.line(words)} Nothing was written."]
    refused = {"refused_by": dict(sorted(tally.refused_by.items()))}
    shown = {**tally.json(), **refused, "left_behind": [each.as_json() for each in left], "dry_run": True}
    missed = set() if all(each.in_step for each in left) else {ExitCode.FAILED}
    return screen.end(walk.not_listed, walk.left_out, shown, lines, tally.codes | missed)


async def bring_into_step(
    walk: Walk, order: ReconcileScope, connection: Connection, clock: SharedClock, screen: Screen
) -> ExitCode:
    """Mark everything that the walk finds, and say what workers make of it."""
    timeline = Timeline(connection)
    begun, refs = await timeline.now(), dict[str, None]()
    with screen.bar("listing", None) as bar:
        async for batch in walk.batches():
            found = [case for each in batch for case in await _to_mark(each, walk.owners, clock())]
            await walk.owners.todo.mark_found(found, clock(), walk.trackers)
            refs.update(dict.fromkeys(key.ref for key, _, _ in found))
            bar.step(len(batch))
    if not order.wait:
        line = f"{count_words(len(refs), 'case')} marked; workers look at {by_count(len(refs), 'it', 'them')}."
        return screen.end(walk.not_listed, walk.left_out, {"summary": {"marked": len(refs)}}, [line])
    patience = order.patience.total_seconds()
    waiting = CaseWaiter(Standings(connection), timeline, begun, patience, clock, screen.say)
    tally = await _tally(waiting, list(refs), screen)
    words = {
        "well": "{} were in step",
        "changed": "{} changed",
        "held_up": "{} held up",
        "parked": "{} have something parked",
        "put_off": "{} put off",
        "waiting": "{} not looked at yet",
    }
    shown = {**tally.json(), "dry_run": False}
    return screen.end(walk.not_listed, walk.left_out, shown, [tally.line(words)], tally.codes)


async def _to_mark(candidate: Candidate, owners: Owners, now: float) -> list[Found]:
    """The candidate's case, which knows of its findings then; and those of findings that have yet to join it."""
    key, keys = candidate.key, [candidate.key]
    if key.has_members:
        keys += await owners.of_subjects(key.district, candidate.subjects, now)
    hinted = {key} if key.is_of_group else set(keys)  # a finding that joins a group has no ticket of its own
    return [(each, candidate.band, candidate.tickets if each in hinted else {}) for each in dict.fromkeys(keys)]


async def _tally(waiting: CaseWaiter, refs: list[str], screen: Screen) -> Tally:
    """What became of these cases; each that has news is shown."""
    tally = Tally()
    with screen.bar("waiting for workers", len(refs)) as bar:
        async for outcome in waiting.outcomes(refs):
            word = outcome_word(outcome)
            tally.add(word, outcome.held_up_by)
            if word != "well":
                screen.result(outcome_json(outcome, word), outcome_lines(outcome))
            bar.step()
    return tally
