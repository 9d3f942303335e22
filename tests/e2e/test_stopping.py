"""SIGTERM ends a process gently, in time, with exit code 0, and loses nothing."""

import signal
import time

import pytest

from cli.demo.stage import Program
from remediation.queue import IN_PROGRESS_PREFIX, WORK_QUEUE
from tests.e2e.scene import BOTH, REVIEWING, Scene, critical, delivered
from tests.e2e.watching import becomes, eventually
from workers.settings import COMPLETION_WAIT

GRACE = 30.0
"""Seconds that Kubernetes gives a pod between SIGTERM and kill -9."""


def of(scene: Scene, name: str) -> Program:
    return [each for each in scene.stage.programs if each.name == name][-1]


def stopped(program: Program, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Its exit code, and how many seconds it took to end."""
    began = time.monotonic()
    return program.stop(number), time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_without_work_ends_at_once(scene: Scene, number: signal.Signals) -> None:
    code, seconds = stopped(scene.start_worker("worker-idle"), number)
    assert code == 0
    assert seconds < COMPLETION_WAIT


def test_a_worker_ends_while_the_queue_is_full_of_what_dead_workers_left(scene: Scene) -> None:
    """It asks after each of them all the time, and redis-py may forget that it was told to end (see process.py)."""
    left = [f"look_at_case:nobody:{number}" for number in range(200)]
    for job_id in left:
        scene.redis.set(IN_PROGRESS_PREFIX + job_id, b"1", ex=120)
    scene.redis.zadd(WORK_QUEUE, dict.fromkeys(left, 0.0001))
    try:
        workers = [scene.start_worker(f"worker-{number}") for number in range(3)]
        ended = [stopped(worker) for worker in workers]
    finally:
        scene.redis.zrem(WORK_QUEUE, *left)
    assert [code for code, _ in ended] == [0] * 3
    assert max(seconds for _, seconds in ended) < COMPLETION_WAIT


def test_a_worker_finishes_what_is_in_its_hands_and_the_next_one_does_the_rest(scene: Scene) -> None:
    worker = of(scene, "worker")
    scene.outside.break_down("jira", "slow", method="POST", path="/issue$", times=5, seconds=1.0)
    ids = scene.outside.scan([BOTH] * 40)
    eventually(lambda: [each for each in scene.outside.requests("jira") if each["fault"] == "slow"])
    code, seconds = stopped(worker)
    assert code == 0
    assert seconds < GRACE
    assert "worker_stopped" in worker.logged()
    scene.start_worker()
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert {len(scene.outside.notes(finding_id)) for finding_id in ids} == {1}


def test_a_receiver_ends_and_what_it_took_is_done_and_what_it_did_not_take_comes_again(scene: Scene) -> None:
    ids = scene.outside.add_findings([BOTH] * 30)
    sent = [scene.outside.send("finding.critical", {"finding_id": finding_id}) for finding_id in ids]
    receiver = of(scene, "receiver")
    code, seconds = stopped(receiver)
    assert code == 0
    assert seconds < GRACE
    assert "receiver_stopped" in receiver.logged()
    scene.stage.start_receiver()
    becomes(lambda: {each["taken"] for event_id in sent for each in scene.deliveries(event_id)}, {True})
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert {scene.row(event_id)["state"] for event_id in sent} == {b"done"}


def test_work_that_comes_while_no_worker_runs_waits_for_the_next(scene: Scene) -> None:
    assert of(scene, "worker").stop() == 0
    (finding_id,) = scene.outside.add_findings([BOTH])
    assert delivered(scene.stage.receiver_address, critical(finding_id)).status_code == 202
    assert scene.outside.tickets(finding_id) == []
    scene.start_worker()
    scene.settles(finding_id, REVIEWING)
