"""What must follow from scans and from what people did about their findings, and what is wrong where it does not. Pure.

Every time is in Unix seconds. What is judged is how everything is once nothing is left to do.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SOLVED = frozenset({"resolved", "accepted_risk"})

_GROUP = ":finding:group-"
_LINE = re.compile(r"^- (fnd_[0-9a-f]+), [a-z]+, ([a-z ]+)", re.MULTILINE)
_ONLY = re.compile(r"^Finding: (fnd_[0-9a-f]+)", re.MULTILINE)
_CUT = re.compile(r"^… and \d+ more$", re.MULTILINE)
_NUMBER = re.compile(r"^- (To do|Resolved|Accepted as a risk|With a ticket): (\d+)", re.MULTILINE)
_PARTS = re.compile(r"^- (All by severity|All by type): (\d+)(?: \(([^)]*)\))?", re.MULTILINE)
_HEAD = re.compile(r": (\d+) found, (\d+) to do", re.MULTILINE)
_NEW = re.compile(r"^- New in this scan: (\d+), found again: (\d+)", re.MULTILINE)


class Care(StrEnum):
    """What a rule has done about a finding."""

    OWN = "own"
    GROUPED = "grouped"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a finding's status: by the api (ours), by a person or by a scan."""

    by: str
    status: str
    at: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class FindingSeen:
    """A finding as SchoolScan has it. `mark` is that of its own case, `trackers` those that its rule names."""

    id: str
    mark: str
    care: Care
    trackers: frozenset[str]
    status: str
    severity: str
    domain_type: str
    site: str
    scan: str
    detected_at: float
    entries: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True)
class TicketSeen:
    """A ticket as its tracker has it."""

    mark: str
    tracker: str
    id: str
    is_active: bool
    text: str = field(default="", repr=False)

    @property
    def listed(self) -> Mapping[str, str]:
        """The findings in its list, with how they stand there; of the only one it has no list, and says nothing."""
        return dict(_LINE.findall(self.text)) or dict.fromkeys(_ONLY.findall(self.text)[:1], "")

    @property
    def is_cut(self) -> bool:
        """Whether its list had no room for all."""
        return _CUT.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class ScanSeen:
    """A scan as SchoolScan has it. `mark` is that of its summary; `is_ours`: we started it, to verify."""

    id: str
    mark: str
    site: str
    status: str
    started_at: float
    ended_at: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """A person closed a ticket, or opened it again, between two moments. `listed` are the findings in it afterwards."""

    closes: bool
    ticket: str
    mark: str
    tracker: str
    since: float
    until: float
    listed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong: lost, twice, apart, early (resolved without a reason) or repeated (a note), and where."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is seen of a district."""

    findings: Sequence[FindingSeen]
    tickets: Sequence[TicketSeen]
    scans: Sequence[ScanSeen]
    deeds: Sequence[Deed] = ()


def wrongs(seen: Everything) -> Iterator[Wrong]:
    """Yields whatever is wrong."""
    yield from _twice(seen)
    homes = _homes(seen)
    for finding in seen.findings:
        yield from _wrong_home(seen, finding, homes.get(finding.id, {}))
        yield from _early(seen, finding)
        yield from _repeated(seen, finding)
    yield from _idle(seen)
    yield from _overruled(seen)
    for scan in seen.scans:
        if scan.status == "completed":
            yield from _wrong_summary(seen, scan)
    yield from _at_once(seen)


def _twice(seen: Everything) -> Iterator[Wrong]:
    for (mark, tracker), count in Counter((each.mark, each.tracker) for each in seen.tickets).items():
        if count > 1:
            yield Wrong("twice", f"{mark} in {tracker}: {count} tickets")


def _homes(seen: Everything) -> Mapping[str, Mapping[str, list[TicketSeen]]]:
    """By finding, and by mark, the tickets that are about it."""
    by_mark = {each.mark: each.id for each in seen.findings}
    members: dict[str, set[str]] = {}
    for ticket in seen.tickets:
        about = set(ticket.listed) if _GROUP in ticket.mark else {by_mark.get(ticket.mark, "")} - {""}
        members.setdefault(ticket.mark, set()).update(about)
    homes: dict[str, dict[str, list[TicketSeen]]] = {}
    for ticket in seen.tickets:
        for finding_id in members[ticket.mark]:
            homes.setdefault(finding_id, {}).setdefault(ticket.mark, []).append(ticket)
    return homes


def _wrong_home(seen: Everything, finding: FindingSeen, homes: Mapping[str, list[TicketSeen]]) -> Iterator[Wrong]:
    """Whatever is unsolved is `reviewing`, and in exactly one case with active tickets, one in each tracker."""
    where = f"{finding.id} ({finding.care}, {finding.status})"
    if finding.care is Care.GROUPED and finding.mark in homes:
        yield Wrong("apart", f"{where} has a ticket of its own")
    active = {mark: tickets for mark, tickets in homes.items() if any(each.is_active for each in tickets)}
    if finding.status in SOLVED:
        if finding.mark in active:
            yield Wrong("apart", f"{where}: its ticket is active")
        return
    if finding.status != "reviewing":
        yield Wrong("apart", where)
    if not active:
        yield Wrong("lost", f"{where} is in no active ticket")
    if len(active) > 1:
        yield Wrong("twice", f"{where} is in {', '.join(sorted(active))}")
    for mark, tickets in active.items():
        yield from _wrong_case(seen, finding, mark, tickets)


def _wrong_case(seen: Everything, finding: FindingSeen, mark: str, tickets: Sequence[TicketSeen]) -> Iterator[Wrong]:
    """The case of an unsolved finding has a ticket in each tracker, and those that are closed were closed by people."""
    if {each.tracker for each in tickets} != finding.trackers:
        yield Wrong("lost", f"{finding.id}: {mark} has no ticket in each tracker")
    for ticket in tickets:
        if not ticket.is_active and not _was_closed(seen, ticket):
            yield Wrong("apart", f"{finding.id}: {ticket.tracker} {ticket.id} was closed by nobody")


def _last(seen: Everything, ticket: TicketSeen) -> Deed | None:
    return max((each for each in seen.deeds if each.ticket == ticket.id), key=lambda each: each.since, default=None)


def _was_closed(seen: Everything, ticket: TicketSeen) -> bool:
    last = _last(seen, ticket)
    return last is not None and last.closes


def _early(seen: Everything, finding: FindingSeen) -> Iterator[Wrong]:
    """What we resolved had been closed by people who had seen it, and where a scan has to say so, one did."""
    for entry in finding.entries:
        if entry.by == "api" and entry.status in SOLVED and not _is_due(seen, finding, entry):
            yield Wrong("early", f"{finding.id} ({finding.care}) was {entry.status} at {entry.at:.3f}")


def _is_due(seen: Everything, finding: FindingSeen, entry: Entry) -> bool:
    """Whether people had closed the finding's tickets before, after it was last found, and had it in their list."""
    found_at = max([finding.detected_at, *(each.at for each in finding.entries if _opens(each, entry.at))])
    closings = [each for each in seen.deeds if each.closes and found_at <= each.until and each.since <= entry.at]
    for mark in {each.mark for each in closings}:
        of_mark = [each for each in closings if each.mark == mark]
        is_about = mark == finding.mark if finding.care is not Care.GROUPED else _lists(seen, of_mark, finding.id)
        if is_about and {each.tracker for each in of_mark} >= finding.trackers:
            closed_at = max(each.since for each in of_mark)
            return finding.care is not Care.VERIFIED or _is_verified(seen, finding, closed_at, entry.at)
    return False


def _opens(entry: Entry, before: float) -> bool:
    return entry.by == "scan" and entry.at < before


def _lists(seen: Everything, closings: Sequence[Deed], finding_id: str) -> bool:
    cut = {each.id for each in seen.tickets if each.is_cut}
    return any(finding_id in each.listed or each.ticket in cut for each in closings)


def _is_verified(seen: Everything, finding: FindingSeen, closed_at: float, resolved_at: float) -> bool:
    """Whether a scan of its site that began after the closing ended before it was resolved, and did not find it."""
    found = [each.at for each in finding.entries if each.by == "scan"]
    return any(
        each.site == finding.site
        and each.status == "completed"
        and closed_at <= each.started_at
        and each.ended_at <= resolved_at
        and not any(each.started_at <= at <= resolved_at for at in found)
        for each in seen.scans
    )


def _repeated(seen: Everything, finding: FindingSeen) -> Iterator[Wrong]:
    """Whatever we wrote to a finding, we wrote once, unless something happened in between."""
    for first, second in zip(finding.entries, finding.entries[1:], strict=False):
        if first.by == second.by == "api" and (first.status, first.note) == (second.status, second.note):
            between = any(first.at <= each.until and each.since <= second.at for each in seen.deeds)
            if not between:
                yield Wrong("repeated", f"{finding.id}: {second.status} at {second.at:.3f}")


def _idle(seen: Everything) -> Iterator[Wrong]:
    """A group's active ticket has something to do, and says how each of its findings stands."""
    status = {each.id: each.status for each in seen.findings}
    for ticket in seen.tickets:
        if not ticket.is_active or _GROUP not in ticket.mark:
            continue
        listed = ticket.listed
        if not ticket.is_cut and all(status.get(each) in SOLVED for each in listed):
            yield Wrong("apart", f"{ticket.tracker} {ticket.id} ({ticket.mark}) is active, with nothing to do")
        for finding_id, words in listed.items():
            if words and (words == "to do") != (status.get(finding_id) not in SOLVED):
                yield Wrong("apart", f"{finding_id} is {status.get(finding_id)}, and {words} in {ticket.id}")


def _overruled(seen: Everything) -> Iterator[Wrong]:
    """A ticket that people closed is active only where one of its findings was found again, and we had not said so."""
    by_id = {each.id: each for each in seen.findings}
    by_mark = {each.mark: each.id for each in seen.findings}
    last_closings: dict[str, float] = {}
    for ticket in seen.tickets:
        if (last := _last(seen, ticket)) is not None and last.closes:
            last_closings[ticket.mark] = min(last.since, last_closings.get(ticket.mark, last.since))
    for ticket in seen.tickets:
        if ticket.is_active and _was_closed(seen, ticket):
            about = {*ticket.listed, by_mark.get(ticket.mark, "")}
            closed_at = last_closings[ticket.mark]
            if not any(_is_found_again(by_id[each], closed_at) for each in about & by_id.keys()):
                yield Wrong("apart", f"{ticket.tracker} {ticket.id} ({ticket.mark}) was closed, and is open again")


def _is_found_again(finding: FindingSeen, closed_at: float) -> bool:
    """Whether a scan found it after this closing, or before it and nobody had worked on that yet."""
    before = [each for each in finding.entries if each.at <= closed_at]
    return any(each.by == "scan" for each in (*before[-1:], *finding.entries[len(before) :]))


def _wrong_summary(seen: Everything, scan: ScanSeen) -> Iterator[Wrong]:
    tickets = [each for each in seen.tickets if each.mark == scan.mark]
    if not tickets:
        yield Wrong("lost", f"{scan.mark} has no ticket")
    for ticket in tickets:
        stated, true = stated_in(ticket.text), numbers_of(seen.findings, scan)
        yield from (
            Wrong("apart", f"{scan.mark} states {stated.get(name)} {name}, there are {true.get(name)}")
            for name in sorted(stated.keys() | true.keys())
            if stated.get(name, 0) != true.get(name, 0)
        )


def stated_in(text: str) -> Mapping[str, int]:
    """The numbers that the list in a summary states, by name."""
    stated = {name: int(number) for name, number in _NUMBER.findall(text)}
    for name, total, parts in _PARTS.findall(text):
        stated[name] = int(total)
        stated |= {word: int(number) for number, word in (part.split(" ") for part in parts.split(", ") if part)}
    if head := _HEAD.search(text):
        stated |= {"found": int(head[1]), "to do": int(head[2])}
    if new := _NEW.search(text):
        stated |= {"new": int(new[1]), "again": int(new[2])}
    return stated


def numbers_of(findings: Sequence[FindingSeen], scan: ScanSeen) -> Mapping[str, int]:
    """The same numbers as SchoolScan's findings are: each of them had a ticket at some time."""
    of_scan = [each for each in findings if each.scan == scan.id]
    status = Counter(each.status for each in of_scan)
    to_do, again = status["open"] + status["reviewing"], sum(each.detected_at < scan.started_at for each in of_scan)
    totals = dict.fromkeys(("found", "All by severity", "All by type", "With a ticket"), len(of_scan))
    states = {"Resolved": status["resolved"], "Accepted as a risk": status["accepted_risk"]}
    news = {"new": len(of_scan) - again, "again": again}
    parts: Counter[str] = Counter(each.severity for each in of_scan) + Counter(each.domain_type for each in of_scan)
    return {**totals, **states, **news, "to do": to_do, "To do": to_do, **parts}


def _at_once(seen: Everything) -> Iterator[Wrong]:
    """No two scans of one site that we started run at once."""
    ours = [each for each in seen.scans if each.is_ours]
    for first in ours:
        for second in ours:
            if first.site == second.site and first.id < second.id:
                since, until = max(first.started_at, second.started_at), min(first.ended_at, second.ended_at)
                if since < until:
                    yield Wrong("twice", f"{first.id} and {second.id} scan {first.site} at once")


def entries_of(audit: Sequence[Mapping[str, Any]], moment: Any) -> tuple[Entry, ...]:
    """A finding's audit trail; `moment` reads a time as SchoolScan writes it."""
    return tuple(Entry(each["by"], each["status"], moment(each["at"]), each["note"] or "") for each in audit)
