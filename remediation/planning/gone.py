"""Row of the table: the finding is gone."""

from remediation.domain.actions import Action, CommentOnTicket, Why
from remediation.planning.situation import Situation
from remediation.planning.solved import closing


def for_gone(case: Situation) -> list[Action]:
    """The tickets are closed if the rule allows, never silently (see news.py)."""
    if not case.policy.closes_gone:
        return []
    return [closing(tracker, case.status) for tracker in case.seen.active if not _goes_on(case, tracker)]


def _goes_on(case: Situation, tracker: str) -> bool:
    """A person has opened the ticket of a finding that is gone again: that counts for as long as it is gone."""
    telling = CommentOnTicket(tracker, Why.FINDING_GONE)
    is_told = telling.token in case.memory.told or telling.name in case.set_aside
    return is_told or case.was_done(tracker)
