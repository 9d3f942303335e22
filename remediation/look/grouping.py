"""Which case of a group a finding belongs to: decided by looks, once the tickets of the cases were observed."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from remediation.domain.actions import Verb
from remediation.domain.cases.groups import as_closed, may_be_its_own, number_of, numbered, takes_no_more
from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.domain.errors import OutsideError, TryLater
from remediation.domain.tickets import LEFT_ALONE
from remediation.look.members import Members
from remediation.look.observing import Snapshot
from remediation.planning import Progress
from remediation.ports import Rulebook, Source, Tracker


@dataclass(frozen=True, slots=True)
class GroupDecision:
    """What becomes of the findings that wait in a case of a group: some join it, others move on to the next case.

    Those that are in neither wait for another look.
    """

    joining: AbstractSet[str] = frozenset()
    moving: AbstractSet[str] = frozenset()


async def admission_of(
    record: CaseRecord, snapshot: Snapshot, known: Mapping[str, KnownMember], trackers: Mapping[str, Tracker]
) -> GroupDecision:
    """Returns what becomes of the case's waiting findings. `known` are the case's findings as the look has read them.

    They join where the case's ticket is active or not opened yet, and move on where it is closed. So do those that have
    joined and that no ticket is known to list: whoever closed it has not seen them. Where the store has
    lost what it knew, the closed ticket may be the one of a finding that is `reviewing`, if no later case of the group
    has a ticket: then it joins, and the closing decides about it. Raises TryLater where a tracker that has the case's
    ticket, or may have it, could not be asked; and what a search raises.
    """
    waiting, tickets = record.waiting, snapshot.observation.tickets
    read = waiting & known.keys()
    if not (waiting or record.unlisted):
        return GroupDecision()
    if not takes_no_more(tickets, snapshot.policy):
        if not snapshot.observation.active:
            _require_all_seen(record, snapshot, known)
        return GroupDecision(joining=read)
    _require_all_seen(record, snapshot, known)
    own = {name for name in read if may_be_its_own(record, known[name])}
    if own and await _has_tickets(numbered(record.key, number_of(record.key) + 1), snapshot, trackers):
        own = set()
    return GroupDecision(joining=own, moving=record.unlisted | ((waiting if record.memory.finding else read) - own))


def _require_all_seen(record: CaseRecord, snapshot: Snapshot, known: Mapping[str, KnownMember]) -> None:
    """Raises TryLater where a tracker was not seen in which the case has a ticket, or may have one after a loss."""
    may_be_lost = any(record.may_have_lost_work_on(each.detected_at) for each in known.values())
    is_lost = record.memory.finding is None and may_be_lost
    for name, error in sorted(snapshot.failures.items()):
        if isinstance(error, TryLater) and (is_lost or name in record.links):
            raise error


async def _has_tickets(key: CaseKey, snapshot: Snapshot, trackers: Mapping[str, Tracker]) -> bool:
    """Whether a tracker of the rule has a ticket with the mark of this case."""
    for name in snapshot.policy.trackers:
        place = snapshot.ruling.place(name)
        if place is not None and await trackers[name].find(key.mark, place):
            return True
    return False


def is_listed_by_opening(record: CaseRecord, snapshot: Snapshot) -> bool:
    """Whether the case has no ticket, and none can have been asked for: whichever is opened next lists all who join."""
    return not (snapshot.observation.tickets or record.links or record.intents)


def with_joined(record: CaseRecord, joining: AbstractSet[str], *, listed: bool) -> CaseRecord:
    """Returns the record after these findings have joined, who are `listed` or still to be."""
    unlisted = record.unlisted if listed else record.unlisted | joining
    return replace(record, joined={**record.joined, **dict.fromkeys(sorted(joining), False)}, unlisted=unlisted)


def is_all_listed(record: CaseRecord, snapshot: Snapshot, progress: Progress) -> bool:
    """Whether each active ticket of the case lists all findings that the look has seen, or is not to list them.

    A ticket that was closed while its list was written does not: whoever closed it may not have seen that.
    """
    wanted, listed = snapshot.observation.listing, {**record.memory.listed, **progress.listed}
    active = [name for name, each in progress.tickets.items() if each.state.is_active]
    refused = {name.tracker for name in (*record.parked, *progress.refused) if name.verb == Verb.LIST}
    return (
        bool(active)
        and not progress.closed_meanwhile
        and (not wanted or all(listed.get(name) in {wanted, LEFT_ALONE} for name in active if name not in refused))
    )


def without(record: CaseRecord, moving: AbstractSet[str]) -> CaseRecord:
    """Returns the record after these findings have moved on."""
    members = {name: times for name, times in record.members.items() if name not in moving}
    return replace(
        record,
        members=members,
        known={name: each for name, each in record.known.items() if name in members},
        joined={name: is_set for name, is_set in record.joined.items() if name in members},
        unlisted=record.unlisted - moving,
    )


def as_members_see_it(record: CaseRecord, snapshot: Snapshot, known: Mapping[str, KnownMember]) -> Snapshot:
    """Returns the snapshot of a case of a group, of which every waiting finding was dealt with (see as_closed)."""
    observed = snapshot.observation
    if not record.key.is_of_group or not takes_no_more(observed.tickets, snapshot.policy):
        return snapshot
    subject = as_closed(observed.subject, record, known)
    return replace(snapshot, observation=replace(observed, subject=subject))


Look = Callable[[CaseRecord], Awaitable[tuple[Source, Snapshot]]]
"""Observes the case of a record; returns what was seen, and the source that was read (see reading_of)."""


@dataclass(frozen=True, slots=True)
class SeenCase:
    """A case as a look would see it, after its waiting findings have joined or moved on to `others`, if any have."""

    record: CaseRecord
    snapshot: Snapshot
    others: CaseRecord | None = None


async def rehearsed(record: CaseRecord, look: Look, trackers: Mapping[str, Tracker]) -> SeenCase:
    """Returns what a look would see of the case. Writes nothing.

    Where all of its findings would move on, it is the next case of the group. Where a tracker could not be asked, they
    still wait. Raises what `look` raises.
    """
    others: CaseRecord | None = None
    while True:
        source, snapshot = await look(record)
        if not isinstance(source, Members):
            return SeenCase(record, snapshot)
        try:
            admission = await admission_of(record, snapshot, source.known, trackers)
        except OutsideError:
            return SeenCase(record, snapshot, others)
        if not admission.moving:
            record = with_joined(record, admission.joining, listed=is_listed_by_opening(record, snapshot))
            return SeenCase(record, as_members_see_it(record, snapshot, source.known), others)
        rest, others = without(record, admission.moving), _followed(record, admission.moving)
        record, others = (rest, others) if rest.members else (others, None)


def _followed(record: CaseRecord, moving: AbstractSet[str]) -> CaseRecord:
    """The next case of the group with these findings, as if nothing else were known of it."""
    key = numbered(record.key, number_of(record.key) + 1)
    members = {name: times for name, times in record.members.items() if name in moving}
    return CaseRecord(key, members=members, born=record.born, forgotten=record.forgotten)


def group_beside(record: CaseRecord, snapshot: Snapshot, rulebook: Rulebook, at: datetime) -> CaseKey | None:
    """Returns the group of a finding, once its own case was observed and has no ticket; None where it stays there.

    A finding of which the store may have lost the tickets is looked for first (see home_of). Raises TryLater or Refused
    where a tracker could not be asked.
    """
    key, subject = record.key, snapshot.observation.subject
    if key.has_members or record.has_own_work or snapshot.observation.tickets or not subject.status.is_unsolved:
        return None
    if not rulebook.groups(key.district) or (group := rulebook.group_of(subject, at)) is None:
        return None
    for _, error in sorted(snapshot.failures.items()):
        raise error
    return group
