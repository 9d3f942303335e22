"""Cases: one thing to remediate, how it is named everywhere, and what we remember of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remediation.findings import FindingStatus
from remediation.tickets import TicketState

DISTRICT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
"""Names of districts (and trackers): they are part of addresses, keys and correlation marks."""

MARK_PREFIX = "remedy:"
_PLAIN_ID = re.compile(r"(?!sha256-)[A-Za-z0-9._-]{1,48}")
"""Ids that may stand in a mark as they are: safe in a ServiceNow query, a Jira label, JQL and a Redis key, and short
enough that the whole mark fits ServiceNow's 100 characters of `correlation_id`. Any other id is replaced by a digest."""


class CaseKind(StrEnum):
    """Which source a case comes from."""

    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class CaseKey:
    """Which case: a district, a kind and the source's own id."""

    district: str
    kind: CaseKind
    id: str

    @property
    def ref(self) -> str:
        """The case's reference, as people and Redis know it: `lakeside:finding:fnd_9d2`. At most 90 characters."""
        plain = self.id if _PLAIN_ID.fullmatch(self.id) else "sha256-" + hashlib.sha256(self.id.encode()).hexdigest()[:40]
        return f"{self.district}:{self.kind}:{plain}"

    @property
    def mark(self) -> str:
        """The correlation mark that every ticket of this case carries."""
        return MARK_PREFIX + self.ref


def ref_of_mark(mark: str | None) -> str | None:
    """The case reference inside a correlation mark, or None where the text is no mark of ours."""
    if mark is None or not mark.startswith(MARK_PREFIX):
        return None
    ref = mark.removeprefix(MARK_PREFIX)
    return ref if key_of_ref(ref) or _DIGEST_REF.fullmatch(ref) else None


_DIGEST_REF = re.compile(rf"{DISTRICT_NAME.pattern}:(?:{'|'.join(CaseKind)}):sha256-[0-9a-f]{{40}}")


def key_of_ref(ref: str) -> CaseKey | None:
    """The key that a reference spells out; None where it is malformed or holds a digest instead of the id."""
    district, _, rest = ref.partition(":")
    kind, _, plain = rest.partition(":")
    if not DISTRICT_NAME.fullmatch(district) or kind not in set(CaseKind) or not _PLAIN_ID.fullmatch(plain):
        return None
    return CaseKey(district, CaseKind(kind), plain)


@dataclass(frozen=True, slots=True)
class Link:
    """The tie between a case and one ticket."""

    tracker: str
    ticket_id: str
    ticket_key: str
    url: str


@dataclass(frozen=True, slots=True)
class Intent:
    """We were about to open a ticket at `at` (Unix seconds) and do not know yet whether it exists."""

    tracker: str
    at: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What both sides were when they last agreed. An empty memory means: never yet, or forgotten with Redis.

    `tickets` has one state per tracker that had a ticket then.
    """

    finding: FindingStatus | None = None
    tickets: Mapping[str, TicketState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """All that the store keeps of a case."""

    key: CaseKey
    links: Mapping[str, Link] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
