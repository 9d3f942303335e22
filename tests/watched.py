"""What the chart watches: its alerts and its dashboard, and what there is to be watched."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

import console.metrics
import receiver.metrics
import remedy.receiving.metrics
import remedy.telemetry.metrics
import remedy.telemetry.store_metrics
import workers.metrics

ROOT = Path(__file__).parents[1]
ALERTS_FILE = ROOT / "helm" / "files" / "alerts.yaml"
DASHBOARD_FILE = ROOT / "helm" / "files" / "dashboard.json"
MODULES = (
    *(remedy.telemetry.metrics, remedy.telemetry.store_metrics, remedy.receiving.metrics),
    *(console.metrics, receiver.metrics, workers.metrics),
)
"""Whoever makes a metric; they are imported so that the registry has all of them."""

_IN_NO_REGISTRY = (remedy.receiving.metrics.RUNNING, remedy.receiving.metrics.DEATHS)

TARGET_LABELS = frozenset({"namespace", "release", "job", "instance", "pod", "container", "endpoint", "service"})
"""What Prometheus and the chart add to all that is scraped: no metric of ours may have a label of such a name."""

_SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
    "info": ("_info",),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of ours: its name as Prometheus stores it, without a histogram's suffixes, its type and its labels."""

    name: str
    type: str
    labels: frozenset[str]

    @property
    def samples(self) -> tuple[str, ...]:
        """The names of its series."""
        if self.type == "histogram":
            return tuple(self.name + suffix for suffix in _SUFFIXES["histogram"])
        return (self.name,)


def metrics() -> dict[str, Metric]:
    """Every metric of ours, by its name."""
    found = {}
    for collector in (*REGISTRY._collector_to_names, *_IN_NO_REGISTRY):
        for family in collector.describe() if hasattr(collector, "describe") else ():
            if family.name.startswith("remedy_"):
                suffix = "" if family.type == "histogram" else _SUFFIXES[family.type][0]
                labels = set(getattr(collector, "_labelnames", ())) or set(getattr(family, "_labelnames", ()))
                labels |= _INFO_LABELS.get(family.name, set())
                metric = Metric(family.name + suffix, family.type, frozenset(labels))
                found[metric.name] = metric
    return found


_INFO_LABELS = {"remedy_process": {"role", "version"}, "remedy_mappings": {"digest"}}
"""Of an Info the labels are known only once it has been given its values."""


BY_SAMPLE = {sample: metric for metric in metrics().values() for sample in metric.samples}
"""Every metric of ours, by the name of each of its series."""


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """The rules by the names of their alerts."""
    document = YAML(typ="safe", pure=True).load(ALERTS_FILE.read_text())
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    named = {rule["alert"]: rule for rule in rules}
    assert len(named) == len(rules), "an alert comes twice"
    return named


def anchor(name: str) -> str:
    """What the chart puts behind the runbook's address: the alert's name in kebab case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def panels() -> dict[str, list[str]]:
    """The queries of each panel of the dashboard, by its title."""
    document = json.loads(DASHBOARD_FILE.read_text())
    shown = [panel for panel in document["panels"] if panel["type"] != "row"]
    titled = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in shown}
    assert len(titled) == len(shown), "a title comes twice"
    return titled


def without_variables(query: str) -> str:
    """The query as Grafana sends it with all namespaces and releases chosen."""
    query = re.sub(r"\$(?:namespace|release)\b", ".*", query)
    return query.replace("$__rate_interval", "1m")


@dataclass(frozen=True, slots=True)
class Selector:
    """A series that a query asks for, and the labels that it selects or groups by."""

    name: str
    labels: frozenset[str]


def selectors(query: str) -> Iterator[Selector]:
    """What a query asks for. Raises ValueError where it is none."""
    yield from _below(promql_parser.parse(query), frozenset())


def _below(node: Any, grouped: frozenset[str]) -> Iterator[Selector]:
    match node:
        case promql_parser.VectorSelector():
            matched = {matcher.name for matcher in node.matchers.matchers}
            yield Selector(node.name or "", grouped | matched)
        case promql_parser.MatrixSelector():
            yield from _below(node.vector_selector, grouped)
        case promql_parser.AggregateExpr():
            labels = frozenset(node.modifier.labels) if node.modifier else frozenset()
            yield from _below(node.expr, grouped | labels)
        case promql_parser.BinaryExpr():
            yield from _below(node.lhs, grouped)
            yield from _below(node.rhs, grouped)
        case promql_parser.Call():
            for each in node.args:
                yield from _below(each, grouped)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            yield from _below(node.expr, grouped)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            raise ValueError(f"a part of a query that nobody looks into: {node!r}")
