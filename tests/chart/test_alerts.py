"""Each alert fires when it must and is silent when it may be, as Prometheus's own promtool plays it.

promtool calls a run a success where the file of rules is missing, and where a misspelt alert is expected not to fire.
So each case is held against the file of rules itself first, and a firing case expects a number.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import of_kind, rendered
from tests.prometheus import program
from tests.watched import ALERTS_FILE, BY_SAMPLE, DASHBOARD_FILE, alerts, anchor

Series = Mapping[str, str]
"""Values by series, in promtool's notation, one a minute: `0+5x10` begins at 0 and grows by 5 ten times."""

HERE = 'namespace="ns", release="rel"'
RECEIVER = f'remedy_process_info{{{HERE}, role="receiver"}}'
WORKER = f'remedy_process_info{{{HERE}, role="worker"}}'
FAILED_PAGES = f'remedy_console_requests_total{{{HERE}, route="now", status="500"}}'
FOUND_PAGES = f'remedy_console_requests_total{{{HERE}, route="now", status="404"}}'
UNREADY = f'remedy_console_requests_total{{{HERE}, route="readyz", status="503"}}'
LAST = f'remedy_last_delivery_timestamp_seconds{{{HERE}, sender="schoolscan"}}'
SIGNATURES = f'remedy_signature_failures_total{{{HERE}, sender="schoolscan", account="lakeside"}}'
SECRET = f'{HERE}, sender="jira", account="jira", secret="old"'
ENDS = f"remedy_webhook_secret_ends_timestamp_seconds{{{SECRET}}}"
USES = f"remedy_webhook_secret_uses_total{{{SECRET}}}"
NOT_KEPT = f'remedy_deliveries_not_kept_total{{{HERE}, sender="jira", account="jira", reason="QuarantineFull"}}'
MADE_ROOM = f'remedy_set_aside_deleted_total{{{HERE}, kind="not_found", account="lakeside", reason="room"}}'
OF_AGE = f'remedy_set_aside_deleted_total{{{HERE}, kind="not_found", account="lakeside", reason="age"}}'
OVER_LIMIT = f'remedy_deliveries_over_limit_total{{{HERE}, sender="schoolscan", account="lakeside"}}'
ERRORS = f'remedy_call_errors_total{{{HERE}, system="jira", cause="%s"}}'
WAITED_FOR = f'remedy_system_waited_for{{{HERE}, system="jira", waiting="%s"}}'
CALLS = f'remedy_call_seconds_count{{{HERE}, system="jira", kind="read"}}'
JOB_ERRORS = f'remedy_job_errors_total{{{HERE}, task="look_at_case", error="KeyError"}}'


def gauge(name: str, pod: str = "a", **labels: str) -> str:
    """A series as one pod tells it."""
    more = "".join(f', {label}="{value}"' for label, value in labels.items())
    return f'{name}{{{HERE}, pod="{pod}"{more}}}'


@dataclass(frozen=True, slots=True)
class Case:
    """What is there, and whether the alert fires `at` so many minutes."""

    alert: str
    series: Series
    at: int
    fires: bool


def both(alert: str, at: int, firing: Series, silent: Series) -> tuple[Case, Case]:
    """The two cases of an alert."""
    return Case(alert, firing, at, fires=True), Case(alert, silent, at, fires=False)


CASES = [
    *both("RemedyNotScraped", 12, {}, {WORKER: "1x20"}),
    *both("RemedyWorkerMissing", 8, {RECEIVER: "1x20"}, {RECEIVER: "1x20", WORKER: "1x20"}),
    *both("RemedyReceiverMissing", 8, {WORKER: "1x20"}, {RECEIVER: "1x20", WORKER: "1x20"}),
    *both("RemedyConsoleFailing", 25, {FAILED_PAGES: "0+1x40"}, {FAILED_PAGES: "3x40"}),
    *both("RemedyConsoleFailing", 25, {FAILED_PAGES: "0+1x40"}, {FOUND_PAGES: "0+1x40", UNREADY: "0+1x40"}),
    *both("RemedyNothingAccepted", 1500, {LAST: "0x1600"}, {LAST: "80000x1600"}),
    *both("RemedySignatureFailures", 16, {SIGNATURES: "0+1x20"}, {SIGNATURES: "0x9 1x20"}),
    *both(
        "RemedyWebhookSecretEnds",
        120,
        {ENDS: "500000x200", USES: "0+1x200"},
        {ENDS: "700000x200", USES: "0+1x200"},
    ),
    *both("RemedyWebhookSecretEnds", 120, {ENDS: "-60x200", USES: "0+1x200"}, {ENDS: "500000x200", USES: "7x200"}),
    *both("RemedyDeliveriesOverLimit", 90, {OVER_LIMIT: "0+1x200"}, {OVER_LIMIT: "0x30 9x170"}),
    *both("RemedyStrangers", 20, {NOT_KEPT: "0+1x30"}, {NOT_KEPT: "5x30"}),
    *both("RemedyStrangers", 20, {MADE_ROOM: "0+1x30"}, {OF_AGE: "0+1x30"}),
    *both(
        "RemedyOldestDeliveryUnread",
        10,
        {gauge("remedy_oldest_unread_delivery_seconds"): "0+60x20"},
        {gauge("remedy_oldest_unread_delivery_seconds"): "0 60 120 0 60 120 0 60 120 0 60 120"},
    ),
    *both(
        "RemedyOldestCaseTooOld",
        20,
        {gauge("remedy_oldest_dirty_case_seconds"): "14000+60x30"},
        {gauge("remedy_oldest_dirty_case_seconds"): "0+60x30"},
    ),
    *both("RemedyParked", 70, {gauge("remedy_parked"): "1x80"}, {gauge("remedy_parked"): "1x50 0x30"}),
    *both(
        "RemedyParkedGrowing",
        20,
        {gauge("remedy_parked"): "5x5 30x30", gauge("remedy_parked", "b"): "5x5 30x30"},
        {gauge("remedy_parked"): "30x40", gauge("remedy_parked", "b"): "30x40"},
    ),
    *both("RemedySystemFailing", 25, {ERRORS % "away": "0+9x40", CALLS: "0+10x40"}, {CALLS: "0+10x40"}),
    *both(
        "RemedySystemFailing",
        25,
        {ERRORS % "away": "0+6x40", CALLS: "0+10x40"},
        {ERRORS % "away": "0+4x40", ERRORS % "limit": "0+6x40", CALLS: "0+10x40"},
    ),
    *both("RemedySignInRefused", 12, {WAITED_FOR % "sign_in": "1x20"}, {WAITED_FOR % "away": "1x20"}),
    *both("RemedyRedisDown", 6, {gauge("remedy_redis_up"): "0x20"}, {gauge("remedy_redis_up"): "1 0 1 1 1 0 1 1"}),
    *both(
        "RemedyRedisTakesNoWrites",
        6,
        {gauge("remedy_redis_writable"): "1x20", gauge("remedy_redis_writable", "b"): "0x20"},
        {gauge("remedy_redis_writable"): "1x20"},
    ),
    *both("RemedyRedisNotDurable", 8, {gauge("remedy_redis_durable"): "0x20"}, {gauge("remedy_redis_durable"): "1x20"}),
    *both(
        "RemedySweepTooOld",
        8,
        {gauge("remedy_last_sweep_timestamp_seconds"): "0x20"},
        {gauge("remedy_last_sweep_timestamp_seconds"): "0+60x20"},
    ),
    *both(
        "RemedyFeedNotRead",
        30,
        {gauge("remedy_feed_overdue_seconds", feed="lakeside/handbook"): "3500+60x40"},
        {gauge("remedy_feed_overdue_seconds", feed="lakeside/handbook"): "0+60x40"},
    ),
    *both(
        "RemedyMappingsRefused", 8, {gauge("remedy_mappings_valid"): "0x20"}, {gauge("remedy_mappings_valid"): "1x20"}
    ),
    *both(
        "RemedyMappingsDiffer",
        20,
        {
            gauge("remedy_mappings_info", digest="aa"): "1x30",
            gauge("remedy_mappings_info", "b", digest="bb"): "1x30",
        },
        {
            gauge("remedy_mappings_info", digest="aa"): "1x30",
            gauge("remedy_mappings_info", "b", digest="aa"): "1x30",
        },
    ),
    *both(
        "RemedyKeyMissing",
        20,
        {gauge("remedy_keys_missing_total"): "0x5 1x30"},
        {gauge("remedy_keys_missing_total"): "1x40"},
    ),
    *both(
        "RemedyDataKeysRefused",
        8,
        {gauge("remedy_data_keys_valid"): "1x20", gauge("remedy_data_keys_valid", "b"): "0x20"},
        {gauge("remedy_data_keys_valid"): "1 0 0 1x20"},
    ),
    *both(
        "RemedyAuditBent",
        20,
        {gauge("remedy_audit_bends_total", kind="end_cut"): "0x5 1x30"},
        {gauge("remedy_audit_bends_total", kind="end_cut"): "1x40"},
    ),
    *both(
        "RemedyAuditWaits",
        12,
        {gauge("remedy_oldest_audit_line_seconds"): "0+60x20"},
        {gauge("remedy_oldest_audit_line_seconds"): "2 0 3 2 0 4 400 2 0 2 1 3 2"},
    ),
    *both(
        "RemedyAuditNotWritten",
        25,
        {gauge("remedy_audit_write_failures_total", target="syslog"): "0+30x40"},
        {gauge("remedy_audit_write_failures_total", target="syslog"): "0x5 9x40"},
    ),
    *both("RemedyJobErrors", 10, {JOB_ERRORS: "1x3 2x20"}, {JOB_ERRORS: "7x30"}),
    *both(
        "RemedyLogLinesLost",
        10,
        {gauge("remedy_log_lines_lost_total", reason="unwritable"): "0x3 5x20"},
        {gauge("remedy_log_lines_lost_total", reason="unwritable"): "5x30"},
    ),
]


def played(folder: Path, case: Case, rules: Path = ALERTS_FILE) -> "subprocess.CompletedProcess[str]":
    """Promtool's run of one case."""
    assert rules.is_file()
    firing = f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if case.fires else []
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": f"{case.at}m", "exp_samples": samples}],
    }
    path = folder / "case.yaml"
    path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}))
    command = [program("promtool"), "test", "rules", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_rules_are_sound() -> None:
    command = [program("promtool"), "check", "rules", "--lint-fatal", str(ALERTS_FILE)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(alerts())} rules found" in run.stdout


def test_the_chart_gives_every_alert_the_address_of_its_section() -> None:
    values = {"metrics": {"prometheusRule": {"enabled": True, "runbookURL": "https://wiki.example/runbook"}}}
    (rules,) = of_kind(rendered(values), "PrometheusRule")
    found = {rule["alert"]: rule for group in rules["spec"]["groups"] for rule in group["rules"]}
    for name, rule in alerts().items():
        address = f"https://wiki.example/runbook#{anchor(name)}"
        assert found[name] == rule | {"annotations": rule["annotations"] | {"runbook_url": address}}
    assert found.keys() == alerts().keys()


def test_the_chart_brings_the_dashboard_as_it_is() -> None:
    maps = of_kind(rendered({"metrics": {"dashboard": {"enabled": True}}}), "ConfigMap")
    (text,) = (each["data"]["remedy.json"] for each in maps if "remedy.json" in each["data"])
    assert json.loads(text) == json.loads(DASHBOARD_FILE.read_text())


def test_every_alert_has_a_case_that_fires_and_one_that_does_not_and_no_case_is_of_none() -> None:
    for fires in (True, False):
        assert {case.alert for case in CASES if case.fires is fires} == alerts().keys()


def test_every_series_of_a_case_exists() -> None:
    assert {series.partition("{")[0] for case in CASES for series in case.series} <= BY_SAMPLE.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}-{'fires' if case.fires else 'silent'}")
def test_an_alert_fires_when_it_must_and_only_then(tmp_path: Path, case: Case) -> None:
    run = played(tmp_path, case)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("fires", [True, False])
def test_an_alert_that_is_expected_wrongly_is_found(tmp_path: Path, *, fires: bool) -> None:
    """Neither case passes whatever the alert does."""
    series = {WORKER: "1x20"} if fires else {}
    assert played(tmp_path, Case("RemedyNotScraped", series, 12, fires)).returncode != 0
