import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.trackers.jira import JIRA_RESOLUTIONS
from remediation.trackers.jira.workflow import (
    Explored,
    Goal,
    ResolutionChoice,
    WorkflowStatus,
    WorkflowStep,
    explained,
    no_way,
    reopening,
    resolution_for,
    resolving,
    state_of,
)

TO_DO = WorkflowStatus("1", "To Do", "new")
WORKING = WorkflowStatus("2", "In Progress", "indeterminate")
REVIEW = WorkflowStatus("3", "In Review", "indeterminate")
DONE = WorkflowStatus("4", "Done", "done")
CANCELLED = WorkflowStatus("5", "Cancelled", "done")
CHOICES = (ResolutionChoice("10", "Won't Do"), ResolutionChoice("11", "Done"), ResolutionChoice("12", "Duplicate"))
FIXED = resolving(Reason.FIXED, JIRA_RESOLUTIONS)


@pytest.mark.parametrize(
    ("category", "state"),
    [
        ("new", TicketState.OPEN),
        ("indeterminate", TicketState.IN_PROGRESS),
        ("done", TicketState.DONE),
        ("undefined", TicketState.OPEN),
        ("", TicketState.OPEN),
    ],
)
def test_the_category_alone_decides_the_state(category: str, state: TicketState) -> None:
    assert state_of(category) is state


def seen(**steps: list[WorkflowStep]) -> Explored:
    explored = Explored()
    for place, found in steps.items():
        explored.note(place.removeprefix("s"), found)
    return explored


def test_a_direct_step_is_taken_before_any_other() -> None:
    explored = seen(s1=[WorkflowStep("a", WORKING), WorkflowStep("b", DONE)])
    assert explored.next_step("1", Goal.DONE, FIXED) == WorkflowStep("b", DONE)


def test_without_a_direct_step_a_status_not_seen_yet_is_tried_where_somebody_works_first() -> None:
    explored = seen(s1=[WorkflowStep("a", WorkflowStatus("9", "Backlog", "new")), WorkflowStep("b", WORKING)])
    assert explored.next_step("1", Goal.DONE, FIXED) == WorkflowStep("b", WORKING)


def test_a_known_way_is_shorter_than_looking_on() -> None:
    explored = seen(
        s1=[WorkflowStep("a", WORKING)],
        s2=[
            WorkflowStep("b", REVIEW),
            WorkflowStep("back", TO_DO),
            WorkflowStep("x", WorkflowStatus("9", "Blocked", "indeterminate")),
        ],
        s3=[WorkflowStep("c", DONE), WorkflowStep("back", WORKING)],
    )
    assert explored.next_step("2", Goal.DONE, FIXED) == WorkflowStep("b", REVIEW)


def test_a_dead_end_leads_back_to_what_was_not_seen_yet() -> None:
    other = WorkflowStatus("9", "Testing", "indeterminate")
    explored = seen(s1=[WorkflowStep("a", WORKING), WorkflowStep("t", other)], s2=[WorkflowStep("back", TO_DO)])
    assert explored.next_step("2", Goal.DONE, FIXED) == WorkflowStep("back", TO_DO)
    explored.note("9", [WorkflowStep("end", DONE)])
    assert explored.next_step("1", Goal.DONE, FIXED) == WorkflowStep("t", other)


def test_where_everything_was_seen_and_nothing_leads_on_there_is_no_step() -> None:
    explored = seen(s1=[WorkflowStep("a", WORKING)], s2=[WorkflowStep("back", TO_DO)])
    assert explored.next_step("1", Goal.DONE, FIXED) is None
    assert "To Do" in no_way(TO_DO, Goal.DONE, explored)


def test_a_step_that_asks_for_what_only_a_person_knows_is_no_way_and_is_named() -> None:
    asking = WorkflowStep("a", DONE, missing=(("customfield_1", "Approver"),))
    silent = WorkflowStep("b", DONE, resolutions=(), resolution_required=True)
    explored = seen(s1=[asking, silent])
    assert explored.next_step("1", Goal.DONE, FIXED) is None
    words = no_way(TO_DO, Goal.DONE, explored)
    assert words == (
        "the transition to a done status requires: Approver (customfield_1), Resolution (resolution); "
        "the rule's close_fields can give that"
    )
    assert "close_fields" not in no_way(TO_DO, Goal.DONE, seen(s1=[silent])), "no rule gives a resolution"


def test_what_the_rule_gives_opens_a_step() -> None:
    asking = WorkflowStep("a", DONE, missing=(("customfield_1", "Approver"), ("customfield_2", "Cause")))
    assert asking.given({"customfield_1", "customfield_2", "customfield_3"}, Goal.DONE).is_open
    half = asking.given({"customfield_1"}, Goal.DONE)
    assert not half.is_open
    assert "requires: Cause (customfield_2);" in no_way(TO_DO, Goal.DONE, seen(s1=[half]))


def test_a_comment_comes_only_with_the_step_that_reaches_the_goal() -> None:
    wanted = (("comment", "Comment"),)
    assert WorkflowStep("a", DONE, missing=wanted).given((), Goal.DONE).is_open
    on_the_way = WorkflowStep("b", WORKING, missing=wanted)
    assert not on_the_way.given((), Goal.DONE).is_open
    assert on_the_way.given({"comment"}, Goal.DONE).is_open
    assert on_the_way.given((), Goal.ACTIVE).is_open


def test_whoever_writes_internal_comments_gives_none_inside_a_step() -> None:
    step = WorkflowStep("a", DONE, missing=(("comment", "Comment"), ("customfield_1", "Cause")))
    given = step.given({"comment", "customfield_1"}, Goal.DONE, internal=True)
    assert not given.is_open
    explored = Explored({TO_DO.id: (given,)})
    assert no_way(TO_DO, Goal.DONE, explored) == (
        "the transition to a done status requires: Comment (a public one, which `comments: internal` forbids)"
    )


def test_who_works_on_it_is_advised_as_what_no_rule_gives_in_closing() -> None:
    words = no_way(TO_DO, Goal.DONE, seen(s1=[WorkflowStep("a", DONE, missing=(("assignee", "Assignee"),))]))
    assert words == (
        "the transition to a done status requires: Assignee (assignee); "
        "assignee: set by a person in this issue, and by the rule's own assignee in new ones"
    )


def test_a_step_half_way_that_asks_for_something_is_named_too() -> None:
    asking = WorkflowStep("a", WORKING, missing=(("customfield_1", "Approver"),))
    assert "Approver (customfield_1)" in no_way(TO_DO, Goal.DONE, seen(s1=[asking]))
    reopening_asks = WorkflowStep("b", TO_DO, missing=(("customfield_1", "Why"),))
    words = no_way(DONE, Goal.ACTIVE, seen(s4=[reopening_asks]))
    assert words == "the transition to a status that is not done requires: Why (customfield_1)"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("customfield_10020: Approver is required.", True),
        ("Bad.; customfield_10020: Approver is required.", True),
        ("comment: Comment is required.", True),
        ("fixVersions: Fix versions is required.", True),
        ("labels: is required", False),
        ("Transition id '5' is not valid for this issue.", False),
        ("", False),
    ],
)
def test_a_validators_refusal_that_names_a_field_says_what_a_rule_can_do(words: str, *, told: bool) -> None:
    assert explained(words) == (f"{words}; the rule's close_fields can give that" if told else words)


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        (Reason.FIXED, "done"),
        (Reason.ACCEPTED_RISK, "wont"),
        (Reason.DUPLICATE, "screen"),
        (Reason.UNKNOWN, "screen"),
        (Reason.CANCELLED, "other"),
    ],
)
def test_of_several_ways_to_done_the_one_that_says_the_reason_is_taken(reason: Reason, step: str) -> None:
    steps = [
        WorkflowStep("other", CANCELLED),
        WorkflowStep("wont", WorkflowStatus("6", "Won't Do", "done")),
        WorkflowStep("done", DONE),
        WorkflowStep(
            "screen", WorkflowStatus("7", "Closed", "done"), resolutions=(ResolutionChoice("12", "Duplicate"),)
        ),
    ]
    found = seen(s1=steps).next_step("1", Goal.DONE, resolving(reason, JIRA_RESOLUTIONS))
    assert found is not None
    assert found.id == step


def test_reopening_prefers_a_status_in_which_nobody_works_yet() -> None:
    steps = [
        WorkflowStep("c", CANCELLED),
        WorkflowStep("u", WorkflowStatus("8", "Odd", "undefined")),
        WorkflowStep("w", WORKING),
        WorkflowStep("t", TO_DO),
    ]
    found = seen(s4=steps).next_step("4", Goal.ACTIVE, reopening)
    assert found == WorkflowStep("t", TO_DO)


@pytest.mark.parametrize(
    ("step", "reason", "choice"),
    [
        (WorkflowStep("a", DONE), Reason.FIXED, None),
        (WorkflowStep("a", DONE, resolutions=CHOICES), Reason.FIXED, "Done"),
        (WorkflowStep("a", DONE, resolutions=CHOICES), Reason.ACCEPTED_RISK, "Won't Do"),
        (WorkflowStep("a", DONE, resolutions=CHOICES), Reason.FALSE_POSITIVE, "Done"),
        (WorkflowStep("a", DONE, resolutions=CHOICES[2:]), Reason.FIXED, None),
        (WorkflowStep("a", DONE, resolutions=CHOICES[2:], resolution_required=True), Reason.FIXED, "Duplicate"),
        (WorkflowStep("a", DONE, resolutions=(), resolution_required=True), Reason.FIXED, None),
    ],
)
def test_a_resolution_is_chosen_only_from_what_the_screen_offers(
    step: WorkflowStep, reason: Reason, choice: str | None
) -> None:
    found = resolution_for(step, reason, JIRA_RESOLUTIONS)
    assert (found and found.name) == choice


graphs = st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=4), min_size=1, max_size=7)


def distance(graph: dict[int, list[int]], goal: int) -> int | None:
    """Steps from status 0 to the goal."""
    ring, known, steps = {0}, {0}, 0
    while ring:
        if goal in ring:
            return steps
        ring = {to for place in ring for to in graph.get(place, [])} - known
        known |= ring
        steps += 1
    return None


@given(graphs)
def test_a_walk_finds_a_way_wherever_there_is_one_and_ends_where_there_is_none(graph: dict[int, list[int]]) -> None:
    goal = 6
    explored, here, walked = Explored(), 0, 0
    if distance(graph, goal) == 0:
        return
    while here != goal and walked < 60:
        places = [WorkflowStatus(str(to), str(to), "done" if to == goal else "new") for to in graph.get(here, [])]
        explored.note(str(here), [WorkflowStep(f"{here}-{place.id}", place) for place in places])
        step = explored.next_step(str(here), Goal.DONE, FIXED)
        if step is None:
            break
        here, walked = int(step.to.id), walked + 1
    way_back = all(0 in reachable(graph, place) for place in reachable(graph, 0) - {goal})
    if distance(graph, goal) is None:
        assert here != goal
    elif way_back:
        assert here == goal


def reachable(graph: dict[int, list[int]], start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        new = set(graph.get(waiting.pop(), [])) - found
        found |= new
        waiting += new
    return found
