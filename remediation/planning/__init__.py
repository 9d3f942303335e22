"""Plans the actions that bring a case into agreement, from what is seen, the policy, the memory and the time. Pure.

Everything follows from one definition: in agreement, a finding is `reviewing` with at least one active ticket, or
solved with none. Only SchoolScan sets `open`, so it always means that the finding is new or was found again.
"""

from remediation.planning.conclusions import Conclusion, concluded, remembered
from remediation.planning.observation import Observation
from remediation.planning.outcomes import as_remembered, is_question
from remediation.planning.plans import claim_to_verify, plan, still_told, still_wanted
from remediation.planning.progress import Progress
from remediation.planning.recovery import found_done, written_ahead
from remediation.planning.situation import Situation

__all__ = [
    "Conclusion",
    "Observation",
    "Progress",
    "Situation",
    "as_remembered",
    "claim_to_verify",
    "concluded",
    "found_done",
    "is_question",
    "plan",
    "remembered",
    "still_told",
    "still_wanted",
    "written_ahead",
]
