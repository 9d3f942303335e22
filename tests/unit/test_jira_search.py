"""The sandbox's JQL: which issues a query may be answered from without a look at all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.jira.search import Reader, parsed
from sandbox.jira.state import SERVICE, Issue, JiraState

LABELS = ("remedy", "Mark-1", "mark-2", "other")
CLAUSES = (
    *(f"labels = {label}" for label in LABELS),
    "labels in (MARK-1, mark-2)",
    "labels != remedy",
    "labels not in (remedy, other)",
    "labels is empty",
    "project = SEC",
)
queries = st.recursive(
    st.sampled_from(CLAUSES),
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


def state_with(labels: list[frozenset[str]]) -> JiraState:
    state = JiraState(lambda: 1_800_000_000.0, deployment="cloud", search_lag=0)
    for each in labels:
        create(state, each)
    return state


def create(state: JiraState, labels: frozenset[str]) -> Issue:
    return state.create(state.projects["SEC"], "10001", {"labels": sorted(labels)}, {}, SERVICE)


def found(state: JiraState, jql: str, *, by_label: bool) -> list[str]:
    query = parsed(jql, Reader(frozenset(state.projects), state.clock(), "UTC"))
    return [issue.id for issue in query.results(state.indexed(query.labels if by_label else None))]


@given(queries, st.lists(st.frozensets(st.sampled_from(LABELS)), max_size=8))
def test_a_search_by_label_finds_what_a_look_at_every_issue_finds(jql: str, labels: list[frozenset[str]]) -> None:
    state = state_with(labels)
    assert found(state, jql, by_label=True) == found(state, jql, by_label=False)


def test_a_label_that_was_taken_off_is_searched_in_vain() -> None:
    state = state_with([])
    issue = create(state, frozenset({"remedy", "mark-2"}))
    state.write_silently(issue, fields={"labels": ["remedy"]})
    assert found(state, "labels = mark-2", by_label=True) == []
    assert found(state, "labels = remedy", by_label=True) == [issue.id]


@pytest.mark.parametrize(
    ("jql", "labels"),
    [
        ("labels = Remedy AND created >= -1d ORDER BY created", {"remedy"}),
        ("project = SEC AND labels in (a, B)", {"a", "b"}),
        ("labels = a OR project = SEC", None),
        ("NOT labels = a", None),
        ("labels != a", None),
    ],
)
def test_only_a_query_that_asks_for_a_label_is_bound_to_it(jql: str, labels: set[str] | None) -> None:
    assert parsed(jql, Reader(frozenset({"SEC"}), 0, "UTC")).labels == labels
