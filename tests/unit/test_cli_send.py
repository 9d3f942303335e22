"""`remedy send` before anything is sent: what it would say, and what it keeps to itself."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediation.deliveries.events import EventKind, FindingNoticed, ScanCompleted, read_schoolscan
from remedy.main import main
from remedy.runtime.failures import ExitCode
from remedy.send import MEANINGS, ReceiverAnswer, address_of, body_of

SECRET = "test-only-webhook-secret"
NOW = 1_760_000_000.0


def send(*words: str, secret: str | None = SECRET) -> Result:
    return CliRunner(env={"SCHOOLSCAN_WEBHOOK_SECRET": secret}).invoke(main, ["send", "--dry-run", *words])


def test_the_body_is_an_event_that_the_receiver_reads() -> None:
    finding = read_schoolscan(body_of(EventKind.FINDING_CRITICAL, "evt_1", "fnd_1", "scn_1", NOW))
    assert finding == FindingNoticed("evt_1", EventKind.FINDING_CRITICAL, "fnd_1")
    assert read_schoolscan(body_of(EventKind.SCAN_COMPLETED, "evt_2", None, "scn_1", NOW)) == ScanCompleted(
        "evt_2", "scn_1"
    )


@pytest.mark.parametrize(
    ("url", "district", "address"),
    [
        ("http://127.0.0.1:8080", None, "http://127.0.0.1:8080/webhooks/schoolscan"),
        ("http://127.0.0.1:8080/", "lakeside", "http://127.0.0.1:8080/webhooks/schoolscan/lakeside"),
        ("https://example.org/remedy", "lakeside", "https://example.org/remedy/webhooks/schoolscan/lakeside"),
    ],
)
def test_deliveries_go_below_the_address_of_the_receiver(url: str, district: str | None, address: str) -> None:
    assert address_of(url, district) == address


@pytest.mark.parametrize(
    ("status", "code"),
    [(202, ExitCode.DONE), (503, ExitCode.UNREACHABLE), (408, ExitCode.UNREACHABLE)]
    + [(status, ExitCode.REFUSED) for status in (200, 302, 400, 401, 404, 405, 413, 415, 500)],
)
def test_the_exit_code_says_whether_it_was_taken_and_whether_to_try_again(status: int, code: ExitCode) -> None:
    assert ReceiverAnswer(status, "", 1).exit_code == code


def test_every_answer_of_the_receiver_has_a_meaning() -> None:
    assert set(MEANINGS) == {202, 400, 401, 404, 405, 408, 413, 414, 415, 431, 503}


@pytest.mark.parametrize("form", ["hex", "prefixed", "base64", "timestamped", "standard"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_dry_run_shows_the_request_but_neither_secret_nor_signature(form: str, options: tuple[str, ...]) -> None:
    result = send("--district", "lakeside", "--finding", "fnd_1", "--event-id", "evt_1", "--format", form, *options)
    assert result.exit_code == 0
    assert "http://127.0.0.1:8080/webhooks/schoolscan/lakeside" in result.stdout
    assert "evt_1" in result.stdout
    assert "characters, not shown)" in result.stdout
    assert SECRET not in result.output


def test_a_dry_run_as_json_is_the_request_as_an_object() -> None:
    shown = json.loads(send("--finding", "fnd_1", "--event-id", "evt_1", "--json").stdout)
    assert shown["method"] == "POST"
    assert shown["body"]["data"] == {"finding_id": "fnd_1"}
    assert shown["headers"]["x-schoolscan-signature"] == "(64 characters, not shown)"


def test_without_an_event_id_each_delivery_is_an_event_of_its_own() -> None:
    ids = {json.loads(send("--finding", "fnd_1", "--json").stdout)["body"]["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("words", "option"),
    [((), "--finding"), (("--type", "finding.expert_reviewed"), "--finding"), (("--type", "scan.completed"), "--scan")],
)
def test_an_event_must_be_about_something(words: tuple[str, ...], option: str) -> None:
    result = send(*words)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"say which with {option}" in result.stderr


@pytest.mark.parametrize("secret", [None, "", " "])
def test_a_missing_secret_is_asked_for_by_its_name(secret: str | None) -> None:
    result = send("--finding", "fnd_1", secret=secret)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "SCHOOLSCAN_WEBHOOK_SECRET" in result.stderr


def test_the_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="ascii")
    assert send("--finding", "fnd_1", "--secret-file", str(file), secret=None).exit_code == ExitCode.DONE
    assert "no-such" in send("--finding", "fnd_1", "--secret-file", str(tmp_path / "no-such")).stderr


def test_what_a_user_wrote_cannot_command_the_terminal() -> None:
    assert "\x1b" not in send("--finding", "fnd_1", "--district", "\x1b[2J").output


@pytest.mark.parametrize(
    ("host", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("0:0::0", "[::1]"), ("10.0.0.7", "10.0.0.7"), ("desk", "desk")],
)
def test_a_receiver_of_this_machine_is_reached_where_it_listens(host: str, reached: str) -> None:
    words = ["send", "--dry-run", "--finding", "fnd_1", "--json"]
    environment = {"SCHOOLSCAN_WEBHOOK_SECRET": SECRET, "RECEIVER_HOST": host, "RECEIVER_PORT": "8090"}
    shown = CliRunner(env=environment).invoke(main, words)
    assert json.loads(shown.stdout)["url"] == f"http://{reached}:8090/webhooks/schoolscan"


def test_a_receiver_at_any_free_port_is_not_sought_at_another() -> None:
    words = ["send", "--dry-run", "--finding", "fnd_1"]
    runner = CliRunner(env={"SCHOOLSCAN_WEBHOOK_SECRET": SECRET, "RECEIVER_PORT": "0"})
    refused = runner.invoke(main, words)
    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "RECEIVER_PORT: is 0" in refused.stderr
    assert runner.invoke(main, [*words, "--url", "http://127.0.0.1:8090"]).exit_code == ExitCode.DONE
