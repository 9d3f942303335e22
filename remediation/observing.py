"""Look at the outside: the finding and its tickets as they are now. Reads only."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remediation.cases import CaseRecord
from remediation.errors import OutsideError, TryLater
from remediation.findings import Finding
from remediation.planning import Observation
from remediation.ports import Rulebook, Source, Tracker
from remediation.tickets import Ticket, TicketState


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen, which trackers the rules name for it, and why a tracker told nothing.

    `at` is the moment before the first look: rules that ask for a finding's age are asked for then.
    """

    observation: Observation
    wanted: tuple[str, ...]
    at: datetime
    failures: Mapping[str, OutsideError] = field(default_factory=dict)


async def observe(
    record: CaseRecord, source: Source, trackers: Mapping[str, Tracker], rulebook: Rulebook, now: float
) -> Sight:
    """The case as the outside shows it from `now` (Unix seconds) on.

    One read of the finding, one of each ticket, and a search only where the rule wants a ticket and none is linked.

    Raises TryLater or Refused when the finding cannot be read; a tracker that cannot be asked is a failure by name.
    So is one where an earlier create may still come to light: nothing is concluded from what a search cannot find yet.
    """
    finding = await source.finding(record.key.id)
    at = datetime.fromtimestamp(now, tz=UTC)
    wanted = tuple(name for name in rulebook.wanted(record.key, finding, at) if name in trackers)
    asked = [name for name in _to_ask(record, finding, wanted) if name in trackers]
    answers = await asyncio.gather(*(_tickets(record, finding, trackers[name], rulebook, at) for name in asked))
    failures = {name: found for name, found in zip(asked, answers, strict=True) if isinstance(found, OutsideError)}
    found = {name: found for name, found in zip(asked, answers, strict=True) if isinstance(found, tuple) and found}
    observation = Observation(
        finding=finding,
        tickets={name: tickets[0] for name, tickets in found.items()},
        unseen=frozenset(failures),
        duplicates=tuple(ticket for tickets in found.values() for ticket in tickets[1:] if ticket.state.is_active),
    )
    return Sight(observation, wanted, at, failures)


def _to_ask(record: CaseRecord, finding: Finding, wanted: tuple[str, ...]) -> Iterable[str]:
    """Linked trackers, and those that ought to have a ticket. A solved finding without a ticket needs none."""
    return dict.fromkeys((*record.links, *record.intents, *(wanted if finding.status.is_unsolved else ())))


async def _tickets(
    record: CaseRecord, finding: Finding, tracker: Tracker, rulebook: Rulebook, at: datetime
) -> tuple[Ticket, ...] | OutsideError:
    """The case's ticket in one tracker first, then any duplicates of it."""
    try:
        if link := record.links.get(tracker.name):
            ticket = await tracker.read(link.ticket_id)
            replaced = finding.status.is_unsolved or tracker.name in record.intents
            if ticket.state is not TicketState.GONE or not replaced:
                return (ticket,)
        place = rulebook.place(record.key, finding, tracker.name, at)
        found = await tracker.find(record.key.mark, place) if place is not None else ()
    except OutsideError as error:
        return error
    horizon = tracker.search_horizon.total_seconds()
    if not found and (wait := _last_attempt(record, finding, tracker.name) + horizon - at.timestamp()) > 0:
        return TryLater(tracker.name, "an earlier attempt may still come to light", after=min(wait, horizon))
    return found


def _last_attempt(record: CaseRecord, finding: Finding, tracker: str) -> float:
    """When a ticket that no search finds yet may last have been opened, in Unix seconds; 0 for never.

    Our intent tells. Where the store is younger than the finding, one that was lost may have held an intent, too.
    """
    intent = record.intents.get(tracker)
    forgotten = finding.detected_at is None or finding.detected_at.timestamp() < record.born
    return max(intent.at if intent else 0.0, record.born if forgotten else 0.0)
