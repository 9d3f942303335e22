"""Carry out a plan: tickets first, side by side, then the finding. Every action ends in done, later or refused."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
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

    def memory(self) -> Memory:
        """What to remember when nothing is left for later."""
        return Memory(self.status, {name: ticket.state for name, ticket in self.tickets.items()})


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
        await self._adopt(progress)
        on_tickets = [action for action in plan if not isinstance(action, PatchFinding)]
        await asyncio.gather(*(self._attempt(action, progress) for action in on_tickets))
        for action in plan:
            if isinstance(action, PatchFinding) and (progress.tickets or action.status.is_solved):
                await self._attempt(action, progress)
        return progress

    async def _adopt(self, progress: Progress) -> None:
        """Link what a search found, and forget links to tickets that are gone."""
        for tracker, ticket in progress.tickets.items():
            link = self.record.links.get(tracker)
            if link is None or link.ticket_id != ticket.id or tracker in self.record.intents:
                await self.links.link(ticket)
        for tracker in self.sight.observation.tickets.keys() - progress.tickets.keys():
            if tracker in self.record.links:
                await self.links.unlink(tracker)

    async def _attempt(self, action: Action, progress: Progress) -> None:
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

        Nothing was found, so only an earlier create that may still come to light stands in the way. The intent is
        durable before the request leaves, and the mark travels in the request itself.
        """
        tracker, now = self.trackers[name], self.clock()
        draft = self.rulebook.draft(self.record.key, self.sight.observation.finding, name)
        horizon = tracker.search_horizon.total_seconds()
        if (intent := self.record.intents.get(name)) and (wait := intent.at + horizon - now) > 0:
            raise TryLater(name, "an earlier attempt may still come to light", after=min(wait, horizon))
        await self.links.intend(name, now)
        try:
            ticket = await tracker.create(draft)
        except TryLater as error:
            if not error.ambiguous:
                await self.links.unlink(name)
                raise
            after = max(horizon, error.after or 0.0)
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
