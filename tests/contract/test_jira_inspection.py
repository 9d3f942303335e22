"""A Jira, Cloud or Data Center, asked over real HTTP whether it is as mappings.yaml says."""

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from remediation.domain.tickets import Ticket
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.trackers.jira.inspection.inspector import JiraInspector
from sandbox.jira.stand_in import PERSON, SERVICE
from tests.contract.inspector_world import mappings_with, said, wrongs
from tests.contract.jira_world import Deployment, JiraWorld, jira_world
from tests.contract.tracker_world import nobody_listens

WEST = "fields: {customfield_10010: West}"


@pytest.fixture(params=["cloud", "data_center"])
def world(request: pytest.FixtureRequest) -> Iterator[JiraWorld]:
    deployment: Deployment = request.param
    with jira_world(deployment) as world:
        yield world


async def inspected(
    world: JiraWorld,
    ticket: str,
    *,
    match: str = "{}",
    words: str = "",
    token: str = SERVICE.token,
    address: str | None = None,
    relate: str = "",
) -> tuple[Inspection, ...]:
    secret = "{env: UNUSED}"
    auth = f"basic: {{user: {SERVICE.email}, password: {secret}}}"
    if world.deployment == "data_center":
        auth = f"bearer: {secret}"
    where = address or world.address
    tracker = f"kind: jira, url: '{where}', deployment: {world.deployment}, auth: {{{auth}}}{words}"
    loaded = mappings_with(f"{{jira: {{{tracker}}}}}", f"{{jira: {{{ticket}}}}}", match, relate=relate)
    config = loaded.mappings.trackers["jira"]
    assert isinstance(config, JiraTracker)
    inspector = JiraInspector("jira", config, token)
    try:
        return await inspector.inspect(loaded.mappings)
    finally:
        await inspector.close()


async def test_a_fitting_jira_has_nothing_wrong_and_is_only_read(world: JiraWorld) -> None:
    assignee = PERSON.account_id if world.deployment == "cloud" else PERSON.name
    words = f"project: SEC, priority: High, assignee: {assignee}, due: 7d, security_level: Privacy office"
    found = await inspected(world, words, words=", resolutions: {done: fixed, duplicate: duplicate}")
    assert wrongs(found) == {}
    assert said(found, InspectionOutcome.UNREACHABLE) == {}
    assert world.writes() == 0


async def test_a_wrong_token_ends_the_questions(world: JiraWorld) -> None:
    (answer,) = await inspected(world, "project: SEC", token="test-only-wrong")
    assert (answer.outcome, answer.where) == (InspectionOutcome.WRONG, ("trackers", "jira", "auth"))
    assert len(world.requests()) == 1


async def test_nobody_at_the_address_is_not_reached(world: JiraWorld) -> None:
    (answer,) = await inspected(world, "project: SEC", address=nobody_listens())
    assert (answer.outcome, answer.where) == (InspectionOutcome.UNREACHABLE, ("trackers", "jira", "url"))


async def test_another_server_at_the_address_is_a_wrong_address(world: JiraWorld) -> None:
    (answer,) = await inspected(world, "project: SEC", address=f"{world.address}/wiki")
    assert (answer.outcome, answer.where[-1]) == (InspectionOutcome.WRONG, "url")


@pytest.mark.parametrize(
    ("words", "where", "message"),
    [
        ("project: NOPE", "project", "there is no project NOPE that our account can see"),
        ("project: SEC, type: Wish", "type", "no Wish can be created in SEC; there is Bug, Epic, Task"),
        ("project: SEC, priority: Hihg", "priority.critical", "Priority cannot be 'Hihg' on the screen for creating a"),
        ("project: SEC, fields: {customfield_1: x}", "fields.customfield_1", "has no field customfield_1; there is"),
        ("project: FORM", "", "requires School site (customfield_10010), and this rule does not set it"),
        ("project: SEC, assignee: nobody", "assignee.critical", "issues of SEC cannot be assigned to nobody"),
        (
            "project: SEC, security_level: X",
            "security_level",
            "Security Level cannot be 'X' on the screen for creating",
        ),
        ("project: TERSE, due: 1d", "", "has no labels: our correlation mark is a label, and no ticket could"),
        ("project: LOOP", "type", "a Task of LOOP can never come to a done status: its statuses are To Do, In Prog"),
        (
            f"project: FORM, due: 2d, {WEST}",
            "due.critical",
            "the screen for creating a Task in FORM has no field duedate",
        ),
    ],
)
async def test_what_does_not_fit_is_told_at_its_word(world: JiraWorld, words: str, where: str, message: str) -> None:
    path = f"rules[0].tickets.jira.{where}".removesuffix(".")
    assert message in wrongs(await inspected(world, words)).get(path, "")


async def test_a_required_field_must_be_set_for_every_severity_that_the_rule_takes(world: JiraWorld) -> None:
    words, due = "project: TERSE, due: {critical: 1d, high: 2d}", "rules[0].tickets.jira.due.critical"
    found = wrongs(await inspected(world, words))
    assert "requires Due date (duedate), and not every severity of this rule sets it" in found[due]
    for match in (
        "{severity: [critical, high]}",
        "{not: {severity: [medium, low, unknown]}}",
        "{any: [{severity: high}]}",
    ):
        assert due not in wrongs(await inspected(world, words, match=match))


@pytest.mark.parametrize(
    ("key", "deed"),
    [
        ("CREATE_ISSUES", "create issues"),
        ("TRANSITION_ISSUES", "move issues through their workflow"),
        ("EDIT_ISSUES", "edit issues"),
        ("LINK_ISSUES", "link issues"),
        ("ADD_COMMENTS", "comment on issues"),
        ("SCHEDULE_ISSUES", "set due dates"),
    ],
)
async def test_a_permission_that_is_missing_is_named(world: JiraWorld, key: str, deed: str) -> None:
    world.settings(withheld=[key])
    found = [
        each for each in await inspected(world, "project: SEC, due: 3d") if each.outcome is InspectionOutcome.WRONG
    ]
    assert [each.message for each in found] == [f"our account may not {deed} in SEC"]
    assert key in found[0].advice


@pytest.mark.parametrize(
    ("settings", "outcome", "message"),
    [
        ({}, InspectionOutcome.OK, "issues can be linked as Relates"),
        ({"linking": False}, InspectionOutcome.WRONG, "links between issues are switched off"),
        (
            {"without_link_types": ["Relates"]},
            InspectionOutcome.WRONG,
            "there is no type of link Relates; there is Blocks",
        ),
    ],
)
async def test_links_are_asked_for_where_a_rule_relates_its_tickets(
    world: JiraWorld, settings: dict[str, object], outcome: InspectionOutcome, message: str
) -> None:
    world.settings(**settings)
    assert "rules[0].relate" not in said(await inspected(world, "project: SEC"), outcome)
    told = said(await inspected(world, "project: SEC", relate="{within: 7d}"), outcome)
    assert told["rules[0].relate"].startswith(message)


async def test_issues_in_every_status_tell_the_ways(world: JiraWorld) -> None:
    for number, steps in enumerate(((), ("111",), ("111", "121"))):
        ticket = await opened(world, f"remedy:lakeside:finding:{number}")
        if steps:
            world.walk(ticket, *steps)
    done = await opened(world, "remedy:lakeside:finding:9")
    world.walk(done, "111", "121", "141", resolution={"name": "Done"})
    world.wait_searchable()
    told = said(await inspected(world, "project: PRIV"), InspectionOutcome.OK)
    assert told["rules[0].tickets.jira.type"] == "a Task of PRIV can be brought back from done"


async def test_a_screen_of_many_fields_is_read_page_by_page(world: JiraWorld) -> None:
    world.settings(page_limit=3)
    assert wrongs(await inspected(world, "project: SEC, security_level: Privacy office")) == {}


async def test_a_question_that_is_not_answered_leaves_the_others(world: JiraWorld) -> None:
    world.fault("status", status=503, path="mypermissions", times=None)
    found = await inspected(world, "project: SEC, type: Wish")
    assert list(said(found, InspectionOutcome.UNREACHABLE)) == ["rules[0].tickets.jira.project"]
    assert list(wrongs(found)) == ["rules[0].tickets.jira.type"]


async def test_a_question_that_is_refused_cannot_be_told(world: JiraWorld) -> None:
    world.fault("status", status=405, path="assignable", times=None)
    found = said(await inspected(world, "project: SEC, assignee: somebody"), InspectionOutcome.UNKNOWN)
    assert "can be assigned" in found["rules[0].tickets.jira.assignee.critical"]


async def test_only_resolutions_that_the_file_names_must_exist(world: JiraWorld) -> None:
    found = wrongs(await inspected(world, "project: SEC", words=", resolutions: {Dnoe: fixed}"))
    assert found["trackers.jira.resolutions.dnoe"].startswith(
        "there is no resolution 'dnoe'; there is Cannot Reproduce"
    )
    assert wrongs(await inspected(world, "project: SEC")) == {}


async def test_resolutions_are_read_in_the_way_that_stays(world: JiraWorld) -> None:
    world.settings(page_limit=2)
    found = await inspected(world, "project: SEC", words=", resolutions: {Declined: duplicate}")
    assert wrongs(found) == {}
    asked = [path for _, path in world.ours() if path.startswith("resolution")]
    assert asked == (["resolution/search"] * 3 if world.deployment == "cloud" else ["resolution"])


async def test_the_fields_that_explain_a_risk_must_exist(world: JiraWorld) -> None:
    found = await inspected(world, "project: SEC", words=", risk_reason: customfield_10051, risk_expiry: customfield_1")
    assert wrongs(found).keys() == {"trackers.jira.risk_expiry"}
    assert said(found, InspectionOutcome.OK)["trackers.jira.risk_reason"] == "there is a field customfield_10051"
    world.fault("status", status=503, path="field$", times=None)
    found = await inspected(world, "project: SEC", words=", risk_reason: customfield_10051")
    assert said(found, InspectionOutcome.UNREACHABLE).keys() == {"trackers.jira.risk_reason"}


async def test_what_a_rule_gives_for_closing_opens_the_way_to_done(world: JiraWorld) -> None:
    tracker = world.connect()
    await tracker.create(world.draft_in("FORM", "remedy:lakeside:finding:1", customfield_10010="West"))
    await tracker.close()
    world.wait_searchable()
    asked = await inspected(world, f"project: FORM, {WEST}")
    assert any("can be brought to done" in each.message and "Approver (custom" in each.message for each in asked)
    given = await inspected(world, f"project: FORM, {WEST}, close_fields: {{customfield_10020: Priya}}")
    assert any(each.message == "a Task of FORM can be brought to done" for each in given)


async def test_the_very_queries_of_our_work_are_asked(world: JiraWorld) -> None:
    found = await inspected(world, "project: SEC")
    asked = [parse_qs(each["query"])["jql"][0] for each in world.requests() if "jql" in parse_qs(each["query"])]
    assert any(jql.startswith('labels = "remedy:') and "ORDER BY created ASC" in jql for jql in asked)
    assert any('AND updated >= "-' in jql and jql.endswith("ORDER BY updated DESC, key DESC") for jql in asked)
    told = [each.message for each in found if each.where == ("trackers", "jira")]
    assert told == ["searching for our mark, a label, works", "searching for what changed works"]


async def test_what_an_issue_has_from_its_beginning_is_no_demand_of_closing(world: JiraWorld) -> None:
    tracker = world.connect()
    first = await tracker.create(world.draft_in("LOGS", "remedy:lakeside:finding:1"))
    world.write("POST", f"issue/{first.id}/transitions", {"transition": {"id": "511"}, "update": ADDED})
    await tracker.close()
    world.wait_searchable()
    given = "close_fields: {comment: On it, worklog: {timeSpent: 5m}}"
    asked = await inspected(world, f"project: LOGS, {given}")
    assert "requires: School site (customfield_10010)" in wrongs(asked)["rules[0].tickets.jira.type"]
    asked = await inspected(world, f"project: LOGS, {given}, {WEST}")
    assert any(each.message == "a Task of LOGS can be brought to done" for each in asked)


ADDED = {"comment": [{"add": {"body": "On it"}}]}


async def opened(world: JiraWorld, mark: str) -> Ticket:
    tracker = world.connect()
    try:
        return await tracker.create(world.draft_in("PRIV", mark))
    finally:
        await tracker.close()


async def test_resolutions_that_nothing_maps_are_listed(world: JiraWorld) -> None:
    by_path = {each.where: each for each in await inspected(world, "project: SEC")}
    assert by_path["trackers", "jira", "resolutions"].outcome is InspectionOutcome.OK
    found = await inspected(world, "project: SEC", words=", resolutions: {Done: fixed, Declined: unknown}")
    (told,) = [each for each in found if each.where == ("trackers", "jira", "resolutions")]
    assert told.message == ("nothing says what it means to close a ticket as Cannot Reproduce, Duplicate, Won't Do")
    assert (told.outcome, "under resolutions" in told.advice) == (InspectionOutcome.UNKNOWN, True)
