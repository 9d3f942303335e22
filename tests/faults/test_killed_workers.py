"""kill -9 in the middle of everything that a worker does outside: another one finishes it, and does nothing twice."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from remediation.store.keys import SCAN
from remediation.store.scans.backfills import backfill_ref
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import Program
from tests.e2e.scene import BOTH, RESOLVED, REVIEWING, Scene, State
from tests.e2e.watching import eventually
from tests.faults.playing import LONGEST

pytestmark = [pytest.mark.usefixtures("mended"), pytest.mark.timeout(LONGEST)]

RECOVERS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A request during which the worker dies, and what makes a worker send it about a finding."""

    system: str
    method: str
    path: str
    cause: Callable[[Scene, str], object]
    end: State


def told(scene: Scene, finding_id: str) -> None:
    scene.outside.send("finding.critical", {"finding_id": finding_id})


def resolved_there(scene: Scene, finding_id: str) -> None:
    scene.outside.review_finding(finding_id, status="resolved")


def found_again(scene: Scene, finding_id: str) -> None:
    scene.outside.scan(find_again=[finding_id])


def resolved_by_priya(scene: Scene, finding_id: str) -> None:
    for ticket in scene.outside.tickets(finding_id):
        scene.outside.resolve_as_priya(ticket)
    told(scene, finding_id)


OPENING = [
    Moment("schoolscan", "GET", "^/v1/findings/", told, REVIEWING),
    Moment("jira", "GET", "/search/jql$", told, REVIEWING),
    Moment("servicenow", "GET", "/table/incident$", told, REVIEWING),
    Moment("jira", "POST", "/issue$", told, REVIEWING),
    Moment("servicenow", "POST", "/table/incident$", told, REVIEWING),
    Moment("jira", "POST", "/remotelink$", told, REVIEWING),
    Moment("schoolscan", "PATCH", "^/v1/findings/", told, REVIEWING),
]
CHANGING = [
    Moment("jira", "POST", "/transitions$", resolved_there, RESOLVED),
    Moment("servicenow", "PATCH", "/table/incident/", resolved_there, RESOLVED),
    Moment("schoolscan", "PATCH", "^/v1/findings/", resolved_by_priya, RESOLVED),
]
REOPENING = [
    Moment("jira", "POST", "/transitions$", found_again, REVIEWING),
    Moment("servicenow", "PATCH", "/table/incident/", found_again, REVIEWING),
    Moment("schoolscan", "PATCH", "^/v1/findings/", found_again, REVIEWING),
]


def quiet_worker(scene: Scene) -> Program:
    """A worker that asks no tracker for changes meanwhile: the requests that it sends are about our findings."""
    return scene.start_worker(POLL_SECONDS="60")


def slow(scene: Scene, moment: Moment, count: int = 1) -> Callable[[], bool]:
    """Have the system carry so many such requests out and keep the answers back; whether that has happened since."""
    before = len(scene.outside.requests(moment.system))
    scene.outside.break_down(moment.system, "slow", method=moment.method, path=moment.path, seconds=1.5, times=count)

    def is_in_flight() -> bool:
        since = scene.outside.requests(moment.system)[before:]
        return len([each for each in since if each["fault"] == "slow" and each["status"] is not None]) >= count

    return is_in_flight


def in_flight(scene: Scene, moments: list[tuple[Moment, str]], chance: random.Random) -> None:
    """Wait until a worker has sent each moment's request and the answers are on their way, and then a little."""
    watched = [slow(scene, moment) for moment, _ in moments]
    for moment, finding_id in moments:
        moment.cause(scene, finding_id)
    for is_in_flight in watched:
        eventually(is_in_flight, 15)
    time.sleep(chance.random() * 0.2)


def prepared(scene: Scene, moments: list[Moment]) -> list[tuple[Moment, str]]:
    """A finding for each moment, brought to where its cause can happen."""
    ids = scene.outside.add_findings([BOTH] * len(moments))
    changed = [finding_id for finding_id, moment in zip(ids, moments, strict=True) if moment.cause is not told]
    worker = quiet_worker(scene)
    for finding_id in changed:
        told(scene, finding_id)
    for finding_id in changed:
        scene.settles(finding_id, REVIEWING)
    again = [finding_id for finding_id, moment in zip(ids, moments, strict=True) if moment.cause is found_again]
    for finding_id in again:
        resolved_there(scene, finding_id)
    for finding_id in again:
        scene.settles(finding_id, RESOLVED)
    assert worker.stop() == 0
    return list(zip(moments, ids, strict=True))


def test_a_worker_killed_at_any_moment_is_finished_by_another_and_nothing_happens_twice(
    scene: Scene, chance: random.Random
) -> None:
    findings = prepared(scene, chance.sample([*OPENING, *CHANGING, *REOPENING], k=13))
    *others, last = [findings[number : number + 2] for number in range(0, len(findings), 2)]
    for pair in others:
        worker = quiet_worker(scene)  # finds what the one before it left, too
        in_flight(scene, pair, chance)
        assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
    worker, another = quiet_worker(scene), scene.start_worker("worker-another", POLL_SECONDS="60")
    os.kill(another.pid, signal.SIGSTOP)  # it runs already, but it is the other that has the cases
    in_flight(scene, last, chance)
    assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
    os.kill(another.pid, signal.SIGCONT)
    for moment, finding_id in findings:
        scene.settles(finding_id, moment.end, RECOVERS_WITHIN)
    assert another.stop() == 0
    assert scene.redis.zcard("remedy:parked") == 0


def test_workers_killed_in_the_middle_of_a_scan_leave_one_ticket_in_each_tracker(
    scene: Scene, chance: random.Random
) -> None:
    ids = scene.outside.scan([BOTH] * 30)
    for _ in range(3):
        worker = quiet_worker(scene)
        time.sleep(chance.uniform(0.1, 0.8))  # anywhere in its work
        assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
    worker = quiet_worker(scene)
    for finding_id in ids:
        scene.settles(finding_id, REVIEWING, RECOVERS_WITHIN)
    assert worker.stop() == 0


def test_a_backfill_whose_command_and_worker_are_killed_goes_on_and_opens_each_ticket_once(scene: Scene) -> None:
    first = scene.outside.add_findings([BOTH] * 5)
    scene.outside.add_findings([{**BOTH, "status": "resolved"}] * 100)  # two pages at the least
    ids = [*first, *scene.outside.add_findings([BOTH] * 5)]
    listing = Moment("schoolscan", "GET", "^/v1/findings$", told, REVIEWING)
    opening = Moment("jira", "POST", "/issue$", told, REVIEWING)
    watched = [slow(scene, listing, count=2), slow(scene, opening)]
    command, worker = scene.stage.command("backfill"), quiet_worker(scene)
    for is_in_flight in watched:
        eventually(is_in_flight, 15)
    for killed in (command, worker):
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    assert scene.redis.hget(SCAN + backfill_ref(DISTRICT), "pages") == b"1"
    worker = quiet_worker(scene)
    shown = scene.remedy("backfill", "--json")
    assert (shown.returncode, json.loads(shown.stdout)["new"]) == (0, len(ids))
    for finding_id in ids:
        scene.settles(finding_id, REVIEWING, RECOVERS_WITHIN)
    assert worker.stop() == 0
