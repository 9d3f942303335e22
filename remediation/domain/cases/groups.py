"""The groups of findings that a rule makes with `group_by`: one case, so one ticket in each tracker, for many. Pure.

A group has one case after the other, numbered from 1. The digest in their ids is computed from the rule's name and from
what the findings share; the number grows where the ticket of a case was closed: that ticket takes no new findings.
Neither is stored in one place that could be lost. The marks of the tickets have both, so after a loss of the store the
cases are gone through from the first one, until one has an active ticket, or none.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import GROUP_DIGITS, GROUP_PREFIX, CaseKey, CaseKind, CaseRecord
from remediation.domain.findings import DomainType, Finding
from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket, TicketState


class GroupField(StrEnum):
    """The fields of a finding by which a rule may group."""

    DOMAIN_TYPE = "domain_type"
    SITE = "site"


def group_of(district: str, rule: str, by: Sequence[GroupField], finding: Finding) -> CaseKey | None:
    """Returns the first case of the group of this finding. None where it lacks a field: then it is a case of its own.

    The order of the fields does not matter. A domain type that we do not know counts by its raw word.
    """
    values = {name.value: value for name in by if (value := _value(finding, name))}
    if not by or len(values) < len(set(by)):
        return None
    said = json.dumps([district, rule, sorted(values.items())]).encode()
    digest = hashlib.sha256(said).hexdigest()[:GROUP_DIGITS]
    return CaseKey(district, CaseKind.FINDING, f"{GROUP_PREFIX}{digest}-1")


def missing_in(by: Sequence[GroupField], finding: Finding) -> tuple[GroupField, ...]:
    """The fields that the finding lacks."""
    return tuple(name for name in by if not _value(finding, name))


def _value(finding: Finding, name: GroupField) -> str | None:
    match name:
        case GroupField.SITE:
            return finding.site
        case GroupField.DOMAIN_TYPE:
            is_known = finding.domain_type is not DomainType.UNKNOWN
            return finding.domain_type.value if is_known else finding.words.get("domain_type")


def numbered(key: CaseKey, number: int) -> CaseKey:
    """Returns the case of the same group with this number."""
    return replace(key, id=f"{key.id.rpartition('-')[0]}-{number}")


def number_of(key: CaseKey) -> int:
    """Returns the number of a case of a group."""
    return int(key.id.rpartition("-")[2])


def takes_no_more(tickets: Mapping[str, Ticket], policy: Policy) -> bool:
    """Whether the tickets of a case of a group are closed, so that new findings belong to the group's next case.

    A deleted ticket says nothing: nobody has closed it. With `resolve_when: any`, one closed ticket is enough.
    """
    done = [ticket.state is TicketState.DONE for ticket in tickets.values() if ticket.state is not TicketState.GONE]
    return any(done) if policy.resolve_when is ResolveWhen.ANY else bool(done) and all(done)


def may_be_its_own(record: CaseRecord, known: KnownMember) -> bool:
    """Whether the closed ticket of the case may be this finding's, although the store does not know it as a member.

    That is so where the store has lost what it knew of the case, and of the finding: something had set it `reviewing`.
    """
    is_lost = record.memory.finding is None and record.may_have_lost_work_on(known.detected_at)
    return is_lost and known.status is Status.REVIEWING


def as_closed(subject: Subject, record: CaseRecord, known: Mapping[str, KnownMember]) -> Subject:
    """Returns the subject of a case whose tickets are closed, as those who closed them saw it.

    A member may still be `open` because its status was not set since it joined: the ticket lists it like the others,
    and its closing decides about it, too. One that was set, and is `open` again, was found again.
    """
    if subject.status is not Status.OPEN:
        return subject
    found_again = any(each.status is Status.OPEN and record.joined.get(name, True) for name, each in known.items())
    return subject if found_again else subject.with_status(Status.REVIEWING)
