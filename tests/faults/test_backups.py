"""The drill: Redis is lost, and restored from an older copy, or not at all, by the very commands of docs/operations.md.

Whatever was done after the copy is found again: no ticket twice, every finding with those that it should have.
"""

import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.secrets import DISTRICT
from tests.e2e.scene import BOTH, REPOSITORY, RESOLVED, REVIEWING, Scene, State, open_scene
from tests.e2e.watching import becomes, eventually
from tests.faults.playing import LONGEST

pytestmark = pytest.mark.timeout(LONGEST)

FOLLOWED = State("reviewing", ("jira open", "servicenow done", "servicenow open"))
"""Found again after the incident was closed for good: another one has taken its place."""

HALF = State("reviewing", ("servicenow open",))
LAG = 2.5
"""Seconds that Jira's search stays behind: less than the horizon, and more than a restore takes here."""


@dataclass(slots=True)
class Population:
    """What the outside must show in the end, by finding."""

    scene: Scene
    states: dict[str, State] = field(default_factory=dict)
    closed_later: str = ""
    followed_later: str = ""
    offline: str = ""
    again: str = ""
    followed: str = ""
    waiting: str = ""
    hidden: str = ""
    """A finding that SchoolScan does not show to us: its case is parked."""

    def before(self) -> None:
        """Cases at rest, solved, waiting for Jira, and parked."""
        scene = self.scene
        ids = scene.outside.scan([BOTH] * 7)
        self.agree(dict.fromkeys(ids, REVIEWING))
        _, self.closed_later, self.followed_later, self.offline, solved, again, followed = ids
        for finding_id in (solved, again, followed):
            close(scene, finding_id)
        self.agree(dict.fromkeys((solved, again, followed), RESOLVED))
        close_for_good(scene, followed)
        self.again, self.followed = again, followed
        scene.outside.break_down("jira", "status", status=503, method="POST", path="/issue$", times=1_000)
        self.waiting, self.hidden = scene.find(), f"fnd_{uuid.uuid4().hex[:10]}"
        scene.told("finding.critical", {"finding_id": self.hidden})
        becomes(lambda: scene.state(self.waiting).tickets, HALF.tickets)
        eventually(lambda: f"{DISTRICT}:finding:{self.hidden}/look" in scene.parked())

    def after(self) -> None:
        """All that the copy does not know of. In the end a ticket is opened that Jira's search does not show yet."""
        scene = self.scene
        scene.outside.mend()
        for finding_id in (self.closed_later, self.followed_later):
            close(scene, finding_id)
        scene.outside.scan(find_again=[self.again, self.followed])
        scene.outside.add_findings([{**BOTH, "id": self.hidden}])
        assert scene.remedy("parked", "replay", f"{DISTRICT}:finding:{self.hidden}/look").returncode == 0
        new = {self.waiting: REVIEWING, self.again: REVIEWING, self.followed: FOLLOWED, self.hidden: REVIEWING}
        self.agree({**new, self.closed_later: RESOLVED, self.followed_later: RESOLVED})
        close_for_good(scene, self.followed_later)
        scene.outside.scan(find_again=[self.followed_later])
        self.agree({self.followed_later: FOLLOWED, scene.find(): REVIEWING})

    def agree(self, states: dict[str, State]) -> None:
        """Wait until the outside shows these, and all others as they were."""
        self.states |= states
        becomes(self.seen, self.states, 60)

    def seen(self) -> dict[str, State]:
        """How the outside shows each of them."""
        tickets: dict[str, list[str]] = {finding_id: [] for finding_id in self.states}
        for mark, ticket in self.scene.outside.all_tickets():
            if (finding_id := mark.rpartition(":")[2]) in tickets:
                tickets[finding_id].append(f"{ticket.tracker} {'open' if ticket.is_active else 'done'}")
        found = {each["id"]: str(each["status"]) for each in self.scene.outside.findings()}
        return {each: State(found.get(each, ""), tuple(sorted(words))) for each, words in tickets.items()}


def close(scene: Scene, finding_id: str) -> None:
    for ticket in scene.outside.tickets(finding_id):
        if ticket.is_active:
            scene.outside.resolve_as_priya(ticket)


def close_for_good(scene: Scene, finding_id: str) -> None:
    """What an instance does by itself with an incident that stayed resolved: nobody opens it any more."""
    scene.outside.edit_as_priya(scene.ticket(finding_id, "servicenow"), {"state": "7"})


def commands(title: str, number: int = 0) -> str:
    """A block of shell commands below a title of docs/operations.md."""
    text = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^### {title}\n(.*?)^#", text, re.MULTILINE | re.DOTALL)
    return str(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[number])


def run(script: str, data: Path, backup: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "DATA": str(data), "BACKUP": str(backup)}
    subprocess.run(["/bin/sh", "-eu", "-c", script], env=environment, check=True, timeout=30)


def lost(scene: Scene) -> None:
    """Workers and Redis go at once, with the disk."""
    for program in scene.stage.programs:
        if program.name == "worker":
            program.stop(signal.SIGKILL)
    scene.stage.stop_redis()
    shutil.rmtree(scene.stage.redis_folder / "appendonlydir")


def brought_into_step(population: Population) -> None:
    """`remedy reconcile --all` does what is to be done, and then there is nothing to do."""
    scene = population.scene
    scene.outside.control("jira", "PUT", "settings", json={"search_lag": 0.5})
    done = scene.remedy("reconcile", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    scene.comes_to_rest()
    population.agree({})
    again = scene.remedy("reconcile", "--dry-run", "--all")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        scene.start_worker()
        yield scene


@pytest.mark.parametrize("is_restored", [True, False], ids=["restored", "for-good"])
def test_redis_is_lost_and_restored_from_an_older_copy_or_not_at_all(
    scene: Scene, tmp_path: Path, *, is_restored: bool
) -> None:
    population, data = Population(scene), scene.stage.redis_folder
    population.before()
    run(commands("Take a copy"), data, tmp_path)
    scene.outside.control("jira", "PUT", "settings", json={"search_lag": LAG})
    population.after()
    newest = [*population.states][-1]
    lost(scene)
    close(scene, population.offline)
    if is_restored:
        run(commands("Restore it"), data, tmp_path)
    scene.stage.start_redis()
    scene.start_worker()
    for finding_id in (newest, population.followed_later):
        scene.told("finding.critical", {"finding_id": finding_id})
    population.states[population.offline] = RESOLVED
    brought_into_step(population)


def test_a_dump_is_restored_after_an_empty_redis_has_taken_deliveries(scene: Scene, tmp_path: Path) -> None:
    population, data = Population(scene), scene.stage.redis_folder
    solved = scene.opened()
    scene.redis.save()
    shutil.copy(data / "dump.rdb", tmp_path)
    close(scene, solved)
    population.agree({solved: RESOLVED, scene.find(): REVIEWING})
    lost(scene)
    scene.stage.start_redis()
    accepted = scene.find()
    becomes(lambda: all(each["taken"] for each in scene.outside.deliveries()), wanted=True)
    scene.stage.stop_redis()
    refused = scene.find()
    run(commands("Restore it", 1), data, tmp_path)
    scene.stage.start_redis()
    assert scene.redis.hgetall(f"remedy:case:{DISTRICT}:finding:{solved}")
    scene.start_worker()
    population.states |= {accepted: REVIEWING, refused: REVIEWING}
    brought_into_step(population)
