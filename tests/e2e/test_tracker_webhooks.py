"""What a person does in a ticket reaches SchoolScan at once, because the trackers tell; and later where they do not."""

from collections.abc import Iterator

import pytest

from tests.e2e.scene import RESOLVED, REVIEWING, Scene, open_scene

SELDOM = "60"
"""Seconds between polls: longer than any test here waits, so that nothing but a webhook brings the news."""


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


def test_a_person_s_change_is_acted_on_without_waiting_for_a_poll(scene: Scene) -> None:
    scene.start_worker(POLL_SECONDS=SELDOM)
    finding = scene.opened()
    for tracker in ("jira", "servicenow"):
        scene.outside.resolve_as_priya(scene.ticket(finding, tracker))
    scene.settles(finding, RESOLVED)
    for tracker in ("jira", "servicenow"):
        scene.outside.reopen_as_priya(scene.ticket(finding, tracker))
    scene.settles(finding, REVIEWING)
    for tracker in ("jira", "servicenow"):
        told = scene.outside.control(tracker, "GET", "deliveries")
        assert {attempt["status"] for attempt in told} == {202}
    assert scene.parked() == {}


def test_with_every_webhook_of_the_trackers_lost_the_same_comes_to_pass_later(scene: Scene) -> None:
    for tracker in ("jira", "servicenow"):
        scene.outside.control(tracker, "DELETE", "webhook")
    scene.start_worker(POLL_SECONDS="1")
    finding = scene.opened()
    for tracker in ("jira", "servicenow"):
        scene.outside.resolve_as_priya(scene.ticket(finding, tracker))
    scene.settles(finding, RESOLVED)
    assert scene.parked() == {}
