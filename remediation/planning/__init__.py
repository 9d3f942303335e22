"""Which actions would bring a case into agreement. Pure: what was seen, the rule's policy, what is remembered, and now.

The whole of it follows from one observation: in agreement, a finding is `reviewing` with at least one active ticket,
or solved with none. `open` is a word that SchoolScan alone sets, so it always means "new" or "found again".
"""

from remediation.planning.closings import as_remembered
from remediation.planning.left_over import still_wanted
from remediation.planning.observation import Observation
from remediation.planning.outcomes import DECISIONS, is_question
from remediation.planning.own_work import with_own_work, written_ahead
from remediation.planning.plans import plan, still_told
from remediation.planning.situation import is_found_again

__all__ = [
    "DECISIONS",
    "Observation",
    "as_remembered",
    "is_found_again",
    "is_question",
    "plan",
    "still_told",
    "still_wanted",
    "with_own_work",
    "written_ahead",
]
