"""Alerts, dashboard, runbook, the list of metrics and the code speak of the same things."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.watched import (
    BY_SAMPLE,
    DASHBOARD_FILE,
    MODULES,
    ROOT,
    TARGET_LABELS,
    Metric,
    Selector,
    alerts,
    anchor,
    metrics,
    panels,
    selectors,
    without_variables,
)

KNOWN = metrics()
QUERIES = [(name, str(rule["expr"])) for name, rule in alerts().items()] + [
    (title, query) for title, queries in panels().items() for query in queries
]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ADDED = {"namespace", "release"}


def unknown(asked: Selector) -> Iterator[str]:
    """What is wrong with one series that a query asks for."""
    metric = BY_SAMPLE.get(asked.name)
    if metric is None:
        yield f"there is no series {asked.name}"
        return
    labels = metric.labels | ADDED | ({"le"} if asked.name.endswith("_bucket") else set())
    yield from (f"{asked.name} has no label {label}" for label in sorted(asked.labels - labels))


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_every_series_and_label_that_a_query_names_exists(name: str, query: str) -> None:
    asked = list(selectors(without_variables(query)))
    assert asked, name
    assert [words for each in asked for words in unknown(each)] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("max(remedy_queue_dve)", "there is no series remedy_queue_dve"),
        ('sum(rate(remedy_call_errors_total{course="away"}[5m]))', "remedy_call_errors_total has no label course"),
        ("sum by (tracker) (remedy_parked)", "remedy_parked has no label tracker"),
        ("rate(remedy_call_seconds[5m])", "there is no series remedy_call_seconds"),
    ],
)
def test_what_is_misspelt_is_found(query: str, words: str) -> None:
    assert [found for each in selectors(query) for found in unknown(each)] == [words]


def test_what_is_no_query_is_refused() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        list(selectors("max(remedy_queue_due"))


def test_the_list_of_metrics_has_each_with_its_labels_and_no_other() -> None:
    table = OPERATIONS.split("## Metrics\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(remedy_\w+)` \|([^|]*)\|", table, re.MULTILINE)
    documented = {name: frozenset(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert len(documented) == len(rows), "one is listed twice"
    assert documented == {metric.name: metric.labels for metric in KNOWN.values()}


@pytest.mark.parametrize("page", ["operations.md", "runbook.md", "reliability.md", "performance.md", "mappings.md"])
def test_every_series_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(remedy_\w+)", (ROOT / "docs" / page).read_text()))
    assert named <= BY_SAMPLE.keys() | KNOWN.keys()


@pytest.mark.parametrize("metric", KNOWN.values(), ids=list(KNOWN))
def test_metrics_are_named_by_convention(metric: Metric) -> None:
    assert re.fullmatch(r"remedy_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.type == "counter")
    assert metric.type != "histogram" or metric.name.endswith("_seconds")
    assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb)(_|$)", metric.name)
    assert not metric.labels & TARGET_LABELS, "Prometheus would rename it"


def test_metrics_come_from_modules_that_say_so() -> None:
    assert all(module.__doc__ for module in MODULES)
    assert len(KNOWN) > 30


def test_every_alert_has_a_section_of_the_runbook_and_no_section_is_of_none() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    found = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert found == {anchor(name) for name in alerts()}


@pytest.mark.parametrize("section", RUNBOOK.split("\n## ")[1:], ids=lambda section: section.splitlines()[0])
def test_a_section_says_what_it_means_what_to_look_at_and_what_to_do(section: str) -> None:
    for words in ("**It means**", "**Look at**", "**Do**"):
        assert section.count(words) == 1


@pytest.mark.parametrize(("name", "rule"), alerts().items(), ids=list(alerts()))
def test_an_alert_says_how_bad_it_is_and_what_is_wrong(name: str, rule: dict[str, object]) -> None:
    assert re.fullmatch(r"(?:[A-Z][a-z]+)+", name), "only such a name has the same kebab case everywhere"
    assert rule["labels"] in [{"severity": "critical"}, {"severity": "warning"}]
    assert isinstance(rule["annotations"], dict)
    assert rule["annotations"].keys() == {"summary", "description"}


def test_the_dashboard_has_its_variables_and_every_panel_uses_them() -> None:
    document = json.loads(DASHBOARD_FILE.read_text())
    assert [each["name"] for each in document["templating"]["list"]] == ["datasource", "namespace", "release"]
    assert len(panels()) >= 12
    for panel in document["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        for target in panel["targets"]:
            chosen = target["expr"].count('{namespace=~"$namespace", release=~"$release"')
            assert chosen == len(list(selectors(without_variables(target["expr"])))), panel["title"]
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
