"""Findings whose ids change from scan to scan, told apart by their content: the case they belong to. Pure.

The id of such a case is computed and not stored. Whoever has the fields and the key computes the same id again, also
after a wipe of Redis. Where two new ids come at once, the case's lease decides which is first.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from remediation.domain.cases import IDENTITY_DIGITS, IDENTITY_PREFIX, CaseKey, CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject


class IdentityField(StrEnum):
    """The fields of a finding that may tell it apart from others."""

    DOMAIN_TYPE = "domain_type"
    TITLE = "title"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Identity:
    """How a district's findings are told apart: by these fields, digested under a key that keeps them secret."""

    by: frozenset[IdentityField]
    key: bytes = field(repr=False)

    def case_of(self, district: str, finding: Finding) -> CaseKey | None:
        """The case of the finding; None where it lacks one of the fields and so is a case of its own.

        Values count as they are written: the case of letters, and a query, a fragment or a final slash of an address,
        make a difference.
        """
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
    """The text that tells findings apart; also a word that we do not know is one."""
    is_known = finding.domain_type is not DomainType.UNKNOWN
    given = {
        IdentityField.DOMAIN_TYPE: finding.domain_type.value if is_known else finding.words.get("domain_type"),
        IdentityField.TITLE: finding.title,
        IdentityField.URL: finding.url,
    }
    return {name: value for name in by if (value := given[name])}


def shown_by(members: Sequence[Subject]) -> Subject:
    """The one that stands for all of these, of which there is at least one.

    It is the worst of the unsolved ones, and `open` if one of them is. If none is unsolved, it is one whose status we
    do not know: then nothing is concluded. Otherwise it is the newest, which says how it was solved.
    """
    unsolved = [each for each in members if each.status.is_unsolved]
    if not unsolved:
        unknown = [each for each in members if not each.status.is_solved]
        return max(unknown or members, key=_age)
    worst = max(unsolved, key=lambda each: (_badness(each.severity), *_age(each)))
    is_open = any(each.status is Status.OPEN for each in unsolved)
    return worst.with_status(Status.OPEN if is_open else Status.REVIEWING)


def yet_to_be(members: Sequence[Subject], status: Status) -> tuple[Subject, ...]:
    """The members that are to get this status: the unsolved ones that have another one.

    If there is none, the write is a note, or brings back what was solved: then it is the member that is shown.
    """
    return tuple(each for each in members if each.status.is_unsolved and each.status is not status) or (
        shown_by(members),
    )


def at_rest(members: Sequence[Subject]) -> frozenset[str]:
    """The ids of members that need no reading until they are named again: solved, and not the newest."""
    newest = max(members, key=_age)
    return frozenset(each.key.id for each in members if each.status.is_solved and each.key != newest.key)


def _badness(severity: Severity) -> int:
    return -list(Severity).index(severity)


def _age(subject: Subject) -> tuple[datetime, str]:
    return subject.detected_at or datetime.min.replace(tzinfo=UTC), subject.key.id
