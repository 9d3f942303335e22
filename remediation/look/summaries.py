"""A Source for the summary of one scan: what people decided about it by closing its tickets is in our own memory."""

from dataclasses import dataclass, replace

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.domain.errors import TryLater, Waiting
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.summaries import ScanSummary
from remediation.domain.tickets import LEFT_ALONE, Reason, Ticket, TicketState
from remediation.ports import Source

_NOT_COUNTED = 60.0
"""Seconds after which a summary is looked at again whose scan is being counted. The end of the counting wakes it."""


def closed_by_people(ticket: Ticket) -> Ticket:
    """Returns a summary's ticket without the reason of its closing: there is nothing to accept or to mend."""
    if ticket.state is not TicketState.DONE:
        return ticket
    return replace(ticket, reason=Reason.FIXED, word="", risk=None, is_left_over=False)


def report_of(subject: Subject) -> str:
    """Returns the id of the scan's finished report, where the subject is a scan; empty for none."""
    return subject.detail.report if isinstance(subject.detail, ScanSummary) else ""


def has_come_to_its_end(subject: Subject, listing: str, record: CaseRecord) -> bool:
    """Whether the findings of a scan have been solved, all of them, since the summary's tickets were last written.

    `listing` is the digest of what is to be listed in them. Where it is there already, a person may have opened the
    ticket again, knowing that all is solved; and of a list that a person has changed it cannot be told. Closing that
    was begun goes on.
    """
    detail, decided = subject.detail, record.memory.finding
    if not isinstance(detail, ScanSummary) or detail.counts is None or decided is None or not decided.is_unsolved:
        return False
    written = {each for each in record.memory.listed.values() if each != LEFT_ALONE}
    is_begun = record.memory.planned_at is Status.RESOLVED
    return detail.counts.is_solved and (is_begun or bool(written - {listing}))


@dataclass(frozen=True, slots=True)
class DecidedByTickets:
    """Shows the summary of `record` with the status that was last agreed on.

    SchoolScan has no status for a scan's summary that anybody could set. Where the memory is lost, the tickets decide
    again: `Subject.keeps_status` is false.
    """

    source: Source
    record: CaseRecord

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the summary as it is now, with its status. Raises what the source raises.

        Raises TryLater, too, while the findings of a completed scan are not counted: a summary without numbers is none.
        """
        subject, decided = await self.source.subject(key), self.record.memory.finding
        if isinstance(subject.detail, ScanSummary) and subject.detail.is_uncounted:
            words = "the scan's findings are not counted yet"
            raise TryLater(key.district, words, after=_NOT_COUNTED, waiting=Waiting.OURS)
        return subject if decided is None or decided is Status.GONE else replace(subject, status=decided)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Does nothing: the memory that a look leaves behind has the status."""
