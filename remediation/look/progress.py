"""How a look went, and what is remembered of it."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from remediation.domain.actions import (
    Action,
    CommentOnTicket,
    OpenTicket,
    RaiseTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Why,
    kind_of,
    target_of,
)
from remediation.domain.cases import Closing, Memory
from remediation.domain.errors import Refused, TryLater
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning import DECISIONS, Observation, is_found_again, is_question

_SURE = ("comment:", "raise:", f"patch:{Status.RESOLVED}", f"patch:{Status.ACCEPTED_RISK}")
"""One request each, and nothing else that would tell how far it came."""


@dataclass(slots=True)
class Progress:
    """Which actions were done, which come later, which were refused, and how the world looks now.

    `done_at` (Unix seconds) tells by its name when an action was done.
    `wrote` is what we wrote into the urgency of tickets, by tracker; `requests` has the outside's own id of the last
    request of each action, by the action's name.
    """

    status: Status
    tickets: dict[str, Ticket]
    done: list[Action] = field(default_factory=list)
    done_at: dict[str, float] = field(default_factory=dict)
    later: dict[str, TryLater] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    wrote: dict[str, Mapping[str, str]] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)

    @property
    def is_conflict(self) -> bool:
        """Whether what was done settled a disagreement between two people."""
        return any(isinstance(action, SetStatus) and action.why is Why.CONFLICT for action in self.done)

    def outcome_of(self, name: str) -> str:
        """What became of an action that was tried."""
        if name in self.later:
            return "later"
        return "refused" if name in self.refused else "done"

    def memory(self, known: Memory, seen: Observation, policy: Policy, told: frozenset[str], now: float) -> Memory:
        """How both sides are now, if they agree; otherwise what was known before, and what we have done since.

        What was put off, parked or could not be seen is then still news to the next look. `told` are the facts that
        were told before and still hold; `now` is in Unix seconds.
        """
        known = self._with_facts(known, seen, policy, told, now)
        waiting = self._owed(known, seen) | {name for name in known.doing if _may_yet_tell(name, seen.unseen)}
        if self.status.is_solved and self.status is not known.planned_at:  # solved since: what comes to light is closed
            opening = {target_of(name) for name in waiting if kind_of(name) in {"open", "reopen"}}
            tickets = {name: state for name, state in known.tickets.items() if name not in opening}
            known = replace(known, tickets=tickets)
        if not self.later and (self._agree or self._waits(known.told, seen)):
            return self._in_step(known, seen.unseen, waiting)
        return self._on_the_way(known, seen.unseen, waiting)

    def _with_facts(self, known: Memory, seen: Observation, policy: Policy, told: frozenset[str], now: float) -> Memory:
        """What is remembered whether or not both sides agree."""
        severity = self._severity(known, seen)
        return replace(
            known,
            severity=severity,
            rule=policy.rule or known.rule,
            said=policy.as_former if policy.rule else known.said,
            wrote=self._wrote(known, seen),
            told=self._told(told, seen, severity),
            conflict_at=now if self.is_conflict else known.conflict_at,
            closings=self._closings(known, seen),
            left_over=self._left_over(known, seen),
        )

    def _in_step(self, known: Memory, unseen: AbstractSet[str], waiting: frozenset[str]) -> Memory:
        """Both sides agree; `waiting` is what we set out to do where nobody could look."""
        states = {name: ticket.state for name, ticket in self.tickets.items()}
        tickets = {name: state for name, state in known.tickets.items() if name in unseen} | states
        planned_at = self.status if waiting else None
        if self.status is not known.finding and not self.is_conflict:
            known = replace(known, conflict_at=None)  # since then people have agreed on something else
        return replace(known, finding=self.status, tickets=tickets, doing=waiting, planned_at=planned_at)

    def _on_the_way(self, known: Memory, unseen: AbstractSet[str], waiting: frozenset[str]) -> Memory:
        """Something is left to be done: what people changed is still news, except for what we have dealt with."""
        finding = self.status if self._is_patched else known.finding
        opened = {action.tracker for action in self.done if isinstance(action, OpenTicket)}
        there = (self.tickets.keys() | unseen) - opened  # of a ticket that is another now, or gone, nothing was known
        kept = {name: state for name, state in known.tickets.items() if name in there}
        tickets = kept | {name: self.tickets[name].state for name in (*self._named(), *self._moved())}
        return replace(
            known, finding=finding, tickets=tickets, doing=self._unfinished() | waiting, planned_at=self.status
        )

    @property
    def _is_patched(self) -> bool:
        return any(isinstance(action, SetStatus) for action in self.done)

    @property
    def _agree(self) -> bool:
        """Both sides say the same: work goes on, or it does not. A finding that is gone says nothing."""
        active = any(ticket.state.is_active for ticket in self.tickets.values())
        return self.status is Status.GONE or active is not self.status.is_solved

    def _waits(self, told: frozenset[str], seen: Observation) -> bool:
        """The tickets are done in a way that does not count, and whoever closed them was told so."""
        is_known = self.status is Status.REVIEWING and not seen.unseen
        return is_known and any(is_question(token) for token in told)

    def _owed(self, known: Memory, seen: Observation) -> frozenset[str]:
        """Tickets to be brought back as soon as their tracker answers, although work goes on in another already.

        Those of which nothing is known may be among them: it was forgotten with Redis, say.
        """
        is_taken_up = seen.subject.status.is_unsolved and self.status is Status.REVIEWING
        if not is_taken_up or not is_found_again(seen, known):
            return frozenset()
        done = (name for name in seen.unseen if known.tickets.get(name, TicketState.DONE) is TicketState.DONE)
        return frozenset(f"reopen:{name}" for name in done)

    def _named(self) -> Iterator[str]:
        """The trackers whose ticket waits for somebody, and stands in the note that was just written."""
        if self._is_patched and self.status is Status.REVIEWING:
            yield from (name for name, ticket in self.tickets.items() if ticket.state.is_active)

    def _moved(self) -> Iterator[str]:
        """The trackers whose ticket we changed, or are to bring back; an opened one counts once a note names it."""
        unnamed = any(name.startswith("patch:") for name in self.later)
        yield from (
            target_of(name) for name in self.later if kind_of(name) in {"open", "reopen"} and self._is_done(name)
        )
        for action in self.done:
            if isinstance(action, ResolveTicket | ReopenTicket) or (isinstance(action, OpenTicket) and not unnamed):
                yield action.tracker

    def _is_done(self, name: str) -> bool:
        """Whether the action was to bring back a ticket that is done: its closing has been taken into account."""
        ticket = self.tickets.get(target_of(name))
        return ticket is not None and ticket.state is TicketState.DONE

    def _unfinished(self) -> frozenset[str]:
        """What may yet have been done. What surely was not written is not taken for ours when it is there."""
        sure = {name for name, error in self.later.items() if name.startswith(_SURE) and not error.ambiguous}
        return frozenset(self.later.keys() - sure)

    def _severity(self, known: Memory, seen: Observation) -> Severity | None:
        """The severity that the tickets know of: it stays as it was until they have been told of a worse one."""
        now = seen.subject.severity
        if now is Severity.UNKNOWN:
            return known.severity
        waiting = seen.unseen or any(_is_of_severity(name) for name in self.later)
        idle = not any(ticket.state.is_active for ticket in self.tickets.values())
        if known.severity is not None and now.is_worse_than(known.severity) and (waiting or idle):
            return known.severity
        return now

    def _told(self, told: frozenset[str], seen: Observation, severity: Severity | None) -> frozenset[str]:
        """The facts that were told; of a worse severity only until every ticket knows of it, and it is remembered."""
        tokens = told | {action.token for action in self.done if isinstance(action, CommentOnTicket)}
        if severity is not seen.subject.severity:
            return tokens
        return frozenset(token for token in tokens if f"/{Why.SEVERITY_RAISED}=" not in token)

    def _closings(self, known: Memory, seen: Observation) -> dict[str, Closing]:
        """How the tickets were closed. Another reason than before is news until the finding's note tells of it."""
        is_owed = self.status.is_solved and self.status is known.finding
        is_owed = not self._is_patched and (is_owed or any(kind_of(name) == "patch" for name in self.later))
        closings = {name: each for name, each in known.closings.items() if name in seen.unseen}
        for name, ticket in self.tickets.items():
            before = known.closings.get(name) if known.tickets.get(name) is TicketState.DONE else None
            if ticket.state is not TicketState.DONE:
                continue
            is_kept = before is not None and name not in self._closed and (is_owed or not before.differs_from(ticket))
            if before and is_kept:
                closings[name] = before if before.differs_from(ticket) else before.dated_by(ticket)
            else:
                closings[name] = Closing.of(ticket, self._meant(name, ticket, known))
        return closings

    @property
    def _closed(self) -> dict[str, Reason]:
        """The trackers whose ticket we have closed, and why."""
        return {action.tracker: action.reason for action in self.done if isinstance(action, ResolveTicket)}

    def _meant(self, name: str, ticket: Ticket, known: Memory) -> Reason | None:
        """Why we closed the ticket, if we did; before a crash, or by an earlier version, as the finding tells it."""
        is_begun = f"resolve:{name}" in known.doing
        if is_begun and self.status is Status.RESOLVED:
            return self._closed.get(name, Reason.FIXED)
        may_be_ours = is_begun or known.tickets.get(name) is TicketState.DONE
        is_accepted = self.status is Status.ACCEPTED_RISK and name not in known.closings
        says_else = ticket.reason in DECISIONS and ticket.reason is not Reason.ACCEPTED_RISK
        told = Reason.ACCEPTED_RISK if may_be_ours and is_accepted and not says_else else None
        return self._closed.get(name, told)

    def _left_over(self, known: Memory, seen: Observation) -> dict[str, str]:
        """The words that tickets kept when we opened them again, until a person opens or we close them."""
        ours = {action.tracker for action in self.done if isinstance(action, ReopenTicket)}
        ours |= {target_of(name) for name in known.doing if kind_of(name) == "reopen"}
        words = {name: word for name, word in known.left_over.items() if name in seen.unseen}
        for name, ticket in self.tickets.items():
            is_done = ticket.state is TicketState.DONE
            is_ours = name in self._closed or (is_done and f"resolve:{name}" in known.doing)
            is_known = known.left_over.get(name) == ticket.word and not is_ours
            if ticket.word and ((name in ours and not is_done) or (is_known and (is_done or _was_active(name, known)))):
                words[name] = ticket.word
        return words

    def _wrote(self, known: Memory, seen: Observation) -> dict[str, Mapping[str, str]]:
        kept = {name: fields for name, fields in known.wrote.items() if name in self.tickets or name in seen.unseen}
        for action in self.done:
            if isinstance(action, RaiseTicket):
                kept[action.tracker] = {**kept.get(action.tracker, {}), **dict(action.fields)}
        return kept | self.wrote


def _is_of_severity(name: str) -> bool:
    """Whether an action of this name follows from a severity that became worse."""
    return kind_of(name) == "raise" or name == CommentOnTicket(target_of(name), Why.SEVERITY_RAISED).name


def _was_active(name: str, known: Memory) -> bool:
    before = known.tickets.get(name)
    return before is not None and before.is_active


def _may_yet_tell(name: str, unseen: AbstractSet[str]) -> bool:
    """Whether an unfinished action still says something: what was to be done where nobody could look, it does.

    So does a comment, wherever it was to be: before every ticket is seen, nobody knows whether it is called for again.
    """
    return target_of(name) in unseen or (bool(unseen) and kind_of(name) == "comment")
