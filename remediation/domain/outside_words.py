"""Words of other systems that we take for ids or codes: each has a shape and a length. Pure.

Ids and codes rest in Redis in clear, and stand in logs, timelines, addresses and notes. So what has not the shape of
one is not taken for one: another system may answer, and a person may have put a sentence where an id belongs.
Ids of findings, scans and incidents have a rule of their own (see cases.outside_id), and a digest stands for an unusual
one wherever it would be a name. The signs of a delivery are in `deliveries`, those of a request in `telemetry`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Shape:
    """What a word must look like as a whole."""

    pattern: re.Pattern[str]

    def fits(self, value: object) -> bool:
        """Whether the value is such a word."""
        return isinstance(value, str) and self.pattern.fullmatch(value) is not None

    def of(self, value: object) -> str:
        """The value, if it is such a word; empty otherwise. The caller knows what stands for it then."""
        return value if isinstance(value, str) and self.fits(value) else ""


def _shape(pattern: str) -> Shape:
    return Shape(re.compile(pattern, re.ASCII))


ISSUE_ID = _shape(r"[A-Za-z0-9_-]{1,64}")
"""Jira's own id of an issue, a number."""
ISSUE_KEY = _shape(r"[A-Za-z][A-Za-z0-9_]{0,79}-[0-9]{1,18}")
"""`SEC-12`. Administrators of Data Center may choose the pattern of a project's key. The id stands for another."""
RECORD_ID = _shape(r"[0-9a-f]{32}")
"""ServiceNow's own id of a record."""
TABLE = _shape(r"[a-z0-9_]{1,80}")
"""The name of a table of ServiceNow."""
RECORD_NUMBER = _shape(r"[A-Za-z0-9_-]{1,40}")
"""`INC0010001`: ServiceNow's column has 40 characters, and administrators choose the letters. The sys_id stands for
another."""
RECORD_VERSION = _shape(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})?/[0-9]{0,18}")
"""When a record of ServiceNow was last written, and how often. Without it each change counts as news."""
SITE_ID = _shape(r"(?:https?://)?[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]{0,200})?")
"""What a tracker calls itself: a base address of Jira, an instance id of ServiceNow. Its address stands for another."""
REQUEST_ID = _shape(r"[A-Za-z0-9._:-]{1,100}")
"""Another system's id of a request of ours. It is left out where it has another form."""
CODE = _shape(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
"""One word of a vendor's list, such as a severity that we do not know yet."""
INCIDENT_CODE = _shape(r"[A-Za-z0-9_.:/+#&()*-]{1,64}")
"""A code of a district's own list, where others read it. Rules compare codes as they are written, whatever they are."""
GRADE = _shape(r"[A-Za-z0-9][A-Za-z0-9+./%-]{0,9}")
"""A scan's grade: `B`, `A-`, `87%`, `4/5`. It has none where SchoolScan says more than that."""


class ReviewOutcome(StrEnum):
    """The outcome of an expert's review, in SchoolScan's word.

    The vendor's page has no list, so it is ours; every other word is UNKNOWN, and readers look the finding up.
    """

    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"
    ACCEPTED_RISK = "accepted_risk"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    ESCALATED = "escalated"
    REVIEWED = "reviewed"
    UNKNOWN = "unknown"
