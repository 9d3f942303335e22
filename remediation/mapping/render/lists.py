"""The list of a case's findings for its tickets: ids, severities and states, and never what a finding says. Pure."""

from collections import Counter
from collections.abc import Sequence

from remediation.domain.cases.members import ListedMember
from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import MemberList
from remediation.mapping.config.schema import Mappings
from remediation.mapping.render.subject_pages import subject_page
from remediation.redaction import plain

_LONGEST_ID = 100
_LONGEST_LINK = 300

STATES = {
    Status.OPEN: "to do",
    Status.REVIEWING: "to do",
    Status.RESOLVED: "resolved",
    Status.ACCEPTED_RISK: "accepted as a risk",
    Status.GONE: "gone",
    Status.UNKNOWN: "in a state that is not known",
}
"""`open` and `reviewing` are the same to a reader of the ticket, who is to do something about both."""


def list_of(mappings: Mappings, subject: Subject) -> MemberList | None:
    """Returns the list of the subject's members, those to do and the worst first; None where it has not several."""
    if not subject.members or not isinstance(subject.detail, Finding):
        return None
    members = sorted(subject.members, key=_order)
    counts = Counter(STATES[each.status] for each in members)
    head = ", ".join(f"{counts[state]} {state}" for state in dict.fromkeys(STATES.values()) if counts[state])
    return MemberList(head, tuple(_lines(members, mappings, subject.key.district)))


def _order(member: ListedMember) -> tuple[bool, int, str]:
    return not member.status.is_unsolved, list(Severity).index(member.severity), member.id


def _lines(members: Sequence[ListedMember], mappings: Mappings, district: str) -> list[str]:
    lines = []
    for each in members:
        words = f"- {plain(each.id, _LONGEST_ID)}, {each.severity}, {STATES[each.status]}"
        link = plain(subject_page(mappings, district, CaseKind.FINDING, each.id), _LONGEST_LINK)
        lines.append(f"{words}: {link}" if link and each.status.is_unsolved else words)
    return lines
