"""Redis is away, slow, started again or wiped: senders get an honest answer, and the rest goes on when it is back."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from sandbox.secrets import DISTRICT
from tests.e2e.scene import BOTH, RESOLVED, REVIEWING, Scene, critical, delivered
from tests.e2e.watching import becomes, eventually


def status(scene: Scene, path: str) -> int:
    return httpx2.get(scene.stage.receiver_address + path, timeout=10, trust_env=False).status_code


@contextmanager
def away(scene: Scene) -> Iterator[None]:
    scene.stage.stop_redis()
    try:
        yield
    finally:
        scene.stage.start_redis()


@contextmanager
def hung(scene: Scene) -> Iterator[None]:
    pid = int((scene.stage.redis_folder / "server.lock").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("trouble", [away, hung])
def test_without_redis_a_sender_is_told_to_come_again_and_nothing_needs_a_restart(scene: Scene, trouble: type) -> None:
    finding_id = scene.opened()
    programs = [each for each in scene.stage.programs if each.process.poll() is None]
    with trouble(scene):
        answer = delivered(scene.stage.receiver_address, critical(finding_id))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert status(scene, "/livez") == 200
        assert status(scene, "/readyz") == 503
        worker = next(each for each in programs if each.name == "worker").address("worker_runs")
        ready = httpx2.get(f"{worker}/readyz", timeout=10, trust_env=False)  # a worker's own patience is longer
        assert (ready.status_code, ready.json()["problems"][0][:21]) == (503, "Redis does not answer")
    becomes(lambda: status(scene, "/readyz"), 200)
    scene.settles(scene.find(), REVIEWING)
    assert [each.process.poll() for each in programs] == [None] * len(programs)


def test_a_worker_rides_out_an_absence_in_the_middle_of_its_work(scene: Scene) -> None:
    scene.outside.break_down("jira", "slow", method="POST", path="/issue$", times=3, seconds=1.0)
    ids = scene.outside.scan([BOTH] * 20)
    eventually(lambda: [each for each in scene.outside.requests("jira") if each["fault"] == "slow"])
    with away(scene):
        time.sleep(3)  # how long it is away, not how long something takes
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert scene.redis.zcard("remedy:parked") == 0


def test_parked_work_and_cases_are_there_again_after_a_restart(scene: Scene) -> None:
    finding_id, lost = scene.opened(), f"fnd_{uuid.uuid4().hex[:10]}"
    scene.told("finding.critical", {"finding_id": lost})
    scene.comes_to_rest()
    worker = next(each for each in scene.stage.programs if each.name == "worker")
    assert worker.stop() == 0  # a tracker that tells late of what was done there would change the row
    case = scene.redis.hgetall(f"remedy:case:{DISTRICT}:finding:{finding_id}")
    with away(scene):
        pass
    becomes(lambda: status(scene, "/readyz"), 200)
    assert scene.redis.hgetall(f"remedy:case:{DISTRICT}:finding:{finding_id}") == case != {}
    assert "No such finding." in scene.parked()[f"{DISTRICT}:finding:{lost}/look"]["words"]
    scene.start_worker()


def test_a_wiped_redis_finds_every_ticket_again_and_opens_none_twice(scene: Scene) -> None:
    reviewing, solved = scene.opened(), scene.opened()
    scene.outside.review_finding(solved, status="resolved")
    scene.settles(solved, RESOLVED)
    scene.redis.flushall()
    scene.told("finding.critical", {"finding_id": reviewing})
    scene.told("finding.critical", {"finding_id": solved})
    scene.settles(reviewing, REVIEWING)
    scene.settles(solved, RESOLVED)
    scene.outside.scan(find_again=[reviewing, solved])
    scene.settles(reviewing, REVIEWING)
    scene.settles(solved, REVIEWING)


def test_a_second_embedded_server_on_the_same_folder_is_one_clear_message(scene: Scene) -> None:
    result = scene.remedy("run", "receiver", REDIS_URL="", DATA_DIR=str(scene.stage.redis_folder))
    assert result.returncode == 2
    assert result.stdout == ""
    (message,) = result.stderr.splitlines()
    assert message.startswith(f"error: {scene.stage.redis_folder}: another process (pid {os.getpid()}) runs")
    assert f"REDIS_URL={scene.stage.redis_url}" in message
