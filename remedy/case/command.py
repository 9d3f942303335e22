"""`remedy case`: which cases there are, what happened to one, and what would be done about it now. Changes nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import msgspec

from remediation.domain.cases import CaseKey, CaseRecord
from remediation.domain.errors import OutsideError, TryLater
from remediation.domain.policy import Policy
from remediation.domain.renaming import renamed
from remediation.look.members import home_of, reading_of
from remediation.look.observing import Snapshot, observe
from remediation.mapping.reading.loading import load_mappings
from remediation.planning import plan
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.rulebook import MappingsRulebook
from remediation.settings import Settings, load_settings
from remediation.store.cases.appointments import Appointments
from remediation.store.cases.entries import Doubted, Entry, PlannedStep, Seen, kind_word, moment, steps_of
from remediation.store.cases.standings import Stand, Standing, Standings
from remediation.store.cases.timeline import MOST_ENTRIES, Timeline
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems, SystemTrouble
from remedy.case.listing import list_
from remedy.case.named import case_named
from remedy.case.words import (
    doubt_words,
    step_words,
    ticket_words,
    time_words,
    timeline_lines,
    to_do_words,
    unnamed_words,
    waiting_words,
)
from remedy.mappings.previews import district_of
from remedy.mappings.tracker_sites import histories_of
from remedy.runtime.assembly import open_for_command, open_outside, redis_address
from remedy.runtime.clock import clock_of
from remedy.runtime.failures import ExitCode

ResultT = TypeVar("ResultT")

_NAMELESS = "Redis was wiped since, and remedy reconcile --all names them again"

_STANDS = {
    Stand.SETTLED: "at rest",
    Stand.WAITING: "waits for a worker",
    Stand.HELD: "being looked at right now",
    Stand.PUT_OFF: "put off until {due}",
}


@click.group()
def case() -> None:
    """Which cases there are, what happened to one, and what would be done about it now.

    REF is the case's reference (lakeside:finding:fnd_9d2), the mark on its ticket (remedy:…), the ticket's key
    (SEC-12), or, where there is only one district, the finding's id.

    \b
      remedy case list --state parked
      remedy case show lakeside:finding:fnd_9d2
      remedy case show SEC-12
      remedy case plan fnd_9d2
    """


case.add_command(list_)


def _with_redis(use: Callable[[Settings, Connection], Awaitable[ResultT]]) -> ResultT:
    settings = load_settings()

    async def work(address: RedisAddress) -> ResultT:
        async with open_for_command(address) as connection:
            return await use(settings, connection)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that the store has of a case."""

    record: CaseRecord
    standing: Standing
    look_at: float | None
    timeline: list[Entry]
    trouble: SystemTrouble | None


@case.command()
@click.argument("ref", metavar="REF")
@click.option("--limit", type=click.IntRange(1), default=MOST_ENTRIES, help="Only the last so many lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(ref: str, *, limit: int, as_json: bool) -> None:
    """Show what is known of a case, and its timeline: why it was looked at, what was seen, planned and done.

    Asks only Redis. All times are UTC. Titles, addresses and anybody's words are not kept, so none are shown.
    """
    known = _with_redis(lambda settings, connection: _known(ref, limit, settings, connection))
    if as_json:
        click.echo(json.dumps(_known_json(known)))
        return
    for line in _known_lines(known):
        click.echo(terminal(line))


async def _known(ref: str, limit: int, settings: Settings, connection: Connection) -> _Known:
    key = await case_named(ref, settings, connection)
    record = await Todo(connection).record(key.ref)
    timeline = await Timeline(connection).read(key.ref, limit)
    if record is None:
        says = "it was never looked at, or Redis was wiped since"
        raise click.ClickException(f"nothing is known of {terminal(key.ref)}: {says}; remedy case plan asks outside")
    (standing,) = await Standings(connection).of([key.ref])
    troubles = {trouble.system: trouble for trouble in await Systems(connection).in_trouble()}
    look_at = await Appointments(connection).of(key.ref)
    return _Known(record, standing, look_at, timeline, troubles.get(record.waits_for))


def _known_lines(known: _Known) -> Iterator[str]:
    record, memory = known.record, known.record.memory
    yield record.key.ref
    status = memory.finding.replace("_", " ") if memory.finding else "not agreed on yet"
    yield _fact("finding", ", ".join(filter(None, [record.key.id, status, memory.severity])))
    yield _fact("rule", memory.rule or "none that is remembered")
    for name in sorted(record.members):
        yield _fact("member", name if name in record.live else f"{name}, at rest: solved, and found again since")
    for name, link in sorted(record.links.items()):
        state = memory.tickets.get(name)
        yield _fact("ticket", f"{link.ticket_key} in {name}, {state.replace('_', ' ') if state else 'new'}: {link.url}")
        if link.unmarked:
            yield _fact("no mark", f"{link.ticket_key} in {name} carries no mark of ours (any more)")
    for name in sorted(record.intents):
        yield _fact("ticket", f"perhaps one in {name}: the next look searches for it")
    if memory.conflict_at:
        yield _fact("conflict", f"since {time_words(memory.conflict_at)}: both sides were changed, and disagree")
    for name in sorted(map(str, record.undecided)):
        yield _fact("parked", f"{to_do_words(name)}; see remedy parked show {record.key.ref}/{name}")
    yield from _given_up_lines(frozenset(map(str, record.given_up)))
    if known.look_at:
        yield _fact("next look", f"{time_words(known.look_at)}, when the accepted risk ends")
    if record.unnamed:
        yield _fact("held up", unnamed_words(record.unnamed))
    if known.trouble:
        yield _fact("waits for", f"{known.trouble.system}: {waiting_words(known.trouble)}")
    yield _fact("now", _STANDS[known.standing.stand].format(due=time_words(known.standing.due)))
    yield ""
    yield "Timeline (UTC)" if known.timeline else "Nothing is in its timeline (any more)."
    yield from timeline_lines(known.timeline)


def _given_up_lines(names: AbstractSet[str]) -> Iterator[str]:
    for name in sorted(names):
        yield _fact("given up", f"{to_do_words(name)}: a person discarded it, so it is not done")


def _fact(name: str, words: str) -> str:
    return f"  {name:<10} {words}"


def _known_json(known: _Known) -> dict[str, Any]:
    record, memory = known.record, known.record.memory
    return {
        "case": record.key.ref,
        "district": record.key.district,
        "kind": record.key.kind,
        "id": record.key.id,
        "members": {name: "live" if name in record.live else "at_rest" for name in sorted(record.members)},
        "memory": {
            "finding": memory.finding,
            "severity": memory.severity,
            "rule": memory.rule,
            "tickets": dict(memory.tickets),
            "conflict_at": _iso(memory.conflict_at),
        },
        "links": {
            name: {"key": each.ticket_key, "url": each.url, "id": each.ticket_id} for name, each in record.links.items()
        },
        "intents": sorted(record.intents),
        "parked": sorted(map(str, record.undecided)),
        "given_up": sorted(map(str, record.given_up)),
        "stand": known.standing.stand,
        "due": _iso(known.standing.due or None),
        "look_at": _iso(known.look_at),
        "unnamed": sorted(record.unnamed),
        "waits_for": _trouble_json(known.trouble) if known.trouble else None,
        "timeline": [_entry_json(entry) for entry in known.timeline],
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    shown = msgspec.to_builtins(entry)
    times = {name: _iso(shown[name]) for name in ("at", "marked_at", "until", "look_at") if name in shown}
    return {"kind": kind_word(entry), **shown, **times}


def _trouble_json(trouble: SystemTrouble) -> dict[str, Any]:
    """One system that is waited for."""
    since = _iso(trouble.since)
    return {"system": trouble.system, "waiting": trouble.waiting, "since": since, "status": trouble.status}


def _iso(at: float | None) -> str | None:
    return None if at is None else moment(at).isoformat()


@case.command("plan")
@click.argument("ref", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def plan_(ref: str, *, as_json: bool) -> None:
    """Look at a case now, as a worker would, and say what would be done and why. Does none of it.

    Reads the finding and its tickets, and nothing else is sent. Works for a case that was never looked at, too.
    Exit code 3 or 4: a system could not be asked, so that the answer may not be the whole of it.
    """
    shown = _with_redis(lambda settings, connection: _forecast(ref, settings, connection))
    if as_json:
        click.echo(json.dumps(_forecast_json(shown)))
    else:
        for line in _forecast_lines(shown):
            click.echo(terminal(line))
    raise SystemExit(_ending(shown.snapshot))


@dataclass(frozen=True, slots=True)
class _Forecast:
    """What was observed of a case, and what would be done."""

    key: CaseKey
    known: bool
    snapshot: Snapshot
    seen: Seen
    steps: tuple[PlannedStep, ...]
    parked: frozenset[str]
    given_up: frozenset[str]
    members: tuple[str, ...] = ()


async def _forecast(ref: str, settings: Settings, connection: Connection) -> _Forecast:
    key = await case_named(ref, settings, connection)
    loaded = load_mappings(settings.mappings_path)
    district_of(loaded, key.district)
    todo = Todo(connection)
    known = await todo.record(key.ref)
    record, now = known or CaseRecord(key), (await clock_of(connection))()
    async with open_outside(loaded) as outside:
        rulebook = MappingsRulebook(loaded.mappings, outside.identities)
        record = renamed(record, rulebook.former_names)
        source = outside.sources[key.district, key.kind]
        if home := await home_of(record, source, rulebook.identity(key.district)):
            own, known = record, await todo.record(home.ref)
            record = renamed(known or CaseRecord(home), rulebook.former_names).with_member(own)
        if record.key.is_of_identity and not record.members:
            raise click.ClickException(f"{terminal(record.key.ref)} has no finding that is known: {_NAMELESS}")
        sites = await histories_of(connection, outside.trackers, now)
        snapshot = await observe(record, reading_of(record, source), outside.trackers, rulebook, now, sites)
    observed = snapshot.observation
    seen = Seen.of(observed.subject, observed.tickets, observed.unseen, now)
    steps = steps_of(plan(observed, snapshot.policy, record, snapshot.at))
    members = tuple(sorted(record.members))
    parked, given_up = frozenset(map(str, record.undecided)), frozenset(map(str, record.given_up))
    return _Forecast(record.key, known is not None, snapshot, seen, steps, parked, given_up, members)


def _ending(snapshot: Snapshot) -> ExitCode:
    if any(isinstance(error, TryLater) for error in snapshot.failures.values()):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED if snapshot.failures else ExitCode.DONE


def _forecast_lines(shown: _Forecast) -> Iterator[str]:
    yield f"{shown.key.ref}, looked at {time_words(shown.seen.at)} UTC"
    if not shown.known:
        yield _fact("memory", "none: this case was never looked at, or Redis was wiped since")
    for name in shown.members:
        yield _fact("member", name)
    yield _fact("finding", f"{shown.seen.status.replace('_', ' ')}, {shown.seen.severity}")
    yield _fact("rule", _rule_words(shown.snapshot.policy))
    for ticket in shown.seen.tickets:
        yield _fact("ticket", ticket_words(ticket))
    for doubt in shown.snapshot.doubts.values():
        yield _fact("not ours" if not doubt.is_ours else "no mark", doubt_words(Doubted.of(doubt, shown.seen.at)))
    for name, error in sorted(shown.snapshot.failures.items()):
        yield _fact("not seen", f"{name}: {_trouble(error)}")
    if unnamed := shown.snapshot.observation.unnamed:
        yield _fact("held up", unnamed_words(unnamed))
    for name in sorted(shown.parked):
        yield _fact("parked", f"{to_do_words(name)}; not done until remedy parked replay {shown.key.ref}/{name}")
    yield from _given_up_lines(shown.given_up)
    yield ""
    if not shown.steps:
        in_doubt = shown.snapshot.failures or shown.snapshot.observation.unnamed or shown.parked or shown.given_up
        yield "nothing: all is well" if not in_doubt else "nothing that could be done now"
    for number, step in enumerate(shown.steps, 1):
        yield f"{number}. {step_words(step)}"


def _rule_words(policy: Policy) -> str:
    """The rule that counts, and why, where that rule does not take the finding."""
    if not policy.rule:
        return "none takes it: what `defaults` say counts"
    return f"none takes it: what {policy.rule} said goes on counting" if policy.is_former else policy.rule


def _trouble(error: OutsideError) -> str:
    return error.words if error.status is None else f"{error.status}: {error.words}"


def _forecast_json(shown: _Forecast) -> dict[str, Any]:
    return {
        "case": shown.key.ref,
        "known": shown.known,
        "members": list(shown.members),
        "rule": shown.snapshot.policy.rule,
        "takes_it_no_more": shown.snapshot.policy.is_former,
        "seen": _entry_json(shown.seen),
        "failures": {
            name: {"error": type(error).__name__, "status": error.status, "words": error.words}
            for name, error in shown.snapshot.failures.items()
        },
        "unnamed": sorted(shown.snapshot.observation.unnamed),
        "doubts": {name: doubt.evidence.value for name, doubt in sorted(shown.snapshot.doubts.items())},
        "parked": sorted(shown.parked),
        "given_up": sorted(shown.given_up),
        "plan": msgspec.to_builtins(shown.steps),
    }
