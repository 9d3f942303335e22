"""The image: nothing in it that need not be, everything in it that must be, and the whole story played from it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.secrets import DISTRICT
from sandbox.stage.processes import Program
from tests.e2e.scene import BOTH, REVIEWING, Scene, open_scene
from tests.image.building import ROOT, Container
from tests.processes import children_of

pytestmark = pytest.mark.timeout(900)

USERS = [(10001, 10001), (1_000_700_000, 0)]
"""The image's own user, and one that a cluster makes up, with group 0."""

READ = ("DATA_KEYS", "REDIS_URL", "MAPPINGS_PATH", "RECEIVER_PORT", "METRICS_PORT", "WORKER_PORT", "POLL_SECONDS")


@pytest.fixture(params=USERS, ids=lambda user: f"uid-{user[0]}-gid-{user[1]}")
def container(request: pytest.FixtureRequest, rootfs: Path) -> Container:
    uid, gid = request.param
    return Container(rootfs, uid, gid)


def test_the_root_file_system_cannot_be_written_to_and_tmp_can(container: Container) -> None:
    done = container.run(
        "sh", "-c", "touch /opt/remedy/x 2>/dev/null; touch /etc/x 2>/dev/null; touch /tmp/x && ls /tmp"
    )
    assert done.stdout == "x\n"
    refused = container.run("touch", "/opt/remedy/x")
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr


def test_processes_run_as_who_they_are_told_to_be(container: Container) -> None:
    assert container.run("id", "-u").stdout == f"{container.uid}\n"


def test_no_build_tool_and_no_pip_is_in_it(container: Container) -> None:
    tools = "for tool in pip pip3 gcc cc make git curl wget; do command -v $tool; done; true"
    assert container.run("sh", "-c", tools).stdout == ""
    for module in ("pip", "setuptools", "ensurepip", "pytest"):
        assert container.run("/opt/remedy/bin/python3", "-c", f"import {module}").returncode == 1, module


def test_every_module_can_be_imported_without_a_word(container: Container) -> None:
    program = (
        "import importlib, pkgutil, remedy, receiver, remediation, workers\n"
        "names = [each.name for package in (remedy, receiver, remediation, workers)\n"
        "         for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'):\n"
        "        importlib.import_module(name)\n"
        "print(len(names))\n"
    )
    done = container.run("/opt/remedy/bin/python3", "-W", "error::ImportWarning", "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 150


def test_the_command_line_speaks(container: Container) -> None:
    assert "remedy run receiver" in container.run("remedy", "--help").stdout
    assert ":" in container.run("remedy", "keys", "generate").stdout


def test_a_missing_setting_is_one_clear_message(container: Container) -> None:
    done = container.run("remedy", "run", "worker", env={"REDIS_URL": "redis://127.0.0.1:1"})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.fixture
def scene() -> Iterator[Scene]:
    with open_scene() as opened:
        for path in opened.stage.folder.rglob("*"):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o066 if path.is_socket() else 0o044))
        opened.stage.folder.chmod(0o755)
        yield opened


def _started(scene: Scene, container: Container, role: str) -> Program:
    """A process of ours in the image, with no more of the environment than a pod would give it."""
    stage = scene.stage
    env: Mapping[str, str] = stage.environment
    secrets = {name: value for name, value in env.items() if name.endswith(("_SECRET", "_TOKEN", "_PASSWORD"))}
    said = secrets | {name: env[name] for name in READ}
    inside = Container(container.rootfs, container.uid, container.gid, ((stage.folder, str(stage.folder)),))
    log = stage.folder / f"{role}-{container.uid}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            inside.command("remedy", "run", role, env=said), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    program = Program(role, log, process, 0)
    stage.programs.append(program)
    return program


def test_the_whole_story_is_played_from_the_image(scene: Scene, container: Container) -> None:
    receiver = _started(scene, container, "receiver")
    scene.stage.subscribe(receiver.address("receiver_listens"))
    worker = _started(scene, container, "worker")
    worker.address("worker_runs")
    finding_id = scene.find(**BOTH)
    scene.settles(finding_id, REVIEWING, seconds=60)
    assert DISTRICT in worker.logged() + receiver.logged()
    for program in (receiver, worker):
        (inner,) = children_of(program.process.pid)
        os.kill(inner, signal.SIGTERM)  # a kubelet signals the first process of the pod
        assert program.process.wait(30) == 0


def test_the_dockerfile_s_labels_and_user_are_what_the_chart_expects() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "USER 10001:10001" in text
    assert 'ENTRYPOINT ["remedy"]' in text
    assert "--require-hashes" in text
