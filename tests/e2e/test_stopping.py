"""SIGTERM ends a process gently, in time, with exit code 0, and loses nothing."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from remediation.queue import IN_PROGRESS_PREFIX, WORK_QUEUE
from remedy.runtime.http.alive import SECONDS
from remedy.runtime.stopping import STOPS_WITHIN
from sandbox.stage.processes import Program
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


@pytest.fixture
def receiver(scene: Scene) -> Iterator[Program]:
    """One of its own, with little time to stop."""
    receiver = scene.stage.start("receiver", "receiver-stopping", COMPLETION_WAIT="3", BODY_DEADLINE="60")
    eventually(lambda: asked(receiver.address("receiver_listens"), "/readyz")[0] == 200)
    yield receiver
    receiver.stop(signal.SIGKILL)


def asked(address: str, path: str, seconds: float = 5.0) -> tuple[int, str]:
    """Status and body of what a probe gets. Raises httpx2.HTTPError where nothing answers in time."""
    answer = httpx2.get(address + path, timeout=seconds, trust_env=False)
    return answer.status_code, answer.text


def slow(scene: Scene, system: str) -> int:
    """How many requests to it were held up so far."""
    return sum(each["fault"] == "slow" for each in scene.outside.requests(system))


def ended(program: Program, began: float) -> tuple[int, float]:
    """Its exit code, and how many seconds after `began` it ended."""
    return program.process.wait(GRACE), time.monotonic() - began


def test_a_receiver_is_not_ready_before_it_refuses_anybody(scene: Scene, receiver: Program) -> None:
    address, (finding_id,) = receiver.address("receiver_listens"), scene.outside.add_findings([BOTH])
    receiver.process.send_signal(signal.SIGTERM)
    eventually(lambda: "receiver_stopping" in receiver.logged())
    status, said = asked(address, "/readyz")
    assert (status, '"stopping"' in said) == (503, True)
    answer = delivered(address, critical(finding_id))
    assert (answer.status_code, answer.headers["connection"]) == (202, "close")
    assert receiver.process.wait(GRACE) == 0
    scene.settles(finding_id, REVIEWING)


def test_who_has_not_sent_all_when_the_time_is_over_is_told_to_come_again(receiver: Program) -> None:
    split = urlsplit(receiver.address("receiver_listens"))
    with socket.create_connection((str(split.hostname), int(split.port or 0))) as slow:
        slow.settimeout(GRACE)
        head = b"POST /webhooks/schoolscan HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        slow.sendall(head + b"content-length: 10\r\n\r\nhalf")
        time.sleep(0.3)
        began = time.monotonic()
        receiver.process.send_signal(signal.SIGTERM)
        answer = slow.recv(1000).lower()
    assert answer.startswith(b"http/1.1 503 ")
    assert b"retry-after: 5\r\n" in answer
    code, seconds = ended(receiver, began)
    assert (code, seconds < 3 + STOPS_WITHIN) == (0, True)


@pytest.mark.parametrize("role", ["receiver", "worker"])
def test_a_stop_while_a_process_still_starts_is_a_stop(scene: Scene, role: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a Redis that takes connections and says nothing
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        program = scene.stage.start(role, f"{role}-starting", REDIS_URL=url)
        silent.settimeout(GRACE)
        with silent.accept()[0]:
            code, seconds = stopped(program)
    assert (code, seconds < STOPS_WITHIN) == (0, True)


def test_a_worker_is_not_ready_from_the_first_moment_and_waits_for_no_thread(scene: Scene) -> None:
    def patient(tree: Any) -> None:
        tree["trackers"]["jira"]["read_timeout"] = "10s"

    before = slow(scene, "jira")
    scene.outside.break_down("jira", "slow", method="POST", path="/issue$", times=1, seconds=20.0)
    assert of(scene, "worker").stop() == 0
    mappings = scene.mappings("patient.yaml", patient)
    worker = scene.start_worker("worker-slow", COMPLETION_WAIT="3", MAPPINGS_PATH=mappings)
    address, finding_id = worker.address("worker_runs"), scene.find()
    eventually(lambda: slow(scene, "jira") > before)
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    eventually(lambda: "worker_stopping" in worker.logged())
    status, said = asked(address, "/readyz")
    assert (status, '"stopping"' in said) == (503, True)
    assert asked(address, "/livez")[0] == 200
    code, seconds = ended(worker, began)
    assert (code, seconds < 3 + STOPS_WITHIN) == (0, True)
    assert "threads_left" not in worker.logged(), "its connection was ended with the stop"
    scene.outside.mend()
    scene.start_worker()
    scene.settles(finding_id, REVIEWING, 60)


def test_a_second_signal_waits_for_nothing(scene: Scene) -> None:
    before = slow(scene, "schoolscan")
    scene.outside.break_down("schoolscan", "slow", method="GET", path="^/v1/findings/", times=None, seconds=10.0)
    assert of(scene, "worker").stop() == 0
    worker, finding_id = scene.start_worker("worker-impatient"), scene.find()
    eventually(lambda: slow(scene, "schoolscan") > before)
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    worker.process.send_signal(signal.SIGINT)
    code, seconds = ended(worker, began)
    assert (code, seconds < STOPS_WITHIN) == (0, True)
    scene.outside.mend()
    scene.start_worker()
    scene.settles(finding_id, REVIEWING)


def test_a_worker_whose_event_loop_is_stuck_does_not_answer_its_probe(scene: Scene) -> None:
    stuck = {"REMEDY_FAILPOINTS": f"lease_taken=sleep:{SECONDS + 2}@1", "ALLOW_FAILPOINTS": "true"}
    assert of(scene, "worker").stop() == 0
    worker = scene.start_worker("worker-stuck", **stuck)
    address = worker.address("worker_runs")
    assert asked(address, "/livez") == (200, "alive\n")
    finding_id = scene.find()
    eventually(lambda: not answers(address))
    eventually(lambda: asked(address, "/livez", GRACE) == (200, "alive\n"))
    assert worker.stop() == 0
    scene.start_worker()
    scene.settles(finding_id, REVIEWING)


def answers(address: str) -> bool:
    try:
        return asked(address, "/livez", SECONDS / 3)[0] == 200
    except httpx2.TimeoutException:
        return False


def test_a_worker_that_cannot_hand_back_ends_all_the_same(scene: Scene) -> None:
    worker = scene.start_worker("worker-stranded", COMPLETION_WAIT="1")
    pid = int((scene.stage.redis_folder / "server.lock").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGSTOP)
    try:
        code, seconds = stopped(worker)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (code, seconds < 1 + STOPS_WITHIN + 1) == (0, True)
