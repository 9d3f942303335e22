"""What people are told of the audit: its lines, for people, programs and tables, and whether it is whole. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from remediation.read_model.wording import by_count, count_words
from remediation.redaction import plain
from remediation.store.audit.chain import NO_PROOF, AuditKeys, Line, proof_of
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning, Doubtful, canonical
from remediation.store.audit.verifying import MOST_BENDS, Bend, BendKind, Stretch, Verdict, WholePart, whole_parts
from remediation.store.audit.written_out import WrittenOut

OF_PEOPLE = frozenset(
    {
        *(AuditAct.REPLAY, AuditAct.REPLAYED, AuditAct.DISCARD, AuditAct.DISCARDED, AuditAct.READ),
        AuditAct.RETRY,
        *(AuditAct.PURGE, AuditAct.PURGED),
        *(AuditAct.SEND, AuditAct.RECONCILE, AuditAct.POLL, AuditAct.BACKFILL),
        *(AuditAct.START_SCAN, AuditAct.CANCEL_SCAN, AuditAct.REPORT),
        *(AuditAct.RESET_SIGNED_TIME, AuditAct.ROTATE_KEY, AuditAct.RETIRE_KEY),
        *(AuditAct.SIGN_IN_LINK, AuditAct.SIGNED_IN, AuditAct.SIGNED_OUT, AuditAct.SESSIONS_ENDED),
        *(AuditAct.SIGN_IN_REFUSED, AuditAct.ATTEMPT_REFUSED, AuditAct.EXPORTED),
        AuditAct.STOP_TASK,
    }
)
"""What a person did, at the command line or in the console."""

COLUMNS = (
    *("chain", "number", "at", "act", "by", "user", "case", "cause", "did", "people", "rule", "rules", "note"),
    *("piece", "choice", "count", "of", "id", "says", "key", "mac"),
)
"""The columns of an export for spreadsheets."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a text begins that a spreadsheet takes for a formula."""

_LONGEST_CELL = 2_000

_BEGINS = {
    Beginning.EMPTY: "Redis was empty",
    Beginning.IN_USE: "Redis had cases and no trail: an earlier version wrote none, or somebody deleted it",
    Beginning.HEAD_MISSING: "the head of the trail was missing",
    Beginning.HEAD_UNPROVEN: "the head of the trail was not signed by us",
    Beginning.KEY_MISSING: "the head was signed with a data key that nobody had for ten minutes",
    Beginning.BLOCKED: "a foreign line stood where the next one had to be",
}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted: all, less what each field excludes. `since` and `until` are Unix seconds."""

    acts: frozenset[str] = frozenset()
    case: str = ""
    by: str = ""
    since: float | None = None
    until: float | None = None
    note: str | None = None
    """The text of a note as it was sent: lines with its digest are wanted."""

    def takes(self, entry: AuditEntry, keys: AuditKeys) -> bool:
        """Whether the line with this entry is wanted."""
        if self.acts and entry.act not in self.acts:
            return False
        if self.case and not self._is_about_case(entry):
            return False
        if self.by and self.by not in {entry.by, entry.user}:
            return False
        if self.note is not None and not keys.is_digest_of(entry.note, "note", self.note):
            return False
        at = entry.at / 1000
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)

    def _is_about_case(self, entry: AuditEntry) -> bool:
        return self.case in {entry.case, entry.piece} or entry.piece.startswith(f"{self.case}/")


def line_json(line: Line, people: str = "") -> dict[str, Any]:
    """A line as an object for programs, in the form in which it is written out; with `people` where these are given.

    `line` is exactly what is signed.
    """
    shown: dict[str, Any] = {
        "chain": line.chain,
        "number": line.number,
        "key": line.key,
        "mac": line.proof.hex(),
        "line": json.loads(line.wire),
    }
    return shown | ({"people": people} if people else {})


def line_csv(line: Line, people: str = "") -> str:
    """A line as a row of a table, whose cells no spreadsheet takes for formulas."""
    cells = line_row(line, people)
    return csv_row([cells[name] for name in COLUMNS])


def line_row(line: Line, people: str = "") -> dict[str, Any]:
    """A line by the COLUMNS of a table."""
    entry = line.entry
    return {
        "chain": line.chain,
        "number": line.number,
        "at": moment_words(entry.at),
        "act": entry.act,
        "by": entry.by,
        "user": entry.user,
        "case": entry.case,
        "cause": entry.cause,
        "did": "; ".join(did_words(entry)),
        "people": people,
        "rule": entry.rule,
        "rules": entry.rules,
        "note": entry.note,
        "piece": entry.piece,
        "choice": entry.choice,
        "count": "" if entry.count is None else entry.count,
        "of": entry.of,
        "id": entry.id,
        "says": says_words(entry),
        "key": line.key,
        "mac": line.proof.hex(),
    }


def csv_row(cells: Iterable[object]) -> str:
    """A row of a table (RFC 4180), without its end. A text that a spreadsheet would calculate gets a quote in front."""
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([_cell(each) for each in cells])
    return row.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = plain(value, _LONGEST_CELL)
    return f"'{text}" if text.startswith(_FORMULA) else text


def did_words(entry: AuditEntry) -> list[str]:
    """The actions of a look, each in a few words."""
    found = {True: ", found done", False: ""}
    return [
        f"{each.action}{f' {each.ticket}' if each.ticket else ''}"
        f"{f' ({each.why}{found[each.found]})' if each.why else found[each.found]}"
        for each in entry.did
    ]


def says_words(entry: AuditEntry) -> str:
    """What a line about the trail itself says; empty for every other one."""
    match entry.act:
        case AuditAct.BEGAN:
            return begins_words(entry.fact)
        case AuditAct.TRIMMED:
            return f"lines before {entry.first} of the chain {entry.chain} were deleted: their time was over"
        case AuditAct.DOUBTFUL:
            unknown = "its data key was not in DATA_KEYS"
            return f"not proven: {unknown if entry.fact == Doubtful.KEY_MISSING else 'it was not written by us'}"
        case _:
            return entry.fact


def begins_words(why: str) -> str:
    """Why a chain began."""
    return next((words for each, words in _BEGINS.items() if each == why), why)


def decided_words(line: Line, people: str = "") -> str:
    """What the audit has of a look: what it did, under which rules, with which note, and who had closed the tickets.

    Without `people` it says only that their names are kept.
    """
    entry = line.entry
    parts = [
        f"line {line.number}: {about_words(entry)}",
        f"rule {entry.rule}" if entry.rule else "",
        f"mappings.yaml {entry.rules}" if entry.rules else "",
        f"note {entry.note}" if entry.note else "",
        f"closed by {people or _nameless_words(line)}" if entry.people else "",
    ]
    return ", ".join(filter(None, parts))


def _nameless_words(line: Line) -> str:
    return f"people whose names {'are sealed' if line.sealed else 'were deleted'}"


def about_words(entry: AuditEntry) -> str:
    """What a line is about, and what was done, in one cell of a table."""
    if entry.did:
        left_out = (entry.count or 0) - len(entry.did)
        more = f"; and {left_out} more" if left_out > 0 else ""
        return f"{_grouped_words(entry)}{'; '.join(did_words(entry))}{more}"
    if entry.act == AuditAct.RULES:
        return f"mappings.yaml {entry.rules}"
    if entry.act == AuditAct.STOP_TASK:
        return f"task {entry.piece}: {entry.choice}"
    count = "" if entry.count is None else f" ({entry.count})"
    return f"{_deleted_words(entry)}{entry.piece or entry.choice}{count}" or says_words(entry)


def _grouped_words(entry: AuditEntry) -> str:
    """What stands before the findings that joined a case of a group, or moved on to another one."""
    if entry.act == AuditAct.MOVED_ON:
        return f"moved on to {entry.piece}: "
    return "joined: " if entry.act == AuditAct.JOINED else ""


def _deleted_words(entry: AuditEntry) -> str:
    return f"{entry.fact} ({entry.cause}) of " if entry.act == AuditAct.FORGOTTEN else ""


def who_words(entry: AuditEntry) -> str:
    """Who did it: the name given, and the operating system's user where that is another one."""
    if not entry.by:
        return entry.user or "remedy"
    return entry.by if entry.user in {"", entry.by} else f"{entry.by} (as {entry.user})"


def moment_words(at: int) -> str:
    """A time (Unix ms) to the second, as ISO 8601 has it; empty where it is none."""
    try:
        return (datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=at)).isoformat(timespec="seconds")
    except OverflowError:
        return ""


def bend_words(bend: Bend) -> str:
    """A bend as a sentence."""
    return f"chain {bend.chain}, {_lines(bend.number, bend.until)}: {_BENDS[bend.kind]}"


_BENDS: Mapping[BendKind, str] = {
    BendKind.CHANGED: "changed, renumbered, or not written by us",
    BendKind.MISSING: "missing",
    BendKind.REPEATED: "a copy of an earlier line",
    BendKind.UNREADABLE: "not readable",
    BendKind.BEGINNING_CUT: "the trail begins here, and nothing says that what was before was deleted with its time",
    BendKind.END_CUT: "cut off the end",
    BendKind.DELETED: "the whole trail was deleted",
    BendKind.HEAD_MISSING: "what says where the trail ends is missing: it may have had more lines",
    BendKind.HEAD_UNPROVEN: "what says where the trail ends is not signed by us: it may have had more lines",
    BendKind.HEAD_BEHIND: "what says where the trail ends names an earlier line than the last one",
    BendKind.BROKEN_OFF: "a new chain begins here: what was before may have had more lines",
    BendKind.FORGED: "somebody put something into the trail's place that was not written by us",
    BendKind.DIFFERS: "not what was written out",
    BendKind.REWORDED: "written out with other words than were signed: that copy was changed",
    BendKind.WIPED: "written out, and the trail has nothing of this chain: Redis was wiped, replaced or restored",
}


def _lines(first: int, last: int) -> str:
    return f"lines {first} to {last}" if last > first else f"line {first}"


def part_words(part: WholePart, verdict: Verdict) -> str:
    """From where to where the trail is whole."""
    stretch = next(each for each in verdict.stretches if each.chain == part.chain and each.first <= part.first)
    if (part.first, part.last) != (stretch.first, stretch.last):
        return f"chain {part.chain}, {_lines(part.first, part.last)}: whole"
    return f"chain {part.chain}, {_lines(part.first, part.last)}: whole, {_span(stretch)}"


def _span(stretch: Stretch) -> str:
    return f"from {moment_words(stretch.from_ms)} to {moment_words(stretch.to_ms)}"


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """What was found, for people."""
    for stretch in verdict.stretches:
        if stretch.why:
            began, why = moment_words(stretch.chain), begins_words(stretch.why)
            yield f"chain {stretch.chain} began at {began}: {why}. Nothing before it is known here"
    yield from (part_words(part, verdict) for part in whole_parts(verdict))
    for key, count in verdict.keys.items():
        if key not in verdict.unknown_keys:
            yield f"{count_words(count, 'line')} {by_count(count, 'is', 'are')} signed under the data key {key}"
    yield from (f"BENT {bend_words(bend)}" for bend in verdict.bends)
    for key, count in verdict.unknown_keys.items():
        signed = f"{count_words(count, 'line')} {by_count(count, 'is', 'are')} signed under the data key {key}"
        yield f"{signed}, which is not in DATA_KEYS: {by_count(count, 'it', 'they')} cannot be proven"
    if verdict.doubted:
        stand = f"{count_words(verdict.doubted, 'line')} {by_count(verdict.doubted, 'stands', 'stand')}"
        yield f"{stand} for what was signed under a data key that whoever chained it did not have"


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "whole": verdict.is_whole,
        "parts": [{"chain": each.chain, "first": each.first, "last": each.last} for each in whole_parts(verdict)],
        "chains": [
            {"chain": each.chain, "first": each.first, "last": each.last, "began": each.why or None}
            for each in verdict.stretches
        ],
        "bends": [
            {"kind": each.kind.value, "chain": each.chain, "number": each.number, "until": each.until or each.number}
            for each in verdict.bends
        ],
        "keys": dict(verdict.keys),
        "unknown_keys": dict(verdict.unknown_keys),
        "doubted": verdict.doubted,
    }


def told_in(lines: Iterable[str], keys: AuditKeys | None = None) -> tuple[WrittenOut, list[Bend]]:
    """The proofs of lines that were written out (to a log, a file or by an export), and how they are bent.

    Each line of the text that has an object with `chain`, `number` and `mac` counts, whatever stands before that. A
    bend is a number that is told in two ways, and with `keys`, words that the proof was not made for: that can be told
    where a line has its words, its key is known, and the line before it stands before it.
    """
    told, bends = WrittenOut(), list[Bend]()
    last: Line | None = None
    for text in lines:
        line = _told_line(text)
        if line is None:
            continue
        is_reworded = keys is not None and _is_reworded(line, last, keys)
        is_other = not told.add((line.chain, line.number), line.proof)
        if (is_other or is_reworded) and len(bends) < MOST_BENDS:
            bends.append(Bend(BendKind.DIFFERS if is_other else BendKind.REWORDED, line.chain, line.number))
        last = None if is_reworded else line  # its proof may be what was changed
    return told, bends


def _is_reworded(line: Line, last: Line | None, keys: AuditKeys) -> bool:
    if line.number == 1:
        before = NO_PROOF
    elif last is not None and (last.chain, last.number + 1) == (line.chain, line.number):
        before = last.proof
    else:
        return False
    return bool(line.wire) and keys.knows(line.key) and proof_of(keys, line.key, before, line) != line.proof


def _told_line(text: str) -> Line | None:
    """A line as it was written out; its `wire` is empty where its words are not beside it, as in a log."""
    try:
        value = json.loads(text[text.index("{") :])
        wire = canonical(value["line"]) if "line" in value else b""
        proof = bytes.fromhex(value["mac"])
        return Line(int(value["chain"]), int(value["number"]), str(value.get("key", "")), proof, wire, b"")
    except (ValueError, KeyError, TypeError):
        return None
