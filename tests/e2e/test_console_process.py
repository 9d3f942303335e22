"""The console as a process: it starts with its own secrets alone, tells that it runs, and ends when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.sealing import generate_key
from remedy.embedded.server import EmbeddedServer

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class RunningConsole:
    """A console of its own process, and what it says."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.mappings = folder / "mappings.yaml"
        self.mappings.write_text((ROOT / "mappings.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},  # noqa: TID251 - a process's own
            "REDIS_URL": redis_url,
            "DATA_KEYS": generate_key(),
            "MAPPINGS_PATH": str(self.mappings),
            "CONSOLE_PORT": str(self.port),
            "CONSOLE_METRICS_PORT": str(self.metrics_port),
            "PYTHONPATH": str(ROOT),
            "COMPLETION_WAIT": "10",
            "ROOT_PATH": "/duty",
        }
        self.log = (folder / "log").open("wb+")
        command = [sys.executable, "-m", "remedy", "run", "console"]
        self.process = subprocess.Popen(command, env=self.environment, cwd=folder, stderr=self.log)

    def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        """The status and body of an answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def until_alive(self) -> None:
        """Wait until it answers."""
        for _ in range(300):
            try:
                if self.get("/livez")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.said())

    def said(self) -> str:
        """Its log."""
        self.log.seek(0)
        return self.log.read().decode()

    def events(self) -> list[str]:
        """What happened, by the log."""
        return [json.loads(line)["event"] for line in self.said().splitlines()]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningConsole]:
    folder = tmp_path / "d"
    with EmbeddedServer(folder) as redis:
        console = RunningConsole(tmp_path, redis.url)
        try:
            console.until_alive()
            yield console
        finally:
            console.process.kill()
            console.process.wait()
            console.log.close()


def test_it_runs_without_any_secret_of_another_system_and_shows_nothing_to_strangers(running: RunningConsole) -> None:
    assert running.get("/readyz") == (200, '{"ready":true,"problems":[]}')
    _, shown = running.get("/duty/cases")
    assert "Sign in" in shown
    assert 'aria-label="Pages"' not in shown
    status, metrics = running.get("/metrics", running.metrics_port)
    assert status == 200
    assert 'remedy_process_info{role="console"' in metrics
    assert running.get("/readyz", running.metrics_port)[0] == 200


def test_a_wrong_file_is_refused_at_a_hangup_and_told_and_changes_nothing(
    running: RunningConsole,
) -> None:
    running.mappings.write_text("version: 2", encoding="utf-8")
    running.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if "mappings_refused" in running.events():
            break
        time.sleep(0.1)
    assert running.get("/readyz") == (200, '{"ready":true,"problems":["trouble"]}')
    assert "mappings.yaml was refused" in running.get("/readyz", running.metrics_port)[1]


def test_it_ends_with_0_soon_after_it_was_told_to(running: RunningConsole) -> None:
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=15) == 0
    assert time.monotonic() - began < 8
    assert running.events()[-2:] == ["console_stopping", "console_stopped"]
