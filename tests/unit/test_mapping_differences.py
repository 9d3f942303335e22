from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.mapping.config.routing import Routing, comparable
from remediation.mapping.config.trackers.tracker_settings import bare
from remediation.mapping.explain.differences import Change, Difference, DifferenceGroup, Pair, difference, grouped

JIRA: dict[str, object] = {
    "project": "SEC",
    "type": "Task",
    "summary": "f1",
    "body": "f1",
    "labels": ["a"],
    "priority": "High",
}


def case(finding_id: str) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, finding_id)


def routing(rule: str | None = "all", **tickets: dict[str, object]) -> Routing:
    return Routing(rule, tickets)


def test_two_equal_files_make_no_difference() -> None:
    assert difference(case("f1"), routing(jira=JIRA), routing(jira=dict(JIRA))).changes == ()


def test_another_rule_another_field_and_another_tracker_are_changes() -> None:
    before = routing("old", jira=JIRA, now={"table": "incident"})
    after = routing("new", jira={**JIRA, "priority": "Highest", "duedate": "2026-05-01"}, web={"project": "WEB"})
    assert difference(case("f1"), before, after).changes == (
        Change("rule", "old", "new"),
        Change("tickets.jira.duedate", None, "2026-05-01"),
        Change("tickets.jira.priority", "High", "Highest"),
        Change("tickets.now", "incident", None),
        Change("tickets.web", None, "WEB"),
    )


def test_a_finding_that_no_rule_takes_any_more_loses_rule_and_tickets() -> None:
    assert difference(case("f1"), routing("old", jira=JIRA), routing(None)).changes == (
        Change("rule", "old", None),
        Change("tickets.jira", "SEC", None),
    )


def test_how_tickets_are_kept_in_step_is_compared_choice_by_choice() -> None:
    before = Routing("all", {"jira": JIRA}, {"reopen": "always", "accept.at_most": None, "when_gone": "close"})
    after = Routing("new", {"jira": JIRA}, {"reopen": "within 14d", "accept.at_most": "90d", "when_gone": "close"})
    assert difference(case("f1"), before, after).changes == (
        Change("rule", "all", "new"),
        Change("accept.at_most", None, "90d"),
        Change("reopen", "always", "within 14d"),
    )


def test_where_no_rule_takes_it_there_is_nothing_to_keep_in_step() -> None:
    before = Routing("all", {"jira": JIRA}, {"reopen": "always"})
    assert [change.what for change in difference(case("f1"), before, routing(None)).changes] == ["rule", "tickets.jira"]


def test_a_number_and_its_text_are_no_change() -> None:
    assert difference(case("f1"), routing(now={"impact": "1"}), routing(now={"impact": 1})).changes == ()


def test_findings_that_change_in_the_same_way_are_one_group_and_the_largest_comes_first() -> None:
    same = [
        difference(
            case(f"f{number}"), routing(jira=JIRA), routing(jira={**JIRA, "priority": word, "summary": f"new {word}"})
        )
        for number, word in enumerate(["Highest", "Low", "Highest"])
    ]
    other = difference(case("f9"), routing("old", jira=JIRA), routing("new", jira=JIRA))
    unchanged = difference(case("f10"), routing(jira=JIRA), routing(jira=JIRA))
    what = ("tickets.jira.priority", "tickets.jira.summary")
    pairs = (Pair("High", "Highest", 2), Pair("High", "Low", 1))
    assert grouped([other, unchanged, *same]) == (
        DifferenceGroup(CaseKind.FINDING, ("all", "all"), what, ("f0", "f1", "f2"), ((what[0], pairs),)),
        DifferenceGroup(CaseKind.FINDING, ("old", "new"), ("rule",), ("f9",), (("rule", (Pair("old", "new", 1),)),)),
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), inner, max_size=2),
    max_leaves=5,
)
ROUTINGS = st.builds(
    Routing,
    st.sampled_from(["a", "b", None]),
    st.dictionaries(
        st.sampled_from(["jira", "now"]), st.dictionaries(st.sampled_from(["project", "body", "x"]), VALUES), max_size=2
    ),
)


@given(ROUTINGS)
def test_nothing_differs_from_itself(one: Routing) -> None:
    assert difference(case("f"), one, one).changes == ()


@given(st.lists(st.tuples(ROUTINGS, ROUTINGS), max_size=6))
def test_every_finding_that_changes_is_in_exactly_one_group(pairs: list[tuple[Routing, Routing]]) -> None:
    found: list[Difference] = [difference(case(f"f{number}"), *pair) for number, pair in enumerate(pairs)]
    groups = grouped(found)
    listed = [finding for group in groups for finding in group.ids]
    assert sorted(listed) == sorted(each.id for each in found if each.changes)
    for group in groups:
        assert all(sum(pair.count for pair in pairs) == len(group.ids) for _, pairs in group.values)


def test_a_map_that_only_names_something_is_that_name() -> None:
    assert bare({"name": "High"}) == "High"
    assert bare([{"name": "a"}, {"value": {"id": "7"}}]) == ["a", "7"]
    assert bare({"name": "High", "id": "1"}) == {"name": "High", "id": "1"}
    assert bare({"self": "x"}) == {"self": "x"}


def test_numbers_are_compared_as_text_and_truth_is_not() -> None:
    assert comparable({"name": 7}) == "7"
    assert comparable([1, {"x": 2}]) == ["1", {"x": "2"}]
    assert comparable(True) is True
