"""Which senders the receiver knows, with which secrets, and which files each process reads."""

from pathlib import Path

import pytest

from receiver.accounts import Account
from remediation.deliveries.events import DeliveryLimit
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import SERVICENOW
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.webhook_secrets import WebhookSecret
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import loaded_of
from remedy.runtime.assembly import accounts_of, receiver_files, worker_files

TEXT = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {file: /run/token}, webhook: {secrets: [{env: LAKESIDE_HOOK}], signature: hex}}
trackers:
  jira:
    kind: jira
    url: https://jira.example
    auth: {bearer: {file: /run/jira}}
    deployment: data_center
    webhook: {secrets: [{env: JIRA_HOOK, id: now}, {env: JIRA_OLD, until: 2026-02-28}]}
  snow:
    kind: servicenow
    url: https://now.example
    auth: {api_key: {file: /run/snow}}
    webhook: {secrets: [{file: HOOK_FILE}], signature: timestamped, delivery_limit: {rate: 20/s, burst: 7}}
  quiet: {kind: jira, url: "https://quiet.example", auth: {bearer: {file: /run/quiet}}}
defaults: {delivery_limit: {rate: 60/m}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""
NOW, MARCH = 1_770_000_000.0, 1_772_323_200.0
"""In February of 2026, and the first moment of March."""
SLOW = DeliveryLimit(1.0, 10)


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with a tracker's webhook secret; the environment has the others."""
    for name in ("LAKESIDE_HOOK", "JIRA_HOOK", "JIRA_OLD"):
        monkeypatch.setenv(name, f"test-only-{name}")
    path = tmp_path / "hook"
    path.write_text("test-only-snow\n")
    return path


def test_every_district_and_every_tracker_with_a_webhook_is_a_sender(hook: Path) -> None:
    accounts = accounts_of(loaded_of(TEXT.replace("HOOK_FILE", str(hook)), "m.yaml"), NOW)
    lakeside = (WebhookSecret("LAKESIDE_HOOK", "test-only-LAKESIDE_HOOK"),)
    assert accounts.districts == {"lakeside": Account("lakeside", lakeside, SignatureFormat.HEX, limit=SLOW)}
    jira = (WebhookSecret("now", "test-only-JIRA_HOOK"), WebhookSecret("JIRA_OLD", "test-only-JIRA_OLD", MARCH))
    snow = (WebhookSecret(str(hook), "test-only-snow"),)
    assert accounts.trackers == {
        "jira": Account("jira", jira, SignatureFormat.AUTO, JIRA, SLOW),
        "snow": Account("snow", snow, SignatureFormat.TIMESTAMPED, SERVICENOW, DeliveryLimit(0.05, 7)),
    }
    assert "test-only" not in repr(accounts)


def test_a_missing_secret_of_a_tracker_s_webhook_stops_the_start_with_its_place(
    hook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JIRA_OLD")
    with pytest.raises(ConfigurationError, match=r"m\.yaml:11:\d+: trackers\.jira\.webhook\.secrets\[1\].*JIRA_OLD"):
        accounts_of(loaded_of(TEXT.replace("HOOK_FILE", str(hook)), "m.yaml"), NOW)


def test_the_receiver_reads_webhook_secrets_and_a_worker_all_but_these(hook: Path) -> None:
    mappings = loaded_of(TEXT.replace("HOOK_FILE", str(hook)), "m.yaml").mappings
    assert set(receiver_files(mappings)) == {hook}
    assert {str(path) for path in worker_files(mappings)} == {"/run/token", "/run/jira", "/run/snow", "/run/quiet"}
    assert Path("/run/ca") in set(worker_files(mappings, Path("/run/ca")))


def test_a_tracker_must_not_take_the_address_of_schoolscan() -> None:
    taken = TEXT.replace("  quiet:", "  schoolscan:").replace("HOOK_FILE", "/run/hook")
    with pytest.raises(ConfigurationError, match=r"m\.yaml:17:3: .*is the name of the source"):
        loaded_of(taken, "m.yaml")


def test_whoever_sends_to_the_address_of_a_former_name_is_heard_as_the_tracker_that_it_is_now(
    hook: Path,
) -> None:
    text = TEXT.replace("  jira:\n    kind: jira", "  jira:\n    kind: jira\n    formerly: [jira-n, tracker]")
    trackers = accounts_of(loaded_of(text.replace("HOOK_FILE", str(hook)), "m.yaml"), NOW).trackers
    assert trackers["jira-n"] == trackers["tracker"] == trackers["jira"]
    assert trackers["jira-n"].name == "jira"
