"""kill -9 of all processes at once: a scan goes on where it was."""

import os
import random
import signal
import time

import pytest

from tests.e2e.scene import BOTH, REVIEWING, Scene
from tests.e2e.watching import becomes

pytestmark = pytest.mark.usefixtures("mended")


def redis_pid(scene: Scene) -> int:
    return int((scene.stage.redis_folder / "server.lock").read_text(encoding="ascii"))


def test_everything_killed_at_once_goes_on_where_it_was(scene: Scene, chance: random.Random) -> None:
    receiver = [each for each in scene.stage.programs if each.name == "receiver"][-1]
    worker = scene.start_worker()
    ids = scene.outside.scan([BOTH] * 10)
    time.sleep(chance.uniform(0, 0.5))  # anywhere in the work
    worker.stop(signal.SIGKILL)
    receiver.stop(signal.SIGKILL)
    os.kill(redis_pid(scene), signal.SIGKILL)
    scene.stage.stop_redis()
    scene.stage.start_redis()
    scene.stage.start_receiver()
    worker = scene.start_worker()
    becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING})
    scene.comes_to_rest()
    assert {scene.state(finding_id) for finding_id in ids} == {REVIEWING}
    assert worker.stop() == 0
