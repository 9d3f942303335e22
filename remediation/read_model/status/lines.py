"""What people are told of the service's status: lines in sections, each with how bad it is. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.errors import Waiting
from remediation.read_model.cases.words import WAITING_MENDS, time_words, waiting_words
from remediation.read_model.delivery_list import refusal_words
from remediation.read_model.incidents import walk_words
from remediation.read_model.status.codes import TroubleCode, TroubleName, district_of
from remediation.read_model.status.levels import (
    LONG_QUEUE,
    OVERDUE_SECONDS,
    POLL_SECONDS,
    REFUSED_SECONDS,
    RISK_SECONDS,
    SILENT_SECONDS,
    SWEEP_SECONDS,
    UNREAD_SECONDS,
    UNSWEPT_SECONDS,
    WAITING_SECONDS,
    Level,
    worst_of,
)
from remediation.read_model.status.overview import FeedStatus, SenderStatus, ServiceStatus
from remediation.read_model.wording import age_words, by_count, count_words
from remediation.store.activity.tally import ResponseKind
from remediation.store.budgets.learned import Access, BudgetFigures
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.parked_causes import FEWEST_COUNTED, ParkedCause
from remediation.store.processes import Process

_KINDS: Mapping[ParkedKind, tuple[str, str]] = {
    ParkedKind.ACTION: ("action", ""),
    ParkedKind.CASE: ("case", ""),
    ParkedKind.SCAN: ("scan", ""),
    ParkedKind.DELIVERY: ("delivery", "deliveries"),
    ParkedKind.QUARANTINED: ("delivery that nobody can read", "deliveries that nobody can read"),
}


_MISSING = {"worker": TroubleCode.WORKERS_MISSING, "receiver": TroubleCode.RECEIVERS_MISSING}

_AWAITED: Mapping[ResponseKind, str] = {
    ResponseKind.TICKET: "first tickets",
    ResponseKind.STATUS: "changes of status",
}
"""What deliveries wait for."""

_USE_NOTED = 60.0
"""Seconds by which the time of a sender's last delivery may be too early."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One thing and how it is; `advice` says what to do about it, where something is to be done.

    `trouble` says which trouble it is where it is one: where its level is not OK.
    """

    what: str
    says: str
    level: Level = Level.OK
    advice: str = ""
    trouble: TroubleName | None = None


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
        ("Webhook secrets", _secrets(status)),
        ("Notifications", _channels(status)),
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
            missing_one = TroubleName(_MISSING[role], role)
            yield StatusLine(
                role, f"none runs: {missing}", Level.FAILURE, f"Start one: remedy run {role}.", missing_one
            )
        elif not found:
            says = "one sweeps, and does not tell which version it is"
            untold = TroubleName(TroubleCode.PROCESS_UNTOLD, role)
            yield StatusLine(role, says, Level.WARNING, "Finish the upgrade: it is of an earlier version.", untold)
    yield from (_line_of_process(each, status) for each in status.processes if each.role == "console")
    yield from _sweep(status)
    yield from _mappings(status)


def _line_of_process(process: Process, status: ServiceStatus) -> StatusLine:
    version, since = process.version or "no version", time_words(process.started)
    says = f"{process.id}, {version}, since {since} UTC"
    if process.version != status.version:
        here = status.version or "none"
        differs = TroubleName(TroubleCode.VERSIONS_DIFFER, process.role)
        says = f"{says}; {status.asker} is {here}"
        return StatusLine(process.role, says, Level.WARNING, "Finish the upgrade.", differs)
    return StatusLine(process.role, says)


def _is_swept(status: ServiceStatus) -> bool:
    return status.at - (status.figures.last_sweep or 0.0) <= SWEEP_SECONDS


def _sweep(status: ServiceStatus) -> Iterator[StatusLine]:
    """A worker that has just started may not have swept yet."""
    last = status.figures.last_sweep
    is_late = any(each.role == "worker" and status.at - each.started > SWEEP_SECONDS for each in status.processes)
    if is_late and not _is_swept(status):
        says = f"{age_words(status.at - last)} ago" if last else "never"
        advice = "Look at the workers' logs; restart them if Redis is well."
        yield StatusLine("last sweep", says, Level.FAILURE, advice, TroubleName(TroubleCode.SWEEP_OLD))


def _mappings(status: ServiceStatus) -> Iterator[StatusLine]:
    """Which mappings.yaml are in force, and whether it is the one here."""
    counts = {each.mappings: 0 for each in status.processes if each.mappings}
    for each in status.processes:
        if each.mappings:
            counts[each.mappings] += 1
    used = ", ".join(f"{digest} in {count_words(count, 'process', 'processes')}" for digest, count in counts.items())
    if status.here is None or status.here.is_refused:
        says = f"{used or 'in no process'}; the file here cannot be used"
        advice = "remedy mappings check names every mistake in it."
        yield StatusLine("mappings.yaml", says, Level.WARNING, advice, TroubleName(TroubleCode.MAPPINGS_WRONG))
    elif counts and set(counts) != {status.here.digest}:
        advice = "Wait a few seconds after a change; then look at /readyz and restart those with the old one."
        says = f"{used}; here it is {status.here.digest}"
        yield StatusLine("mappings.yaml", says, Level.WARNING, advice, TroubleName(TroubleCode.MAPPINGS_DIFFER))
    elif counts:
        yield StatusLine("mappings.yaml", used)


def _deliveries(status: ServiceStatus) -> Iterator[StatusLine]:
    figures = status.figures
    age = status.at - (figures.oldest_unread or status.at)
    if figures.unread:
        says = f"{figures.unread:,}, the oldest for {age_words(age)}"
        if age > UNREAD_SECONDS:
            advice = "Look at the workers' logs; restart those that take nothing up."
            yield StatusLine("unread", says, Level.FAILURE, advice, TroubleName(TroubleCode.DELIVERIES_UNREAD))
        else:
            yield StatusLine("unread", says)
    else:
        yield StatusLine("unread", "none")
    yield from (_sender_line(sender, status.at) for sender in status.senders)
    for kind, times in status.responses.items():
        if times.count:
            yield StatusLine(f"{_AWAITED[kind]} today", times.says)
    last = figures.accepted.get(SCHOOLSCAN.name)
    if last is not None and status.at - last > SILENT_SECONDS:
        says = f"nothing from any district for {age_words(status.at - last)}"
        advice = "Look at its webhook's list of deliveries; then remedy reconcile --since from the last one."
        yield StatusLine("SchoolScan", says, Level.WARNING, advice, TroubleName(TroubleCode.DELIVERIES_SILENT))


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
    name = TroubleName(TroubleCode.DELIVERIES_REFUSED, sender.account, district_of(sender.account))
    return StatusLine(sender.account, says, Level.WARNING, advice, name)


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
        if age > WAITING_SECONDS:
            advice = "remedy case list --state put_off; remedy case show tells what each waits for."
            yield StatusLine("undone", says, Level.WARNING, advice, TroubleName(TroubleCode.CASES_WAITING))
        else:
            yield StatusLine("undone", says)
    says = f"{count_words(figures.due, 'job')} due, {figures.running:,} in hand"
    if figures.due >= LONG_QUEUE:
        advice = "Start more workers, or raise MAX_JOBS."
        yield StatusLine("queue", says, Level.WARNING, advice, TroubleName(TroubleCode.QUEUE_LONG))
    else:
        yield StatusLine("queue", says)
    yield from _risks(status)


def _risks(status: ServiceStatus) -> Iterator[StatusLine]:
    """Nothing is wrong about these: their cases are looked at when they end."""
    if status.risks.count:
        first = status.risks.first[0]
        says = (
            f"{status.risks.count:,} end within {RISK_SECONDS // 86_400} days, the first at {time_words(first.at)} UTC"
        )
        yield StatusLine("accepted risks", f"{says} ({first.ref})")


def _waits(status: ServiceStatus) -> Iterator[StatusLine]:
    for each in status.troubles:
        says = f"{waiting_words(each)}; {_cases_wait(each.cases)}"
        code = TroubleCode.SIGN_IN if each.waiting is Waiting.SIGN_IN else TroubleCode.SYSTEM_WAITED_FOR
        name = TroubleName(code, each.system, district_of(each.system))
        yield StatusLine(each.system, says, Level.FAILURE, WAITING_MENDS[each.waiting], name)
    for tracker, count in status.unnamed.items():
        says = f"mappings.yaml does not name it (any more); {_cases_wait(count)}"
        advice = "Name it again, or under formerly of the tracker that it is now."
        yield StatusLine(tracker, says, Level.WARNING, advice, TroubleName(TroubleCode.TRACKER_UNNAMED, tracker))
    for budget in status.budgets:
        if budget.waiting:
            yield StatusLine(f"{budget.system} ({budget.access})", f"its limit; {_cases_wait(budget.waiting)}")


def _cases_wait(count: int) -> str:
    return f"{count_words(count, 'case')} {by_count(count, 'waits', 'wait')}" if count else "no case waits yet"


def _parked(status: ServiceStatus) -> Iterator[StatusLine]:
    for cause in status.causes:
        refused = f" {cause.status}" if cause.status else ""
        by = f" by {cause.system}" if cause.system else ""
        says = f"{_kind_words(cause)}{by}, the oldest for {age_words(status.at - cause.first)}"
        is_kept = cause.kind is ParkedKind.QUARANTINED
        advice = "remedy parked list --kind quarantined" if is_kept else "remedy parked list says why"
        level = Level.WARNING if is_kept else Level.FAILURE
        yield StatusLine(f"{cause.error}{refused}", says, level, f"{advice}.", _name_of_cause(cause))
    counted = sum(cause.count for cause in status.causes)
    if status.figures.parked > max(counted, FEWEST_COUNTED):
        yield StatusLine("in all", f"{status.figures.parked:,}; the newest {counted:,} are counted above")


def _name_of_cause(cause: ParkedCause) -> TroubleName:
    code = TroubleCode.QUARANTINED if cause.kind is ParkedKind.QUARANTINED else TroubleCode.PARKED
    parts = (cause.kind.value, cause.error, str(cause.status or ""), cause.system)
    return TroubleName(code, " ".join(filter(None, parts)), district_of(cause.system), cause.count)


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
        says = f"changes read {age_words(status.at - read)} ago" if read is not None else "its changes were never read"
        if status.at - since > POLL_SECONDS:
            advice = "The workers' log has poll_failed with the reason; remedy doctor asks the tracker."
            yield StatusLine(tracker, says, Level.FAILURE, advice, TroubleName(TroubleCode.CHANGES_UNREAD, tracker))
        else:
            yield StatusLine(tracker, says)
    yield from (feed_line(each, status.at) for each in status.feeds)


def feed_line(feed: FeedStatus, now: float) -> StatusLine:
    """How far a feed was read, and what is to be done where it is late."""
    figures, state = feed.figures, feed.state
    whose = (figures.name, figures.name.partition("/")[0])
    polled = f"read {age_words(now - figures.polled_at)} ago" if figures.polled_at else "never read"
    says = f"{polled}, {count_words(figures.incidents, 'incident')} kept; {walk_words(state)}"
    if figures.overdue(now) > OVERDUE_SECONDS:
        advice = "remedy incidents poll asks for it at once; the workers' log says what it answers."
        says, unread = (
            f"{says}; overdue by {age_words(figures.overdue(now))}",
            TroubleName(TroubleCode.FEED_UNREAD, *whose),
        )
        return StatusLine(figures.name, says, Level.FAILURE, advice, unread)
    if state.swept_at is None or now - state.swept_at > UNSWEPT_SECONDS:
        says = f"{says}; its school year was not read whole {'lately' if state.swept_at else 'yet'}"
        unswept = TroubleName(TroubleCode.FEED_UNSWEPT, *whose)
        return StatusLine(figures.name, says, Level.WARNING, "remedy incidents poll --sweep reads it now.", unswept)
    return StatusLine(figures.name, says)


def _secrets(status: ServiceStatus) -> Iterator[StatusLine]:
    """Those of the file here that have ended, or soon will; the others are not told."""
    for each in status.here.secret_ends if status.here else ():
        has_ended = each.at <= status.at
        says = f"the secret {each.name} {'has ended' if has_ended else f'ends at {time_words(each.at)} UTC'}"
        code, level = TroubleCode.WEBHOOK_SECRET_ENDING, Level.WARNING
        advice = "Does the sender sign with the new one? Take the old one out of secrets; else move its until."
        if each.is_last:
            says = f"{says}: from then on every delivery is answered 401"
            advice = "Add the one that the sender uses now."
        if each.is_last and has_ended:
            code, level = TroubleCode.WEBHOOK_SECRET_ENDED, Level.FAILURE
        name = TroubleName(code, f"{each.path} {each.name}", district_of(each.path))
        yield StatusLine(each.path, says, level, advice, name)


def _channels(status: ServiceStatus) -> Iterator[StatusLine]:
    """How each channel of the file here got its last messages."""
    for name, memory in status.channels.items():
        last = f"last message {age_words(status.at - memory.last)} ago" if memory.last else "no message yet"
        if memory.failures:
            says = f"{last}; {count_words(memory.failures, 'try', 'tries')} in vain: {memory.why}"
            advice = "remedy notify test says what happens; the messages are tried again."
            yield StatusLine(
                name, says, Level.WARNING, advice, TroubleName(TroubleCode.NOTIFICATIONS_UNDELIVERED, name)
            )
        else:
            yield StatusLine(name, last)
