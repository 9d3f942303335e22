"""kill -9 of a receiver or of Redis under a burst: every delivery that was answered 202 is done afterwards (P1)."""

import os
import random
import signal
import time

from cli.demo.stage import Program
from tests.e2e.scene import BOTH, REVIEWING, Scene, State
from tests.e2e.watching import becomes
from tests.faults.bursts import Burst

IN_JIRA = State("reviewing", ("jira open",))


def receiver(scene: Scene) -> Program:
    return [each for each in scene.stage.programs if each.name == "receiver"][-1]


def redis_pid(scene: Scene) -> int:
    return int((scene.stage.redis_folder / "server.lock").read_text(encoding="ascii"))


def metadata_findings(scene: Scene) -> list[str]:
    return scene.outside.add_findings([{"severity": "low", "domain_type": "metadata"}] * 8)


def test_a_receiver_killed_under_a_burst_loses_nothing_that_it_took(scene: Scene, chance: random.Random) -> None:
    ids, worker = metadata_findings(scene), scene.start_worker()
    sent = [scene.outside.send("finding.critical", {"finding_id": finding_id}) for finding_id in ids * 5]
    burst = Burst(scene, ids)
    with burst.sending():
        burst.goes_on(chance.randint(20, 80))
        receiver(scene).stop(signal.SIGKILL)
        scene.stage.start_receiver()
        burst.goes_on(40)
    becomes(lambda: {each["taken"] for event_id in sent for each in scene.deliveries(event_id)}, {True}, 60)
    burst.taken += sent
    burst.was_not_in_vain()
    assert set(burst.answers) - {"202"} <= {"ConnectError", "ReadError", "RemoteProtocolError"}
    assert {scene.state(finding_id) for finding_id in ids} == {IN_JIRA}
    assert worker.stop() == 0


def test_a_redis_killed_under_a_burst_loses_nothing_that_was_answered(scene: Scene, chance: random.Random) -> None:
    ids, worker = metadata_findings(scene), scene.start_worker()
    burst = Burst(scene, ids)
    with burst.sending():
        burst.goes_on(chance.randint(20, 80))
        os.kill(redis_pid(scene), signal.SIGKILL)
        scene.stage.stop_redis()
        time.sleep(chance.uniform(0, 1.5))  # how long it is away
        scene.stage.start_redis()
        burst.goes_on(40)
    burst.was_not_in_vain()
    assert set(burst.answers) <= {"202", "503"}
    assert {scene.state(finding_id) for finding_id in ids} == {IN_JIRA}
    assert worker.stop() == 0


def test_everything_killed_at_once_goes_on_where_it_was(scene: Scene, chance: random.Random) -> None:
    worker = scene.start_worker()
    ids = scene.outside.scan([BOTH] * 10)
    time.sleep(chance.uniform(0, 0.5))  # anywhere in the work
    worker.stop(signal.SIGKILL)
    receiver(scene).stop(signal.SIGKILL)
    os.kill(redis_pid(scene), signal.SIGKILL)
    scene.stage.stop_redis()
    scene.stage.start_redis()
    scene.stage.start_receiver()
    worker = scene.start_worker()
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert {scene.state(finding_id) for finding_id in ids} == {REVIEWING}
    assert worker.stop() == 0
