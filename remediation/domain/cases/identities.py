"""The identity of findings whose ids change from scan to scan: their content decides to which case they belong. Pure.

The id of such a case is computed from the fields and a key, and not stored: it is the same again after a wipe of Redis.
Where two new findings of one case come at the same time, the case's lease decides which is first.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import IDENTITY_DIGITS, IDENTITY_PREFIX, CaseKey, CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Detail, Subject, subject_of


class IdentityField(StrEnum):
    """The fields of a finding that may be a part of its identity."""

    DOMAIN_TYPE = "domain_type"
    TITLE = "title"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Identity:
    """How a district's findings are identified: by a keyed digest of these fields, which reveals none of them."""

    by: frozenset[IdentityField]
    key: bytes = field(repr=False)

    def case_of(self, district: str, finding: Detail) -> CaseKey | None:
        """Returns the case of the finding. None for one that lacks a field, and for anything else: a case of its own.

        Values are compared as they are written: upper and lower case differ, and so do addresses with and without a
        query, a fragment or a final slash.
        """
        if not isinstance(finding, Finding):
            return None
        values = _values(finding, self.by)
        if values.keys() != self.by:
            return None
        said = json.dumps([district, sorted(values.items())]).encode()
        digest = hmac.new(self.key, said, hashlib.sha256).hexdigest()[:IDENTITY_DIGITS]
        return CaseKey(district, CaseKind.FINDING, IDENTITY_PREFIX + digest)


NO_IDENTITIES: Mapping[str, Identity] = MappingProxyType({})


def missing_of(by: Iterable[IdentityField], finding: Finding) -> tuple[IdentityField, ...]:
    """The fields that the finding lacks."""
    there = _values(finding, by)
    return tuple(sorted(name for name in by if name not in there))


def _values(finding: Finding, by: Iterable[IdentityField]) -> Mapping[IdentityField, str]:
    """The fields that the finding has, as text. A domain type that we do not know counts by its raw word."""
    is_known = finding.domain_type is not DomainType.UNKNOWN
    given = {
        IdentityField.DOMAIN_TYPE: finding.domain_type.value if is_known else finding.words.get("domain_type"),
        IdentityField.TITLE: finding.title,
        IdentityField.URL: finding.url,
    }
    return {name: value for name in by if (value := given[name])}


def shown_by(members: Sequence[Subject]) -> Subject:
    """Returns the member that represents all of these; there is at least one.

    It is the most severe unsolved member, with the status `open` if any of them is open. If none is unsolved, it is a
    member whose status is unknown, and then nothing is concluded. Otherwise it is the newest, which says how the case
    was solved.
    """
    unsolved = [each for each in members if each.status.is_unsolved]
    if not unsolved:
        unknown = [each for each in members if not each.status.is_solved]
        return max(unknown or members, key=_age)
    worst = max(unsolved, key=lambda each: (_badness(each.severity), *_age(each)))
    is_open = any(each.status is Status.OPEN for each in unsolved)
    return worst.with_status(Status.OPEN if is_open else Status.REVIEWING)


def yet_to_be(members: Sequence[Subject], status: Status) -> tuple[Subject, ...]:
    """Returns the members to which this status must be written: the unsolved ones that have another status.

    If there are none, the write only adds a note or reopens what was solved: then it is the member that `shown_by`
    returns.
    """
    return tuple(each for each in members if each.status.is_unsolved and each.status is not status) or (
        shown_by(members),
    )


def known_of(subject: Subject, times: int) -> KnownMember:
    """Returns what is remembered of a member that was read after it had been named so many times."""
    review = subject.detail.review if isinstance(subject.detail, Finding) else None
    return KnownMember(times, subject.status, subject.severity, subject.detected_at, review)


def as_known(key: CaseKey, known: KnownMember) -> Subject:
    """Returns the member of this key as it is remembered: without what only a rule reads."""
    finding = Finding(key.id, known.status, known.severity, detected_at=known.detected_at, review=known.review)
    return subject_of(key, finding)


def _badness(severity: Severity) -> int:
    return -list(Severity).index(severity)


def _age(subject: Subject) -> tuple[datetime, str]:
    return subject.detected_at or datetime.min.replace(tzinfo=UTC), subject.key.id
