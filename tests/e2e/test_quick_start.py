"""docs/quick-start.md leads to a ticket: its commands, one after the other, against the sandbox.

Building and installing are played by test_installed.py: here the page's words about it must be those of install.md.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import pytest

from remediation.settings import environ
from sandbox.jira.state import SERVICE
from sandbox.secrets import ENVIRONMENT
from sandbox.servicenow.schema import INTEGRATION
from sandbox.wire.ports import free_port
from tests.e2e.scene import REPOSITORY
from tests.e2e.watching import eventually
from tests.integration.live_world import LiveWorld, live_world

PAGE = (REPOSITORY / "docs" / "quick-start.md").read_text(encoding="utf-8")
BASH = shutil.which("bash") or "bash"
INSTALL, *BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.timeout(180)


@dataclass
class Reader:
    """Somebody who types what the page says, with the sandbox's addresses and secrets in the place of theirs."""

    folder: Path
    words: dict[str, str]
    environment: dict[str, str]
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def typed(self, line: str) -> str:
        for said, meant in self.words.items():
            line = line.replace(said, meant)
        return line

    def types(self, line: str) -> "subprocess.CompletedProcess[str]":
        """One line, in a shell that has what earlier ones exported."""
        exported = self.folder / "exported"
        script = f". {exported}; {self.typed(line)}; code=$?; export -p > {exported}; exit $code"
        exported.touch()
        return subprocess.run(
            [BASH, "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def waits_less(self) -> None:
        """The two minutes that a finding waits which is older than the store are seconds here."""
        path = self.folder / "mappings.yaml"
        text = re.sub(r"^    (kind: .*)$", r"    \1\n    search_horizon: 2s", path.read_text(), flags=re.MULTILINE)
        path.write_text(text)

    def starts(self, line: str) -> None:
        """A line that runs until it is ended."""
        script = f". {self.folder / 'exported'}; exec {self.typed(line)}"
        script = re.sub(r"exec (\S+=\S+) ", r"export \1; exec ", script)
        log = (self.folder / f"{len(self.running)}.log").open("wb")
        with log:
            self.running.append(
                subprocess.Popen([BASH, "-c", script], cwd=self.folder, env=self.environment, stdout=log, stderr=log)
            )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiveWorld]:
    with live_world(tmp_path) as world:
        yield world


@pytest.fixture
def reader(world: LiveWorld, tmp_path: Path) -> Iterator[Reader]:
    (finding,) = world.ask(
        "POST",
        "schoolscan",
        "/_sandbox/findings",
        json={"district": "lakeside", "findings": [{"severity": "critical", "domain_type": "direct_pii"}]},
    ).json()["findings"]
    ports = {name: str(free_port()) for name in ("RECEIVER_PORT", "METRICS_PORT", "WORKER_PORT")}
    words = {
        "https://lakeside.atlassian.example": world.addresses["jira"],
        "svc-remedy@lakeside.example": SERVICE.email,
        "https://lakeside.service-now.example": world.addresses["servicenow"],
        "--servicenow-user svc-remedy": f"--servicenow-user {INTEGRATION.user_name}",
        "remedy init": f"remedy init --schoolscan {world.addresses['schoolscan']}/v1",
        "remedy send": f"remedy send --url http://127.0.0.1:{ports['RECEIVER_PORT']}",
        "fnd_9d2": finding,
        **{f"{name}=…": f"{name}={secret}" for name, secret in ENVIRONMENT.items()},
    }
    folder = tmp_path / "trial"
    folder.mkdir()
    commands = str(Path(sys.executable).parent)
    environment = {"PATH": f"{commands}:{environ()['PATH']}", "HOME": str(tmp_path), **ports}
    reader = Reader(folder, words, environment)
    yield reader
    for each in reversed(reader.running):
        each.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            each.wait(30)
        each.kill()
        each.wait()


def test_every_command_of_the_page_leads_a_step_nearer_to_the_ticket(reader: Reader, world: LiveWorld) -> None:
    for line in (line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()):
        if " run " in line:
            reader.starts(line)
            port = reader.environment["METRICS_PORT" if "receiver" in line else "WORKER_PORT"]
            eventually(partial(is_ready, port), seconds=60)
            continue
        if " case show " in line:
            eventually(partial(has_tickets, reader, line), seconds=60)
        result = reader.types(line)
        assert result.returncode == 0, (line, result.stdout, result.stderr)
        if " init " in line:
            reader.waits_less()
    issues = world.ask("GET", "jira", "/_sandbox/issues").json()
    done = {each["key"]: each["fields"]["status"]["statusCategory"]["key"] == "done" for each in issues}
    assert done == {"SEC-1": True, "SEC-2": False}
    assert len(world.ask("GET", "servicenow", "/_sandbox/records/incident").json()) == 2


def has_tickets(reader: Reader, line: str) -> bool:
    """Whether what this line prints names the tickets that come after those of the test finding."""
    said = reader.types(line).stdout
    return "SEC-2" in said and "INC0010002" in said


def is_ready(port: str) -> bool:
    """Whether the process with its probes there is ready."""
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=10, trust_env=False).is_success
    return False


def test_the_page_installs_as_the_page_about_installing_says() -> None:
    page = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    block = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    said = [re.sub(r"dist/\S+\.whl", "dist/*.whl", line) for line in block.splitlines()]
    assert INSTALL.splitlines() == said[:2]


def test_the_page_is_one_page() -> None:
    assert len(PAGE.splitlines()) < 100
