"""What every tracker promises of the compliance report on a ticket; part of the suite in tracker_suite.py."""

from dataclasses import replace

import pytest

from remediation.domain.errors import NotFound, Refused
from remediation.domain.findings import ReportFormat
from remediation.domain.reports import ReportFile
from remediation.ports import Tracker
from tests.contract.tracker_sync import opened
from tests.contract.tracker_world import World

FIRST = ReportFile("scan_2", "rep_1", ReportFormat.PDF, b"%PDF-1.4 \r\n--\x00\xff one\r\n")
NEXT = replace(FIRST, report_id="rep_2", form=ReportFormat.CSV, content=b"scan,findings\r\n")


class TrackerFilesContract:
    """One report of a scan on its ticket, whatever is repeated, and nobody else's file touched."""

    async def test_a_report_is_attached_once_and_comes_back_as_it_was(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        await tracker.keep_report(ticket.id, FIRST)
        assert world.files(ticket) == [(FIRST.name, FIRST.content)]
        before = world.writes()
        await tracker.keep_report(ticket.id, FIRST)
        assert world.writes() == before, "nothing is sent that is there already"
        assert (await tracker.read(ticket.id)).state is ticket.state
        assert world.comments(ticket) == []

    async def test_the_next_report_takes_the_place_of_the_one_before_and_no_other_file_is_touched(
        self, tracker: Tracker, world: World
    ) -> None:
        ticket = await opened(tracker, world)
        await tracker.keep_report(ticket.id, FIRST)
        for name in ("notes.pdf", FIRST.name):
            world.attach_as_person(ticket, name, b"Priya's own")
        other = replace(FIRST, scan_id="scan_3")
        await tracker.keep_report(ticket.id, other)
        await tracker.keep_report(ticket.id, NEXT)
        theirs = [("notes.pdf", b"Priya's own"), (FIRST.name, b"Priya's own")]
        assert world.files(ticket) == [*theirs, (other.name, other.content), (NEXT.name, NEXT.content)]

    async def test_what_a_tracker_refuses_is_said_and_what_was_there_stays(
        self, tracker: Tracker, world: World
    ) -> None:
        ticket = await opened(tracker, world)
        await tracker.keep_report(ticket.id, FIRST)
        world.refuse_files()
        with pytest.raises(Refused) as caught:
            await tracker.keep_report(ticket.id, NEXT)
        assert caught.value.status == 403
        assert world.files(ticket) == [(FIRST.name, FIRST.content)]

    async def test_a_deleted_ticket_takes_no_report(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.delete(ticket)
        with pytest.raises(NotFound):
            await tracker.keep_report(ticket.id, FIRST)
