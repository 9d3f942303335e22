"""`remedy listen` as a process: what it prints, and how it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from remedy.embedded.server import EmbeddedServer
from tests.e2e.scene import REPOSITORY, Scene, remedy
from tests.e2e.watching import becomes


def started(environment: Mapping[str, str], log: Path, *words: str) -> "subprocess.Popen[bytes]":
    """A listener that has begun."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "remedy", "listen", *words],
            cwd=REPOSITORY,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    becomes(lambda: b"Listening" in log.read_bytes(), wanted=True)
    return process


def test_what_happens_is_printed_as_it_happens_until_ctrl_c(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "log"
    listener = started(scene.stage.environment, log, "--json")
    try:
        finding = scene.opened()
        done = [f"action:done {finding}", "received", "done", f"settled {finding}"]

        def outcomes() -> set[str]:
            lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
            told = [line for line in lines if "outcome" in line]
            ours = {f"{each['outcome']} {finding}" for each in told if each["ref"] == f"finding {finding}"}
            return {*ours, *(each["outcome"] for each in told if each["what"] == "delivery")}

        becomes(lambda: set(done) <= outcomes(), wanted=True)
        assert "Connected: 1 receiver, 1 worker." in log.read_text(encoding="utf-8")
        assert "ZZPII" not in log.read_text(encoding="utf-8")
    finally:
        listener.send_signal(signal.SIGINT)
        assert listener.wait(10) == 0


def test_it_starts_no_server_and_ends_when_the_one_that_runs_has_ended(scene: Scene, tmp_path: Path) -> None:
    own = {**scene.stage.environment, "DATA_DIR": str(tmp_path / "data")}
    own.pop("REDIS_URL")
    refused = remedy("listen", environment=own)
    assert (refused.returncode, "no server that runs" in refused.stderr) == (2, True)
    assert not (tmp_path / "data").exists()
    log = tmp_path / "log"
    with EmbeddedServer(tmp_path / "data"):
        listener = started(own, log)
        becomes(lambda: b"Nothing is connected" in log.read_bytes(), wanted=True)
    assert listener.wait(20) == 3
    assert "the embedded server has ended" in log.read_text(encoding="utf-8")


def test_a_case_of_which_nothing_is_known_is_said_to_be_waited_for(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "log"
    listener = started(scene.stage.environment, log, "--case", "fnd_later")
    becomes(lambda: b"Nothing is known of lakeside:finding:fnd_later yet" in log.read_bytes(), wanted=True)
    listener.send_signal(signal.SIGINT)
    assert listener.wait(10) == 0
