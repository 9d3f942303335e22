"""What people say they have mended is scanned for once more, by real processes, and only then resolved."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.scene import RESOLVED, REVIEWING, Scene, open_scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


def verifying(tree: Any) -> None:
    """Let every rule verify, as soon as all tickets of the test are closed."""
    tree["defaults"]["verify"] = "scan"
    tree["districts"]["lakeside"]["schoolscan"]["scans"] = {"wait": "8s", "every": "1m"}


def test_one_scan_resolves_what_is_gone_and_opens_the_tickets_again_of_what_is_still_there(scene: Scene) -> None:
    scene.start_worker(MAPPINGS_PATH=scene.mappings("verifying.yaml", verifying))
    gone, there = scene.opened(), scene.opened()
    scene.outside.control(
        "schoolscan", "PATCH", "settings", json={"scan_seconds": 1, "scan_finds": 0, "scan_finds_again": [there]}
    )
    for finding in (gone, there):
        for tracker in ("jira", "servicenow"):
            scene.outside.resolve_as_priya(scene.ticket(finding, tracker))
    scene.settles(gone, RESOLVED, seconds=60.0)
    scene.settles(there, REVIEWING, seconds=60.0)
    started = [each for each in scene.outside.requests("schoolscan") if each["path"].endswith("/v1/scans")]
    assert [each["method"] for each in started].count("POST") == 1
    notes = scene.outside.notes(gone)
    assert "A scan of its site is to show that the finding is gone" in notes[1]
    assert "which began after that, does not find it any more" in notes[2]
    assert "still finds it" in scene.outside.notes(there)[-1]
    for tracker in ("jira", "servicenow"):
        assert "This ticket was closed as mended, and " in str(scene.contents(there, tracker))
    assert scene.parked() == {}
