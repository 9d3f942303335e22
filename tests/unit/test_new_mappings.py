"""A new mappings.yaml: whatever names a directory holds, it loads and says what was read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.status import Severity
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.render.templates import is_template
from remediation.mapping.writing.new_file import NewDistrict, NewTracker, new_file
from remediation.mapping.writing.proposals import Proposal
from remediation.mapping.writing.ticket_texts import TEMPLATES
from remediation.mapping.writing.yaml_text import Block, Entry, block_text, flow, is_writable, value_of
from remediation.trackers.jira.catalogue import CreateField, CreateType, Project
from remediation.trackers.jira.inspection.proposal import (
    JiraSurvey,
    field_value,
    jira_proposal,
    priorities_for,
    usual_type,
)
from remediation.trackers.servicenow.inspection.catalogue import Column
from remediation.trackers.servicenow.inspection.proposal import ServiceNowSurvey, servicenow_proposal

EXAMPLE = Path(__file__).parents[2] / "mappings.yaml"
DISTRICT = NewDistrict(
    "lakeside", "https://api.schoolscan.ai/v1", {"env": "SCHOOLSCAN_TOKEN"}, {"file": "/run/secrets/webhook secret"}
)
INCIDENT_CODES = (
    *("Duplicate", "Known error", "No resolution provided", "Resolved by caller", "Solution provided", "User error"),
)
OLD_CODES = ("Solved (Permanently)", "Solved (Work Around)", "Not Solved (Too Costly)", "Closed/Resolved by Caller")

odd = st.one_of(
    st.sampled_from(
        [
            "no",
            "null",
            "~",
            "1",
            "0101",
            "1e3",
            "- a",
            "a: b",
            "a #b",
            "'",
            '"',
            "\\",
            "{{ x }}",
            "*a",
            "&a",
            "!a",
            "%",
            "@",
        ]
    ),
    st.text(min_size=1, max_size=60),
)
names = odd.filter(is_writable)


def new_jira(survey: JiraSurvey, name: str = "jira") -> NewTracker:
    auth = {"user": "svc@lakeside.example", "password": {"env": "JIRA_TOKEN"}}
    sign_in = [Entry("kind", "jira"), Entry("url", "https://lakeside.atlassian.example")]
    block = Block([*sign_in, Entry("auth", Block([Entry("basic", auth)]))])
    return NewTracker(name, "Jira", block, jira_proposal(name, survey, {}, {}), is_desk=False)


def new_servicenow(survey: ServiceNowSurvey, name: str = "servicenow") -> NewTracker:
    sign_in = [Entry("kind", "servicenow"), Entry("url", "https://lakeside.service-now.example")]
    block = Block([*sign_in, Entry("auth", Block([Entry("api_key", {"env": "SERVICENOW_KEY"})]))])
    return NewTracker(name, "ServiceNow", block, servicenow_proposal(name, survey, {}, {}), is_desk=True)


def field(name: str, *allowed: dict[str, str], required: bool = False, several: bool = False) -> CreateField:
    form = {"type": "array" if several else "string"}
    return CreateField.model_validate(
        {"fieldId": name, "name": name.title(), "required": required, "schema": form, "allowedValues": list(allowed)}
    )


def screen(
    *more: CreateField, priorities: tuple[str, ...] = ("Highest", "High", "Medium", "Low")
) -> dict[str, CreateField]:
    fields = [
        *(field(name) for name in ("summary", "description", "labels", "duedate")),
        field("priority", *({"id": str(number), "name": name} for number, name in enumerate(priorities))),
        *more,
    ]
    return {each.id: each for each in fields}


def survey(**changes: object) -> JiraSurvey:
    usual = {
        "projects": (Project(key="SEC", name="Web Security"),),
        "project": "SEC",
        "types": (CreateType(id="1", name="Task"),),
        "type": "Task",
        "screen": screen(),
        "resolutions": ("Done", "Won't Do"),
    }
    return JiraSurvey(**{**usual, **changes})  # type: ignore[arg-type]


COLUMNS = {name: Column(name, demanded=False) for name in ("impact", "urgency", "assignment_group", "due_date")}


values = st.recursive(
    odd | st.integers(-(10**9), 10**9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
)


@given(values)
def test_a_value_reads_back_as_it_is(value: object) -> None:
    text = block_text([Entry("word", value, beside="a comment: # with 'signs")])
    document = read_document(text, "new")
    if "\ud800" <= max(str(value), default="") <= "\udfff":
        return
    assert (document.data, document.complaints) == ({"word": value}, [])


@given(st.lists(st.tuples(names, odd), unique_by=lambda pair: pair[0]), odd)
def test_words_that_are_comments_are_none_whatever_they_hold(pairs: list[tuple[str, str]], says: str) -> None:
    entries = Block(
        Entry(key, value, says, (says,), is_off=number % 2 == 0) for number, (key, value) in enumerate(pairs)
    )
    written = {key: value for number, (key, value) in enumerate(pairs) if number % 2}
    if any("\ud800" <= char <= "\udfff" for value in written.values() for char in value):
        return
    assert read_document(block_text(entries), "new").data == (written or None)
    assert value_of(Entry("", entries)) == (written or None)


@given(names, names, st.lists(names, min_size=1, max_size=6), st.lists(names, max_size=6), st.data())
def test_a_new_file_loads_and_means_what_a_jira_says(
    title: str, kind: str, priorities: list[str], resolutions: list[str], data: st.DataObject
) -> None:
    choice = data.draw(names)
    required = field("customfield_1", {"id": "7", "value": choice}, required=True)
    read = survey(
        projects=(Project(key="SEC", name=title),),
        types=(CreateType(id="1", name=kind),),
        type=kind,
        screen=screen(required, priorities=tuple(priorities)),
        resolutions=tuple(resolutions),
    )
    new = new_jira(read)
    loaded = loaded_of(new_file(DISTRICT, [new], [title, str(resolutions)]), "new")
    assert warnings_of(loaded) == ()
    (rule,) = loaded.mappings.rules
    ticket = rule.tickets["jira"]
    assert (ticket.place, ticket.model_dump()["type"]) == ("SEC", kind)
    assert ticket.model_dump()["priority"] == priorities_for(priorities)
    named = {"id": "7"} if is_template(choice) else {"value": choice}
    assert ticket.more_fields == {"customfield_1": named}


@given(st.lists(names, max_size=8), st.lists(names, max_size=4), names)
def test_a_new_file_loads_and_means_what_a_servicenow_says(codes: list[str], groups: list[str], account: str) -> None:
    columns = {**COLUMNS, "caller_id": Column("caller_id", demanded=True, reference="sys_user")}
    choices = {"close_code": (*INCIDENT_CODES[:3], *codes, "Solution provided")}
    read = ServiceNowSurvey("incident", columns, choices, tuple(groups), ("0" * 32, "Privacy: 'Office' #1"), account)
    loaded = loaded_of(new_file(DISTRICT, [new_servicenow(read)]), "new")
    (rule,) = loaded.mappings.rules
    words = rule.tickets["servicenow"].model_dump()
    assert words["assignment_group"] == dict.fromkeys(Severity, "0" * 32)
    assert words["fields"] == ({} if is_template(account) else {"caller_id": account})


def test_two_trackers_share_the_rules_and_the_file_has_no_warnings() -> None:
    trackers = [new_servicenow(ServiceNowSurvey("incident", COLUMNS)), new_jira(survey())]
    loaded = loaded_of(new_file(DISTRICT, trackers), "new")
    assert warnings_of(loaded) == ()
    assert {rule.name: list(rule.tickets) for rule in loaded.mappings.rules} == {
        "students-exposed": ["servicenow", "jira"],
        "vendor-exposure": ["servicenow"],
        "everything-else": ["jira"],
    }


def test_the_texts_of_tickets_are_those_of_the_example_file() -> None:
    assert EXAMPLE.read_text(encoding="utf-8").endswith(f"\n{TEMPLATES}")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("Highest", "High", "Medium", "Low", "Lowest"), ("Highest", "High", "Medium", "Low", "High")),
        (("Blocker", "Critical", "Major", "Minor", "Trivial"), ("Blocker", "Critical", "Major", "Minor", "Critical")),
        (("low", "medium", "high", "critical"), ("critical", "high", "medium", "low", "high")),
        (("Eins", "Zwei", "Drei", "Vier", "Fünf"), ("Eins", "Zwei", "Drei", "Vier", "Zwei")),
        (("A", "B", "C"), ("A", "B", "B", "C", "B")),
        (("A", "B"), ("A", "A", "B", "B", "A")),
        (("Normal",), ("Normal",) * 5),
    ],
)
def test_priorities_go_by_their_names_or_by_their_order(there: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert priorities_for(there) == dict(zip(Severity, expected, strict=True))


@pytest.mark.parametrize(
    ("written", "proposed"),
    [
        ("High", "High"),
        ("Burning", {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low", "unknown": "High"}),
        ({"critical": "Low", "high": "Burning"}, {"critical": "Low", "high": "High"}),
    ],
)
def test_a_priority_that_a_file_has_stays_where_jira_still_takes_it(written: object, proposed: object) -> None:
    known = {"project": "SEC", "priority": written}
    words = {each.key: each.value for each in jira_proposal("jira", survey(), {"kind": "jira"}, known).ticket}
    assert words["priority"] == proposed


@pytest.mark.parametrize(
    ("each", "word", "value"),
    [
        (field("a", {"value": "West"}, {"value": "East"}), "west", {"value": "West"}),
        (field("a", {"name": "Web"}, {"name": "App"}, several=True), "App", [{"name": "App"}]),
        (field("a", several=True), "x", ["x"]),
        (field("a"), "any text: 'as it is'", "any text: 'as it is'"),
        (CreateField.model_validate({"fieldId": "a", "schema": {"type": "number"}}), "7", 7),
        (CreateField.model_validate({"fieldId": "a", "schema": {"type": "number"}}), "0.5", 0.5),
        (CreateField.model_validate({"fieldId": "a", "schema": {"type": "option"}}), "West", {"value": "West"}),
    ],
)
def test_a_field_s_value_is_written_as_jira_takes_it(each: CreateField, word: str, value: object) -> None:
    assert field_value(each, word) == value


def test_a_security_level_is_for_people_to_choose() -> None:
    levels = field("security", {"name": "Privacy office"}, {"name": "Team"}, required=True)
    new = new_jira(survey(screen=screen(levels)))
    assert gaps_of(new.proposal) == {
        "defaults.tickets.jira.security_level": "Jira requires one; there is Privacy office, Team"
    }
    assert "# security_level: Privacy office  # who may see the issues" in new_file(DISTRICT, [new])


def test_a_type_that_is_a_part_of_another_issue_is_not_proposed() -> None:
    part, story = CreateType(id="1", name="Task", subtask=True), CreateType(id="2", name="Story")
    assert usual_type([part, story]) == "Story"
    assert usual_type([part]) == ""


def gaps_of(proposal: Proposal) -> dict[str, str]:
    return {".".join(map(str, each.where)): each.says for each in proposal.gaps}


def test_what_only_people_know_is_a_comment_and_said() -> None:
    read = survey(screen=screen(field("customfield_1", {"value": "West"}, {"value": "East"}, required=True)))
    new = new_jira(read)
    assert gaps_of(new.proposal) == {
        "defaults.tickets.jira.fields.customfield_1": "Customfield_1 is required; there is {value: West}, {value: East}"
    }
    text = new_file(DISTRICT, [new], list(map(str, new.proposal.gaps)))
    assert "# customfield_1: {value: West}  # SET THIS: Customfield_1 is required" in text
    assert text.index("STILL TO BE SET") < text.index("version: 1")
    assert loaded_of(text, "new").mappings.rules[0].tickets["jira"].more_fields == {}


def test_customers_of_a_service_project_do_not_read_what_we_write() -> None:
    desk = Project(key="SEC", name="Help", projectTypeKey="service_desk")
    tracker = loaded_of(new_file(DISTRICT, [new_jira(survey(projects=(desk,)))]), "new").mappings.trackers["jira"]
    assert tracker.model_dump()["comments"] == "internal"


def test_a_project_that_nobody_chose_is_asked_for() -> None:
    projects = (Project(key="SEC", name="a"), Project(key="WEB", name="b"))
    new = new_jira(JiraSurvey(projects=projects))
    assert gaps_of(new.proposal) == {
        "defaults.tickets.jira.project": "which project are issues opened in? there is SEC, WEB"
    }
    assert "# project: SEC  # SET THIS: there is SEC, WEB" in new_file(DISTRICT, [new])


@pytest.mark.parametrize("several", [False, True])
def test_a_required_field_with_one_choice_gets_it(several: bool) -> None:  # noqa: FBT001 - a parameter of the test
    read = survey(screen=screen(field("components", {"name": "Web"}, required=True, several=several)))
    loaded = loaded_of(new_file(DISTRICT, [new_jira(read)]), "new")
    chosen = {"name": "Web"}
    assert loaded.mappings.rules[0].tickets["jira"].more_fields == {"components": [chosen] if several else chosen}


def test_without_a_due_date_on_the_screen_no_ticket_is_due() -> None:
    read = survey(screen={name: each for name, each in screen().items() if name != "duedate"})
    loaded = loaded_of(new_file(DISTRICT, [new_jira(read)]), "new")
    assert loaded.mappings.rules[0].tickets["jira"].due is None


def test_resolutions_of_the_site_s_own_are_listed_beside_those_that_are_known() -> None:
    text = new_file(DISTRICT, [new_jira(survey(resolutions=("Done", "Taken: offline")))])
    assert '# "Taken: offline": fixed' in text
    tracker = loaded_of(text, "new").mappings.trackers["jira"].model_dump()
    assert tracker["resolutions"] == {"done": "fixed"}
    nothing_known = new_file(DISTRICT, [new_jira(survey(resolutions=("Erledigt",)))])
    assert "duplicate" in loaded_of(nothing_known, "new").mappings.trackers["jira"].model_dump()["resolutions"]


def resolving(codes: tuple[str, ...], table: str = "incident") -> tuple[str, dict[str, str], list[str]]:
    new = new_servicenow(ServiceNowSurvey(table, COLUMNS, {"close_code": codes}))
    words = loaded_of(new_file(DISTRICT, [new]), "new").mappings.trackers["servicenow"].model_dump()
    return words["resolve_code"], words["resolve_codes"], list(gaps_of(new.proposal))


def test_close_codes_of_an_older_release_are_taken_by_their_meaning() -> None:
    code, others, gaps = resolving(OLD_CODES)
    assert (code, set(others.values()), gaps) == ("Solved (Permanently)", {"Not Solved (Too Costly)"}, [])


def test_the_usual_close_codes_need_no_word() -> None:
    new = new_servicenow(ServiceNowSurvey("incident", COLUMNS, {"close_code": INCIDENT_CODES}))
    assert [each.key for each in new.proposal.tracker] == ["table"]


def test_a_close_code_that_accepts_a_risk_is_used_for_that() -> None:
    code, others, gaps = resolving((*INCIDENT_CODES, "Risk accepted"))
    assert (code, others["accepted_risk"], gaps) == ("Solution provided", "Risk accepted", [])


def test_close_codes_of_which_none_is_known_are_asked_for() -> None:
    code, _, gaps = resolving(("Erledigt", "Abgelehnt"))
    assert (code, gaps) == ("Solution provided", ["trackers.servicenow.close_codes"])


def test_a_table_whose_states_are_not_known_is_asked_for() -> None:
    read = ServiceNowSurvey("u_case", COLUMNS, {"state": ("1", "5")})
    assert list(gaps_of(new_servicenow(read).proposal)) == ["trackers.servicenow.states"]


def test_flow_is_one_line() -> None:
    assert flow({"critical": "a\nb", "x": [1, None, True]}) == '{critical: "a\\u000ab", x: [1, null, true]}'
