"""The table of what is planned, put together from its rows.

The rows by where the finding stands: `unsolved` (it is new or found again, or its ticket is gone), `endings` (it is
unchanged, and tickets are done), `solved` (tickets are open, reopened or disagree, or an acceptance has expired) and
`gone`. Beside them, `news` has what people ought to hear, and `left_over` what a person asked for again.
"""

from collections.abc import Iterable
from datetime import datetime

from remediation.domain.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    Plan,
    RaiseTicket,
    ReopenTicket,
    ResolveTicket,
    Why,
)
from remediation.domain.cases import CaseRecord
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.planning.left_over import asked_again
from remediation.planning.notifications import is_news, news
from remediation.planning.observation import Observation
from remediation.planning.outcomes import is_question
from remediation.planning.situation import Situation
from remediation.planning.solved import for_gone, for_solved
from remediation.planning.unsolved import for_unsolved


def plan(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> Plan:
    """The actions that are missing, tickets first. `record` is what the store keeps of the case.

    Empty when all is well. Parked actions are left out, and so is what was told already; actions that a person asked
    for again come in while they still make sense. Applying the plan and planning again gives nothing.
    """
    case = Situation.of(seen, policy, record, now)
    actions = _all_actions(case)
    if record.again:
        names = {action.name for action in actions}
        actions += [action for action in asked_again(case) if action.name not in names]
    if not actions:
        return ()
    if record.parked:
        actions = [action for action in actions if action.name not in record.parked]
    return tuple([action for action in actions if not _is_told(action, record)])


def still_told(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> frozenset[str]:
    """Those facts that were told on tickets, perhaps just before a crash, and still hold: they are not told again."""
    told = record.memory.told
    unseen = frozenset(token for token in told if token.partition("/")[0] in seen.unseen)
    if seen.unseen:  # whether a closing counts is not asked before every ticket can be seen
        unseen |= {token for token in told if is_question(token)}
    if not (told or record.memory.doing):
        return unseen
    case = Situation.of(seen, policy, record, now)
    facts = [*_all_actions(case), *news(case, seen.existing)]
    return unseen | {fact.token for fact in facts if isinstance(fact, CommentOnTicket) and _is_told(fact, record)}


def _is_told(action: Action, record: CaseRecord) -> bool:
    """Whether people were told. A comment that we may have written before a crash is not written twice."""
    if not isinstance(action, CommentOnTicket):
        return False
    return action.token in record.memory.told or action.name in record.memory.doing


def _all_actions(case: Situation) -> list[Action]:
    """Every action that is called for, told, parked or neither."""
    actions = _for_status(case)
    if is_news(case):
        fresh = {action.tracker for action in actions if isinstance(action, OpenTicket)}  # as urgent as it is now
        told = news(case, _at_work_after(actions, case.seen))
        actions += [each for each in told if not (each.tracker in fresh and _is_of_severity(each))]
    actions += [CloseDuplicate(ticket.tracker, ticket.id) for ticket in case.seen.duplicates]
    return actions


def _is_of_severity(action: RaiseTicket | CommentOnTicket) -> bool:
    return isinstance(action, RaiseTicket) or action.why is Why.SEVERITY_RAISED


def _for_status(case: Situation) -> list[Action]:
    """The rows that depend on where the finding stands."""
    status = case.status
    if status.is_unsolved:
        return for_unsolved(case)
    if status.is_solved:
        return for_solved(case)
    return for_gone(case) if status is Status.GONE else []


def _at_work_after(actions: Iterable[Action], seen: Observation) -> Iterable[str]:
    """The trackers whose ticket waits for somebody once these actions are done."""
    working = dict.fromkeys(seen.active)
    for action in actions:
        match action:
            case ResolveTicket():
                working.pop(action.tracker, None)
            case OpenTicket() | ReopenTicket():
                working[action.tracker] = None
            case _:
                continue
    return working
