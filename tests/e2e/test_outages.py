"""Whatever is down is tried again and served when it is back: nothing is parked, nothing done twice, nobody waits."""

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.jira.stand_in import jira_app
from sandbox.stage.systems import Outside, open_outside_world
from sandbox.wire.server import serve
from tests.e2e.scene import BOTH, REVIEWING, Scene, State, open_scene
from tests.e2e.watching import becomes, eventually


@pytest.fixture(autouse=True)
def nothing_parked(scene: Scene) -> Iterator[None]:
    """Every test here ends without parked work, and mends what it broke."""
    yield
    scene.outside.mend()
    assert scene.redis.zcard("remedy:parked") == 0


def put_off(scene: Scene, finding_id: str) -> int:
    """How often the finding's case has been put off since it last settled."""
    case = f"remedy:case:lakeside:finding:{finding_id}"
    return int(scene.redis.hget(case, "attempts") or 0)


def met(scene: Scene, system: str) -> Counter[tuple[str, int | None]]:
    """How often each fault of a system has happened, with the status that it answered."""
    return Counter((each["fault"], each["status"]) for each in scene.outside.requests(system) if each["fault"])


def all_settle(scene: Scene, ids: list[str]) -> None:
    """Each finding has one ticket in each tracker and one note, and nothing is left to be done."""
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING}, seconds=45)
    scene.comes_to_rest()
    assert {scene.state(finding_id) for finding_id in ids} == {REVIEWING}
    assert {len(scene.outside.notes(finding_id)) for finding_id in ids} <= {1, 2}


def test_systems_that_fail_limit_or_do_not_know_us_for_a_while_are_served_afterwards(scene: Scene) -> None:
    ids = scene.outside.add_findings([BOTH] * 10)
    systems = [system for system in scene.stage.outside if system != "incident_feed"]  # nobody reads the feed here
    for system in systems:
        for order in ({"status": 429, "headers": {"Retry-After": "1"}}, {"status": 429}, {"status": 401}):
            scene.outside.break_down(system, "status", path="^/(api|rest|v1)/", times=2, **order)
        scene.outside.break_down(system, "status", path="^/(api|rest|v1)/", method="GET", times=2, status=500)
    scene.outside.break_down("schoolscan", "status", path="^/v1/", method="PATCH", times=2, status=500)
    for finding_id in ids:
        scene.outside.send("finding.critical", {"finding_id": finding_id})
    all_settle(scene, ids)
    for system in systems:
        assert met(scene, system) >= Counter({("status", 429): 4, ("status", 401): 2, ("status", 500): 2})


def test_creates_whose_answers_are_lost_on_the_way_give_one_ticket_each(scene: Scene) -> None:
    before = {system: met(scene, system) for system in ("jira", "servicenow")}
    for system in before:
        for kind in ("lost_reply", "half", "html", "reset", "status"):
            scene.outside.break_down(system, kind, method="POST", path="/issue$|/incident$")
    all_settle(scene, scene.outside.scan([BOTH] * 6))
    for system, earlier in before.items():
        happened = {kind for kind, _ in met(scene, system) - earlier}
        assert happened == {"lost_reply", "half", "html", "reset", "status"}


@pytest.mark.parametrize("system", ["jira", "servicenow"])
def test_the_other_tracker_is_served_while_one_is_down(scene: Scene, system: str) -> None:
    scene.outside.break_down(system, "status", method="POST", times=None, status=429)
    other = "servicenow" if system == "jira" else "jira"
    finding_id = scene.find()
    becomes(lambda: scene.state(finding_id), State("reviewing", (f"{other} open",)))
    eventually(lambda: put_off(scene, finding_id) > 1)
    scene.outside.mend()
    scene.settles(finding_id, REVIEWING)
    first, last = scene.outside.notes(finding_id)
    assert scene.ticket(finding_id, system).key not in first
    assert scene.ticket(finding_id, system).key in last


def test_a_lost_answer_to_a_note_is_not_taken_for_a_change_by_somebody_else(scene: Scene) -> None:
    scene.outside.break_down("schoolscan", "lost_reply", method="PATCH", path="^/v1/")
    finding_id = scene.find()
    scene.settles(finding_id, REVIEWING)
    assert {ticket.is_active for ticket in scene.outside.tickets(finding_id)} == {True}


def test_a_scan_goes_on_page_by_page_where_an_outage_stopped_it(scene: Scene) -> None:
    scene.outside.break_down("schoolscan", "status", method="GET", path="^/v1/findings$", times=2, status=502)
    ids = scene.outside.scan([{"severity": "low", "domain_type": "metadata"}] * 120)
    becomes(lambda: {scene.state(each).status for each in (ids[0], ids[-1])}, {"reviewing"}, seconds=60)
    scene.comes_to_rest(60)
    marks = [mark for mark, _ in scene.outside.all_tickets() if mark.rpartition(":")[2] in set(ids)]
    assert (len(marks), len(set(marks))) == (120, 120)


def test_a_rate_limit_of_schoolscan_only_takes_time(scene: Scene) -> None:
    scene.outside.control("schoolscan", "PATCH", "settings", json={"writes": 4, "reads": 40, "window_seconds": 2})
    try:
        ids = scene.outside.scan([BOTH] * 7)
        becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    finally:
        limits = {"writes": 1_000_000, "reads": 1_000_000, "window_seconds": 60}
        scene.outside.control("schoolscan", "PATCH", "settings", json=limits)
    scene.comes_to_rest()
    assert {len(scene.outside.notes(finding_id)) for finding_id in ids} == {1}


@contextlib.contextmanager
def somewhere_else(scene: Scene, port: int) -> Iterator[Outside]:
    """A Jira on this port, beside the sandbox's other systems."""
    with (
        serve(jira_app(search_lag=0.5), port) as jira,
        open_outside_world({**scene.stage.outside, "jira": jira}) as all_,
    ):
        yield all_


@pytest.fixture
def new_scene() -> Iterator[Scene]:
    """A stage without earlier tickets: another Jira has none of them. There is a receiver, and no worker yet."""
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


def test_a_tracker_that_is_not_there_is_served_when_it_comes_up(new_scene: Scene) -> None:
    def moved(tree: Any) -> None:
        tree["trackers"]["jira"]["url"] = f"http://127.0.0.1:{port}"

    with socket.socket() as kept:  # nobody listens there, and nobody else gets the port meanwhile
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        worker = new_scene.start_worker(MAPPINGS_PATH=new_scene.mappings("moved.yaml", moved))
        finding_id = new_scene.find()
        becomes(lambda: new_scene.state(finding_id), State("reviewing", ("servicenow open",)))
        eventually(lambda: put_off(new_scene, finding_id) > 1)
    with somewhere_else(new_scene, port) as outside:
        becomes(lambda: [each.tracker for each in outside.tickets(finding_id)], ["servicenow", "jira"])
        new_scene.comes_to_rest()
        assert new_scene.redis.zcard("remedy:parked") == 0
    assert worker.stop() == 0
