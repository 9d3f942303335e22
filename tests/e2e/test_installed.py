"""The wheel, installed into an empty environment and used from an empty folder.

The packages that it needs are those of the environment that runs the tests: nothing is fetched.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from remediation.settings import environ
from tests.e2e.scene import REPOSITORY, Scene, open_scene

pytestmark = pytest.mark.timeout(300)  # seconds: a build, an installation and several new interpreters

Ran = subprocess.CompletedProcess[str]
Remedy = Callable[..., Ran]


def ran(*command: str | Path, folder: Path, environment: Mapping[str, str]) -> Ran:
    return subprocess.run(
        list(command), cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the wheel, and nothing of this repository."""
    folder = tmp_path_factory.mktemp("installed")
    made = ran(sys.executable, "scripts/dist.py", folder / "dist", folder=REPOSITORY, environment=environ())
    assert made.returncode == 0, made.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    assert list((folder / "dist").glob("*.tar.gz"))
    venv.create(folder / "empty", with_pip=False, symlinks=True)
    python, uv = folder / "empty/bin/python", Path(sys.executable).with_name("uv")
    options = ("--offline", "--no-deps", "--quiet", "--python", python)
    done = ran(uv, "pip", "install", *options, wheel, folder=folder, environment=environ())
    assert done.returncode == 0, done.stderr
    needed = sysconfig.get_path("purelib")  # named in a .pth file, so that what is installed editable there stays out
    (site,) = (folder / "empty/lib").glob("python*/site-packages")
    (site / "needed.pth").write_text(needed, encoding="utf-8")
    script = "import remediation, remedy; print(remediation.__file__, remedy.__file__)"
    said = ran(python, "-I", "-c", script, folder=folder, environment=environ())
    assert all(path.startswith(str(site)) for path in said.stdout.split()), said.stderr
    return python.parent


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


@pytest.fixture
def remedy(installed: Path, scene: Scene, tmp_path: Path) -> Remedy:
    """Runs the installed command in a folder that holds mappings.yaml alone."""
    shutil.copy(scene.stage.folder / "mappings.yaml", tmp_path / "mappings.yaml")
    environment = {**scene.stage.environment, "MAPPINGS_PATH": "mappings.yaml"}
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    return lambda *words, **more: ran(
        installed / "remedy", *words, folder=tmp_path, environment={**environment, **more}
    )


def test_doctor_check_and_send_work_from_an_empty_folder(remedy: Remedy, scene: Scene) -> None:
    checked = remedy("mappings", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    looked = {check["what"]: check for check in json.loads(remedy("doctor", "--json").stdout)["checks"]}
    assert looked["receivers"]["severity"] == looked["Redis"]["severity"] == "ok"
    sent = remedy("send", "--url", scene.stage.receiver_address, "--finding", "fnd_of_nobody")
    assert (sent.returncode, "202" in sent.stdout) == (0, True), sent.stdout + sent.stderr


def test_a_shell_is_told_how_to_complete_commands_and_completes_them(remedy: Remedy) -> None:
    script = remedy(_REMEDY_COMPLETE="bash_source")
    assert (script.returncode, "_REMEDY_COMPLETE" in script.stdout) == (0, True)
    found = remedy(_REMEDY_COMPLETE="bash_complete", COMP_WORDS="remedy mappings ch", COMP_CWORD="2")
    assert found.stdout == "plain,check\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
@pytest.mark.parametrize("role", ["receiver", "worker", "console"])
def test_the_unit_for_systemd_is_right_and_exposes_little(installed: Path, tmp_path: Path, role: str) -> None:
    unit = (REPOSITORY / "deploy/systemd/remedy@.service").read_text(encoding="utf-8")
    (tmp_path / "remedy@.service").write_text(
        unit.replace("/opt/remedy/bin/remedy", str(installed / "remedy")), encoding="utf-8"
    )
    instance = tmp_path / f"remedy@{role}.service"
    instance.symlink_to(tmp_path / "remedy@.service")
    verified = ran("systemd-analyze", "verify", "--man=no", instance, folder=tmp_path, environment=environ())
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", instance)
    exposed = ran(*security, folder=tmp_path, environment=environ())
    assert exposed.returncode == 0, exposed.stdout
