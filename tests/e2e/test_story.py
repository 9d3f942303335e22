"""The life of a finding, from exposed to mended to found again, over HTTP and with every process."""

import io
from collections import Counter
from itertools import cycle, islice, product

import pytest
from rich.console import Console

from remedy.demo.screen import tell
from remedy.demo.story import Story, play
from sandbox.jira.state import PERSON as JIRA_PERSON
from sandbox.jira.state import SERVICE as JIRA_SERVICE
from sandbox.secrets import DISTRICT
from sandbox.servicenow.schema import PERSON as SERVICENOW_PERSON
from tests.e2e.scene import RESOLVED, REVIEWING, Scene, State, open_scene
from tests.e2e.watching import becomes

TRACKERS = ("jira", "servicenow")
STUDENTS = ("direct_pii", "reidentification", "education_records")
KINDS = (*STUDENTS, "directory_info", "metadata", "vendor_exposure")
SEVERITIES = ("critical", "high", "medium", "low")


def resolve(scene: Scene, finding_id: str, **how: str) -> None:
    for ticket in scene.outside.tickets(finding_id):
        scene.outside.resolve_as_priya(ticket, **how)


def test_the_story_of_the_demo_happens(scene: Scene) -> None:
    told = [play(step, lambda _done, _whole: None) for step in Story(scene.outside).steps()]
    assert len(told) == 9


def test_the_demo_shows_the_two_tickets_that_point_to_an_incident_of_its_feed() -> None:
    screen = io.StringIO()
    with open_scene(feed=True) as scene:
        story = Story(scene.outside, scene.start_worker)
        tell([next(story.steps())], Console(file=screen, soft_wrap=True))
        taken, left = story.incident_ids
        marks = [mark for mark, _ in scene.outside.all_tickets()]
        scene.comes_to_rest()
        looked = scene.remedy("reconcile", "--all", "--dry-run")
    assert marks == [f"remedy:{DISTRICT}:incident:{taken}"] * 2
    assert screen.getvalue().count(f"Incident to look at: referral, critical ({DISTRICT}:incident:{taken})") == 2
    assert all(word in screen.getvalue() for word in ("INC", "SEC-1", "/browse/"))
    assert left not in screen.getvalue()
    assert looked.stdout == "1 case looked at: 1 in step. Nothing was written.\n", looked.stderr


def test_the_demo_shows_a_group_the_sum_of_its_scan_and_a_mending_that_a_scan_verifies() -> None:
    with open_scene(archive=True) as scene:
        scene.stage.start_receiver()
        scene.start_worker()
        story = Story(scene.outside, has_archive=True)
        grouping, verifying = [step for step in story.steps() if "archive" in f"{step.title} {step.expected}"]
        play(grouping, lambda _done, _whole: None)
        group, page, summary = grouping.tickets()
        listed = str(scene.outside.contents(group))
        play(verifying, lambda _done, _whole: None)
        assert all(each in listed for each in story.grouped)
        assert story.page_id not in listed
        assert len({group.id, page.id, summary.id}) == 3
        assert all("does not find it" not in scene.outside.notes(each)[-1] for each in story.grouped)


def test_a_critical_finding_is_reviewed_in_both_trackers_and_its_note_names_both_tickets(scene: Scene) -> None:
    finding_id = scene.opened()
    (note,) = scene.outside.notes(finding_id)
    for tracker in TRACKERS:
        assert scene.ticket(finding_id, tracker).key in note
    assert "students-exposed" in note


def test_each_ticket_carries_the_correlation_mark_where_its_tracker_keeps_such_things(scene: Scene) -> None:
    finding_id = scene.opened()
    mark = f"remedy:{DISTRICT}:finding:{finding_id}"
    record, issue = scene.contents(finding_id, "servicenow"), scene.contents(finding_id, "jira")
    assert record["values"]["correlation_id"] == mark
    assert record["values"]["correlation_display"]
    assert mark in issue["fields"]["labels"]
    assert issue["properties"] == {"remedy.case": mark, "remedy.tracker": "jira"}


def test_a_ticket_says_what_and_how_bad_and_what_to_do(scene: Scene) -> None:
    finding_id = scene.opened()
    record, issue = scene.contents(finding_id, "servicenow")["values"], scene.contents(finding_id, "jira")["fields"]
    for summary, body in (
        (record["short_description"], record["description"]),
        (issue["summary"], issue["description"]),
    ):
        assert summary == f"Student data exposed: direct pii, critical ({finding_id})"
        assert "What to do" in body
        assert f"{scene.stage.outside['schoolscan']}/findings/{finding_id}" in body
    assert record["priority"] == "1"
    assert issue["priority"]["name"] == "Highest"
    assert {"schoolscan", "student-privacy"} <= set(issue["labels"])


def test_neither_tracker_learns_the_title_the_page_or_the_evidence(scene: Scene) -> None:
    finding_id = scene.opened(title="A title of Avery Testchild", url="https://lakeside.example/avery.html?q=testchild")
    finding = scene.outside.finding(finding_id)
    for tracker in TRACKERS:
        held = str(scene.contents(finding_id, tracker))
        for field in ("title", "description", "url"):
            assert finding[field] not in held
        assert "Avery" not in held
        assert "avery" not in held


def test_a_finding_is_resolved_by_its_tickets_and_the_note_says_through_which_and_who_decided(scene: Scene) -> None:
    finding_id = scene.opened()
    resolve(scene, finding_id)
    scene.settles(finding_id, RESOLVED)
    note = scene.outside.notes(finding_id)[-1]
    assert note.startswith("Resolved")
    assert "fixed" in note
    for tracker in TRACKERS:
        assert scene.ticket(finding_id, tracker).key in note
    assert JIRA_PERSON.account_id in note
    assert SERVICENOW_PERSON.sys_id in note or SERVICENOW_PERSON.user_name in note
    assert "The page is corrected" not in note


def test_one_ticket_done_leaves_the_finding_to_the_other(scene: Scene) -> None:
    finding_id = scene.opened()
    scene.outside.resolve_as_priya(scene.ticket(finding_id, "jira"))
    polled = len(scene.outside.requests("jira"))
    becomes(lambda: len(scene.outside.requests("jira")) > polled + 2, wanted=True)
    scene.settles(finding_id, State("reviewing", ("jira done", "servicenow open")))


def test_a_risk_that_both_tickets_accept_is_accepted(scene: Scene) -> None:
    finding_id = scene.opened()
    resolve(scene, finding_id, resolution="Won't Do", close_code="Known error")
    scene.settles(finding_id, State("accepted_risk", RESOLVED.tickets))
    assert "accepted" in scene.outside.notes(finding_id)[-1].lower()


def test_a_ticket_reopened_by_a_person_puts_the_finding_back_to_review(scene: Scene) -> None:
    finding_id = scene.opened()
    resolve(scene, finding_id)
    scene.settles(finding_id, RESOLVED)
    scene.outside.reopen_as_priya(scene.ticket(finding_id, "jira"))
    becomes(lambda: scene.state(finding_id).status, "reviewing")


def test_a_finding_found_again_reopens_the_same_tickets(scene: Scene) -> None:
    finding_id = scene.opened()
    before = {ticket.id for ticket in scene.outside.tickets(finding_id)}
    resolve(scene, finding_id)
    scene.settles(finding_id, RESOLVED)
    scene.outside.scan(find_again=[finding_id])
    scene.settles(finding_id, REVIEWING)
    assert {ticket.id for ticket in scene.outside.tickets(finding_id)} == before
    issue = scene.contents(finding_id, "jira")["fields"]
    assert [comment["author"]["accountId"] for comment in issue["comment"]["comments"]] == [JIRA_SERVICE.account_id]


@pytest.mark.parametrize("status", ["resolved", "accepted_risk"])
def test_a_finding_solved_in_schoolscan_closes_its_tickets_with_a_comment(scene: Scene, status: str) -> None:
    finding_id = scene.opened()
    scene.outside.review_finding(finding_id, status=status)
    scene.settles(finding_id, State(status, RESOLVED.tickets))
    assert scene.contents(finding_id, "jira")["fields"]["comment"]["total"] == 1
    assert scene.contents(finding_id, "servicenow")["values"]["close_notes"]
    assert len(scene.outside.notes(finding_id)) == 1


def test_what_a_person_changed_in_a_ticket_stays(scene: Scene) -> None:
    finding_id = scene.opened()
    record, issue = scene.ticket(finding_id, "servicenow"), scene.ticket(finding_id, "jira")
    own = [label for label in scene.outside.contents(issue)["fields"]["labels"] if label.startswith("remedy")]
    scene.outside.edit_as_priya(record, {"urgency": "3", "short_description": "Ask the vendor"})
    scene.outside.edit_as_priya(issue, {"labels": [*own, "urgent"], "summary": "Ask them", "priority": {"name": "Low"}})
    resolve(scene, finding_id)
    scene.settles(finding_id, RESOLVED)
    scene.outside.scan(find_again=[finding_id])
    scene.settles(finding_id, REVIEWING)
    values, fields = scene.outside.contents(record)["values"], scene.outside.contents(issue)["fields"]
    assert (values["urgency"], values["short_description"]) == ("3", "Ask the vendor")
    assert (fields["labels"], fields["summary"], fields["priority"]["name"]) == ([*own, "urgent"], "Ask them", "Low")


def expected(kind: str, severity: str) -> list[str]:
    """What mappings.yaml names, by tracker and the beginning of the ticket's key."""
    if kind in STUDENTS:
        return ["jira SEC", "servicenow INC"] if severity in {"critical", "high"} else ["jira SEC"]
    return ["servicenow INC"] if kind == "vendor_exposure" else ["jira WEB"]


def test_a_completed_scan_gives_each_of_sixty_findings_exactly_the_tickets_that_its_rule_names(scene: Scene) -> None:
    drawn = list(islice(cycle(product(KINDS, SEVERITIES)), 60))
    ids = scene.outside.scan([{"domain_type": kind, "severity": severity} for kind, severity in drawn])
    findings = {finding_id: expected(*each) for finding_id, each in zip(ids, drawn, strict=True)}

    def statuses() -> Counter[str]:
        return Counter(each["status"] for each in scene.outside.findings() if each["id"] in findings)

    becomes(statuses, Counter(reviewing=60), seconds=60)
    scene.comes_to_rest()
    tickets: dict[str, list[str]] = {finding_id: [] for finding_id in findings}
    for mark, ticket in scene.outside.all_tickets():
        if (finding_id := mark.rpartition(":")[2]) in tickets:
            tickets[finding_id].append(f"{ticket.tracker} {ticket.key[:3]}")
    assert {finding_id: sorted(each) for finding_id, each in tickets.items()} == findings
    assert all(len(scene.outside.notes(finding_id)) == 1 for finding_id in ids[:12])
