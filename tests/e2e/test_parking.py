"""What cannot work is parked with the words of whoever refused it, hinders nothing else, and can be taken up again."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.secrets import DISTRICT
from tests.e2e.scene import BOTH, REVIEWING, Scene, State, open_scene
from tests.e2e.watching import becomes, eventually

SCHOOLSCAN = f"schoolscan:{DISTRICT}"


def into_the_form_project(tree: Any) -> None:
    """Vendor exposures go to a Jira project that has a field more to fill in than anybody thought of."""
    rule = next(rule for rule in tree["rules"] if rule["name"] == "vendor-exposure")
    rule["tickets"]["jira"] = {"project": "FORM"}


def filled_in(tree: Any) -> None:
    into_the_form_project(tree)
    rule = next(rule for rule in tree["rules"] if rule["name"] == "vendor-exposure")
    rule["tickets"]["jira"] |= {"fields": {"customfield_10010": "Vendor desk"}, "priority": None, "due": None}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """As every stage, but one of the rules is not what Jira wants."""
    with open_scene() as scene:
        scene.stage.start_receiver()
        scene.start_worker(MAPPINGS_PATH=scene.mappings("form.yaml", into_the_form_project))
        yield scene


def replayed(scene: Scene, name: str) -> None:
    answer = scene.remedy("parked", "replay", name)
    assert (answer.returncode, answer.stdout) == (0, f"{name}: replayed\n")


def test_a_finding_that_does_not_exist_is_parked_with_the_reason_until_it_does(scene: Scene) -> None:
    finding_id = f"fnd_{uuid.uuid4().hex[:10]}"
    name = f"{DISTRICT}:finding:{finding_id}/look"
    scene.told("finding.critical", {"finding_id": finding_id})
    scene.comes_to_rest()
    parked = scene.parked()[name]
    assert (parked["kind"], parked["system"], parked["error"]) == ("case", SCHOOLSCAN, "NotFound")
    assert "No such finding." in parked["words"]
    scene.outside.add_findings([{**BOTH, "id": finding_id}])
    replayed(scene, name)
    scene.settles(finding_id, REVIEWING)
    assert name not in scene.parked()


def test_a_finding_that_still_does_not_exist_is_parked_again(scene: Scene) -> None:
    finding_id = f"fnd_{uuid.uuid4().hex[:10]}"
    name = f"{DISTRICT}:finding:{finding_id}/look"
    scene.told("finding.critical", {"finding_id": finding_id})
    scene.comes_to_rest()
    replayed(scene, name)
    becomes(lambda: name in scene.parked(), wanted=True)


def test_a_tracker_that_refuses_is_parked_with_its_own_words_and_the_other_is_served(scene: Scene) -> None:
    finding_id = scene.find(domain_type="vendor_exposure")
    scene.settles(finding_id, State("reviewing", ("servicenow open",)))
    name = f"{DISTRICT}:finding:{finding_id}/open:jira"
    parked = scene.parked()[name]
    assert (parked["kind"], parked["system"], parked["error"]) == ("action", "jira", "Refused")
    assert "customfield_10010" in parked["words"]
    (note,) = scene.outside.notes(finding_id)
    assert scene.ticket(finding_id, "servicenow").key in note


def test_parked_work_waits_for_a_person_and_is_done_when_the_mistake_is_mended(scene: Scene) -> None:
    finding_id = scene.find(domain_type="vendor_exposure")
    scene.settles(finding_id, State("reviewing", ("servicenow open",)))
    name = f"{DISTRICT}:finding:{finding_id}/open:jira"
    asked = creates(scene)
    scene.outside.scan(find_again=[finding_id])
    scene.settles(finding_id, State("reviewing", ("servicenow open",)))
    assert creates(scene) == asked
    worker = next(each for each in scene.stage.programs if each.name == "worker")
    assert worker.stop() == 0
    scene.start_worker("worker-mended", MAPPINGS_PATH=scene.mappings("mended.yaml", filled_in))
    replayed(scene, name)
    scene.settles(finding_id, REVIEWING)
    assert scene.ticket(finding_id, "jira").key in scene.outside.notes(finding_id)[-1]
    assert name not in scene.parked()


def creates(scene: Scene) -> int:
    """How many issues Jira was asked for."""
    return sum(each["method"] == "POST" and each["path"].endswith("/issue") for each in scene.outside.requests("jira"))


def test_a_tracker_that_refuses_without_a_word_is_parked_and_replayed_too(scene: Scene) -> None:
    scene.outside.break_down("servicenow", "status", method="POST", status=400)
    finding_id = scene.find()
    scene.settles(finding_id, State("reviewing", ("jira open",)))
    name = f"{DISTRICT}:finding:{finding_id}/open:servicenow"
    assert scene.parked()[name]["words"]
    replayed(scene, name)
    scene.settles(finding_id, REVIEWING)


def test_a_note_that_schoolscan_refuses_is_parked_and_replayed(scene: Scene) -> None:
    scene.outside.break_down("schoolscan", "status", method="PATCH", path="/v1/", status=405)
    finding_id = scene.find()
    scene.settles(finding_id, State("open", REVIEWING.tickets))
    name = f"{DISTRICT}:finding:{finding_id}/patch:reviewing"
    assert scene.parked()[name]["system"] == SCHOOLSCAN
    replayed(scene, name)
    scene.settles(finding_id, REVIEWING)


def test_a_ticket_that_refuses_to_close_is_told_why_it_should(scene: Scene) -> None:
    finding_id = scene.opened()
    scene.outside.break_down("servicenow", "status", method="PATCH", status=405)
    scene.outside.review_finding(finding_id, status="resolved")
    scene.settles(finding_id, State("resolved", ("jira done", "servicenow open")))
    assert f"{DISTRICT}:finding:{finding_id}/resolve:servicenow" in scene.parked()
    journal = eventually(lambda: scene.contents(finding_id, "servicenow")["journal"])
    assert "resolved" in journal[-1]["value"].lower()


def test_what_is_parked_can_be_shown_and_given_up(scene: Scene) -> None:
    finding_id = f"fnd_{uuid.uuid4().hex[:10]}"
    name = f"{DISTRICT}:finding:{finding_id}/look"
    scene.told("finding.critical", {"finding_id": finding_id})
    scene.comes_to_rest()
    shown = scene.remedy("parked", "show", name)
    assert shown.returncode == 0
    assert "No such finding." in shown.stdout
    assert scene.remedy("parked", "discard", "--yes", "--dry-run", name).stdout == f"{name}: would be discarded\n"
    assert scene.remedy("parked", "discard", "--yes", name).returncode == 0
    assert name not in scene.parked()
    assert scene.remedy("parked", "replay", name).returncode == 1


def test_many_refusals_are_one_group_and_are_replayed_together(scene: Scene) -> None:
    scene.outside.break_down("servicenow", "status", method="POST", path="/table/incident$", times=None, status=400)
    ids = scene.outside.scan([BOTH] * 4)
    for finding_id in ids:
        scene.settles(finding_id, State("reviewing", ("jira open",)))
    scene.outside.mend()
    words = ("--system", "servicenow", "--action", "open:servicenow")
    (group,) = (
        json.loads(line)
        for line in scene.remedy("parked", "list", *words, "--by", "error", "--json").stdout.splitlines()
    )
    assert (group["count"], group["name"]) == (4, "Refused servicenow 400")
    assert scene.remedy("parked", "replay", *words).returncode == 130, "nobody there to agree"
    answer = scene.remedy("parked", "replay", *words, "--yes", "--by", "priya")
    assert (answer.returncode, answer.stdout) == (0, "4 replayed\n")
    for finding_id in ids:
        scene.settles(finding_id, REVIEWING)
    audited = json.loads(scene.remedy("parked", "audit", "--json", "--limit", "1").stdout)
    assert (audited["who"], audited["count"], audited["done"]) == ("priya", 4, 4)
    pieces = scene.remedy("audit", "list", "--json", "--act", "replayed", "--by", "priya").stdout.splitlines()
    assert len({json.loads(line)["line"]["piece"] for line in pieces}) == 4
    for finding_id in ids:
        decided = scene.remedy("audit", "list", "--json", "--case", f"{DISTRICT}:finding:{finding_id}").stdout
        assert "patch:reviewing" in decided
    verified = scene.remedy("audit", "verify")
    assert (verified.returncode, verified.stdout.splitlines()[-1]) == (0, "The trail is whole.")
