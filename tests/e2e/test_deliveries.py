"""Deliveries that come twice, late, all at once, from nobody, or about nothing that we know."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.stage.processes import Program
from tests.e2e.metrics import counted
from tests.e2e.scene import BOTH, RESOLVED, REVIEWING, Scene, State, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually


@pytest.fixture(scope="module")
def workers() -> list[Program]:
    return []


@pytest.fixture(scope="module")
def scene(workers: list[Program]) -> Iterator[Scene]:
    """As every stage, but with two workers."""
    with open_scene() as scene:
        scene.stage.start_receiver()
        workers += [scene.start_worker("worker-1"), scene.start_worker("worker-2")]
        yield scene


def test_a_delivery_that_comes_in_copies_is_worked_on_once(scene: Scene) -> None:
    address = f"{scene.stage.receiver_address}/webhooks/schoolscan/{DISTRICT}"
    endpoint = {"url": address, "secret": ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"], "form": "timestamped", "copies": 5}
    scene.outside.control("schoolscan", "PUT", f"webhooks/{DISTRICT}", json={**endpoint, "reorder": True})
    try:
        finding_id = scene.find()
        scene.settles(finding_id, REVIEWING)
        sent = [each for each in scene.outside.deliveries() if each["type"] == "finding.critical"]
    finally:
        scene.stage.subscribe(scene.stage.receiver_address)
    assert [each["copy"] for each in sent] == [0, 1, 2, 3, 4]
    assert len(scene.outside.notes(finding_id)) == 1


def test_an_event_sent_again_later_changes_nothing(scene: Scene) -> None:
    finding_id, event_id = scene.opened(), f"evt_{uuid.uuid4().hex}"
    scene.told("finding.critical", {"finding_id": finding_id}, event_id)
    scene.settles(finding_id, REVIEWING)
    notes, row = scene.outside.notes(finding_id), scene.row(event_id)
    scene.told("finding.critical", {"finding_id": finding_id}, event_id)
    scene.settles(finding_id, REVIEWING)
    assert scene.outside.notes(finding_id) == notes
    assert scene.row(event_id) == row, "it was not woken for a second time"


def test_a_late_event_undoes_nothing_that_is_newer(scene: Scene) -> None:
    finding_id = scene.opened()
    scene.outside.review_finding(finding_id, status="resolved")
    scene.settles(finding_id, RESOLVED)
    scene.told("finding.critical", {"finding_id": finding_id, "status": "open"})
    scene.settles(finding_id, RESOLVED)
    assert len(scene.outside.notes(finding_id)) == 1


def test_twenty_deliveries_at_once_for_one_finding_give_one_ticket_in_each_tracker(scene: Scene) -> None:
    (finding_id,) = scene.outside.add_findings([BOTH])
    bodies = [critical(finding_id) for _ in range(20)]
    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(lambda body: delivered(scene.stage.receiver_address, body).status_code, bodies))
    assert answers == [202] * 20
    scene.settles(finding_id, REVIEWING)
    assert len(scene.outside.notes(finding_id)) == 1


def test_two_workers_share_the_work_and_do_none_of_it_twice(scene: Scene, workers: list[Program]) -> None:
    ids = scene.outside.scan([BOTH] * 40)
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert {len(scene.outside.notes(finding_id)) for finding_id in ids} == {1}
    for worker in workers:
        assert counted(worker.address("worker_runs"), "remedy_actions_total", outcome="done") > 0


def test_an_expert_review_has_its_case_looked_at(scene: Scene) -> None:
    (finding_id,) = scene.outside.add_findings([BOTH])
    scene.outside.review_finding(finding_id)
    scene.settles(finding_id, REVIEWING)


def test_the_start_of_a_scan_is_recorded_and_does_nothing(scene: Scene) -> None:
    before = scene.outside.all_tickets()
    event_id = scene.told("scan.started", {"scan_id": "scan_just_started"})
    becomes(lambda: scene.row(event_id)["state"], b"done")
    scene.comes_to_rest()
    assert scene.redis.hget(f"remedy:scan:{DISTRICT}:scan:scan_just_started", "state") == b"started"
    assert scene.outside.all_tickets() == before


def test_a_finding_that_no_rule_of_a_tracker_names_gets_no_ticket_there(scene: Scene) -> None:
    finding_id = scene.find(domain_type="metadata")
    scene.settles(finding_id, State("reviewing", ("jira open",)))


def test_authentic_deliveries_that_nobody_can_read_are_taken_and_quarantined(scene: Scene) -> None:
    bodies = [b"{", b"[]", b'{"type":"finding.critical"}', b'{"id":"e","type":"finding lost"}']
    answers = [delivered(scene.stage.receiver_address, body).status_code for body in bodies * 2]
    assert answers == [202] * 8
    parked = scene.parked()
    found = {(item["kind"], item["district"], item["error"]) for item in parked.values()}
    assert (len(parked), found) == (4, {("quarantined", DISTRICT, "Unreadable")})
    assert scene.remedy("parked", "discard", "--yes", *parked).returncode == 0
    assert scene.parked() == {}


def rows(scene: Scene) -> set[bytes]:
    """The keys of all that SchoolScan's deliveries leave; what the trackers tell may come at any time."""
    keys = {key for kind in ("inbox", "case", "scan", "parked") for key in scene.redis.keys(f"remedy:{kind}:*")}
    return {key for key in keys if scene.redis.hget(key, "sender") in {None, b"schoolscan"}}


def test_a_wrong_signature_is_answered_401_and_leaves_no_trace_but_a_metric(scene: Scene) -> None:
    finding_id = scene.opened()
    metrics = next(each for each in scene.stage.programs if each.name == "receiver").address("metrics_listen")
    refused, before = counted(metrics, "remedy_deliveries_total", answer="401"), rows(scene)
    bodies = [critical(finding_id) for _ in range(3)]
    answers = [delivered(scene.stage.receiver_address, body, secret="test-only-other") for body in bodies]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, "Unauthorized\n")}
    assert counted(metrics, "remedy_deliveries_total", answer="401") == refused + 3
    assert rows(scene) == before


def test_every_delivery_that_was_taken_has_been_done(scene: Scene) -> None:
    events = {each["event_id"] for each in scene.outside.deliveries() if each["taken"]}
    assert len(events) > 20
    eventually(lambda: all(scene.row(event_id).get("state") == b"done" for event_id in events))
    assert all("body" not in scene.row(event_id) for event_id in events)
