"""Which actions would bring a case into agreement. Pure: what was seen, the rule's policy, what is remembered, and now.

The whole of it follows from one observation: in agreement, a finding is `reviewing` with at least one active ticket,
or solved with none. `open` is a word that SchoolScan alone sets, so it always means "new" or "found again".
"""

from remediation.planning.conclusions import Conclusion, Progress, concluded, remembered
from remediation.planning.observation import Observation
from remediation.planning.outcomes import as_remembered, is_question
from remediation.planning.plans import plan, still_told, still_wanted
from remediation.planning.recovery import written_ahead
from remediation.planning.situation import Situation

__all__ = [
    "Conclusion",
    "Observation",
    "Progress",
    "Situation",
    "as_remembered",
    "concluded",
    "is_question",
    "plan",
    "remembered",
    "still_told",
    "still_wanted",
    "written_ahead",
]
