"""What the ticket that sums up a scan says: numbers and grades, and never what a finding says or where it is. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace

from remediation.domain.findings import DomainType, Scan
from remediation.domain.status import Severity, Status
from remediation.domain.summaries import MOST_NAMED, ScanCounts, ScanSummary
from remediation.domain.tickets import MemberList
from remediation.mapping.render.lists import STATES
from remediation.mapping.render.templates import Vocabulary, moment_text
from remediation.redaction import plain

_LONGEST_VALUE = 500

RESTRICTED_OF_SUMMARIES = frozenset({"site"})
"""The values of a scan that are undefined unless the summary says `detail: restricted`."""

SUMMARY_WORDS = Vocabulary(
    names=frozenset(),
    objects={
        "case": frozenset({"ref"}),
        "rule": frozenset({"name"}),
        "summary": RESTRICTED_OF_SUMMARIES
        | {"scan_id", "grade", "grade_before", "found", "pages", "started_at", "completed_at"},
    },
)
"""The values that the templates of a summary's ticket may use. A value that SchoolScan did not give is empty."""

_TO_DO = (Status.OPEN, Status.REVIEWING)
_OVER = {
    "Resolved": (Status.RESOLVED,),
    "Accepted as a risk": (Status.ACCEPTED_RISK,),
    "In a state that is not known": (Status.UNKNOWN, Status.GONE),
}


def summary_values(rule: str, ref: str, summary: ScanSummary, *, restricted: bool) -> Mapping[str, object]:
    """The values of SUMMARY_WORDS: text, on one line, without control characters."""
    scan, before = summary.scan, summary.before
    values = {
        "scan_id": scan.id,
        "grade": scan.overall_grade or "",
        "grade_before": (before.overall_grade if before else None) or "",
        "found": "" if summary.counts is None else str(summary.counts.total),
        "pages": "" if scan.pages_scanned is None else str(scan.pages_scanned),
        "started_at": moment_text(scan.started_at),
        "completed_at": moment_text(scan.completed_at),
    }
    if restricted:
        values["site"] = scan.domain or ""
    texts = {name: plain(value, _LONGEST_VALUE) for name, value in values.items()}
    return {
        "case": SimpleNamespace(ref=ref),
        "rule": SimpleNamespace(name=rule),
        "summary": SimpleNamespace(**texts),
    }


def numbers_of(summary: ScanSummary, *, names_tickets: bool = False) -> MemberList | None:
    """Returns what stands in the list of the ticket that is kept up to date; None where nobody has counted.

    With `names_tickets` those of the findings follow the numbers.
    """
    counts = summary.counts
    if counts is None:
        return None
    to_do = counts.in_status(*_TO_DO)
    lines = [*_lines(summary, counts), *(_ticket_lines(counts) if names_tickets else ())]
    return MemberList(f"{counts.total} found, {to_do.total} to do", tuple(f"- {line}" for line in lines))


def _lines(summary: ScanSummary, counts: ScanCounts) -> Iterator[str]:
    yield from _grade_lines(summary.scan, summary.before)
    to_do = counts.in_status(*_TO_DO)
    yield _with_parts("To do", to_do.total, _by_severity(to_do))
    for words, statuses in _OVER.items():
        if number := counts.in_status(*statuses).total:
            yield f"{words}: {number}"
    yield _with_parts("All by severity", counts.total, _by_severity(counts))
    yield _with_parts("All by type", counts.total, _by_type(counts))
    known, new = counts.where(is_known=True), counts.where(is_known=False)
    if known or new:
        yield f"New in this scan: {new}, found again: {known}"
    yield f"With a ticket: {counts.where(has_ticket=True)}"
    if left := counts.no_longer_listed:
        yield f"No longer among the findings of this scan: {left}"


def _ticket_lines(counts: ScanCounts) -> Iterator[str]:
    """The tickets, those to do and the worst first; a finding with two tickets has both on its line."""
    for each in counts.named:
        yield f"{', '.join(each.keys)}: {each.severity}, {STATES[each.status]}"
    if len(counts.named) == MOST_NAMED and (more := counts.where(has_ticket=True) - MOST_NAMED) > 0:
        yield f"and the tickets of {more} more {'finding' if more == 1 else 'findings'}"


def _grade_lines(scan: Scan, before: Scan | None) -> Iterator[str]:
    """The grade, and that of the site's scan before; nothing where SchoolScan stated none."""
    if scan.overall_grade is None:
        return
    if before is None or before.overall_grade is None:
        yield f"Grade: {scan.overall_grade}"
    elif before.overall_grade == scan.overall_grade:
        yield f"Grade: {scan.overall_grade}, as in the scan before"
    else:
        yield f"Grade: {scan.overall_grade}, and {before.overall_grade} in the scan before"


def _with_parts(words: str, total: int, parts: Iterable[tuple[str, int]]) -> str:
    shown = ", ".join(f"{number} {name}" for name, number in parts)
    return f"{words}: {total} ({shown})" if shown else f"{words}: {total}"


def _by_severity(counts: ScanCounts) -> list[tuple[str, int]]:
    found = Counter[Severity]()
    for tally, number in counts.tallies.items():
        found[tally.severity] += number
    return [(severity.value, found[severity]) for severity in Severity if found[severity]]


def _by_type(counts: ScanCounts) -> list[tuple[str, int]]:
    found = Counter[DomainType]()
    for tally, number in counts.tallies.items():
        found[tally.domain_type] += number
    return [(kind.value, found[kind]) for kind in DomainType if found[kind]]
