"""The metrics of several receivers read as those of one."""

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Info, Metric

from receiver.metrics import CONNECTIONS
from remediation.readiness import Readiness
from remedy.receiving.reports import ProcessReport
from remedy.receiving.sums import GAUGES, growing, summed
from remedy.telemetry.store_metrics import STORE


def counted(taken: int, refused: int = 0, ends: float = 5.0, version: str = "1") -> list[Metric]:
    registry = CollectorRegistry()
    deliveries = Counter("remedy_deliveries", "Deliveries.", ["answer"], registry=registry)
    deliveries.labels("202").inc(taken)
    if refused:
        deliveries.labels("401").inc(refused)
    seconds = Histogram("remedy_accept_seconds", "Seconds.", buckets=(1, 2), registry=registry)
    for _ in range(taken):
        seconds.observe(1.5)
    Gauge("remedy_connections", "Connections.", registry=registry).set(taken)
    Gauge("remedy_mappings_valid", "Valid.", registry=registry).set(taken % 2)
    Gauge("remedy_webhook_secret_ends_timestamp_seconds", "Ends.", registry=registry).set(ends)
    Info("remedy_mappings", "Mappings.", registry=registry).info({"digest": version})
    return list(registry.collect())


def values(metrics: list[Metric]) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value
        for metric in metrics
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def test_counts_add_up_and_a_gauge_follows_its_rule() -> None:
    both = values(summed([counted(3, ends=7), counted(4, refused=2, ends=6, version="2")]))
    assert both["remedy_deliveries_total[('answer', '202')]"] == 7
    assert both["remedy_deliveries_total[('answer', '401')]"] == 2
    assert both["remedy_accept_seconds_bucket[('le', '1.0')]"] == 0
    assert both["remedy_accept_seconds_bucket[('le', '2.0')]"] == 7
    assert both["remedy_accept_seconds_count"] == 7
    assert both["remedy_accept_seconds_sum"] == pytest.approx(10.5)
    assert both["remedy_connections"] == 7
    assert both["remedy_mappings_valid"] == 0, "one of them has refused the file"
    assert both["remedy_webhook_secret_ends_timestamp_seconds"] == 7
    assert [both[f"remedy_mappings_info[('digest', '{version}')]"] for version in "12"] == [1, 1]


def test_what_a_dead_process_counted_stays_and_what_it_was_goes() -> None:
    dead, living = counted(3), counted(4)
    both = values(summed([living, growing(dead)]))
    assert both["remedy_deliveries_total[('answer', '202')]"] == 7
    assert both["remedy_connections"] == 4


def test_the_metrics_of_one_process_are_as_they_are() -> None:
    assert values(summed([counted(3)])) == values(counted(3))


def test_a_report_arrives_as_it_was_sent() -> None:
    report = ProcessReport(counted(3), Readiness(["Redis is away"], ["log lines are lost"]))
    arrived = ProcessReport.of_line(report.line())
    assert values(list(arrived.metrics)) == values(list(report.metrics))
    assert [each.type for each in arrived.metrics] == [each.type for each in report.metrics]
    assert arrived.readiness == Readiness(["Redis is away"], ["log lines are lost"])


def test_every_gauge_of_a_receiver_says_how_several_become_one() -> None:
    told_by_one_alone = {metric.name for metric in STORE.describe()}
    same_in_all = {"python_info"}
    gauges = {metric.name for metric in REGISTRY.collect() if metric.type == "gauge"}
    assert {metric.name for metric in CONNECTIONS.collect()} <= gauges, "the receiver's are among them"
    assert gauges - told_by_one_alone - same_in_all <= set(GAUGES)
