"""What a look writes into the audit: which actions were done about a case, why, and under which rules.

A line is added by the script that stores what the look remembers. Until then the memory says which actions were begun:
where a worker dies in between, the next look finds those whose result is there, and its line says that they were found.
The change of a status is forgotten as begun when the next plan is stored, so it is told with that plan; all others are
told when the look ends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from remediation.domain.actions import ActionName, SetStatus, Verb, Why
from remediation.domain.cases.records import CaseKey
from remediation.look.observing import Snapshot
from remediation.planning import Progress, found_done
from remediation.store.audit.chain import waiting
from remediation.store.audit.entries import AuditAct, AuditedAction, AuditEntry
from remediation.store.cases.entries import steps_of
from remediation.store.cases.todo import Lease
from workers.resources import WorkerContext

_MOST_NAMED = 100
"""Findings that one line names."""

_BY_PEOPLE = frozenset({Why.TICKET_DONE, Why.REASON_CHANGED, Why.RISK_STILL_ACCEPTED})
"""The causes with which people decided, by closing tickets."""


def found_status(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> bytes:
    """The line about a status that a look before this one has set and not told; empty where there is none."""
    names = [name for name in found_done(lease.record.memory, snapshot.observation) if name.verb == Verb.PATCH]
    return _line(context, lease, snapshot, [_found(name, snapshot) for name in names])


def decided(context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress, *, planned: bool) -> bytes:
    """The line about what this look did, and what earlier ones did and have not told; empty where that is nothing.

    `planned`: this look has stored a plan, and with it told of a status that was found.
    """
    done = {action.name for action in progress.done}
    found = [
        name
        for name in found_done(lease.record.memory, snapshot.observation)
        if name not in done and not (planned and name.verb == Verb.PATCH)
    ]
    did = [*(_found(name, snapshot) for name in found), *_done(progress)]
    note = "".join(progress.notes.get(action.name, "") for action in progress.done)
    return _line(context, lease, snapshot, did, note, _people(snapshot, progress))


def joined(context: WorkerContext, lease: Lease, findings: Iterable[str]) -> bytes:
    """The line about findings that join this case of a group."""
    return _about_members(context, lease, AuditAct.JOINED, sorted(findings))


def moved_on(context: WorkerContext, lease: Lease, findings: Iterable[str], other: CaseKey) -> bytes:
    """The line about findings that move on to a later case of their group."""
    return _about_members(context, lease, AuditAct.MOVED_ON, sorted(findings), other.ref)


def _about_members(
    context: WorkerContext, lease: Lease, act: AuditAct, findings: Sequence[str], piece: str = ""
) -> bytes:
    """A line that names the findings, as many as a line takes, and says how many they are."""
    own = (replace(lease.record.key, id=name).ref for name in findings[:_MOST_NAMED])
    entry = AuditEntry(
        act,
        int(context.clock() * 1000),
        case=lease.ref,
        cause=lease.cause,
        piece=piece,
        count=len(findings),
        did=tuple(AuditedAction(ref) for ref in own),
        rules=context.rules,
    )
    return waiting(entry, context.audit)


def _line(
    context: WorkerContext,
    lease: Lease,
    snapshot: Snapshot,
    did: list[AuditedAction],
    note: str = "",
    people: str = "",
) -> bytes:
    if not did:
        return b""
    entry = AuditEntry(
        AuditAct.DECIDED,
        int(context.clock() * 1000),
        case=lease.ref,
        cause=lease.cause,
        did=tuple(did),
        rule=snapshot.policy.rule,
        rules=context.rules,
        note=context.audit.digest("note", note),
    )
    return waiting(entry, context.audit, people)


def _done(progress: Progress) -> Iterable[AuditedAction]:
    for action, step in zip(progress.done, steps_of(tuple(progress.done)), strict=True):
        ticket = progress.tickets.get(action.name.tracker)
        yield AuditedAction(step.action, ticket.key if ticket else "", step.why, step.detail)


def _found(name: ActionName, snapshot: Snapshot) -> AuditedAction:
    ticket = snapshot.observation.tickets.get(name.tracker)
    return AuditedAction(str(name), ticket.key if ticket else "", found=True)


def _people(snapshot: Snapshot, progress: Progress) -> str:
    """Who decided by closing tickets, as their trackers name them (see Ticket); empty where nobody did."""
    if not any(isinstance(action, SetStatus) and action.why in _BY_PEOPLE for action in progress.done):
        return ""
    seen = snapshot.observation
    closers = (seen.tickets[name].closer or seen.tickets[name].closed_by for name in seen.done)
    return ", ".join(dict.fromkeys(closer for closer in closers if closer))
