"""What people and programs are told of the service's status: lines in sections, each with how bad it is. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from remediation.deliveries.events import SCHOOLSCAN
from remediation.read_model.case_words import WAITING_MENDS, time_words, waiting_words
from remediation.read_model.delivery_list import refusal_words
from remediation.read_model.incidents import walk_words
from remediation.read_model.status.levels import (
    LONG_QUEUE,
    OVERDUE_SECONDS,
    POLL_SECONDS,
    REFUSED_SECONDS,
    SILENT_SECONDS,
    SWEEP_SECONDS,
    UNREAD_SECONDS,
    UNSWEPT_SECONDS,
    WAITING_SECONDS,
    Level,
    worst_of,
)
from remediation.read_model.status.overview import FeedStatus, SenderStatus, ServiceStatus
from remediation.read_model.wording import age_words, count_words
from remediation.store.budgets import Access, BudgetFigures
from remediation.store.cases.entries import moment
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.parked_causes import MOST_LOOKED_AT, ParkedCause
from remediation.store.processes import Process
from remediation.store.systems import SystemTrouble

_KINDS: Mapping[ParkedKind, tuple[str, str]] = {
    ParkedKind.ACTION: ("action", ""),
    ParkedKind.CASE: ("case", ""),
    ParkedKind.SCAN: ("scan", ""),
    ParkedKind.DELIVERY: ("delivery", "deliveries"),
    ParkedKind.QUARANTINED: ("delivery that nobody can read", "deliveries that nobody can read"),
}


_USE_NOTED = 60.0
"""Seconds by which the time of a sender's last delivery may be too early."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One thing and how it is; `advice` says what to do about it, where something is to be done."""

    what: str
    says: str
    level: Level = Level.OK
    advice: str = ""


@dataclass(frozen=True, slots=True)
class StatusSection:
    """Lines that belong together, under a title."""

    title: str
    lines: tuple[StatusLine, ...]


def status_sections(status: ServiceStatus) -> list[StatusSection]:
    """Everything that there is to say, in the order in which one asks for it. No section is empty."""
    sections = (
        ("Processes", _processes(status)),
        ("Deliveries", _deliveries(status)),
        ("Cases", _cases(status)),
        ("Waiting for", _waits(status)),
        ("Parked", _parked(status)),
        ("Limits", map(_budget_line, status.budgets)),
        ("Polls and feeds", _reading(status)),
    )
    made = [StatusSection(title, tuple(lines)) for title, lines in sections]
    return [section for section in made if section.lines]


def status_level(sections: Sequence[StatusSection]) -> Level:
    """How bad the worst line is."""
    return worst_of(line.level for section in sections for line in section.lines)


def status_words(sections: Sequence[StatusSection]) -> str:
    """The answer to "is it working?", in a few words."""
    lines = [line for section in sections for line in section.lines]
    failures = [line.what for line in lines if line.level is Level.FAILURE]
    warnings = sum(line.level is Level.WARNING for line in lines)
    besides = f"; {count_words(warnings, 'warning')}" if warnings else ""
    if failures:
        return f"NOT WELL: {', '.join(dict.fromkeys(failures))}{besides}"
    return f"working{besides}"


def _processes(status: ServiceStatus) -> Iterator[StatusLine]:
    for role, missing in (("worker", "deliveries are accepted and wait"), ("receiver", "senders are refused")):
        found = [each for each in status.processes if each.role == role]
        yield from (_line_of_process(each, status) for each in found)
        if not found and not (role == "worker" and _is_swept(status)):
            yield StatusLine(role, f"none runs: {missing}", Level.FAILURE, f"Start one: remedy run {role}.")
        elif not found:
            says = "one sweeps, and does not tell which version it is"
            yield StatusLine(role, says, Level.WARNING, "Finish the upgrade: it is of an earlier version.")
    yield from _sweep(status)
    yield from _mappings(status)


def _line_of_process(process: Process, status: ServiceStatus) -> StatusLine:
    version, since = process.version or "no version", time_words(process.started)
    says = f"{process.id}, {version}, since {since} UTC"
    if process.version != status.version:
        here = status.version or "none"
        return StatusLine(process.role, f"{says}; this command is {here}", Level.WARNING, "Finish the upgrade.")
    return StatusLine(process.role, says)


def _is_swept(status: ServiceStatus) -> bool:
    return status.at - (status.figures.last_sweep or 0.0) <= SWEEP_SECONDS


def _sweep(status: ServiceStatus) -> Iterator[StatusLine]:
    """A worker that has just started may not have swept yet."""
    last = status.figures.last_sweep
    is_late = any(each.role == "worker" and status.at - each.started > SWEEP_SECONDS for each in status.processes)
    if is_late and not _is_swept(status):
        says = f"{age_words(status.at - last)} ago" if last else "never"
        yield StatusLine("last sweep", says, Level.FAILURE, "Look at the workers' logs; restart them if Redis is well.")


def _mappings(status: ServiceStatus) -> Iterator[StatusLine]:
    """Which mappings.yaml are in force, and whether it is the one here."""
    counts = {each.mappings: 0 for each in status.processes if each.mappings}
    for each in status.processes:
        if each.mappings:
            counts[each.mappings] += 1
    used = ", ".join(f"{digest} in {count_words(count, 'process', 'processes')}" for digest, count in counts.items())
    if status.here is None:
        says = f"{used or 'in no process'}; the file here cannot be used"
        yield StatusLine("mappings.yaml", says, Level.WARNING, "remedy mappings check names every mistake in it.")
    elif counts and set(counts) != {status.here.digest}:
        advice = "Wait a few seconds after a change; then look at /readyz and restart those with the old one."
        yield StatusLine("mappings.yaml", f"{used}; here it is {status.here.digest}", Level.WARNING, advice)
    elif counts:
        yield StatusLine("mappings.yaml", used)


def _deliveries(status: ServiceStatus) -> Iterator[StatusLine]:
    figures = status.figures
    age = status.at - (figures.oldest_unread or status.at)
    if figures.unread:
        late = age > UNREAD_SECONDS
        advice = "Look at the workers' logs; restart those that take nothing up." if late else ""
        says = f"{figures.unread:,}, the oldest for {age_words(age)}"
        yield StatusLine("unread", says, Level.FAILURE if late else Level.OK, advice)
    else:
        yield StatusLine("unread", "none")
    yield from (_sender_line(sender, status.at) for sender in status.senders)
    last = figures.accepted.get(SCHOOLSCAN.name)
    if last is not None and status.at - last > SILENT_SECONDS:
        says = f"nothing from any district for {age_words(status.at - last)}"
        advice = "Look at its webhook's list of deliveries; then remedy reconcile --since from the last one."
        yield StatusLine("SchoolScan", says, Level.WARNING, advice)


def _sender_line(sender: SenderStatus, now: float) -> StatusLine:
    """Its last delivery and its last answer: a refusal since then may mean that it cannot get through."""
    says, refused = _accepted_words(sender.accepted, now), sender.refused
    if refused is None or now - refused.last > REFUSED_SECONDS:
        return StatusLine(sender.account, says)
    told = f"answered {refused.kind.status}: {refusal_words(refused)}"
    says = f"{says}; {count_words(refused.count, 'delivery', 'deliveries')} {told}, {age_words(now - refused.last)} ago"
    if refused.last <= (sender.accepted or 0.0) + _USE_NOTED:
        return StatusLine(sender.account, says)
    advice = "Is it the sender, or a stranger? remedy deliveries list --state refused; see docs/webhooks.md."
    return StatusLine(sender.account, says, Level.WARNING, advice)


def _accepted_words(accepted: float | None, now: float) -> str:
    if accepted is None:
        return "no delivery was ever accepted"
    return f"last delivery {age_words(now - accepted)} ago, accepted"


def _cases(status: ServiceStatus) -> Iterator[StatusLine]:
    figures = status.figures
    age = status.at - (figures.oldest_dirty or status.at)
    if not figures.dirty:
        yield StatusLine("undone", "none")
    else:
        put_off = f", {figures.put_off:,} of them put off" if figures.put_off else ""
        says = f"{count_words(figures.dirty, 'case')}{put_off}, the oldest for {age_words(age)}"
        late = age > WAITING_SECONDS
        advice = "remedy case list --state put_off; remedy case show tells what each waits for." if late else ""
        yield StatusLine("undone", says, Level.WARNING if late else Level.OK, advice)
    says = f"{count_words(figures.due, 'job')} due, {figures.running:,} in hand"
    long = figures.due >= LONG_QUEUE
    advice = "Start more workers, or raise MAX_JOBS." if long else ""
    yield StatusLine("queue", says, Level.WARNING if long else Level.OK, advice)


def _waits(status: ServiceStatus) -> Iterator[StatusLine]:
    for each in status.troubles:
        says = f"{waiting_words(each)}; {_cases_wait(each.cases)}"
        yield StatusLine(each.system, says, Level.FAILURE, WAITING_MENDS[each.waiting])
    for tracker, count in status.unnamed.items():
        says = f"mappings.yaml does not name it (any more); {_cases_wait(count)}"
        yield StatusLine(
            tracker, says, Level.WARNING, "Name it again, or under formerly of the tracker that it is now."
        )
    for budget in status.budgets:
        if budget.waiting:
            yield StatusLine(f"{budget.system} ({budget.access})", f"its limit; {_cases_wait(budget.waiting)}")


def _cases_wait(count: int) -> str:
    verb = "waits" if count == 1 else "wait"
    return f"{count_words(count, 'case')} {verb}" if count else "no case waits yet"


def _parked(status: ServiceStatus) -> Iterator[StatusLine]:
    for cause in status.causes:
        refused = f" {cause.status}" if cause.status else ""
        by = f" by {cause.system}" if cause.system else ""
        says = f"{_kind_words(cause)}{by}, the oldest for {age_words(status.at - cause.first)}"
        is_kept = cause.kind is ParkedKind.QUARANTINED
        advice = "remedy parked list --kind quarantined" if is_kept else "remedy parked list says why"
        yield StatusLine(f"{cause.error}{refused}", says, Level.WARNING if is_kept else Level.FAILURE, f"{advice}.")
    if status.figures.parked > MOST_LOOKED_AT:
        yield StatusLine("in all", f"{status.figures.parked:,}; the newest {MOST_LOOKED_AT:,} are counted above")


def _kind_words(cause: ParkedCause) -> str:
    noun, plural = _KINDS[cause.kind]
    return count_words(cause.count, noun, plural)


def _budget_line(budget: BudgetFigures) -> StatusLine:
    what = f"{budget.system} ({budget.access})"
    if not budget.limit:
        return StatusLine(what, "it told none and refuses for now")
    unit = f"{budget.access}s" if budget.access in get_args(Access) else "requests"
    return StatusLine(what, f"{budget.left:,} of {budget.limit:,} {unit} left")


def _reading(status: ServiceStatus) -> Iterator[StatusLine]:
    started = [each.started for each in status.processes if each.role == "worker"]
    for tracker, read in status.polls.items():
        since = read if read is not None else min(started, default=status.at)
        late = status.at - since > POLL_SECONDS
        says = f"changes read {age_words(status.at - read)} ago" if read is not None else "its changes were never read"
        advice = "The workers' log has poll_failed with the reason; remedy doctor asks the tracker." if late else ""
        yield StatusLine(tracker, says, Level.FAILURE if late else Level.OK, advice)
    yield from (_feed_line(each, status.at) for each in status.feeds)


def _feed_line(feed: FeedStatus, now: float) -> StatusLine:
    figures, state = feed.figures, feed.state
    polled = f"read {age_words(now - figures.polled_at)} ago" if figures.polled_at else "never read"
    says = f"{polled}, {count_words(figures.incidents, 'incident')} kept; {walk_words(state)}"
    if figures.overdue(now) > OVERDUE_SECONDS:
        advice = "remedy incidents poll asks for it at once; the workers' log says what it answers."
        return StatusLine(figures.name, f"{says}; overdue by {age_words(figures.overdue(now))}", Level.FAILURE, advice)
    if state.swept_at is None or now - state.swept_at > UNSWEPT_SECONDS:
        says = f"{says}; its school year was not read whole {'lately' if state.swept_at else 'yet'}"
        return StatusLine(figures.name, says, Level.WARNING, "remedy incidents poll --sweep reads it now.")
    return StatusLine(figures.name, says)


def status_json(status: ServiceStatus, sections: Sequence[StatusSection]) -> dict[str, Any]:
    """All of it for programs. Times are ISO 8601, ages are in seconds."""
    figures, worst = status.figures, status_level(sections)
    return {
        "at": _iso(status.at),
        "well": worst is not Level.FAILURE,
        "worst": worst,
        "version": status.version,
        "processes": [{**asdict(each), "started": _iso(each.started)} for each in status.processes],
        "last_sweep": _iso(figures.last_sweep),
        "mappings": {"here": status.here.digest if status.here else None, "in_use": _in_use(status)},
        "deliveries": {
            "unread": figures.unread,
            "oldest_unread": _age(figures.oldest_unread, status.at),
            "senders": {each.account: _sender_json(each) for each in status.senders},
        },
        "cases": {
            "undone": figures.dirty,
            "put_off": figures.put_off,
            "oldest_undone": _age(figures.oldest_dirty, status.at),
            "due": figures.due,
            "running": figures.running,
        },
        "waits": [_wait_json(each) for each in status.troubles],
        "unnamed": dict(status.unnamed),
        "parked": {"count": figures.parked, "causes": [_cause_json(each) for each in status.causes]},
        "budgets": [asdict(each) for each in status.budgets],
        "polls": {name: {"read": _iso(read), "lag": _age(read, status.at)} for name, read in status.polls.items()},
        "feeds": {each.figures.name: _feed_json(each, status.at) for each in status.feeds},
        "lines": [{"section": section.title, **asdict(line)} for section in sections for line in section.lines],
    }


def _sender_json(sender: SenderStatus) -> dict[str, Any]:
    refused = sender.refused
    if refused is None:
        return {"accepted": _iso(sender.accepted), "refused": None}
    kind = {"status": refused.kind.status, "reason": refused.kind.reason, "seen": refused.kind.seen or None}
    return {
        "accepted": _iso(sender.accepted),
        "refused": {"last": _iso(refused.last), "count": refused.count, **kind},
    }


def _in_use(status: ServiceStatus) -> list[str]:
    return sorted({each.mappings for each in status.processes if each.mappings})


def _wait_json(trouble: SystemTrouble) -> dict[str, Any]:
    return {**asdict(trouble), "since": _iso(trouble.since)}


def _cause_json(cause: ParkedCause) -> dict[str, Any]:
    return {**asdict(cause), "first": _iso(cause.first), "last": _iso(cause.last)}


def _feed_json(feed: FeedStatus, now: float) -> dict[str, Any]:
    state, figures = feed.state, feed.figures
    return {
        "read": _iso(figures.polled_at),
        "lag": _age(figures.polled_at, now),
        "swept": _iso(state.swept_at),
        "overdue": int(figures.overdue(now)),
        "incidents": figures.incidents,
        "trouble": state.trouble or None,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else moment(at).isoformat()


def _age(at: float | None, now: float) -> int | None:
    return None if at is None else max(0, int(now - at))
