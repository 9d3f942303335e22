"""The demo's context: with one word every command works against what the demo runs, and a person closes its tickets."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
import pytest

from remedy.demo.context import demo_context
from remedy.embedded.server import EmbeddedServer
from sandbox.secrets import PEOPLE
from tests.e2e.scene import REPOSITORY, RESOLVED, Scene, remedy
from tests.e2e.watching import becomes


def bare(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which nothing says where the demo is, but for the folder of contexts."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}  # noqa: TID251 - a process's
    return {**kept, "REMEDY_CONTEXTS": str(folder), **more}


def test_with_one_word_commands_work_against_the_demo_until_it_ends(scene: Scene, tmp_path: Path) -> None:
    contexts = tmp_path / "contexts"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REMEDY_CONTEXTS", str(contexts))
        with demo_context(scene.stage) as told:
            assert "remedy --context demo case list" in told
            finding = scene.opened()
            text = (contexts / "demo.yaml").read_text(encoding="utf-8")
            assert scene.stage.environment["DATA_KEYS"] not in text
            assert "test-only" not in text
            for words in (
                ("case", "show", finding),
                ("case", "plan", finding),
                ("mappings", "check", "--live"),
                ("send", "--finding", finding),
                ("status",),
            ):
                ran = remedy("--context", "demo", *words, environment=bare(contexts))
                assert ran.returncode == 0, (words, ran.stdout + ran.stderr)
            by_variable = remedy("case", "list", environment=bare(contexts, REMEDY_CONTEXT="demo"))
            assert finding in by_variable.stdout
    ended = remedy("--context", "demo", "case", "list", environment=bare(contexts))
    assert (ended.returncode, "no context is named 'demo'" in ended.stderr) == (2, True)


def test_a_context_of_a_persons_own_stays(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDY_CONTEXTS", str(tmp_path))
    own = tmp_path / "demo.yaml"
    own.write_text("settings: {LOG_LEVEL: info}\n", encoding="utf-8")
    with demo_context(scene.stage) as told:
        assert "is yours, and stays" in told
    assert own.read_text(encoding="utf-8") == "settings: {LOG_LEVEL: info}\n"


def test_a_later_demo_keeps_the_context_that_it_took_over(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDY_CONTEXTS", str(tmp_path))
    with demo_context(scene.stage):
        path = tmp_path / "demo.yaml"
        later = path.read_text(encoding="utf-8").replace("POLL_SECONDS", "MAX_JOBS")
        path.write_text(later, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == later


def test_a_demo_without_a_place_for_its_context_goes_on(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REMEDY_CONTEXTS", str(tmp_path / "file" / "contexts"))
    with demo_context(scene.stage) as told:
        assert told == "No context was written: Not a directory"


def test_a_person_who_closes_both_tickets_on_their_pages_resolves_the_finding(scene: Scene) -> None:
    finding = scene.opened()
    with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
        for ticket in scene.outside.tickets(finding):
            site, (user, password) = scene.outside.addresses[ticket.tracker], PEOPLE[ticket.tracker]
            way = "/login.jsp" if ticket.tracker == "jira" else "/login.do"
            assert browser.post(site + way, data={"user": user, "password": password}).is_success
            assert "Work on it" in browser.get(ticket.url).text
            if ticket.tracker == "jira":
                sent = {"transition": "31", "resolution-31": "Done", "comment-31": "The page is gone."}
                closed = browser.post(f"{site}/browse/{ticket.key}/transition", data=sent)
            else:
                sent = {"state": "6", "close_code": "Solution provided", "close_notes": "The page is gone."}
                closed = browser.post(f"{site}/incident.do?sys_id={ticket.id}", data=sent)
            assert closed.is_success
        scene.settles(finding, RESOLVED)
        page = browser.get(f"{scene.outside.addresses['schoolscan']}/findings/{finding}")
        assert "by api: resolved" in page.text
        browser.post(f"{scene.outside.addresses['schoolscan']}/findings/{finding}/found-again", data={"again": "yes"})
    becomes(lambda: scene.state(finding).status, "reviewing")


def test_a_demo_whose_terminal_is_closed_takes_its_context_and_its_processes_with_it(tmp_path: Path) -> None:
    contexts, data = tmp_path / "contexts", Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there is a socket in it
    environment = bare(contexts, DATA_DIR=str(data))
    try:
        with (tmp_path / "log").open("wb") as log:
            demo = subprocess.Popen(
                [sys.executable, "-m", "remedy", "demo"], cwd=REPOSITORY, env=environment, stdout=log, stderr=log
            )
        becomes((contexts / "demo.yaml").exists, wanted=True, seconds=60)
        assert remedy("--context", "demo", "status", environment=environment).returncode in {0, 1}
        demo.send_signal(signal.SIGHUP)
        assert demo.wait(60) == 143
        assert list(contexts.iterdir()) == []
        assert not EmbeddedServer(data / "demo" / "redis").is_running
    finally:
        shutil.rmtree(data)
