"""What a person is told of a deletion: what is removed, what stays, why and until when, and what others hold. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.schema import Retention
from remediation.operations.purging.deletion import PurgeResult, summed
from remediation.operations.purging.files import Files, FileState
from remediation.operations.purging.survey import PurgeSurvey
from remediation.read_model.cases.words import time_words
from remediation.store.activity.hours import KEPT

_KINDS: Mapping[str, str] = {
    "rows": "cases",
    "timelines": "timelines",
    "lists": "places on lists of cases",
    "waiting": "marks, appointments and waits",
    "tickets": "entries of the indexes of tickets",
    "parked": "pieces of parked work",
    "counters": "counts of replays and crashes",
    "jobs": "wake-ups in the queue",
    "relations": "places where incidents and findings find each other",
    "memberships": "memberships of a case of an identity or of a group",
    "incidents": "rows of incidents",
    "decisions": "decisions about incidents",
    "scans": "scans",
    "feeds": "rows of feeds",
    "systems": "troubles of systems",
    "senders": "notes about how its sender signs",
    "limits": "counts and lists of what was set aside",
    "names": "names of the district",
    "activity": "hours and days of charts",
}
"""Words for each kind of entry. One without is shown by its own name."""

_FILES: Mapping[FileState, str] = {
    FileState.NONE: "this Redis keeps no append-only file",
    FileState.REWRITTEN: "Redis has rewritten its append-only file since, and said that this ended well: it is not "
    "there. A replica has a file of its own: run BGREWRITEAOF there",
    FileState.UNDER_WAY: "Redis still rewrites its append-only file; workers prove it, and remedy doctor tells "
    "(redis-shredded) until then",
    FileState.FAILED: "the rewrite of Redis's append-only file failed: it is there until one ends well; remedy doctor "
    "tells",
    FileState.REFUSED: "this Redis does not rewrite its append-only file for us (BGREWRITEAOF), as a managed one. It "
    "is there until the service rewrites or replaces the file. Ask for how long that is",
}
"""What is said of the append-only file after a deletion."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Something that is not deleted: how many where that is known, why, and until when."""

    what: str
    why: str
    until: str
    count: int | None = None


def removed_lines(counts: Mapping[str, int], deliveries: int, names: int) -> list[str]:
    """What is deleted, counted by kind; a line for each kind."""
    lines = [f"{_KINDS.get(kind, kind)}: {count}" for kind, count in counts.items() if count]
    if deliveries:
        lines.append(f"bodies of deliveries that were not read: {deliveries}")
    if names:
        lines.append(f"sealed names beside lines of the audit: {names}")
    return lines


def stays(found: PurgeSurvey, kept: Retention, deleted: PurgeResult | None) -> Iterator[Stays]:
    """What stays, in the order in which it is told."""
    lines = found.lines
    if lines.lines:
        yield Stays(
            "lines of the audit",
            "each line proves the one before it: to take one out would break the chain. They hold ids, ticket keys, "
            "words of ours, digests and times",
            f"retention.audit: {_until(lines.last_at, kept.audit)}",
            lines.lines,
        )
    if deleted is not None and deleted.names_refused:
        yield Stays(
            "sealed names beside lines of the audit",
            "Redis does not let this user put the trail in its place again without them (RENAME): allow it, and run "
            "this again",
            f"retention.audit: {_until(lines.last_at, kept.audit)}",
            lines.with_names,
        )
    yield Stays(
        "fingerprints of deliveries",
        "so that a delivery which comes twice is known; they hold ids of deliveries and times, and name no case",
        f"retention.deliveries: {_days(kept.deliveries)} after each came",
    )
    if found.target.is_district:
        yield Stays(
            "counts of the whole service for charts",
            "its part of them is not told apart; among the systems whose limits were used its own stand by name",
            f"{KEPT.days} days after each day",
        )
    if found.deliveries.sealed:
        yield Stays(
            "deliveries that cannot be read",
            "they are sealed with a data key that is not in DATA_KEYS; whether one names what was deleted is not known",
            f"retention.quarantined: {_days(kept.quarantined)}, or until you discard them (remedy parked discard)",
            found.deliveries.sealed,
        )
    if found.has_feeds and found.target.kind is CaseKind.FINDING and not found.target.is_district:
        yield Stays(
            "mentions in timelines and parked work of incidents",
            "where an incident's ticket was to be told of the finding, this names the finding's id",
            f"retention.timelines: {_days(kept.timelines)} after the last entry of each, and retention.parked",
        )


def elsewhere_lines(found: PurgeSurvey) -> list[str]:
    """What other systems hold, which remedy does not delete there."""
    target = found.target
    lines = [f"ticket {key} in {tracker}: people delete it there" for tracker, key in found.tickets]
    if found.tickets:
        lines.append(
            "a ticket that stays bears our mark: when it changes, its case comes back. Delete tickets before, or run "
            "this again"
        )
    lines += [
        f"ticket {key} in {tracker} is of several findings, and its list may name this one: while it is open, a look "
        "at its case writes the list without it; otherwise people take the line out"
        for tracker, key in found.shared
    ]
    if target.is_district or target.kind is CaseKind.FINDING:
        lines.append(
            "SchoolScan holds the finding itself, and our notes in its history: if it is not deleted there, the next "
            "webhook, scan or remedy reconcile brings the case back"
        )
    if target.is_district or target.kind is CaseKind.INCIDENT:
        lines.append(
            "the feed holds the incident itself: for as long as it shows it, the next reading brings both back"
        )
    return lines


def backup_lines(files: Files | None) -> list[str]:
    """What is left in files. None: nothing was deleted yet."""
    what = "the append-only file holds it until Redis has rewritten it, which is asked for at once"
    lines = [what if files is None else _FILES[files.file]]
    at = files.snapshot_at if files is not None else None
    since = f", the last of {time_words(at)} UTC" if at else ""
    lines.append(f"snapshots of Redis (RDB{since}) hold it until the next one is saved")
    lines.append(
        "your backups of Redis, and your copies of the audit (AUDIT_FILE, syslog) and of the log, hold it for as long "
        "as you keep them: remedy does not know them. After a backup is restored, run this again"
    )
    return lines


def json_of(
    found: PurgeSurvey, kept: Retention, deleted: PurgeResult | None, files: Files | None, choice: str
) -> dict[str, object]:
    """All of it for programs; `removed` is what would be removed where nothing was."""
    counts = summed(found.counts, found.rest) if deleted is None else summed(deleted.counts, deleted.rest)
    waits = len(found.deliveries.waiting) + len(found.deliveries.set_aside)
    return {
        "choice": choice,
        "done": deleted is not None,
        "cases": len(found.refs) if deleted is None else deleted.cases,
        "removed": counts,
        "deliveries": waits if deleted is None else deleted.deliveries,
        "names": found.lines.with_names if deleted is None else deleted.names,
        "held": [] if deleted is None else sorted(deleted.held),
        "stays": [
            {"what": each.what, "count": each.count, "why": each.why, "until": each.until}
            for each in stays(found, kept, deleted)
        ],
        "tickets": [{"tracker": tracker, "key": key} for tracker, key in found.tickets],
        "elsewhere": elsewhere_lines(found),
        "file": None if files is None else str(files.file),
        "backups": backup_lines(files),
    }


def text_lines(
    found: PurgeSurvey, kept: Retention, deleted: PurgeResult | None, files: Files | None
) -> Iterator[tuple[str, list[str]]]:
    """The parts of what people are told, each with its heading."""
    if deleted is None:
        waits = len(found.deliveries.waiting) + len(found.deliveries.set_aside)
        would = removed_lines(summed(found.counts, found.rest), waits, found.lines.with_names)
        yield "Would be removed:", would
    else:
        yield "Removed:", removed_lines(summed(deleted.counts, deleted.rest), deleted.deliveries, deleted.names)
    yield "Stays, and why:", [_stays_words(each) for each in stays(found, kept, deleted)]
    yield "Not ours to delete:", elsewhere_lines(found)
    yield "In files and backups:", backup_lines(files)


def _stays_words(each: Stays) -> str:
    count = "" if each.count is None else f" ({each.count})"
    return f"{each.what}{count}: {each.why}. Until {each.until}"


def _until(last_at: float | None, kept: timedelta) -> str:
    return f"{_days(kept)} after each was written" + (
        f", the last on {time_words(last_at + kept.total_seconds())} UTC" if last_at is not None else ""
    )


def _days(span: timedelta) -> str:
    return f"{span.days} days"


def held_words(refs: Iterable[str]) -> str:
    """What is said of cases that a worker looked at all the time."""
    some = sorted(refs)
    return (
        f"a worker looks at {', '.join(some[:5])}{' and others' if len(some) > 5 else ''}: a look in progress "  # noqa: PLR2004
        "would write it again. Run this again in a minute"
    )
