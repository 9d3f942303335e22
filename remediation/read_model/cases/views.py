"""All that is known of one case, and what of it people are told, in sentences and as values for programs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import msgspec

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.cases.verification import ScanVerdict, Verification
from remediation.domain.tickets import LEFT_ALONE
from remediation.read_model.audit import line_json
from remediation.read_model.cases.words import (
    STANDS_STILL,
    time_words,
    to_do_words,
    unnamed_words,
    waiting_words,
    why_words,
)
from remediation.store.audit.chain import Line
from remediation.store.audit.search import lines_about
from remediation.store.cases.entries import Acted, Entry, kind_word, moment
from remediation.store.cases.standings import Stand, Standing, Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems, SystemTrouble

NOTHING_KNOWN = "was never looked at, or Redis was wiped since"
"""Of a case: why nothing is known of it."""

NO_TIMELINE = "Nothing is in its timeline (any more)."

_MOST_DECIDED = 100
"""Actions of a timeline about which the audit is asked: the last ones."""

ENDS_HERE = "nothing can be written back to the feed: a ticket that is closed ends the incident in our own row"
"""What becomes of an incident whose tickets are closed."""

_STANDS = {
    Stand.SETTLED: "at rest",
    Stand.WAITING: "waits for a worker",
    Stand.HELD: "being looked at right now",
    Stand.PUT_OFF: "put off until {due}",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about a case: `words` under a short `name`. `parked` names the parked work that it is about."""

    name: str
    words: str
    parked: str = ""


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything that the store has of a case.

    `look_at` is in Unix seconds; `trouble` is that of the system for which the case waits. `decided` are the lines of
    the audit about what the timeline says was done.
    """

    record: CaseRecord
    standing: Standing
    look_at: float | None
    timeline: list[Entry]
    trouble: SystemTrouble | None
    decided: tuple[Line, ...] = ()


async def case_view(connection: Connection, key: CaseKey, limit: int) -> CaseView | None:
    """What is known of the case, with the last `limit` entries of its timeline; None where nothing is.

    Raises StoreUnavailable.
    """
    record = await Todo(connection).record(key.ref)
    timeline = await Timeline(connection).read(key.ref, limit)
    if record is None:
        return None
    (standing,) = await Standings(connection).of([key.ref])
    troubles = {trouble.system: trouble for trouble in await Systems(connection).in_trouble()}
    look_at = await Todo(connection).appointment(key.ref)
    acted = [entry.at for entry in timeline if isinstance(entry, Acted) and entry.outcome == "done"]
    decided = await lines_about(connection, key.ref, acted[-_MOST_DECIDED:])
    return CaseView(record, standing, look_at, timeline, troubles.get(record.waits_for), tuple(decided))


def case_facts(view: CaseView) -> Iterator[Fact]:
    """What is known of the case, without its timeline."""
    record, memory = view.record, view.record.memory
    status = memory.finding.replace("_", " ") if memory.finding else "not agreed on yet"
    yield Fact(record.key.kind, ", ".join(filter(None, [record.key.id, status, memory.severity])))
    if record.key.kind is CaseKind.INCIDENT:
        yield Fact("ends here", ENDS_HERE)
    if record.key.kind is CaseKind.SUMMARY:
        yield Fact("asked for", "by scan_summary of the district")
    else:
        yield Fact("rule", memory.rule or "none that is remembered")
    yield from _members_and_tickets(record)
    yield from standing_facts(view)


def standing_facts(view: CaseView) -> Iterator[Fact]:
    """What the case waits for, and what of it a person has to decide or has decided."""
    record, memory = view.record, view.record.memory
    if memory.conflict_at:
        disagree = why_words(Why.CONFLICT, record.key.kind)
        yield Fact("conflict", f"since {time_words(memory.conflict_at)}: {disagree}")
    yield from parked_facts(record.key, map(str, record.undecided))
    yield from given_up_facts(record.key, map(str, record.given_up))
    if view.look_at:
        yield Fact("next look", f"{time_words(view.look_at)}, when the accepted risk ends")
    if record.verification is not None:
        yield Fact("verified", _verification_words(record.verification))
    if record.ended is not None and record.is_at_its_end:
        yield Fact("at its end", f"since {time_words(record.ended)}; retention.cases counts from then")
    if record.unnamed:
        yield Fact("held up", unnamed_words(record.unnamed))
    if view.trouble:
        yield Fact("waits for", f"{view.trouble.system}: {waiting_words(view.trouble)}")
    yield Fact("now", _stand_words(view))


def _stand_words(view: CaseView) -> str:
    """Where the case is; one with parked work is not said to be at rest."""
    stand = view.standing.stand
    if stand is Stand.SETTLED and view.record.undecided:
        return STANDS_STILL
    return _STANDS[stand].format(due=time_words(view.standing.due))


def _members_and_tickets(record: CaseRecord) -> Iterator[Fact]:
    for name in sorted(record.members):
        yield Fact("member", f"{name}, {member_words(record, name)}")
    for name, link in sorted(record.links.items()):
        state = record.memory.tickets.get(name)
        yield Fact("ticket", f"{link.ticket_key} in {name}, {state.replace('_', ' ') if state else 'new'}: {link.url}")
        if record.memory.listed.get(name) == LEFT_ALONE:
            yield Fact("its list", f"changed by a person in {link.ticket_key}, and left alone since")
        if link.unmarked:
            yield Fact("no mark", f"{link.ticket_key} in {name} carries no mark of ours (any more)")
    for name in sorted(record.intents):
        yield Fact("ticket", f"perhaps one in {name}: the next look searches for it")


def _verification_words(known: Verification) -> str:
    """How far a scan is that is to verify what people mended."""
    since = f"since {time_words(known.since)}"
    match known.verdict:
        case None if known.tries > 1:
            return f"a scan of its site is to show that it is gone, {since}; {known.tries - 1} had no result"
        case None:
            return f"a scan of its site is to show that it is gone, {since}"
        case ScanVerdict.GONE:
            return f"scan {known.scan} does not find it any more"
        case ScanVerdict.FOUND:
            return f"scan {known.scan} still finds it"
        case ScanVerdict.FAILED:
            return f"no scan of its site had a result, {since}"
        case ScanVerdict.REFUSED:
            return "SchoolScan does not scan its site for us"
        case _:
            assert_never(known.verdict)


def _verification_json(known: Verification) -> dict[str, Any]:
    """The same for programs."""
    return {"since": _iso(known.since), "tries": known.tries, "verdict": known.verdict, "scan": known.scan or None}


def _is_at_rest(record: CaseRecord, name: str) -> bool:
    """Whether the finding is solved, as far as is known, and has not been named since."""
    known = record.known.get(name)
    return known is not None and known.status.is_solved and name not in record.live


def member_words(record: CaseRecord, name: str) -> str:
    """What is known of a member: the next look reads one that was named since."""
    known = record.known.get(name)
    if known is None:
        return "not read yet"
    words = f"{known.status.replace('_', ' ')}, {known.severity}"
    return f"{words}, to be read again" if name in record.live else words


def parked_facts(key: CaseKey, actions: Iterable[str]) -> Iterator[Fact]:
    """What is parked of a case, by the names of the actions."""
    for name in sorted(actions):
        yield Fact("parked", to_do_words(name, key.kind), parked=f"{key.ref}/{name}")


def given_up_facts(key: CaseKey, actions: Iterable[str]) -> Iterator[Fact]:
    """What was given up of a case, by a person or when its time was over, by the names of the actions."""
    for name in sorted(actions):
        yield Fact("given up", f"{to_do_words(name, key.kind)}: it was given up, so it is not done")


def case_json(view: CaseView, people: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All of it for programs. Times are ISO 8601. `people` has by a line's place who closed the tickets."""
    people = people or {}
    record, memory = view.record, view.record.memory
    return {
        "case": record.key.ref,
        "district": record.key.district,
        "kind": record.key.kind,
        "id": record.key.id,
        "members": {name: "at_rest" if _is_at_rest(record, name) else "live" for name in sorted(record.members)},
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
        "stand": view.standing.stand,
        "due": _iso(view.standing.due or None),
        "look_at": _iso(view.look_at),
        "ended": _iso(record.ended if record.is_at_its_end else None),
        "verification": _verification_json(record.verification) if record.verification is not None else None,
        "unnamed": sorted(record.unnamed),
        "waits_for": _trouble_json(view.trouble) if view.trouble else None,
        "timeline": [entry_json(entry) for entry in view.timeline],
        "audit": [line_json(line, people.get(line.place, "")) for line in view.decided],
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry of a timeline for programs."""
    shown = msgspec.to_builtins(entry)
    times = {name: _iso(shown[name]) for name in ("at", "marked_at", "until", "look_at") if name in shown}
    return {"kind": kind_word(entry), **shown, **times}


def _trouble_json(trouble: SystemTrouble) -> dict[str, Any]:
    """One system that is waited for."""
    since = _iso(trouble.since)
    return {"system": trouble.system, "waiting": trouble.waiting, "since": since, "status": trouble.status}


def _iso(at: float | None) -> str | None:
    return None if at is None else moment(at).isoformat()
