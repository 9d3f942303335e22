"""Two trackers of one rule that are one Jira: each has a project, and both tickets of a case carry the same mark."""

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.ports import Tracker
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT
from tests.contract.jira_world import Deployment, JiraWorld, jira_world
from tests.integration.offices import KEY, Office
from tests.stand_ins import RealClock
from workers.rounds.polls import poll_trackers

PROJECTS = {"jira-web": "SEC", "jira-privacy": "PRIV"}
FILE = f"""
version: 1
districts:
  {DISTRICT}:
    schoolscan: {{url: "https://schoolscan.example/v1", token: {{env: A}}, webhook: {{secrets: [{{env: B}}]}}}}
trackers:
  jira-web: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: C}}}}, deployment: data_center}}
  jira-privacy: {{kind: jira, url: "https://jira.example/", auth: {{bearer: {{env: C}}}}, deployment: data_center}}
templates: {{body: What to do}}
rules:
  - name: both
    tickets: {{jira-web: {{project: SEC}}, jira-privacy: {{project: PRIV}}}}
"""


class OneJira(Office):
    """A case with two trackers that are one Jira."""

    world: JiraWorld

    async def linked(self, key: CaseKey = KEY) -> dict[str, str]:
        """The key of the linked ticket in each tracker."""
        return {name: link.ticket_key for name, link in (await self.record(key)).links.items()}

    def states(self) -> dict[str, str]:
        """The status category of each issue that there really is."""
        return {each["key"]: each["fields"]["status"]["statusCategory"]["key"] for each in self.world.books()}

    async def wipe(self) -> None:
        """Redis is lost, at a moment when every search knows every issue."""
        self.world.wait_searchable()
        await self.redis.flushall()

    def move(self, issue: str, project: str) -> None:
        """A person moves the issue into another project."""
        order = {"issue": issue, "project": project}
        assert self.world.http.post("/_sandbox/move", json=order).is_success

    def forget_names(self) -> None:
        """Every issue is as an earlier version opened it."""
        for each in self.world.books():
            self.world.write("PUT", f"issue/{each['id']}/properties/remedy.tracker", "")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture(params=["cloud", "data_center"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    found: Deployment = request.param
    return found


@pytest.fixture
async def office(connection: Connection, keyring: Keyring, deployment: Deployment) -> AsyncIterator[OneJira]:
    with jira_world(deployment) as world:
        trackers: dict[str, Tracker] = {}
        for name in PROJECTS:
            world.name = name
            trackers[name] = world.connect()
        rulebook = MappingsRulebook(loaded_of(FILE, "mappings.yaml").mappings)
        office = OneJira(connection, keyring, trackers=trackers, rulebook=rulebook, clock=RealClock())
        office.world = world
        yield office
        for tracker in trackers.values():
            await tracker.close()


async def in_step(office: OneJira) -> dict[str, str]:
    await office.look()
    linked = await office.linked()
    assert {name: key.partition("-")[0] for name, key in linked.items()} == PROJECTS
    return linked


@pytest.mark.parametrize("is_older", [False, True])
async def test_after_a_wipe_each_tracker_finds_its_own_and_closes_none(office: OneJira, is_older: bool) -> None:  # noqa: FBT001 - a case
    """Also where neither issue names its tracker: then the projects tell."""
    linked = await in_step(office)
    before = office.states()
    if is_older:
        office.forget_names()
    await office.wipe()
    await office.look()
    assert (await office.linked(), office.states()) == (linked, before)
    assert await office.parked() == {}


async def test_a_create_that_is_refused_adopts_nothing_of_the_others(office: OneJira) -> None:
    office.world.fault("status", method="POST", path=office.world.create_path, status=400, times=1)
    await office.look()
    office.world.wait_searchable()
    (refused,) = await office.parked()
    assert len(await office.linked()) == 1
    await office.look()
    await office.context.parked.replay(refused, office.clock())
    await office.work()
    linked = await office.linked()
    assert {name: key.partition("-")[0] for name, key in linked.items()} == PROJECTS
    assert set(office.states().values()) == {"new"}


async def test_an_issue_that_was_moved_into_the_others_project_is_still_its_own(office: OneJira) -> None:
    linked = await in_step(office)
    issue = await office.trackers["jira-web"].read((await office.record()).links["jira-web"].ticket_id)
    office.move(issue.id, "PRIV")
    moved = (await office.trackers["jira-web"].read(issue.id)).key
    assert moved.startswith("PRIV-")
    await office.wipe()
    await office.look()
    assert await office.linked() == {**linked, "jira-web": moved}
    assert set(office.states().values()) == {"new"}


async def test_of_an_older_issue_in_a_third_project_nothing_is_concluded(office: OneJira) -> None:
    await in_step(office)
    issue = await office.trackers["jira-web"].read((await office.record()).links["jira-web"].ticket_id)
    office.move(issue.id, "LOOP")
    office.forget_names()
    await office.wipe()
    count = len(office.states())
    await office.look()
    assert len(office.states()) == count
    assert {name.rpartition("/")[2] for name in await office.parked()} == {"read:jira-web", "read:jira-privacy"}
    office.move(issue.id, "SEC")
    await office.look()
    assert await office.parked() == {}
    assert set(office.states().values()) == {"new"}


async def test_what_a_person_closes_counts_for_its_own_tracker(office: OneJira) -> None:
    await in_step(office)
    links = (await office.record()).links
    first = await office.trackers["jira-web"].read(links["jira-web"].ticket_id)
    office.world.close_as_person(first, Reason.FIXED)
    office.world.wait_searchable()
    await poll_trackers(office.arq_context)
    await office.work()
    assert office.status() is Status.REVIEWING, "the other is still open"
    other = await office.trackers["jira-privacy"].read(links["jira-privacy"].ticket_id)
    assert other.state is TicketState.OPEN
    assert await office.linked() == {name: link.ticket_key for name, link in links.items()}


async def test_an_issue_that_an_earlier_version_linked_to_both_is_left_to_its_own_tracker(office: OneJira) -> None:
    linked = await in_step(office)
    office.forget_names()
    ask, row = office.connection.ask, CASE + KEY.ref
    for kind in ("link", "tie"):
        theirs = await ask(office.redis.hget(row, f"{kind}:jira-privacy"))
        await ask(office.redis.hset(row, f"{kind}:jira-web", theirs))
    office.world.wait_searchable()
    await office.look()
    assert await office.linked() == linked
    assert set(office.states().values()) == {"new"}
