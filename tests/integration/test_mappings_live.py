"""`remedy mappings check --live` finds what is wrong out there, and writes nothing."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis as PlainRedis

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.ownership import Site
from remediation.domain.tickets import Ticket, TicketState
from remediation.redis_address import RedisAddress
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.todo import Todo
from remediation.store.systems import Sites
from remedy.runtime.assembly import open_connection
from sandbox.jira.stand_in import PERSON, SERVICE
from sandbox.servicenow.stand_in import INTEGRATION
from tests.integration.live_world import READS, Change, LiveWorld, live_world

TEXT = "Exposed student data"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiveWorld]:
    with live_world(tmp_path) as world:
        world.open_record(
            short_description=TEXT, correlation_display="remedy", correlation_id="m", u_district="Lakeside"
        )
        yield world


def written(old: str, new: str) -> Change:
    return lambda world: world.replace(old, new)


def secret(name: str) -> Change:
    return lambda world: world.secrets.update({name: "test-only-wrong"})


def settings(name: str, **changes: object) -> Change:
    return lambda world: world.set(name, **changes)


def both(*changes: Change) -> Change:
    def change(world: LiveWorld) -> None:
        for each in changes:
            each(world)

    return change


def use_form(world: LiveWorld) -> None:
    """The first rule's issues go to a project with an issue in each status on the way."""
    world.replace("project: SEC", "project: FORM")
    for transitions in ((), ("211",)):
        world.open_issue("FORM", "Task", *transitions, customfield_10010="West")


@dataclass(frozen=True)
class Planted:
    """A misconfiguration: how it comes about, the text at whose place it must be shown, and what must be said."""

    change: Change
    place: str
    says: str


SCREEN = "the screen for creating a Task in"
MAY_SEE = "that our account can see"
ITS_STATES = 'states: {"1": open, "6": done}\n    reopen_state: 1'
PLANTED = {
    "the password is wrong": Planted(
        secret("SERVICENOW_PASSWORD"), "basic: {user: remedy", "trackers.context.auth: does not sign in"
    ),
    "the token of Jira is wrong": Planted(
        secret("JIRA_TOKEN"), "basic: {user: remedy@", "trackers.jira.auth: does not sign in (jira: 401"
    ),
    "the project does not exist": Planted(
        written("project: SEC", "project: SEK"), "SEK", f"jira.project: there is no project SEK {MAY_SEE}"
    ),
    "the issue type does not exist": Planted(
        written("type: Task", "type: Tasc"), "Tasc", "type: no Tasc can be created in SEC; there is Bug, Epic, Task"
    ),
    "the priority does not exist": Planted(
        written("critical: Highest,", "critical: Urgent,"),
        "Urgent",
        "jira.priority.critical: Priority cannot be 'Urgent'",
    ),
    "the custom field is unknown": Planted(
        written("customfield_10010", "customfield_10011"), "West", f"{SCREEN} SEC has no field customfield_10011"
    ),
    "a field goes by its name": Planted(
        written("customfield_10010", "Reporter"), "West", "by their ids: 'Reporter' is reporter"
    ),
    "nobody sets a required field": Planted(
        written("        project: PRIV\n        type: Bug\n        priority: Low", "        project: FORM"),
        "project: FORM",
        f"rules[1].tickets.jira: {SCREEN} FORM requires School site (customfield_10010), and this rule does not set it",
    ),
    "the assignee cannot be assigned": Planted(
        settings("jira", unassignable=[PERSON.account_id]), PERSON.account_id, "issues of SEC cannot be assigned to"
    ),
    "the group does not exist": Planted(
        written("Privacy Office", "Privacy WorkerContext"),
        "Privacy WorkerContext",
        f"there is no group Privacy WorkerContext {MAY_SEE}",
    ),
    "the close code does not exist": Planted(
        written("resolve_code: Solution provided", "resolve_code: Solved (Permanently)"),
        "Solved (P",
        "trackers.context.resolve_code: incident.close_code cannot be 'Solved (Permanently)'",
    ),
    "the state does not exist": Planted(
        written("resolve_state: 6", "resolve_state: 9\n    states: {9: done, 2: in_progress}"),
        "9\n    states",
        "trackers.context.resolve_state: incident.state cannot be '9'; there is 1, 2, 3, 6, 7, 8",
    ),
    "no status is done": Planted(
        written("project: SEC", "project: LOOP"), "Task\n", "a Task of LOOP can never come to a done status"
    ),
    "the way to done is barred": Planted(
        use_form,
        "Task\n",
        "a Task of FORM cannot be brought to done: the transition to a done status requires: Approver",
    ),
    "access rules hide the mark": Planted(
        settings("servicenow", unreadable_fields=["correlation_id"]),
        "incident\n",
        "trackers.context.table: our account does not see incident.correlation_id, our correlation mark",
    ),
    "labels are not on the screen": Planted(
        written("project: SEC", "project: TERSE"),
        "project: TERSE",
        f"{SCREEN} TERSE has no labels: our correlation mark",
    ),
    "the token of SchoolScan is wrong": Planted(
        secret("SCHOOLSCAN_TOKEN"),
        "{env: SCHOOLSCAN_TOKEN",
        "districts.lakeside.schoolscan.token: does not sign in (schoolscan:lakeside: 401: unauthorized",
    ),
    "our account may not create issues": Planted(
        settings("jira", withheld=["CREATE_ISSUES"]), "SEC\n", "jira.project: our account may not create issues in SEC"
    ),
    "the security level of the defaults does not exist": Planted(
        written("Privacy office", "Secret"), "Secret", "defaults.tickets.jira.security_level: Security Level cannot be"
    ),
    "nobody sets a mandatory column": Planted(
        settings("servicenow", mandatory=["caller_id"]),
        "impact",
        "context: incident.caller_id is mandatory, and this rule",
    ),
    "the column does not exist": Planted(
        written("category: software", "catgory: software"), "software", "incident has no column catgory, and"
    ),
    "the choice does not exist": Planted(
        written("category: software", "category: sofware"), "sofware", "incident.category cannot be 'sofware'"
    ),
    "a former table may not be read": Planted(
        both(
            written("table: incident", "table: incident\n    former_tables: {sn_si_incident: {}}"),
            settings("servicenow", no_query=["sn_si_incident"]),
        ),
        "{}",
        "former_tables.sn_si_incident: our account may not read sn_si_incident",
    ),
    "a former table's state does not exist": Planted(
        written(
            "table: incident",
            "table: incident\n    former_tables: {sn_si_incident: {states: {10: open, 9: done}, "
            "resolve_state: 9, reopen_state: 10, final_states: []}}",
        ),
        "9, reopen",
        "former_tables.sn_si_incident.resolve_state: sn_si_incident.state cannot be '9'",
    ),
    "the table does not exist": Planted(
        written("table: incident", f"table: incidents\n    {ITS_STATES}"),
        "incidents",
        "trackers.context.table: there is no table incidents",
    ),
    "the person does not exist": Planted(
        written("priya.helpdesk", "priya"), "priya\n", "assigned_to: there is no user priya that our account can see"
    ),
    "the resolution does not exist": Planted(
        written("Duplicate: dup", "Doubled: dup"), "duplicate}", "jira.resolutions.Doubled: there is no resolution"
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_misconfiguration_is_found_at_its_place_in_words_of_its_own(world: LiveWorld, name: str) -> None:
    planted = PLANTED[name]
    planted.change(world)
    result = world.check()
    (line, *_) = [line for line in world.lines(result) if planted.says in line] or [""]
    assert line, result.output
    assert line.startswith(f"{world.place_of(planted.place)}: ")
    assert result.exit_code == 2


def test_a_right_file_has_nothing_wrong_and_what_cannot_be_told_is_said(world: LiveWorld) -> None:
    result = world.check()
    assert (world.lines(result), result.exit_code) == ([], 0), result.output
    untold = world.lines(result, untold=True)
    assert any(
        "whether a Task of SEC can be brought back from done, without an issue that is done" in line for line in untold
    )
    assert any("whether the token may also write statuses back, without writing" in line for line in untold)


def test_the_shipped_file_fits_the_sandbox(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "mappings.yaml").read_text()
    for shipped, ours in {
        "https://api.schoolscan.ai/v1": "SCHOOLSCAN/v1",
        "https://lakeside.service-now.example": "SERVICENOW",
        "https://lakeside.atlassian.example": "JIRA",
        "svc-remedy@lakeside.example": SERVICE.email,
        "user: svc-remedy,": f"user: {INTEGRATION.user_name},",
    }.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, ours)
    with live_world(tmp_path, text) as world:
        result = world.check()
        assert (world.lines(result), result.exit_code) == ([], 0), result.output


def test_issues_on_the_way_tell_that_it_leads_to_done_and_back(world: LiveWorld) -> None:
    world.open_issue("SEC", "Task")
    world.open_issue("SEC", "Task", "31")
    for transitions in ((), ("111",), ("111", "121")):
        world.open_issue("PRIV", "Bug", *transitions)
    untold = world.lines(world.check(), untold=True)
    assert [line for line in untold if "to done" in line] == []
    assert [line for line in untold if "back from done" in line and "PRIV" not in line] == []


@pytest.mark.parametrize("change", [None, "no status is done", "nobody sets a mandatory column"])
def test_nothing_is_ever_written(world: LiveWorld, change: str | None) -> None:
    world.open_issue("SEC")
    if change:
        PLANTED[change].change(world)
    world.check()
    journal = world.journal()
    assert {method for method, _ in journal} == {"GET"} <= READS
    assert {path.split("/")[1] for _, path in journal} == {"v1", "api", "rest"}


@pytest.mark.parametrize("name", ["schoolscan", "servicenow", "jira"])
def test_a_system_that_is_away_ends_with_3_and_the_others_are_still_checked(world: LiveWorld, name: str) -> None:
    world.fault(name, kind="reset", times=None)
    result = world.check()
    (line,) = world.lines(result)
    assert ".url: is not reachable (" in line
    assert line.startswith(f"{world.place_of(world.addresses[name])}: ")
    assert result.exit_code == 3
    others = world.addresses.keys() - {name}
    assert len({path.split("/")[1] for _, path in world.journal()} - {""}) >= len(others)
    assert result.stdout.splitlines()[-1].endswith(", 1 not reached")


def test_what_is_wrong_counts_for_more_than_what_is_away(world: LiveWorld) -> None:
    world.fault("jira", kind="status", status=503, times=None)
    world.secrets["SERVICENOW_PASSWORD"] = "test-only-wrong"
    result = world.check()
    assert (len(world.lines(result)), result.exit_code) == (2, 2)


def test_json_has_every_answer_with_its_place(world: LiveWorld) -> None:
    world.replace("project: SEC", "project: SEK")
    result = world.check("--json")
    said = json.loads(result.stdout)
    assert (said["ok"], result.exit_code) == (False, 2)
    (problem,) = said["problems"]
    assert said["warnings"] == []
    line, column = world.place_of("SEK").split(":")
    assert (problem["line"], problem["column"]) == (int(line), int(column))
    outcomes = {each["path"]: each["outcome"] for each in said["inspections"]}
    assert outcomes["rules[0].tickets.jira.project"] == "wrong"
    assert outcomes["rules[1].tickets.jira.project"] == "ok"
    assert outcomes["trackers.jira.auth"] == "ok"


def test_a_missing_secret_is_a_problem_at_its_place(world: LiveWorld) -> None:
    world.secrets["JIRA_TOKEN"] = ""
    result = world.check()
    assert result.exit_code == 2
    assert "environment variable JIRA_TOKEN is empty" in result.output
    assert world.journal() == []


def test_no_secret_is_shown(world: LiveWorld) -> None:
    for name in world.secrets:
        world.secrets[name] = f"test-only-wrong-{name.lower()}"
    result = world.check()
    assert "test-only" not in result.output
    assert result.exit_code == 2


def test_another_site_than_the_one_that_our_links_are_of_is_said(world: LiveWorld, redis_url: str) -> None:
    async def note(tracker: str, site: Site) -> None:
        async with open_connection(RedisAddress.parse(redis_url), socket_timeout=2.0, retries=0) as connection:
            await Sites(connection).note(tracker, site, 1_800_000_000.0)

    asyncio.run(note("jira", Site("https://other.example", "https://other.example")))
    world.secrets["REDIS_URL"] = redis_url
    result = world.check()
    assert [line for line in world.lines(result, untold=True) if "our links were made on https://other.example" in line]
    assert result.exit_code == 0
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    assert "our links" not in world.check().output
    world.secrets["REDIS_URL"] = "unix:///nowhere/valkey.sock"
    assert "our links" not in world.check().output


@pytest.mark.parametrize(
    ("tracker", "former", "says"),
    [
        pytest.param("jira", "", f"count neither as ours nor as former: {PERSON.account_id}", id="Jira"),
        pytest.param("jira", f"[{PERSON.account_id}]", "", id="Jira, and the account is named"),
        pytest.param("context", "", "count neither as ours nor as former: priya.helpdesk", id="ServiceNow"),
    ],
)
def test_an_account_that_opened_linked_tickets_and_is_not_named_is_said(
    world: LiveWorld, redis_url: str, tracker: str, former: str, says: str
) -> None:
    """Whoever changes accounts and names the one before nowhere would learn it when Redis is lost."""
    ticket_id = world.opened_by_a_person(tracker)

    async def link() -> None:
        async with open_connection(RedisAddress.parse(redis_url), socket_timeout=2.0, retries=0) as connection:
            key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
            todo = Todo(connection)
            await todo.mark([(key, None)], 1_800_000_000.0)
            lease = await todo.take(key.ref, 1_800_000_000.0)
            assert lease is not None
            await LeasedLinks(connection, lease).link(Ticket(tracker, ticket_id, "T-1", "", TicketState.OPEN))

    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    asyncio.run(link())
    world.secrets["REDIS_URL"] = redis_url
    if former:
        world.replace("    kind: jira\n", f"    kind: jira\n    former_accounts: {former}\n")
    result = world.check()
    told = [line for line in world.lines(result, untold=True) if f"trackers.{tracker}.former_accounts" in line]
    assert bool(told) is bool(says)
    assert all(says in line for line in told)
    assert result.exit_code == 0
