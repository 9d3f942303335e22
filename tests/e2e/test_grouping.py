"""Findings that a rule groups, through real processes: one ticket in each tracker, until a person closes it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.scene import BOTH, Scene, open_scene
from tests.e2e.watching import becomes

GROUP = "finding:group-"


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


def grouping(tree: Any) -> None:
    """Let the first rule group by what is exposed."""
    tree["rules"][0]["group_by"] = ["domain_type"]


def statuses(scene: Scene, ids: list[str]) -> set[str]:
    return {str(each["status"]) for each in scene.outside.findings() if each["id"] in ids}


def numbers(scene: Scene) -> list[tuple[str, str, bool]]:
    """The number in its group, the tracker and whether it is active, of each ticket."""
    found = [(mark, ticket) for mark, ticket in scene.outside.all_tickets() if GROUP in mark]
    return sorted((mark.rpartition("-")[2], ticket.tracker, ticket.is_active) for mark, ticket in found)


def test_a_scan_gives_one_ticket_with_its_findings_which_a_person_closes_for_all(scene: Scene) -> None:
    mappings = scene.mappings("grouping.yaml", grouping)
    scene.start_worker(MAPPINGS_PATH=mappings)
    ids = scene.outside.scan([BOTH] * 8)
    becomes(lambda: statuses(scene, ids), {"reviewing"}, 60)
    scene.comes_to_rest()
    assert numbers(scene) == [("1", "jira", True), ("1", "servicenow", True)]
    for _, ticket in scene.outside.all_tickets():
        shown = str(scene.outside.contents(ticket))
        assert all(finding_id in shown for finding_id in ids)
        scene.outside.resolve_as_priya(ticket)
    becomes(lambda: statuses(scene, ids), {"resolved"}, 60)
    for finding_id in ids:  # one of them also tells of the ticket that was opened second, where a search had to wait
        assert len([note for note in scene.outside.notes(finding_id) if note.startswith("Resolved through")]) == 1
    (late,) = scene.outside.scan([BOTH])
    becomes(lambda: statuses(scene, [late]), {"reviewing"}, 30)
    scene.comes_to_rest()
    closed = [("1", "jira", False), ("1", "servicenow", False)]
    assert numbers(scene) == [*closed, ("2", "jira", True), ("2", "servicenow", True)]
    assert scene.parked() == {}
