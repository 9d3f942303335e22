"""A ServiceNow asked over real HTTP whether it is as mappings.yaml says."""

from collections.abc import Iterator

import pytest

from remediation.domain.tickets import Reason
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.trackers.servicenow.inspection.inspector import ServiceNowInspector
from sandbox.servicenow.stand_in import INTEGRATION
from tests.contract.inspector_world import mappings_with, said, wrongs
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.contract.tracker_world import nobody_listens

TABLE = "trackers.desk.table"
TICKET = "rules[0].tickets.desk"
GROUP = "287ebd7da9fe198100f92cc8d1d2154e"
SECURITY = ", table: sn_si_incident, resolve_code: Mended, close_codes: {Mended: fixed}, resolve_codes: {}"
STATES = ", states: {1: open, 6: done}, resolve_state: 6, reopen_state: 1"


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


async def inspected(
    world: ServiceNowWorld,
    ticket: str = "impact: 1",
    *,
    words: str = "",
    password: str = INTEGRATION.password,
    address: str | None = None,
) -> tuple[Inspection, ...]:
    auth = f"basic: {{user: {INTEGRATION.user_name}, password: {{env: UNUSED}}}}"
    tracker = f"kind: servicenow, url: '{address or world.address}', auth: {{{auth}}}{words}"
    loaded = mappings_with(f"{{desk: {{{tracker}}}}}", f"{{desk: {{{ticket}}}}}")
    config = loaded.mappings.trackers["desk"]
    assert isinstance(config, ServiceNowTracker)
    inspector = ServiceNowInspector("desk", config, password)
    try:
        return await inspector.inspect(loaded.mappings)
    finally:
        await inspector.close()


async def open_ours(world: ServiceNowWorld) -> None:
    tracker = world.connect()
    await tracker.create(world.draft("remedy:lakeside:finding:1"))
    await tracker.close()


async def test_a_fitting_instance_has_nothing_wrong_and_is_only_read(world: ServiceNowWorld) -> None:
    words = f"impact: 1, urgency: 2, assignment_group: {GROUP}, assigned_to: priya.helpdesk, due: 7d"
    found = await inspected(world, f"{words}, fields: {{category: software, contact_type: '{{{{ rule.name }}}}'}}")
    assert wrongs(found) == {}
    assert said(found, InspectionOutcome.UNREACHABLE) == {}
    assert world.writes() == 0


async def close_ours(world: ServiceNowWorld) -> None:
    tracker = world.connect()
    ticket = await tracker.create(world.draft("remedy:lakeside:finding:2"))
    await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    await tracker.close()


async def test_work_notes_that_an_access_rule_drops_are_told_by_a_record_that_we_closed(world: ServiceNowWorld) -> None:
    await close_ours(world)
    assert (
        said(await inspected(world), InspectionOutcome.OK)["trackers.desk"] == "our work notes are written to incident"
    )
    world.set(dropped_fields=["work_notes"])
    world.tables.records["incident"].clear()
    await close_ours(world)
    await open_ours(world)
    note = {"work_notes": "a person's"}
    (ours, *_) = world.tables.records["incident"]
    world.ask("PATCH", f"/api/now/v2/table/incident/{ours}", json=note)
    found = {each.message: each.advice for each in await inspected(world) if each.outcome is InspectionOutcome.WRONG}
    assert found == {
        "INC0010002, which our account has closed, has no work note of its own": "grant our account write access to "
        "incident.work_notes: ServiceNow drops what it may not write"
    }
    world.set(hidden_tables=["sys_journal_field"])
    untold = [each.message for each in await inspected(world) if each.outcome is InspectionOutcome.UNKNOWN]
    assert "whether our work notes are written: sys_journal_field cannot be read" in untold


async def test_another_table_has_its_own_states(world: ServiceNowWorld) -> None:
    assert wrongs(await inspected(world, words=", table: sn_si_incident")) == {}
    assert "trackers.desk.resolve_code" in wrongs(await inspected(world, words=SECURITY))
    found = wrongs(await inspected(world, words=f"{STATES}, table: sn_si_incident"))
    assert found["trackers.desk.resolve_state"].startswith(
        "sn_si_incident.state cannot be '6'; there is 10, 100, 16, 18, 19"
    )


async def test_final_states_that_the_file_names_must_exist(world: ServiceNowWorld) -> None:
    states = "states: {1: open, 2: in_progress, 6: done, 9: done}"
    found = wrongs(await inspected(world, words=f", {states}, final_states: [6, 9]"))
    assert found.keys() == {"trackers.desk.states.9", "trackers.desk.final_states[1]"}


async def test_the_columns_that_explain_a_risk_and_those_given_for_closing_must_exist(world: ServiceNowWorld) -> None:
    words, given = ", risk_reason: u_why, risk_expiry: due_date", "close_fields: {u_cause: x, category: sofware}"
    missing = {"trackers.desk.risk_reason", f"{TICKET}.close_fields.u_cause"}
    assert wrongs(await inspected(world, given, words=words)).keys() == {*missing, f"{TICKET}.close_fields.category"}
    await open_ours(world)
    world.set(hidden_tables=["sys_dictionary", "sys_choice"])
    assert wrongs(await inspected(world, given, words=words)).keys() == missing


async def test_a_wrong_password_ends_the_questions(world: ServiceNowWorld) -> None:
    (answer,) = await inspected(world, password="test-only-wrong")
    assert (answer.outcome, answer.where) == (InspectionOutcome.WRONG, ("trackers", "desk", "auth"))
    assert len(world.requests()) == 1


async def test_nobody_at_the_address_is_not_reached(world: ServiceNowWorld) -> None:
    (answer,) = await inspected(world, address=nobody_listens())
    assert (answer.outcome, answer.where) == (InspectionOutcome.UNREACHABLE, ("trackers", "desk", "url"))


@pytest.mark.parametrize(
    ("ticket", "where", "message"),
    [
        ("fields: {catgory: x}", "fields.catgory", "incident has no column catgory, and ServiceNow ignores what it"),
        ("fields: {category: sofware}", "fields.category", "incident.category cannot be 'sofware'; there is database"),
        ("assignment_group: Nobody", "assignment_group.critical", "there is no group Nobody that our account can see"),
        ("assignment_group: Retired Desk", "assignment_group.critical", "the group Retired Desk is not active"),
        ("assigned_to: nobody", "assigned_to.critical", "there is no user nobody that our account can see"),
    ],
)
async def test_what_does_not_fit_is_told_at_its_word(
    world: ServiceNowWorld, ticket: str, where: str, message: str
) -> None:
    assert message in wrongs(await inspected(world, ticket)).get(f"{TICKET}.{where}", "")


async def test_a_name_that_no_query_can_hold_is_not_asked_for(world: ServiceNowWorld) -> None:
    found = said(await inspected(world, "assignment_group: 'A^ORactive=true'"), InspectionOutcome.UNKNOWN)
    assert "holds signs that no query can" in found[f"{TICKET}.assignment_group.critical"]
    assert not any("sys_user_group" in each["path"] for each in world.requests())


async def test_codes_that_we_write_and_codes_that_the_file_names_must_exist(world: ServiceNowWorld) -> None:
    codes = "close_codes: {Solved: fixed, Solution provided: fixed}, resolve_codes: {}, resolve_code: Solved"
    found = wrongs(await inspected(world, words=f", {codes}"))
    assert found.keys() == {"trackers.desk.close_codes.solved", "trackers.desk.resolve_code"}


async def test_a_mandatory_column_must_be_set(world: ServiceNowWorld) -> None:
    world.set(mandatory=["caller_id"])
    assert wrongs(await inspected(world))[TICKET] == "incident.caller_id is mandatory, and this rule does not set it"
    assert wrongs(await inspected(world, "fields: {caller_id: priya.helpdesk}")) == {}


async def test_a_table_that_is_not_there_ends_the_questions_about_it(world: ServiceNowWorld) -> None:
    found = wrongs(await inspected(world, words=f"{STATES}, table: incidents"))
    assert found.keys() == {TABLE}
    assert found[TABLE].startswith("there is no table incidents (desk: 400")


async def test_our_own_record_shows_that_the_mark_is_written_and_seen(world: ServiceNowWorld) -> None:
    assert "without a record of ours" in said(await inspected(world), InspectionOutcome.UNKNOWN)[TABLE]
    await open_ours(world)
    told = [each.message for each in await inspected(world) if each.outcome is InspectionOutcome.OK]
    assert "our mark is written to incident, and seen there" in told


async def test_a_table_whose_records_of_ours_are_hidden_from_us_is_wrong(world: ServiceNowWorld) -> None:
    await open_ours(world)
    world.set(hidden_tables=["incident"])
    assert wrongs(await inspected(world))[TABLE].startswith("our account does not see our own records (desk: none of")


@pytest.mark.parametrize("column", ["correlation_id", "correlation_display"])
async def test_a_mark_that_is_hidden_from_us_is_wrong(world: ServiceNowWorld, column: str) -> None:
    await open_ours(world)
    world.set(unreadable_fields=[column])
    assert f"does not see incident.{column}" in wrongs(await inspected(world))[TABLE]


async def test_a_mark_that_rules_drop_is_wrong(world: ServiceNowWorld) -> None:
    world.ask("POST", "/api/now/v2/table/incident", json={"correlation_display": "remedy"})
    assert "show no incident.correlation_id" in wrongs(await inspected(world))[TABLE]


async def test_what_hidden_tables_would_tell_cannot_be_told(world: ServiceNowWorld) -> None:
    world.set(hidden_tables=["sys_db_object", "sys_dictionary", "sys_choice"])
    found = await inspected(world, "fields: {catgory: x}")
    assert wrongs(found) == {}
    untold = said(found, InspectionOutcome.UNKNOWN)
    assert "sys_dictionary and sys_db_object cannot be read" in untold[TABLE]
    assert "sys_choice cannot be read" in untold["trackers.desk.resolve_code"]


async def test_without_the_dictionary_a_record_shows_which_columns_there_are(world: ServiceNowWorld) -> None:
    await open_ours(world)
    world.set(hidden_tables=["sys_dictionary"])
    found = wrongs(await inspected(world, "fields: {catgory: x, category: software}"))
    assert found.keys() == {f"{TICKET}.fields.catgory"}


def rights(found: tuple[Inspection, ...]) -> dict[str, str]:
    """What is missing, by what our query is for."""
    said = [each for each in found if each.outcome is InspectionOutcome.WRONG and "may not query" in each.message]
    return {each.message.partition(" for ")[2].partition(" (")[0]: each.advice for each in said}


RANGE = "grant it on incident: query_range on sys_updated_on"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {}),
        ({"no_query_range": ["sys_updated_on"]}, {"changes": RANGE, "further pages of changes": RANGE}),
        (
            {"no_query_match": ["correlation_id"]},
            {"a mark": "grant it on incident: query_match on correlation_id"},
        ),
        (
            {"no_query_range": ["sys_id"]},
            {"further pages of changes": "grant it on incident: query_range on sys_id"},
        ),
    ],
)
async def test_the_very_queries_of_our_work_are_asked_and_the_missing_right_is_named(
    world: ServiceNowWorld, settings: dict[str, list[str]], expected: dict[str, str]
) -> None:
    await open_ours(world)
    world.set(**settings)
    found = await inspected(world)
    assert rights(found) == expected
    for each in found:
        assert "may not query" not in each.message or "do not have permission to be read" in each.message


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin"])
async def test_an_account_in_another_zone_is_told(world: ServiceNowWorld, zone: str) -> None:
    await open_ours(world)
    assert any("times in queries" in each.message for each in await inspected(world))
    world.set(query_zone=zone)
    assert "read in another zone" in wrongs(await inspected(world))["trackers.desk.auth"]


async def test_users_that_are_hidden_are_no_failure_to_sign_in(world: ServiceNowWorld) -> None:
    world.set(no_query=["sys_user"])
    found = await inspected(world)
    assert wrongs(found) == {}
    assert "signs in, but as whom" in said(found, InspectionOutcome.UNKNOWN)["trackers.desk.auth"]
    assert said(found, InspectionOutcome.OK)[TABLE]


async def test_every_column_that_refers_to_another_table_must_name_something_there(world: ServiceNowWorld) -> None:
    fields = "fields: {caller_id: nobody, u_owner: nobody}, assignment_group: Service Desk"
    found = wrongs(await inspected(world, f"{fields}, close_fields: {{caller_id: noone}}"))
    assert found == {
        f"{TICKET}.fields.caller_id": "there is no user nobody that our account can see",
        f"{TICKET}.fields.u_owner": "there is no user nobody that our account can see",
        f"{TICKET}.close_fields.caller_id": "there is no user noone that our account can see",
        f"{TICKET}.assignment_group.critical": "2 groups are called Service Desk",
    }


async def test_a_question_that_is_not_answered_leaves_the_others(world: ServiceNowWorld) -> None:
    world.fault("status", status=503, path="sys_choice", times=None)
    found = await inspected(world, "assignment_group: Nobody")
    assert "trackers.desk.resolve_code" in said(found, InspectionOutcome.UNREACHABLE)
    assert f"{TICKET}.assignment_group.critical" in wrongs(found)


async def test_close_codes_that_nothing_maps_are_listed(world: ServiceNowWorld) -> None:
    where = ("trackers", "desk", "close_codes")
    world.set(own_close_codes=[])
    assert [each.outcome for each in await inspected(world) if each.where == where] == [InspectionOutcome.OK]
    world.set(own_close_codes=["Taken offline", "Risk accepted"])
    (told,) = [each for each in await inspected(world) if each.where == where]
    assert told.outcome is InspectionOutcome.UNKNOWN
    assert told.message == "nothing says what it means to close a ticket as Risk accepted, Taken offline"
    assert "under close_codes" in told.advice
