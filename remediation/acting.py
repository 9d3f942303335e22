"""Carry out a plan: tickets side by side, then the finding, then comments. Every action is done, later or refused."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from remediation.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    PatchFinding,
    Plan,
    ReopenTicket,
    ResolveTicket,
    Why,
)
from remediation.cases import CaseRecord, Memory
from remediation.errors import OutsideError, Refused, TryLater
from remediation.findings import FindingStatus
from remediation.observing import Sight
from remediation.ports import Links, Rulebook, Source, Tracker
from remediation.tickets import Reason, Ticket


@dataclass(slots=True)
class Progress:
    """How a look went: which actions were done, which come later, which were refused, and how the world looks now."""

    status: FindingStatus
    tickets: dict[str, Ticket]
    done: list[Action] = field(default_factory=list)
    later: dict[str, TryLater] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)

    def memory(self, known: Memory, unseen: AbstractSet[str] = frozenset()) -> Memory:
        """How both sides are now, if they agree; otherwise what was known before, and what we have done since.

        What was put off, parked or could not be seen is then still news to the next look.
        """
        now = {name: ticket.state for name, ticket in self.tickets.items()}
        active = any(state.is_active for state in now.values())
        if not self.later and active is not self.status.is_solved:
            return Memory(self.status, {name: state for name, state in known.tickets.items() if name in unseen} | now)
        finding = self.status if any(isinstance(action, PatchFinding) for action in self.done) else known.finding
        moved = {name: now[name] for name in self._moved()}
        doing = self.later.keys() | {name for name in known.doing if name.partition(":")[2] in unseen}
        return Memory(finding, {**known.tickets, **moved}, frozenset(doing), self.status)

    def _moved(self) -> Iterator[str]:
        """The trackers whose ticket we changed; an opened one counts once a note names it."""
        unnamed = any(name.startswith("patch:") for name in self.later)
        for action in self.done:
            if isinstance(action, ResolveTicket | ReopenTicket) or (isinstance(action, OpenTicket) and not unnamed):
                yield action.tracker


@dataclass(frozen=True, slots=True)
class Hands:
    """What acting on one case needs. `clock` answers Unix seconds."""

    record: CaseRecord
    sight: Sight
    source: Source
    trackers: Mapping[str, Tracker]
    rulebook: Rulebook
    links: Links
    clock: Callable[[], float]

    async def carry_out(self, plan: Plan) -> Progress:
        """Do what can be done; one action that fails does not stop the others. Raises LeaseLost, StoreUnavailable."""
        seen = self.sight.observation
        progress = Progress(seen.finding.status, dict(seen.existing))
        doubled = {ticket.tracker for ticket in seen.duplicates}
        await self._adopt(progress, doubled)
        on_tickets = [action for action in plan if not isinstance(action, PatchFinding | CommentOnTicket)]
        await _side_by_side([self._attempt(action, progress) for action in on_tickets])
        for tracker in doubled - {name.partition(":")[2] for name in progress.later}:
            await self.links.link(progress.tickets[tracker])
        for action in plan:
            if isinstance(action, PatchFinding) and _says_something(action, on_tickets, progress):
                await self._attempt(action, progress)
        if any(isinstance(action, PatchFinding) for action in progress.done):  # a comment tells of it, once
            comments = [action for action in plan if isinstance(action, CommentOnTicket)]
            await _side_by_side([self._attempt(action, progress) for action in comments])
        return progress

    async def _adopt(self, progress: Progress, doubled: AbstractSet[str]) -> None:
        """Link what a search found, and forget links to tickets that are gone.

        Not yet where there are duplicates: of a linked ticket nobody looks for them, so they are closed first.
        """
        for tracker, ticket in progress.tickets.items():
            link = self.record.links.get(tracker)
            if tracker in doubled:
                continue
            if link is None or link.ticket_id != ticket.id or tracker in self.record.intents:
                await self.links.link(ticket)
        for tracker in self.sight.observation.tickets.keys() - progress.tickets.keys():
            if tracker in self.record.links:
                await self.links.unlink(tracker)

    async def _attempt(self, action: Action, progress: Progress) -> None:
        if not isinstance(action, OpenTicket):  # opening has its intent, which does the same
            await self.links.hold()
        try:
            await self._perform(action, progress)
        except TryLater as error:
            progress.later[action.name] = error
        except Refused as error:
            progress.refused[action.name] = error
            await self._explain(action, progress)
        else:
            progress.done.append(action)

    async def _explain(self, action: Action, progress: Progress) -> None:
        """Where a ticket refuses to change, at least tell its readers what happened to the finding."""
        if isinstance(action, ResolveTicket | ReopenTicket):
            ticket = progress.tickets[action.tracker]
            with contextlib.suppress(OutsideError):
                await self.trackers[action.tracker].comment(ticket.id, self._comment(action.why, ticket))

    async def _perform(self, action: Action, progress: Progress) -> None:
        match action:
            case OpenTicket(tracker=name):
                progress.tickets[name] = await self._open(name)
            case ResolveTicket(tracker=name, reason=reason, why=why):
                ticket = progress.tickets[name]
                progress.tickets[name] = await self.trackers[name].resolve(
                    ticket.id, reason, self._comment(why, ticket)
                )
            case ReopenTicket(tracker=name, why=why):
                ticket = progress.tickets[name]
                progress.tickets[name] = await self.trackers[name].reopen(ticket.id, self._comment(why, ticket))
            case CommentOnTicket(tracker=name, why=why):
                ticket = progress.tickets[name]
                await self.trackers[name].comment(ticket.id, self._comment(why, ticket))
            case CloseDuplicate(tracker=name, ticket_id=ticket_id):
                text = self._comment(Why.DUPLICATE, progress.tickets[name])
                await self.trackers[name].resolve(ticket_id, Reason.DUPLICATE, text)
            case PatchFinding(status=status):
                tickets = tuple(progress.tickets.values())
                note = self.rulebook.note(self.record.key, self.sight.observation.finding, action, tickets, self._now())
                await self.source.update_finding(self.record.key.id, status, note)
                progress.status = status
            case _:
                assert_never(action)

    async def _open(self, name: str) -> Ticket:
        """Open exactly one ticket.

        Nothing was found by a search that began after the horizon of any earlier create. The intent is durable before
        the request leaves, and the mark travels in the request itself.
        """
        tracker = self.trackers[name]
        draft = self.rulebook.draft(self.record.key, self.sight.observation.finding, name, self.sight.at)
        await self.links.intend(name, self.clock())
        try:
            ticket = await tracker.create(draft)
        except TryLater as error:
            if not error.ambiguous:
                await self.links.unlink(name)
                raise
            after = max(tracker.search_horizon.total_seconds(), error.after or 0.0)
            raise TryLater(name, error.words, after=after, ambiguous=True, status=error.status) from None
        except Refused:
            await self.links.unlink(name)
            raise
        await self.links.link(ticket)
        return ticket

    def _comment(self, why: Why, ticket: Ticket) -> str:
        return self.rulebook.comment(self.record.key, self.sight.observation.finding, why, ticket, self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), tz=UTC)


def _says_something(patch: PatchFinding, on_tickets: Sequence[Action], progress: Progress) -> bool:
    """Whether a patch changes the status, or its note names what was opened: a note for each attempt helps nobody."""
    if patch.status.is_unsolved and not any(ticket.state.is_active for ticket in progress.tickets.values()):
        return False  # `reviewing` beside tickets that are all done would be read as "resolved" by the next look
    opening = [action for action in on_tickets if isinstance(action, OpenTicket)]
    if patch.status is progress.status and opening:
        return any(action in progress.done for action in opening)
    return True


async def _side_by_side(attempts: Sequence[Coroutine[None, None, None]]) -> None:
    """Run them together. When one raises, the others are ended first: nothing is written after a lost lease."""
    tasks = [asyncio.create_task(attempt) for attempt in attempts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
