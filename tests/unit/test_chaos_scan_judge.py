"""The judge of the experiment on scans: what it calls wrong."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chaos.scan_judge import Care, Deed, Entry, Everything, FindingSeen, ScanSeen, TicketSeen, numbers_of, wrongs

GROUP = "remedy:lakeside:finding:group-0a1b-1"
SECOND = "remedy:lakeside:finding:group-0a1b-2"
OWN = "remedy:lakeside:finding:fnd_1"
SUMMARY = "remedy:lakeside:summary:scan_1"
JIRA = frozenset({"jira"})
SET = Entry("api", "reviewing", 12.0, "tracked")
RESOLVED = Entry("api", "resolved", 30.0, "resolved")
FOUND = FindingSeen(
    "fnd_1", OWN, Care.GROUPED, JIRA, "reviewing", "low", "metadata", "lakeside.example", "scan_1", 10.0, (SET,)
)
DONE = replace(FOUND, status="resolved", entries=(SET, RESOLVED))
VERIFIED = replace(DONE, care=Care.VERIFIED)
ALONE = TicketSeen(OWN, "jira", "1", is_active=False)
SCAN = ScanSeen("scan_1", SUMMARY, "lakeside.example", "running", 5.0, 10.0)
UNSUMMED = "a scan whose summary is none of a test's"
LATER = ScanSeen("scan_2", UNSUMMED, "lakeside.example", "completed", 22.0, 25.0, is_ours=True)
CLOSED = Deed(True, "1", GROUP, "jira", 20.0, 20.1, frozenset({"fnd_1", "fnd_2"}))
MENDED = replace(CLOSED, mark=OWN, listed=frozenset())


def listing(*lines: str, mark: str = GROUP, ticket_id: str = "1", is_active: bool = True) -> TicketSeen:
    return TicketSeen(mark, "jira", ticket_id, is_active, "\n".join(f"- {line}" for line in lines))


TO_DO = listing("fnd_1, low, to do: https://x.example")
TICKED = listing("fnd_1, low, resolved", is_active=False)


def kinds(
    findings: Sequence[FindingSeen],
    tickets: Sequence[TicketSeen],
    deeds: Sequence[Deed] = (),
    scans: Sequence[ScanSeen] = (),
) -> list[str]:
    wrong = wrongs(Everything(findings, tickets, scans, deeds))
    return [each.kind for each in wrong if not each.where.startswith(UNSUMMED)]


@pytest.mark.parametrize(
    ("finding", "tickets", "found"),
    [
        (FOUND, [TO_DO], []),
        (FOUND, [], ["lost"]),
        (FOUND, [listing("fnd_2, low, to do")], ["lost"]),
        (FOUND, [TO_DO, TO_DO], ["twice"]),
        (FOUND, [TO_DO, listing("fnd_1, low, to do", mark=SECOND, ticket_id="2")], ["twice"]),
        (FOUND, [TO_DO, replace(ALONE, is_active=True)], ["apart", "twice"]),
        (FOUND, [listing("fnd_1, low, resolved")], ["apart"]),
        (replace(FOUND, status="open"), [TO_DO], ["apart"]),
        (replace(FOUND, trackers=frozenset({"jira", "servicenow"})), [TO_DO], ["lost"]),
        (replace(FOUND, care=Care.OWN), [replace(ALONE, is_active=True)], []),
        (replace(FOUND, care=Care.OWN), [ALONE], ["lost"]),
        (FOUND, [TicketSeen(GROUP, "jira", "1", is_active=True, text="Finding: fnd_1")], []),
        (FOUND, [replace(TO_DO, text=f"{TO_DO.text}\n… and 3 more")], []),
    ],
)
def test_whatever_is_unsolved_is_in_exactly_one_open_case(
    finding: FindingSeen, tickets: list[TicketSeen], found: list[str]
) -> None:
    assert sorted(kinds([finding], tickets)) == found


@pytest.mark.parametrize(
    ("finding", "deeds", "found"),
    [
        (DONE, [CLOSED], []),
        (DONE, [], ["early"]),
        (DONE, [replace(CLOSED, listed=frozenset({"fnd_2"}))], ["early"]),
        (DONE, [replace(CLOSED, since=31.0, until=31.1)], ["early"]),
        (DONE, [replace(CLOSED, since=8.0, until=8.1)], ["early"]),
        (replace(DONE, entries=(SET, Entry("scan", "open", 25.0), RESOLVED)), [CLOSED], ["early"]),
        (replace(DONE, entries=(SET, Entry("person", "resolved", 25.0))), [], []),
        (replace(DONE, trackers=frozenset({"jira", "servicenow"})), [CLOSED], ["early"]),
    ],
)
def test_a_closing_resolves_only_what_its_ticket_listed(
    finding: FindingSeen, deeds: list[Deed], found: list[str]
) -> None:
    assert kinds([finding], [TICKED], deeds) == found


@pytest.mark.parametrize(
    ("finding", "scans", "found"),
    [
        (VERIFIED, [LATER], []),
        (VERIFIED, [], ["early"]),
        (VERIFIED, [replace(LATER, started_at=19.0)], ["early"]),
        (VERIFIED, [replace(LATER, ended_at=31.0)], ["early"]),
        (VERIFIED, [replace(LATER, status="failed")], ["early"]),
        (VERIFIED, [replace(LATER, site="archive.example")], ["early"]),
        (replace(VERIFIED, entries=(SET, Entry("scan", "open", 25.0), RESOLVED)), [LATER], ["early"]),
    ],
)
def test_what_is_verified_is_resolved_once_a_scan_that_began_after_the_closing_does_not_find_it(
    finding: FindingSeen, scans: list[ScanSeen], found: list[str]
) -> None:
    assert kinds([finding], [ALONE], [MENDED], scans) == found


def test_a_note_that_was_written_twice_is_counted_unless_people_did_something_in_between() -> None:
    twice = replace(FOUND, entries=(SET, replace(SET, at=14.0)))
    assert kinds([twice], [TO_DO]) == ["repeated"]
    deeds = [replace(CLOSED, since=13.0, until=13.1), replace(CLOSED, closes=False, since=13.5, until=13.6)]
    assert kinds([twice], [TO_DO], deeds) == []


def test_a_ticket_that_people_closed_is_open_again_only_where_something_was_found_again() -> None:
    assert kinds([FOUND], [TO_DO], [CLOSED]) == ["apart"]
    assert kinds([FOUND], [TO_DO], [CLOSED, replace(CLOSED, closes=False, since=22.0, until=22.1)]) == []
    for found_at in (15.0, 25.0):
        again = replace(FOUND, entries=(SET, Entry("scan", "open", found_at), replace(SET, at=26.0)))
        assert kinds([again], [TO_DO], [CLOSED]) == []


def test_a_groups_ticket_with_nothing_to_do_is_wrong() -> None:
    assert "apart" in kinds([DONE], [replace(TICKED, is_active=True)], [CLOSED])


def test_two_scans_of_ours_of_one_site_do_not_run_at_once() -> None:
    other = replace(LATER, id="scan_3", started_at=24.0, ended_at=27.0, status="failed")
    assert kinds([], [], [], [LATER, other]) == ["twice"]
    assert kinds([], [], [], [LATER, replace(other, is_ours=False)]) == []


STATED = """\
Findings of this ticket, kept up to date automatically: 2 found, 1 to do
- To do: 1 (1 low)
- Resolved: 1
- All by severity: 2 (2 low)
- All by type: 2 (2 metadata)
- New in this scan: 2, found again: 0
- With a ticket: 2"""


def test_a_summary_states_the_numbers_that_are_true_and_is_there_once() -> None:
    findings = [FOUND, replace(DONE, id="fnd_2", entries=())]
    scan, group = replace(SCAN, status="completed"), listing("fnd_1, low, to do", "fnd_2, low, resolved")
    summary = TicketSeen(SUMMARY, "jira", "9", is_active=True, text=STATED)
    assert kinds(findings, [group, summary], (), [scan]) == []
    assert kinds(findings, [group], (), [scan]) == ["lost"]
    assert kinds(findings, [group, summary, replace(summary, id="10")], (), [scan]) == ["twice"]
    wrong = replace(summary, text=STATED.replace("- Resolved: 1", "- Resolved: 0"))
    assert kinds(findings, [group, wrong], (), [scan]) == ["apart"]
    assert numbers_of(findings, scan)["to do"] == 1
