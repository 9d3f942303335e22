"""Which steps of a plan are due once those before them were done or not, and how a ticket is left. Pure."""

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from remediation.domain.actions import (
    Action,
    AttachReport,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Why,
)
from remediation.domain.errors import OutsideError, TryLater, Waiting
from remediation.domain.tickets import Ticket, TicketState
from remediation.planning import Progress, is_question

News = CommentOnTicket | RaiseTicket | RelateTicket | KeepList | AttachReport
"""What is done to tickets once their state and the status are as they are to be."""


_STAND_ALONE = frozenset({Why.RISK_EXPIRED, Why.REASON_CHANGED, Why.KEPT_OPEN, Why.VERIFYING})
"""The causes for which `reviewing` is written where no ticket is active."""


def as_we_left_it(action: ResolveTicket | ReopenTicket | RaiseTicket | KeepList, ticket: Ticket) -> Ticket:
    """Returns the ticket in the state that our action gave it, even if a person changed it at the same moment.

    The next look deals with that change. The version is then empty, so that every later one counts as a change.
    """
    reason = action.reason if isinstance(action, ResolveTicket) else None
    wanted = TicketState.OPEN if reason is None else TicketState.DONE
    if ticket.state is TicketState.GONE or ticket.state.is_active is wanted.is_active:
        return ticket
    return Ticket(ticket.tracker, ticket.id, ticket.key, ticket.url, wanted, reason, ticket.mark)


def is_due(news: News, progress: Progress) -> bool:
    """Whether the ticket for this comment exists and calls for it; a conflict is told only once it is settled."""
    ticket = progress.tickets.get(news.tracker)
    if ticket is None:
        return False
    if isinstance(news, RelateTicket):
        return ticket.state.is_active and ticket.id == news.ticket_id
    if isinstance(news, RaiseTicket | KeepList | AttachReport):
        return ticket.state.is_active
    if news.why in {Why.SEVERITY_RAISED, Why.EXPERT_REVIEWED}:
        return ticket.state.is_active
    if is_question(news.token):
        return not progress.status.is_solved  # a question is asked only while the finding is unsolved
    return news.why is not Why.CONFLICT or any(isinstance(action, SetStatus) for action in progress.done)


def awaited_list(lists: Sequence[KeepList], progress: Progress) -> TryLater | None:
    """Returns why no status is to be set yet where a ticket could not list findings that have joined; None if not.

    `lists` were to be written before: the note of a finding names a ticket that lists it.
    """
    for each in lists:
        if each.tracker in progress.closed_meanwhile:
            words = "the ticket was closed while its list was written"
            return TryLater(each.tracker, words, waiting=Waiting.CHANGED)
    return next((progress.later[each.name] for each in lists if each.name in progress.later), None)


def says_something(patch: SetStatus, on_tickets: Sequence[Action], progress: Progress) -> bool:
    """Whether the patch is to be sent: it changes the status, or its note names a ticket that was opened."""
    brings_back = any(isinstance(action, OpenTicket | ReopenTicket) for action in on_tickets)
    stands_alone = patch.why in _STAND_ALONE and not brings_back
    is_at_work = any(ticket.state.is_active for ticket in progress.tickets.values())
    if patch.status.is_unsolved and not (is_at_work or stands_alone):
        return False  # the next look would take `reviewing` with only done tickets for "resolved"
    opening = [action for action in on_tickets if isinstance(action, OpenTicket)]
    if patch.status is progress.status and opening:
        return any(action in progress.done for action in opening)
    return True


def by_tracker(comments: Iterable[CommentOnTicket]) -> list[list[CommentOnTicket]]:
    """Returns the comments on each ticket: they are written as one."""
    found: dict[str, list[CommentOnTicket]] = {}
    for comment in comments:
        found.setdefault(comment.tracker, []).append(comment)
    return list(found.values())


def is_for_a_place(error: OutsideError) -> TypeGuard[TryLater]:
    """Whether nothing was sent for want of a free connection: that passes by itself, and soon."""
    return isinstance(error, TryLater) and error.waiting is Waiting.OURS and error.after is None and not error.ambiguous
