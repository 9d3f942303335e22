"""`remedy trigger` on a whole installation: what a test opens, and that nothing of it is left, wherever it ends."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from remediation.domain.cases.records import key_of_ref
from remediation.domain.drills import DRILL_PREFIX
from sandbox.stage.systems import SeenTicket
from tests.e2e.scene import REPOSITORY, RESOLVED, Scene, open_scene, remedy
from tests.e2e.watching import becomes


def triggered(scene: Scene, *words: str, **environment: str) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code, the objects that it printed, and what it said beside them."""
    url = ("--url", scene.stage.receiver_address)
    ran = scene.remedy("trigger", *words, *url, "--json", **environment)
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr


def of_tests(scene: Scene) -> list[SeenTicket]:
    """Every ticket of a test, in both trackers."""
    return [ticket for mark, ticket in scene.outside.all_tickets() if DRILL_PREFIX in mark]


def began(scene: Scene, log: Path, *words: str) -> "subprocess.Popen[bytes]":
    """A test whose tickets are open, and which waits."""
    known = {ticket.id for ticket in of_tests(scene)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "remedy",
                "trigger",
                "finding.critical",
                "--url",
                scene.stage.receiver_address,
                *words,
            ],
            cwd=REPOSITORY,
            env=dict(scene.stage.environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    becomes(lambda: any(ticket.id not in known for ticket in of_tests(scene)), wanted=True)
    return process


@pytest.fixture
def scene_without_jira(scene: Scene) -> Scene:
    """The scene, whose Jira refuses to open issues."""
    scene.outside.break_down("jira", "status", method="POST", path=r"/issue$", status=400, times=None)
    return scene


def test_a_test_opens_a_ticket_in_each_tracker_and_closes_it_and_schoolscan_hears_nothing(scene: Scene) -> None:
    code, (told,), said = triggered(scene, "finding.critical")
    assert (code, told["clean"], told["left"], told["answer"]) == (0, True, [], 202), said
    key = key_of_ref(told["case"])
    assert key is not None
    tickets = scene.outside.tickets(key.id)
    assert {each.key for each in tickets} == {each["key"] for each in told["tickets"]}
    assert {each.tracker for each in tickets} == {"jira", "servicenow"}
    for ticket in tickets:
        assert not ticket.is_active
        assert ticket.summary.startswith("[TEST] ")
        contents = str(scene.outside.contents(ticket))
        assert "THIS IS A TEST of remedy" in contents
        assert "This was a test of remedy" in contents
    assert all(key.id not in each["path"] for each in scene.outside.requests("schoolscan"))
    assert "done: opened" in said
    assert key.id not in str(scene.parked())
    scene.comes_to_rest()
    time.sleep(1.5)  # the trackers' lists of changes are read meanwhile
    scene.comes_to_rest()
    planned = scene.remedy("case", "plan", told["case"])
    assert (planned.returncode, "resolved" in planned.stdout) == (0, True), planned.stdout + planned.stderr
    assert all(key.id not in each["path"] for each in scene.outside.requests("schoolscan"))
    assert scene.parked() == {}


def test_tickets_are_kept_on_demand_until_they_are_cleaned_up(scene: Scene) -> None:
    code, (told,), said = triggered(scene, "finding.expert_reviewed", "--keep", "--severity", "high")
    assert (code, told["kept"]) == (0, True), said
    assert any(ticket.is_active for ticket in of_tests(scene))
    assert triggered(scene, "--clean-up")[1][0]["clean"] is True
    assert not any(ticket.is_active for ticket in of_tests(scene))
    assert triggered(scene, "--clean-up")[:2] == (0, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_ended_in_the_middle_cleans_up(scene: Scene, tmp_path: Path, number: signal.Signals) -> None:
    scene.outside.break_down("jira", "slow", method="POST", path=r"/issue$", seconds=1.5, times=1)
    process = began(scene, tmp_path / "log")
    process.send_signal(number)
    process.wait(60)
    scene.outside.mend()
    assert not any(ticket.is_active for ticket in of_tests(scene)), (tmp_path / "log").read_text(encoding="utf-8")
    triggered(scene, "--clean-up")


def test_what_a_killed_one_leaves_is_cleaned_up_by_the_next_command(scene: Scene, tmp_path: Path) -> None:
    process = began(scene, tmp_path / "log", "--keep")
    process.kill()
    process.wait(10)
    code, told, said = triggered(scene, "--clean-up")
    assert (code, [each["clean"] for each in told]) == (0, [True]), said
    assert not any(ticket.is_active for ticket in of_tests(scene))


def test_a_tracker_that_refuses_is_named_and_nothing_stays_parked(scene_without_jira: Scene) -> None:
    scene = scene_without_jira
    code, (told,), said = triggered(scene, "finding.critical")
    scene.outside.mend()
    assert (code, told["clean"]) == (1, True), said
    assert "open:jira" in told["trouble"]
    assert scene.parked() == {}
    assert not any(ticket.is_active for ticket in of_tests(scene))


def test_a_delivery_that_is_refused_leaves_nothing(scene: Scene) -> None:
    before = len(of_tests(scene))
    code, (told,), _ = triggered(scene, "finding.critical", SCHOOLSCAN_WEBHOOK_SECRET="test-only-wrong")
    assert (code, told["answer"], told["clean"], told["tickets"]) == (4, 401, True, [])
    assert len(of_tests(scene)) == before
    away = scene.remedy("trigger", "finding.critical", "--url", "http://127.0.0.1:9")
    assert away.returncode == 3
    assert triggered(scene, "--clean-up")[:2] == (0, [])


def test_a_real_finding_is_followed_and_its_tickets_stay(scene: Scene) -> None:
    (finding,) = scene.outside.add_findings([{"severity": "critical", "domain_type": "direct_pii"}])
    code, (told,), said = triggered(scene, "finding.critical", "--finding", finding)
    assert (code, told["clean"], told["case"]) == (0, None, f"lakeside:finding:{finding}"), said
    scene.settles(finding, scene.state(finding))
    assert all(
        ticket.is_active and not ticket.summary.startswith("[TEST]") for ticket in scene.outside.tickets(finding)
    )
    for ticket in scene.outside.tickets(finding):
        scene.outside.resolve_as_priya(ticket)
    scene.settles(finding, RESOLVED)


def test_a_scan_is_played_once_its_delivery_was_read(scene: Scene) -> None:
    scene.outside.scan()
    code, (told,), said = triggered(scene, "scan.completed", "--scan", str(scene.outside.scans()[-1]["id"]))
    assert (code, told["clean"], told["trouble"]) == (0, None, None), said


NO_TICKETS = """\
version: 1
districts:
  lakeside: {schoolscan: {token: {env: SCHOOLSCAN_TOKEN}, webhook: {secrets: [{env: SCHOOLSCAN_WEBHOOK_SECRET}]}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: JIRA_TOKEN}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: metadata, match: {domain_type: metadata}, tickets: {jira: {project: WEB}}}]
"""


def test_nothing_is_sent_where_no_rule_wants_a_ticket_or_for_a_rehearsal(scene: Scene, tmp_path: Path) -> None:
    rules = tmp_path / "mappings.yaml"
    rules.write_text(NO_TICKETS, encoding="utf-8")
    receiver = {"RECEIVER_URL": scene.stage.receiver_address}
    environment = {**scene.stage.environment, **receiver, "MAPPINGS_PATH": str(rules)}
    none = remedy("trigger", "finding.critical", environment=environment)
    assert (none.returncode, "want no ticket" in none.stderr) == (1, True), none.stderr
    planned = scene.remedy("trigger", "finding.critical", "--dry-run", **receiver)
    assert (planned.returncode, "want tickets in jira, servicenow" in planned.stdout) == (0, True)
    assert scene.remedy("trigger", "finding.critical", "--site", "a b").returncode == 2
    assert scene.remedy("trigger").returncode == 2
    assert scene.remedy("trigger", "scan.completed").returncode == 2


def test_without_anybody_at_work_it_plays_nothing() -> None:
    with open_scene() as scene:
        ran = scene.remedy("trigger", "finding.critical", "--url", "http://127.0.0.1:9")
        assert (ran.returncode, "no receiver and no worker runs here" in ran.stderr) == (2, True), ran.stderr
        assert of_tests(scene) == []


def test_after_redis_was_wiped_reconcile_closes_what_a_test_had_left_open() -> None:
    with open_scene() as scene:
        scene.stage.start_receiver()
        scene.start_worker()
        assert triggered(scene, "finding.critical", "--keep")[0] == 0
        assert all(ticket.is_active for ticket in of_tests(scene))
        scene.redis.flushall()
        ran = scene.remedy("reconcile", "--all")
        becomes(lambda: any(ticket.is_active for ticket in of_tests(scene)), wanted=False)
        assert len(of_tests(scene)) == 2, ran.stdout + ran.stderr
