"""Carry out a plan: tickets at the same time, then the status, then comments. Each action is done, later or refused."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never

from remediation import telemetry
from remediation.domain.actions import (
    Action,
    AttachReport,
    CloseDuplicate,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    Plan,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Verb,
    Why,
)
from remediation.domain.cases.records import CaseRecord, Link, ref_of_mark
from remediation.domain.errors import ConfigurationError, OutsideError, Refused, TryLater, Waiting
from remediation.domain.policy import accepts_risk
from remediation.domain.tickets import LEFT_ALONE, Reason, Ticket, TicketState
from remediation.failpoints import failpoint
from remediation.look.due import News, as_we_left_it, awaited_list, by_tracker, is_due, is_for_a_place, says_something
from remediation.look.observing import Snapshot
from remediation.look.reporting import ReportFiles, attach_report
from remediation.look.rereading import has_changed
from remediation.outbound.answers import noting_requests
from remediation.planning import Progress
from remediation.ports import Links, Source, Tracker
from remediation.redaction import scrubbed

_HIDDEN = "what is opened there is hidden from our account: each look would open one more"
"""The refusal that parks opening in a tracker, until a person gives our account the right to read and replays it."""

_LOOKS_FOR_A_PLACE = 3
"""Looks in a row for which a note waits until the tickets that it is to name have a free connection."""

_VERDICTS = frozenset({Why.STILL_FOUND, Why.UNVERIFIED})
"""The causes for which a ticket is opened again after a verification: comments state what it showed."""

_LONGEST_WORDS = 500
"""Characters of people's own words in a note; the rest is cut."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out the plan for one case. `clock` returns Unix seconds; `reports` is for summaries of scans."""

    record: CaseRecord
    snapshot: Snapshot
    source: Source
    trackers: Mapping[str, Tracker]
    links: Links
    clock: Callable[[], float]
    reports: ReportFiles | None = None

    async def carry_out(self, plan: Plan) -> Progress:
        """Carry out the plan; an action that fails does not stop the others. Raises LeaseLost, StoreUnavailable."""
        seen = self.snapshot.observation
        progress = Progress(seen.subject.status, dict(seen.existing))
        doubled = {ticket.tracker for ticket in seen.duplicates}
        await self._adopt(progress, doubled)
        patches = [action for action in plan if isinstance(action, SetStatus)]
        news = [action for action in plan if isinstance(action, News)]
        on_tickets = [action for action in plan if action not in patches and action not in news]
        await _side_by_side([self._attempt(action, progress) for action in on_tickets])
        for tracker in doubled - {name.tracker for name in progress.later}:
            await self.links.link(progress.tickets[tracker])
        lists = [action for action in news if isinstance(action, KeepList) and self.record.unlisted]
        news = [action for action in news if action not in lists]
        await _side_by_side([self._attempt(action, progress) for action in lists if is_due(action, progress)])
        for patch in patches:
            if not says_something(patch, on_tickets, progress):
                continue
            if waits := awaited_list(lists, progress) or self._awaited_ticket(patch, progress):
                progress.later[patch.name] = waits
            else:
                await self._attempt(patch, progress)
        due = [action for action in news if is_due(action, progress)]
        comments = by_tracker(action for action in due if isinstance(action, CommentOnTicket))
        apart = CommentOnTicket | AttachReport
        others = [self._attempt(action, progress) for action in due if not isinstance(action, apart)]
        await _side_by_side([*others, *(self._attempt(first, progress, rest) for first, *rest in comments)])
        for action in due:
            if isinstance(action, AttachReport):  # last, and one after the other: it may take long and much memory
                await self._attempt(action, progress)
        return progress

    def _awaited_ticket(self, patch: SetStatus, progress: Progress) -> TryLater | None:
        """Returns why the note is to wait for one more ticket, which only has no free connection yet; None where not.

        One note then names all tickets: writes are few. Only a change of the status waits, which is planned again
        until it is made, and only for some looks.
        """
        seen = self.snapshot.observation
        if patch.status is seen.subject.status or self.record.attempts >= _LOOKS_FOR_A_PLACE:
            return None
        opening = [error for name, error in progress.later.items() if name.verb == Verb.OPEN]
        wanted = seen.unseen & set(self.snapshot.policy.trackers) - self.record.links.keys()
        unseen = [self.snapshot.failures[name] for name in sorted(wanted) if name in self.snapshot.failures]
        return next((error for error in (*opening, *unseen) if is_for_a_place(error)), None)

    async def _adopt(self, progress: Progress, doubled: AbstractSet[str]) -> None:
        """Link tickets that a search found or that have moved; delete links to tickets that are gone or not the case's.

        Where there are duplicates, the ticket is linked after they are closed: no search is made for a linked ticket.
        """
        for tracker in self.snapshot.disowned:
            await self.links.disown(self.record.links[tracker], replaced=tracker in progress.tickets)
        for tracker, ticket in progress.tickets.items():
            link = self.record.links.get(tracker)
            if tracker in doubled:
                continue
            site = self.snapshot.sites.get(tracker)
            is_told = link is not None and _tells_of(link, ticket, site) and not self.record.may_be_outdated(link)
            if not is_told or tracker in self.record.intents:
                await self.links.link(ticket)
        for tracker in self.snapshot.observation.tickets.keys() - progress.tickets.keys():
            if tracker in self.record.links and tracker not in self.snapshot.disowned:
                await self.links.unlink(tracker)

    async def _attempt(self, action: Action, progress: Progress, rest: Sequence[CommentOnTicket] = ()) -> None:
        with telemetry.span("action", action=str(action.name)):
            await self._try(action, progress, rest)
            telemetry.note(outcome=progress.outcome_of(action.name))

    async def _try(self, action: Action, progress: Progress, rest: Sequence[CommentOnTicket]) -> None:
        """Try an action. `rest` are comments on the same ticket that are written with it, and share its outcome."""
        if not isinstance(action, OpenTicket):  # OpenTicket writes its intent, which verifies the lease, too
            await self.links.hold()
        try:
            with noting_requests() as requests:
                await self._perform(action, progress, rest)
        except TryLater as error:
            progress.later |= {each.name: error for each in (action, *rest)}
        except Refused as error:
            for each in (action, *rest):
                await self._take_refusal(each, error, progress)
        except ConfigurationError as error:  # a template that passed every trial and fails for this finding
            progress.refused |= {each.name: Refused("mappings.yaml", str(error)) for each in (action, *rest)}
        else:
            for each in (action, *rest):
                progress.done.append(each)
                progress.done_at[each.name] = self.clock()
                if requests:
                    progress.requests[each.name] = requests[0]

    async def _perform(self, action: Action, progress: Progress, rest: Sequence[CommentOnTicket]) -> None:
        match action:
            case OpenTicket():
                progress.tickets[action.tracker] = await self._open(action, progress)
            case SetStatus(status=status):
                note = await self._note(action, progress)
                await self.source.set_status(self.record.key, status, note)
                failpoint("finding_patched")
                progress.notes[action.name] = note
                progress.status = status
            case ResolveTicket() | ReopenTicket() | RaiseTicket():
                if isinstance(action, ResolveTicket) and self.snapshot.policy.closes_solved:
                    await self._keep(KeepList(action.tracker, self.snapshot.observation.listing), progress)
                moved = await self._move(action, progress.tickets[action.tracker])
                progress.tickets[action.tracker] = as_we_left_it(action, moved)
                if isinstance(action, ReopenTicket) and moved.state.is_active and moved.word:
                    await self._tell_left_over(moved)
            case CommentOnTicket(tracker=name):
                ticket = progress.tickets[name]
                texts = [self._comment(each.why, ticket, self._fact(each)) for each in (action, *rest)]
                await self.trackers[name].comment(ticket.id, "\n\n".join(texts))
            case RelateTicket():
                await self._relate(action, progress.tickets[action.tracker])
            case KeepList() | AttachReport():
                await self._keep(action, progress)
            case CloseDuplicate(tracker=name, ticket_id=ticket_id):
                text = self._comment(Why.DUPLICATE, progress.tickets[name])
                await self.trackers[name].resolve(ticket_id, Reason.DUPLICATE, text)
            case _:
                assert_never(action)

    async def _move(self, action: ResolveTicket | ReopenTicket | RaiseTicket, ticket: Ticket) -> Ticket:
        """Carry out the action; returns the ticket as it is after that."""
        tracker = self.trackers[action.tracker]
        match action:
            case ResolveTicket(reason=reason, why=why):
                fields = self.snapshot.ruling.closing_fields(tracker.name)
                return await tracker.resolve(ticket.id, reason, self._comment(why, ticket), fields)
            case ReopenTicket(why=why):
                return await tracker.reopen(ticket.id, self._comment(why, ticket))
            case RaiseTicket(fields=fields):
                return await tracker.raise_urgency(ticket.id, dict(fields))
            case _:
                assert_never(action)

    async def _relate(self, action: RelateTicket, ticket: Ticket) -> None:
        """Tell the ticket of the other one by its key and address: nothing else of it is known here."""
        related = next(each for each in self.snapshot.observation.related if each.case == action.case)
        other = related.links[action.there]
        text = self._comment(Why.RELATED, ticket, other.ticket_key)
        await self.trackers[action.tracker].relate(ticket.id, other, text)

    async def _keep(self, action: KeepList | AttachReport, progress: Progress) -> None:
        """Bring a list or a report up to date; a list that a person has changed is left alone from now on."""
        name, members = action.tracker, self.snapshot.ruling.member_list
        if isinstance(action, AttachReport):
            progress.attached |= await attach_report(action, progress.tickets[name], self.trackers[name], self.reports)
            return
        if members is None:
            return
        known = bool(self.record.memory.listed.get(name))
        kept = await self.trackers[name].keep_list(progress.tickets[name].id, members, known=known)
        progress.listed[name] = LEFT_ALONE if kept is None else action.digest
        if kept is not None:
            if kept.state is TicketState.DONE:
                progress.closed_meanwhile.add(name)
            progress.tickets[name] = as_we_left_it(action, kept)

    async def _tell_left_over(self, ticket: Ticket) -> None:
        """Comment that the ticket still has the word of its last closing. A failure of the comment is ignored."""
        with suppress(OutsideError):
            await self.trackers[ticket.tracker].comment(ticket.id, self._comment(Why.LEFT_OVER, ticket, ticket.word))

    async def _open(self, action: OpenTicket, progress: Progress) -> Ticket:
        """Open exactly one ticket.

        It is known that none exists: a search that began after the horizon of every earlier create found nothing. The
        intent is stored before the request is sent, and the request itself contains the mark.
        """
        name, ruling = action.tracker, self.snapshot.ruling
        tracker, old = self.trackers[name], progress.tickets.get(name) if action.follows else None
        draft = ruling.draft(name, old)
        await self.links.intend(name, self.clock(), draft.place)
        failpoint("intent_written")
        try:
            ticket = await tracker.create(replace(draft, follows=action.follows))
            failpoint("reply_received")
        except TryLater as error:
            if not error.ambiguous:
                await self._forget_intent(name, old)
                raise
            after = max(tracker.search_horizon.total_seconds(), error.after or 0.0)
            raise TryLater(
                name, error.words, after=after, ambiguous=True, status=error.status, waiting=error.waiting
            ) from None
        except Refused:
            await self._forget_intent(name, old)
            raise
        await self.links.link(replace(ticket, created_at=ticket.created_at or self._now))
        failpoint("link_written")
        progress.wrote[name] = ruling.urgency(name)
        if draft.members is not None:
            progress.listed[name] = draft.members.digest
        if old is None and name in self.record.links:
            await _make_sure_that_we_see(ticket, tracker)
        if old is not None:
            with suppress(OutsideError):  # the new ticket names the old one in any case
                await tracker.comment(old.id, self._comment(Why.CONTINUED, ticket))
        return ticket

    async def _forget_intent(self, tracker: str, old: Ticket | None) -> None:
        """Delete the intent, because nothing was created; a link to the old ticket remains."""
        if old is None:
            await self.links.unlink(tracker)
        else:
            await self.links.link(old)

    async def _take_refusal(self, action: Action, error: Refused, progress: Progress) -> None:
        """Put the action off where somebody has changed its object since the observation; otherwise it is refused.

        A refusal without an HTTP status comes from the adapter, after the tracker accepted only a part of what we
        wrote: then our own write has changed the ticket, and the object is not read again.
        """
        seen = self.snapshot.observation
        if error.status is not None and await has_changed(action, seen, progress.tickets, self.trackers, self.source):
            status, request_id = error.status, error.request_id
            progress.later[action.name] = TryLater(
                error.system, error.words, status=status, request_id=request_id, waiting=Waiting.CHANGED
            )
            return
        progress.refused[action.name] = error
        await self._tell_refusal(action, error, progress)

    async def _tell_refusal(self, action: Action, error: Refused, progress: Progress) -> None:
        """Comment on the tickets which action was refused, with the tracker's own words. Failures are ignored.

        SchoolScan's words are not written into a ticket, because they may quote the finding: the parked action has
        them. Of an incident, whose status is our own, the words are ours.
        """
        words = error.words
        match action:
            case CommentOnTicket() | RelateTicket() | OpenTicket():
                tickets = []
            case SetStatus():
                tickets = list(progress.tickets.values())
                if self.snapshot.observation.subject.keeps_status:
                    words = f"SchoolScan's answer is {error.status or 'no'}"
            case AttachReport(tracker=name) if error.system != name:
                tickets, words = [progress.tickets[name]], "SchoolScan's report cannot be fetched"
            case _:
                tickets = [progress.tickets[action.tracker]]
        for ticket in tickets:
            refusal = self._comment(Why.REFUSED, ticket, f"{str(action.name).replace(':', ' ')}: {words}")
            news = [self._comment(action.why, ticket)] if isinstance(action, ResolveTicket | ReopenTicket) else []
            with suppress(OutsideError):
                await self.trackers[ticket.tracker].comment(ticket.id, "\n\n".join([*news, refusal]))

    async def _note(self, patch: SetStatus, progress: Progress) -> str:
        """Returns the note. Where people decided, it describes the tickets as they were before we closed any."""
        decided = patch.why is Why.TICKET_DONE
        tickets = tuple((self.snapshot.observation.existing if decided else progress.tickets).values())
        words = [word for ticket in tickets if (word := await self._words(patch, ticket))]
        if self.snapshot.policy.names_people and patch.why in {Why.TICKET_DONE, Why.RISK_STILL_ACCEPTED}:
            tickets = tuple([await self._naming(ticket) for ticket in tickets])
        return self.snapshot.ruling.note(patch, tickets, self._now, scrubbed("; ".join(words), _LONGEST_WORDS))

    async def _words(self, patch: SetStatus, ticket: Ticket) -> str | None:
        """Returns what people wrote when they decided, where the rule lets it be copied; None if it cannot be read."""
        if patch.why not in {Why.TICKET_DONE, Why.REASON_CHANGED}:
            return None
        if accepts_risk(ticket) and ticket.risk is not None and ticket.risk.reason:
            return ticket.risk.reason if self.snapshot.policy.quotes_risks else None
        if not self.snapshot.policy.quotes_closings:
            return None
        try:
            return await self.trackers[ticket.tracker].closing_words(ticket.id)
        except OutsideError:
            return None

    async def _naming(self, ticket: Ticket) -> Ticket:
        """Returns the ticket with the name of the person who closed it; without the name if it cannot be read."""
        if ticket.closed_by is None:
            return ticket
        try:
            name = await self.trackers[ticket.tracker].closer_name(ticket.id)
        except OutsideError:
            return ticket
        return replace(ticket, closer=name or ticket.closer)

    def _fact(self, action: CommentOnTicket) -> str:
        """Returns the detail that the comment states; for a severity also the former one, where it is known."""
        before = self.record.memory.severity
        if action.why is not Why.SEVERITY_RAISED or before is None or before == action.fact:
            return action.fact
        return f"{before} to {action.fact}"

    def _comment(self, why: Why, ticket: Ticket, fact: str = "") -> str:
        if why in _VERDICTS and self.record.verification is not None:
            fact = self.record.verification.fact
        return self.snapshot.ruling.comment(why, ticket, self._now, fact)

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), tz=UTC)


def _tells_of(link: Link, ticket: Ticket, site: str | None) -> bool:
    """Whether the link is up to date with the ticket: its id and key, its mark, its creation, and the site."""
    if site is not None and link.site != site:
        return False
    is_unmarked = ref_of_mark(ticket.mark) is None
    is_dated = link.created is not None or ticket.created_at is None or is_unmarked
    return is_dated and (link.ticket_id, link.ticket_key, link.unmarked) == (ticket.id, ticket.key, is_unmarked)


async def _make_sure_that_we_see(ticket: Ticket, tracker: Tracker) -> None:
    """Read a ticket that was just opened in place of one that is gone. Raises Refused where it is gone, too.

    A tracker may let our account create tickets and hide them from it. Then every look would find the ticket gone, and
    open one more.
    """
    try:
        seen = await tracker.read(ticket.id)
    except OutsideError:
        return  # the next look reads it
    if seen.state is TicketState.GONE:
        raise Refused(tracker.name, _HIDDEN)


async def _side_by_side(attempts: Sequence[Coroutine[None, None, None]]) -> None:
    """Run them at the same time. When one raises, the others are cancelled: nothing is written after a lost lease."""
    tasks = [asyncio.create_task(attempt) for attempt in attempts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
