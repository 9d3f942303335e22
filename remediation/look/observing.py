"""Observe one case: read its subject and its tickets as they are now. Writes nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

from remediation.domain.actions import Verb, Why
from remediation.domain.cases.records import CaseKind, CaseRecord
from remediation.domain.cases.renaming import trackers_of
from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater
from remediation.domain.incidents import unkeyed_digest_of
from remediation.domain.ownership import Claim, Doubt, Evidence, SiteHistory, Stranger, doubt_of, stranger_in
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, gone
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.look.summaries import closed_by_people, has_come_to_its_end, report_of
from remediation.planning import Observation, as_remembered
from remediation.ports import Rulebook, Ruling, Source, Tracker

_UNKNOWN_SITES: Mapping[str, SiteHistory] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen of a case, what the rules say about it, and the errors of trackers that could not be asked.

    `policy` is the ruling's, without the trackers that mappings.yaml does not name. `at` is the time before the first
    read, for which the rules were matched. `failures` and `doubts` are by tracker; doubts are about linked tickets
    without the case's mark, and the observation has only those of them that are taken for the case's. `sites` has the
    key of the site that each tracker is, as far as it is known. `strangers` are tickets with the case's mark that are
    certainly none of ours, where one of the case's own was searched for.
    """

    observation: Observation
    ruling: Ruling
    policy: Policy
    at: datetime
    failures: Mapping[str, OutsideError] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    strangers: tuple[Ticket, ...] = ()

    @property
    def disowned(self) -> tuple[str, ...]:
        """The trackers whose link leads to a ticket that is not the case's, so that the case's own was searched for."""
        return tuple(name for name, doubt in self.doubts.items() if not doubt.is_ours)


@dataclass(frozen=True, slots=True)
class _Found:
    """The case's ticket in one tracker first, then its others; the doubt about the linked one; and strangers."""

    tickets: tuple[Ticket, ...]
    doubt: Doubt | None = None
    strangers: tuple[Ticket, ...] = ()


async def observe(
    record: CaseRecord,
    source: Source,
    trackers: Mapping[str, Tracker],
    rulebook: Rulebook,
    now: float,
    sites: Mapping[str, SiteHistory] = _UNKNOWN_SITES,
) -> Snapshot:
    """Returns the case as its source and the trackers show it, at `now` (Unix seconds) or later.

    It reads the subject and each linked ticket once. It searches only where the rule wants a ticket and none is linked,
    or where the linked one may not be the only one or the case's. `sites` are the present sites of the trackers, as far
    as they are known: a link that was made on another site counts only where the ticket carries the case's mark.

    Raises TryLater or Refused when the subject cannot be read. The error of a tracker that cannot be asked becomes one
    of the snapshot's failures. A tracker that is not in `trackers` is unnamed, which is no failure. There are three
    more failures: where a search may not find the ticket of an earlier create yet; where a ticket is wanted and every
    one with the case's mark may be somebody else's: then a person must decide before one is opened; and where the
    case's ticket is on another site than the present one, none here carries its mark, and mappings.yaml does not give
    that site's tickets up.
    """
    subject = await _subject(record, source)
    at = datetime.fromtimestamp(now, tz=UTC)
    ruling = rulebook.ruling(subject, at, record.memory.rule, record.memory.said)
    subject = replace(subject, severity=ruling.severity, news=_news(ruling.news, subject, record))
    policy = ruling.policy
    members = ruling.member_list
    listing = members.digest if members else ""
    if policy.closes_solved and has_come_to_its_end(subject, listing, record):
        subject = subject.with_status(Status.RESOLVED)
    policy = replace(policy, trackers=tuple(name for name in policy.trackers if name in trackers))
    unnamed = trackers_of(record) - trackers.keys()
    asked = [name for name in _to_ask(record, subject, policy) if name in trackers]
    case = _Case(record, subject, ruling, policy, at, frozenset(trackers), unnamed)
    answers = await asyncio.gather(*(_tickets(case, trackers[name], rulebook, sites.get(name)) for name in asked))
    failures = {name: found for name, found in zip(asked, answers, strict=True) if isinstance(found, OutsideError)}
    seen = {name: found for name, found in zip(asked, answers, strict=True) if isinstance(found, _Found)}
    found = {name: each.tickets for name, each in seen.items() if each.tickets}
    observation = Observation(
        subject=subject,
        tickets=as_remembered({name: _as_closed(tickets[0], record) for name, tickets in found.items()}, record.memory),
        unseen=failures.keys() | (unnamed & (record.links.keys() | record.intents.keys())),
        unnamed=unnamed,
        duplicates=tuple(ticket for tickets in found.values() for ticket in tickets[1:] if ticket.state.is_active),
        urgency=_urgency(case),
        listing=listing,
        report=report_of(subject) if policy.attaches_reports else "",
    )
    doubts = {name: each.doubt for name, each in seen.items() if each.doubt}
    known = {name: each.site.key for name, each in sites.items()}
    strangers = tuple(ticket for each in seen.values() for ticket in each.strangers)
    return Snapshot(observation, ruling, policy, at, failures, doubts, known, strangers)


def _as_closed(ticket: Ticket, record: CaseRecord) -> Ticket:
    return closed_by_people(ticket) if record.key.kind is CaseKind.SUMMARY else ticket


def _news(words: str, subject: Subject, record: CaseRecord) -> str | None:
    """Returns what stands for news in what is remembered: they may name codes, which are kept sealed alone.

    What an earlier version remembered in their place stands for them until there are others: they are not told twice.
    """
    if not words or subject.told is None:
        return None
    earlier = unkeyed_digest_of(words)
    is_told = any(token.endswith(f"/{Why.INCIDENT_CHANGED}={earlier}") for token in record.memory.told)
    return earlier if is_told else subject.told.digest_of(words)


async def _subject(record: CaseRecord, source: Source) -> Subject:
    """Returns the subject, GONE where the source no longer has one that we knew. Raises what the source raises."""
    try:
        return await source.subject(record.key)
    except NotFound:
        if not record.links and not record.intents and record.memory.finding is None:
            raise
        return gone(record.key)


def _to_ask(record: CaseRecord, subject: Subject, policy: Policy) -> Iterable[str]:
    """Returns the trackers to ask: those with a link or an intent, and for an unsolved subject those of the policy.

    Those of the policy also at the first look at a subject of which its source says that it is gone: it is looked at
    because the store may have lost its tickets.
    """
    is_first = record.memory.finding is None and not subject.keeps_status
    wanted = subject.status.is_unsolved or (is_first and subject.status is Status.GONE)
    return dict.fromkeys((*record.links, *record.intents, *(policy.trackers if wanted else ())))


@dataclass(frozen=True, slots=True)
class _Case:
    """The case whose tickets are looked for. A tracker of `trackers` may be one of `unnamed` under another name."""

    record: CaseRecord
    subject: Subject
    ruling: Ruling
    policy: Policy
    at: datetime
    trackers: frozenset[str]
    unnamed: AbstractSet[str]

    def wants(self, tracker: str) -> bool:
        """Whether a ticket is opened in the tracker if there is none."""
        return tracker in self.policy.trackers and self.subject.status.is_unsolved


def _urgency(case: _Case) -> dict[str, Mapping[str, str]]:
    """Returns the urgency fields, where the subject is more severe or a person asked to repeat the raising."""
    before = case.record.memory.severity
    is_worse = before is not None and case.subject.severity.is_worse_than(before)
    asked = {name.tracker for name in case.record.again if name.verb == Verb.RAISE}
    raised = (name for name in case.policy.trackers if is_worse or name in asked)
    return {name: case.ruling.urgency(name) for name in raised}


async def _tickets(
    case: _Case, tracker: Tracker, rulebook: Rulebook, site: SiteHistory | None
) -> _Found | OutsideError:
    """Returns the case's tickets in one tracker, or the error that says why they are not known."""
    record, subject, at = case.record, case.subject, case.at
    try:
        linked, doubt = await _linked(record, tracker, site)
        if linked is not None and _whose([linked], case, tracker.name, rulebook)[linked.id] is False:
            doubt = Doubt(record.links[tracker.name], Evidence.OTHER_TRACKER)
        if doubt is not None and not doubt.is_ours:
            linked = None
        if linked is not None and not _must_search(linked, record, subject):
            return _Found((linked,), doubt)
        place = case.ruling.place(tracker.name)
        marked = await _found(record, tracker, place, site) if place is not None else ()
        marked = _not_for_others(marked, case, tracker.name, rulebook)
        strangers = await _strangers(marked, case, tracker, rulebook)
    except OutsideError as error:
        return error
    found = tuple(ticket for ticket in marked if ticket.id not in strangers)
    is_gone = linked is not None and linked.state is TicketState.GONE
    if is_gone:  # done tickets beside a deleted one are those that it followed: they decide nothing
        found = tuple(
            ticket
            for ticket in found
            if ticket.state.is_active or _is_own_attempt(ticket, record, tracker) or _may_follow(ticket, record)
        )
    known = (linked,) if linked is not None and not is_gone else ()
    others = (ticket for ticket in found if linked is None or ticket.id != linked.id)
    tickets = _in_order(sorted((*known, *others), key=_created))
    if not (tickets and tickets[0].state.is_active):
        horizon = tracker.search_horizon.total_seconds()
        last = max(_last_attempt(record, subject, tracker.name), _last_attempt_under(case.unnamed, record))
        if (wait := last + horizon - at.timestamp()) > 0:
            words = "a search may not find the ticket of an earlier attempt yet"
            return TryLater(tracker.name, words, after=min(wait, horizon))
    doubtful = [each for each in strangers.values() if not each.is_certain]
    if doubtful and not tickets and case.wants(tracker.name):
        return _refusal_beside(doubtful[0])
    if not tickets and (failure := _elsewhere(record, tracker.name, rulebook, site)):
        return failure
    return _Found(tickets, doubt, tuple(each.ticket for each in strangers.values() if each.is_certain))


def _not_for_others(marked: Sequence[Ticket], case: _Case, tracker: str, rulebook: Rulebook) -> tuple[Ticket, ...]:
    """Returns the tickets without those of another tracker on the same installation.

    Raises Refused where a ticket may be of either: then none is opened beside it, and none is closed as a duplicate.
    """
    whose = _whose(marked, case, tracker, rulebook)
    for ticket in marked:
        if whose[ticket.id] is None:
            names = " or ".join((tracker, *rulebook.beside(tracker)))
            words = f"{ticket.key} carries this case's mark, and nothing says whether it is the ticket of {names}"
            raise Refused(tracker, f"{words}; move it to the project of its own tracker")
    return tuple(ticket for ticket in marked if whose[ticket.id])


def _whose(tickets: Iterable[Ticket], case: _Case, tracker: str, rulebook: Rulebook) -> Mapping[str, bool | None]:
    """Returns by id whether each ticket is this tracker's or another's on the same installation (see Claim.is_for)."""
    beside = (tracker, *rulebook.beside(tracker))
    own, *rivals = [_claim(name, case) for name in beside]
    rivals += [Claim(name) for name in case.trackers.difference(beside)]  # this may be a copy of their site
    former = rulebook.former_names
    now = (replace(ticket, meant_for=former.get(ticket.meant_for, ticket.meant_for)) for ticket in tickets)
    return {ticket.id: own.is_for(ticket, rivals) for ticket in now}


def _claim(tracker: str, case: _Case) -> Claim:
    """Returns the tracker's claim. It has no place where the case neither has nor wants a ticket in the tracker."""
    record = case.record
    if tracker not in {*case.policy.trackers, *record.links, *record.intents}:
        return Claim(tracker)
    link = record.links.get(tracker)
    return Claim(tracker, link.ticket_id if link else "", case.ruling.place(tracker) or "")


async def _strangers(
    marked: Sequence[Ticket], case: _Case, tracker: Tracker, rulebook: Rulebook
) -> Mapping[str, Stranger]:
    """Returns the tickets of a search that are not taken for the case's, by their ids.

    None is certain to be a stranger's where the finding is older than what this Redis knows, or may be (those of an
    identity), or its case may have been deleted after its time: it may have had a ticket before, of an account that the
    file does not name, which people have moved.
    """
    record = case.record
    link, intent = record.links.get(tracker.name), record.intents.get(tracker.name)
    unlinked = [ticket for ticket in marked if link is None or link.ticket_id != ticket.id]
    accounts = await tracker.accounts() if unlinked else ()
    detected = case.subject.detected_at
    is_known = detected is not None and detected.timestamp() > record.knows_since and not record.key.has_members
    found: dict[str, Stranger] = {}
    for ticket in unlinked:
        is_own_attempt = intent is not None and intent.is_ours and _is_own_attempt(ticket, record, tracker)
        ground = rulebook.ground(record.key.district, ticket)
        stranger = stranger_in(ticket, ground, accounts, is_own_attempt=is_own_attempt)
        if stranger is not None:
            found[ticket.id] = replace(stranger, is_certain=stranger.is_certain and is_known)
    return found


def _refusal_beside(stranger: Stranger) -> Refused:
    """Returns the refusal that says what a person must decide before a ticket is opened beside this one."""
    ticket = stranger.ticket
    words = f"{ticket.key} carries this case's mark, and {stranger.why}: nothing is opened beside it"
    advice = "take the mark off it, or name the account under former_accounts if it was ours"
    return Refused(ticket.tracker, f"{words}; {advice}")


def _elsewhere(
    record: CaseRecord, tracker: str, rulebook: Rulebook, site: SiteHistory | None
) -> TryLater | Refused | None:
    """Returns the error to report where no ticket was found here, and the case's own is on another site.

    None where the case has no ticket on another site, or only on one whose tickets mappings.yaml gives up.
    """
    link, intent = record.links.get(tracker), record.intents.get(tracker)
    where = site.elsewhere(link, intent) if site else ""
    if site is None or not where or where in rulebook.former_sites(tracker):
        return None
    if not site.is_told:
        return TryLater(tracker, f"it does not tell whether it is still {where}")
    what = f"{link.ticket_key} was opened on {where}" if link else f"a ticket may have been opened on {where}"
    words = f"{what}, this is {site.site.key}, and nothing here carries this case's mark: the ticket is not seen"
    advice = f"correct the url, put the mark on the ticket if it is here, or name {where} under former_sites"
    return Refused(tracker, f"{words}; {advice} if its tickets are given up")


async def _found(record: CaseRecord, tracker: Tracker, place: str, site: SiteHistory | None) -> tuple[Ticket, ...]:
    """Returns every ticket that carries a mark of the case, oldest first.

    A ticket that may have been created is also searched for in the place of its intent: the rule may name another
    ServiceNow table today. The place of an intent for another site is not searched: it may be no place here.
    """
    intent = record.intents.get(tracker.name)
    is_here = intent is not None and not (site and site.elsewhere(None, intent))
    places = dict.fromkeys((place, intent.place or place) if intent and is_here else (place,))
    found = [ticket for mark in record.marks for where in places for ticket in await tracker.find(mark, where)]
    return tuple(sorted({ticket.id: ticket for ticket in found}.values(), key=_created))


async def _linked(record: CaseRecord, tracker: Tracker, site: SiteHistory | None) -> tuple[Ticket | None, Doubt | None]:
    """Returns the linked ticket, and the doubt about it; None for each where there is none."""
    link = record.links.get(tracker.name)
    if link is None:
        return None, None
    here = site is None or site.is_of(link)
    closed = record.memory.tickets.get(tracker.name) is TicketState.DONE
    try:
        ticket = await tracker.read(link.ticket_id, closed=closed)
    except Refused:
        if here:
            raise
        return None, Doubt(link, Evidence.OTHER_SITE)  # for example an id of another kind of tracker
    return ticket, doubt_of(record.marks, link, ticket, here=here)


def _must_search(linked: Ticket, record: CaseRecord, subject: Subject) -> bool:
    """Whether the case may have another ticket than the linked one.

    The linked one is gone, or one that follows it was about to be created, or the store may have lost that.
    """
    if linked.tracker in record.intents:
        return True
    if linked.state is TicketState.DONE and record.may_be_outdated(record.links[linked.tracker]):
        return True
    return linked.state is TicketState.GONE and subject.status.is_unsolved


def _is_own_attempt(ticket: Ticket, record: CaseRecord, tracker: Tracker) -> bool:
    """Whether the ticket may be the one of the intent. Clocks may differ by the search horizon."""
    intent = record.intents.get(tracker.name)
    if intent is None or ticket.created_at is None:
        return intent is not None
    return ticket.created_at.timestamp() > intent.at - tracker.search_horizon.total_seconds()


def _may_follow(ticket: Ticket, record: CaseRecord) -> bool:
    """Whether the ticket may have followed the linked one, of which a store that was restored has lost the link."""
    link, created = record.links[ticket.tracker], ticket.created_at
    if not record.may_be_outdated(link) or ticket.reason is Reason.DUPLICATE:  # we closed it beside the linked one
        return False
    return link.created is not None and created is not None and created.timestamp() > link.created


def _created(ticket: Ticket) -> datetime:
    return ticket.created_at or datetime.min.replace(tzinfo=UTC)


def _in_order(tickets: Iterable[Ticket]) -> tuple[Ticket, ...]:
    """Returns the tickets, the one that counts first: the oldest active one, or else the newest done one.

    `tickets` are oldest first. Beside an active ticket, done ones are those that it follows.
    """
    given = tuple(tickets)
    active = [ticket for ticket in given if ticket.state.is_active]
    return (*active, *(ticket for ticket in reversed(given) if not ticket.state.is_active))


def _last_attempt(record: CaseRecord, subject: Subject, tracker: str) -> float:
    """Returns the latest time (Unix seconds) of a create whose ticket a search may not find yet; 0 for none.

    The intent has that time. Where the subject is older than the store, or than the last case that was deleted from it,
    an intent may be lost, so that time counts. The same holds for a case with members, which may be older than the
    subject that is shown; and the beginning of the store counts for a link that may be outdated.
    """
    intent, link = record.intents.get(tracker), record.links.get(tracker)
    at = intent.at if intent else 0.0
    if link is not None:
        return max(at, record.born if record.may_be_outdated(link) else 0.0)
    is_older = subject.detected_at is None or subject.detected_at.timestamp() < record.knows_since
    return max(at, record.knows_since if is_older or record.key.has_members else 0.0)


def _last_attempt_under(names: AbstractSet[str], record: CaseRecord) -> float:
    """Returns the latest time (Unix seconds) of a create in one of these trackers; 0 for none, or not known."""
    intended = (intent.at for name, intent in record.intents.items() if name in names)
    created = (link.created or 0.0 for name, link in record.links.items() if name in names)
    return max((*intended, *created), default=0.0)
