"""A case that kills every worker is parked after some deaths, and the other cases go on meanwhile."""

import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.store.keys import DIRTY, LEASE
from remediation.store.terms import MOST_CRASHES
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import Program, _start
from tests.e2e.poisoned_worker import DEADLY
from tests.e2e.scene import BOTH, REPOSITORY, REVIEWING, Scene, open_scene

NEXT_DEATH_WITHIN = 60.0
"""Seconds in which a worker starts, the lease of the one before it runs out, and its suspects are tried one by one."""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A stage with a receiver; the workers are the test's own."""
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


def start_mortal(scene: Scene) -> Program:
    environment = {**scene.stage.environment, "PYTHONPATH": str(REPOSITORY)}
    worker = _start("mortal", ["-m", "tests.e2e.poisoned_worker"], scene.stage.folder, environment)
    scene.stage.programs.append(worker)
    with suppress(ConfigurationError):  # it may be dead already, of what the one before it left behind
        worker.address("worker_runs")
    return worker


def time_passes(scene: Scene, ref: str) -> None:
    """The lease of the dead runs out and the sweep is due: nobody need wait for what was shown already."""
    scene.redis.delete(LEASE + ref)
    scene.redis.zadd(DIRTY, {ref: 0}, xx=True)


@pytest.mark.timeout(360)
def test_a_case_that_kills_its_workers_is_parked_and_the_others_go_on_meanwhile(scene: Scene) -> None:
    poison = f"{DEADLY}_{uuid.uuid4().hex[:8]}"
    ref = f"{DISTRICT}:finding:{poison}"
    scene.outside.add_findings([{**BOTH, "id": poison}])
    scene.told("finding.critical", {"finding_id": poison})
    others = scene.outside.scan([BOTH] * 5)
    deaths, mortal, went_on = 0, start_mortal(scene), False
    deadline = time.monotonic() + NEXT_DEATH_WITHIN
    while not scene.redis.exists(f"remedy:parked:{ref}/look"):
        assert time.monotonic() < deadline, f"{deaths} deaths, and it is still tried"
        if mortal.process.poll() is not None:
            assert mortal.process.returncode == -signal.SIGKILL
            deaths += 1
            mortal = start_mortal(scene)
            deadline = time.monotonic() + NEXT_DEATH_WITHIN
            if went_on:
                time_passes(scene, ref)
        elif not went_on:
            went_on = all(scene.state(finding_id) == REVIEWING for finding_id in others)
        time.sleep(0.05)
    assert deaths == MOST_CRASHES
    assert went_on, "the others had to wait for it"
    assert list(scene.parked()) == [f"{ref}/look"], "none of those that died beside it"

    shown = scene.remedy("parked", "show", f"{ref}/look")
    assert f"{MOST_CRASHES} times in a row the worker died over it" in shown.stdout
    scene.told("finding.critical", {"finding_id": poison})
    scene.comes_to_rest()
    assert mortal.process.poll() is None, "news of it kill nobody any more"

    assert mortal.stop() == 0
    scene.start_worker()
    assert scene.remedy("parked", "replay", f"{ref}/look").returncode == 0
    scene.settles(poison, REVIEWING)
    assert scene.parked() == {}
