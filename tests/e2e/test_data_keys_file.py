"""Data keys change, and are lost, in a file, while deliveries come and processes run: nothing of it is lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remediation.sealing import generate_key
from sandbox.stage.processes import Program
from tests.e2e.scene import REVIEWING, Scene, open_scene
from tests.e2e.watching import becomes

OLD, NEW = generate_key(), generate_key()
OLD_ID, NEW_ID = (entry.partition(":")[0] for entry in (OLD, NEW))
RELOADED = '"event": "data_keys_reloaded"'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data-keys"
    path.write_text(OLD, encoding="ascii")
    return path


@pytest.fixture
def scene(file: Path) -> Iterator[Scene]:
    with open_scene() as scene:
        environment = {**scene.stage.environment, "DATA_KEYS": "", "DATA_KEYS_FILE": str(file)}
        scene.stage = replace(scene.stage, environment=environment)
        yield scene


def write(file: Path, text: str) -> None:
    other = file.with_name("written")
    other.write_text(text, encoding="ascii")
    other.replace(file)


def changed(file: Path, text: str, *programs: Program) -> None:
    """Change the file, and wait until each process has taken it."""
    before = [program.logged().count(RELOADED) for program in programs]
    write(file, text)
    for program, count in zip(programs, before, strict=True):
        becomes(lambda program=program: program.logged().count(RELOADED), count + 1)  # type: ignore[misc]  # bound


def test_keys_are_rotated_in_the_middle_of_traffic(scene: Scene, file: Path) -> None:
    programs = scene.stage.start_receiver(), scene.start_worker()
    findings = [scene.find()]
    for keys in (f"{OLD},{NEW}", f"{NEW},{OLD}", NEW):
        findings.append(scene.find())
        changed(file, keys, *programs)
        findings.append(scene.find())
        scene.comes_to_rest()
    assert {scene.state(each) == REVIEWING for each in findings} == {True}
    assert scene.parked() == {}
    assert not any(secret.partition(":")[2] in each.logged() for each in programs for secret in (OLD, NEW))


def test_what_a_key_retired_too_early_has_sealed_waits_for_it(scene: Scene, file: Path) -> None:
    receiver = scene.stage.start_receiver()
    finding_id = scene.find()  # nobody reads it yet
    becomes(lambda: all(each["taken"] for each in scene.outside.deliveries()), wanted=True)
    changed(file, NEW, receiver)
    worker = scene.start_worker()
    becomes(lambda: {(each["error"], each["kind"]) for each in scene.parked().values()}, {("KeyMissing", "delivery")})
    (words,) = {each["words"] for each in scene.parked().values()}
    assert words == f"the data key {OLD_ID} of a sealed value is not in DATA_KEYS"
    later = scene.find()
    becomes(lambda: scene.state(later), REVIEWING)
    changed(file, f"{NEW},{OLD}", receiver, worker)
    assert scene.remedy("parked", "replay", "--error", "KeyMissing", "--yes").returncode == 0
    scene.settles(finding_id, REVIEWING)
    assert scene.parked() == {}
