"""What answers of trackers mean for mappings.yaml."""

import pytest

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater
from remediation.domain.status import Severity
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.explain.inspections import (
    Inspection,
    InspectionOutcome,
    Setting,
    Wanted,
    choice_of,
    signed_out,
    unanswered,
)
from remediation.trackers.jira.catalogue import CreateField, Project
from remediation.trackers.jira.inspection.demands import ALWAYS_SET, IssueDemand
from remediation.trackers.jira.inspection.verdicts import field_verdicts, project_verdict
from remediation.trackers.jira.inspection.ways import way_verdicts
from remediation.trackers.jira.workflow import Explored, WorkflowStatus, WorkflowStep
from remediation.trackers.servicenow.inspection.catalogue import choices_in, columns_of

TO_DO, DOING, DONE = (
    WorkflowStatus("1", "To Do", "new"),
    WorkflowStatus("2", "Doing", "indeterminate"),
    WorkflowStatus("3", "Done", "done"),
)
WORST = {Severity.CRITICAL, Severity.HIGH}


def demand(*settings: tuple[str, Setting]) -> IssueDemand:
    return IssueDemand(("rules", 0, "tickets", "jira"), "SEC", "Task", settings)


def field(name: str, **more: object) -> CreateField:
    return CreateField.model_validate({"fieldId": name, "name": name.title(), **more})


def screen(*fields: CreateField) -> dict[str, CreateField]:
    return {each.id: each for each in (*map(field, ALWAYS_SET), *fields)}


def wrong(found: list[Inspection]) -> list[str]:
    return [each.message for each in found if each.outcome is InspectionOutcome.WRONG]


@pytest.mark.parametrize(
    ("error", "word", "outcome"),
    [
        (TryLater("jira", "who", status=401), "auth", InspectionOutcome.WRONG),
        (Refused("jira", "no", status=403), "auth", InspectionOutcome.WRONG),
        (TryLater("jira", "nothing is there", status=404), "url", InspectionOutcome.WRONG),
        (NotFound("jira", "nothing is there", status=404), "url", InspectionOutcome.WRONG),
        (TryLater("jira", "no connection"), "url", InspectionOutcome.UNREACHABLE),
        (TryLater("jira", "busy", status=503), "url", InspectionOutcome.UNREACHABLE),
        (TryLater("jira", "too many", status=429, after=3), "url", InspectionOutcome.UNREACHABLE),
    ],
)
def test_why_nobody_says_who_we_are_decides_what_is_wrong(
    error: OutsideError, word: str, outcome: InspectionOutcome
) -> None:
    found = signed_out(("url",), ("auth",), error)
    assert (found.where, found.outcome) == ((word,), outcome)


def test_a_refused_question_cannot_be_told_and_an_unanswered_one_was_not_reached() -> None:
    assert unanswered((), "whether", Refused("jira", "no")).outcome is InspectionOutcome.UNKNOWN
    assert unanswered((), "whether", TryLater("jira", "slow")).outcome is InspectionOutcome.UNREACHABLE


def test_a_word_for_several_severities_is_asked_about_once() -> None:
    ticket = JiraTicket.model_validate({"project": "SEC", "priority": {"critical": "High", "high": "High"}})
    wanted = Wanted((), ticket, tuple(WORST))
    assert list(wanted.by_severity("priority", ticket.priority)) == [
        Setting(("priority", "critical"), "High", always=True)
    ]


def test_a_long_choice_is_cut_and_the_nearest_word_is_still_found() -> None:
    said = choice_of([f"word{number:02}" for number in range(30)], "word3")
    assert said.startswith("there is word00, word01,")
    assert " and 18 more; did you mean 'word" in said


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ({"key": "SECURITY"}, "the project SEC is called SECURITY now"),
        ({"key": "SEC", "archived": True}, "the project SEC is archived"),
    ],
)
def test_a_renamed_or_archived_project_is_wrong(project: dict[str, object], message: str) -> None:
    assert wrong(list(project_verdict([demand()], Project.model_validate(project)))) == [message]


def test_what_jira_fills_in_by_itself_need_not_be_set() -> None:
    fields = screen(field("reporter", required=True), field("priority", required=True, hasDefaultValue=True))
    assert wrong(list(field_verdicts(demand(), fields))) == []


@pytest.mark.parametrize(
    "value",
    [{"value": "West"}, {"id": "7"}, [{"value": "West"}, {"value": "East"}], {"value": "{{ rule.name }}"}, "West", 3],
)
def test_a_choice_that_is_offered_or_cannot_be_compared_is_right(value: object) -> None:
    offered = field("site", allowedValues=[{"id": "7", "value": "West"}, {"id": "8", "value": "East"}])
    assert wrong(list(field_verdicts(demand(("site", Setting((), value))), screen(offered)))) == []


@pytest.mark.parametrize("value", [{"value": "Wets"}, {"id": 9}, [{"value": "West"}, {"value": "Nord"}]])
def test_a_choice_that_is_not_offered_is_wrong(value: object) -> None:
    offered = field("site", allowedValues=[{"id": "7", "value": "West"}, {"id": "8", "value": "East"}])
    (message,) = wrong(list(field_verdicts(demand(("site", Setting((), value))), screen(offered))))
    assert message.startswith("Site cannot be '")


FINISH, START, REOPEN = WorkflowStep("a", DONE), WorkflowStep("b", DOING), WorkflowStep("c", TO_DO)
SIGN_OFF = WorkflowStep("d", DONE, missing=(("customfield_1", "Approver"),))


@pytest.mark.parametrize(
    ("steps", "done", "back"),
    [
        ({"1": (FINISH,), "3": (REOPEN,)}, InspectionOutcome.OK, InspectionOutcome.OK),
        ({"1": (START,), "2": (FINISH,), "3": ()}, InspectionOutcome.OK, InspectionOutcome.WRONG),
        ({"1": (START,)}, InspectionOutcome.UNKNOWN, InspectionOutcome.UNKNOWN),
        ({"1": (START,), "2": (REOPEN,)}, InspectionOutcome.WRONG, InspectionOutcome.UNKNOWN),
        ({"1": (SIGN_OFF,)}, InspectionOutcome.WRONG, InspectionOutcome.UNKNOWN),
        ({"1": (SIGN_OFF, START)}, InspectionOutcome.UNKNOWN, InspectionOutcome.UNKNOWN),
        ({"1": (FINISH,), "2": ()}, InspectionOutcome.WRONG, InspectionOutcome.UNKNOWN),
        ({}, InspectionOutcome.UNKNOWN, InspectionOutcome.UNKNOWN),
    ],
)
def test_a_way_is_right_where_it_is_seen_wrong_where_none_is_left_and_unknown_between(
    steps: dict[str, tuple[WorkflowStep, ...]], done: InspectionOutcome, back: InspectionOutcome
) -> None:
    found = list(way_verdicts(demand(), (TO_DO, DOING, DONE), Explored(dict(steps))))
    assert [each.outcome for each in found] == [done, back]


def test_what_bars_the_way_is_named() -> None:
    (to_done, _) = way_verdicts(demand(), (TO_DO, DONE), Explored({"1": (SIGN_OFF,)}))
    assert "the transition to a done status requires: Approver (customfield_1)" in to_done.message


def test_the_nearest_tables_word_counts_for_columns_and_choices() -> None:
    chain = ("incident", "task")
    rows = [
        {"name": "task", "element": "state", "mandatory": "true", "default_value": ""},
        {"name": "incident", "element": "state", "mandatory": "false"},
        {"name": "task", "element": "number", "mandatory": "true", "default_value": "javascript:next()"},
        {"name": "task", "element": "old", "active": "false"},
        {"name": "problem", "element": "cause"},
    ]
    assert {name: column.demanded for name, column in columns_of(chain, rows).items()} == {
        "state": False,
        "number": False,
    }
    choices = [
        {"name": "task", "element": "state", "value": "9"},
        {"name": "incident", "element": "state", "value": "1"},
        {"name": "incident", "element": "state", "value": "2", "inactive": "true"},
        {"name": "task", "element": "impact", "value": "1"},
    ]
    assert choices_in(chain, choices) == {"state": ("1",), "impact": ("1",)}
