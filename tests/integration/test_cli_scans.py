"""`remedy scans` and `remedy reports` with the sandbox's SchoolScan: what they show, do, refuse and leave behind."""

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from remediation.settings import environ
from remedy.runtime.failures import ExitCode
from tests.integration.school_desks import MARK, READER, SITE, TRIGGER, Desk, open_desk


@pytest.fixture
def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(redis_url, tmp_path, monkeypatch) as desk:
        yield desk


def test_scans_are_listed_newest_first_a_page_at_a_time(desk: Desk) -> None:
    assert desk.call("scans", "list").stdout == "No scan fits.\n"
    ids = [desk.scan(site=SITE, findings=number) for number in range(5)]
    first = desk.rows("scans", "list", "--limit", "3")
    assert [row["id"] for row in first[:-1]] == ids[:1:-1]
    last = desk.rows("scans", "list", "--limit", "3", "--after", first[-1]["cursor"])
    assert ([row["id"] for row in last[:-1]], last[-1]) == (ids[1::-1], {"cursor": None})
    told = desk.call("scans", "list", "--limit", "3", "--domain", SITE, "--since", "1d").stdout
    assert f"remedy scans list --district lakeside --domain {SITE} --since " in told
    assert ids[4] in told


def test_scans_are_chosen_by_state_site_and_time(desk: Desk) -> None:
    done, running = desk.scan(site=SITE), desk.scan(site="old.lakeside.example", duration_seconds=60)

    def ids(*words: str) -> list[str]:
        return [row["id"] for row in desk.rows("scans", "list", *words)[:-1]]

    assert ids("--status", "running") == ids("--domain", "old.lakeside.example") == [running]
    assert set(ids("--since", "1h")) == {done, running}
    assert ids("--since", "2099-01-01") == []


def test_a_scan_is_shown(desk: Desk) -> None:
    scan = desk.scan(site=SITE, findings=2)
    shown = desk.call("scans", "show", scan)
    assert shown.exit_code == ExitCode.DONE
    assert shown.stdout.splitlines()[:2] == [scan, f"  site     {SITE}"]
    assert desk.rows("scans", "show", scan)[0]["findings_count"] == 2


def test_a_scan_is_started_after_a_question_and_followed_to_its_end(desk: Desk) -> None:
    desk.order("PATCH", "settings", scan_seconds=0.1, scan_finds=2)
    no = desk.call("scans", "start", "--domain", SITE, said="n\n")
    assert no.exit_code == ExitCode.INTERRUPTED
    assert "0 of at most 5 scans of lakeside run now." in no.stderr
    assert f"{SITE} was never scanned" in no.stderr
    assert ("POST", "/v1/scans") not in desk.asked()
    yes = desk.call("scans", "start", "--domain", SITE.upper(), "--wait", said="y\n")
    assert yes.exit_code == ExitCode.DONE, yes.output
    assert "status completed" in yes.stdout
    assert "findings 2" in yes.stdout
    begun, ended = desk.rows("scans", "start", "--domain", SITE, "--wait", "--yes")
    assert (begun["scan_id"], begun["started"], ended["status"]) == (ended["id"], True, "completed")


def test_a_dry_run_only_reads(desk: Desk, tmp_path: Path) -> None:
    running = desk.scan(site=SITE, duration_seconds=60)
    done = desk.scan(site=SITE)
    desk.asked()
    (would,) = desk.rows("scans", "start", "--domain", SITE, "--dry-run")
    assert would["running"] == [running]
    assert desk.call("scans", "cancel", running, "--dry-run").stdout.startswith(f"Would cancel {running}: site {SITE}")
    assert desk.rows("reports", "get", "--scan", done, "--output", str(tmp_path / "r.pdf"), "--dry-run")[0]["dry_run"]
    assert {method for method, _ in desk.asked()} == {"GET"}
    assert desk.audited() == []
    assert [path.name for path in tmp_path.iterdir()] == ["mappings.yaml"]


def test_a_site_that_is_not_registered_is_refused_with_the_vendors_words(desk: Desk) -> None:
    result = desk.call("scans", "start", "--domain", "elsewhere.example", "--yes")
    assert result.exit_code == ExitCode.REFUSED
    assert "unknown_domain: The domain is not registered under your account." in result.stderr


@pytest.mark.parametrize("site", ["https://www.lakeside.example/", "www.lakeside.example/path", "a b", "-", "\x1b[31m"])
def test_a_site_is_a_host_name(desk: Desk, site: str) -> None:
    result = desk.call("scans", "start", f"--domain={site}", "--yes")
    assert result.exit_code == ExitCode.CONFIGURATION or site == "-"
    assert "\x1b" not in result.output
    assert site == "-" or desk.asked() == []


@pytest.mark.parametrize(
    ("words", "token"),
    [
        (("scans", "start", "--domain", SITE, "--yes"), READER),
        (("scans", "cancel", "SCAN", "--yes"), READER),
        (("reports", "get", "--scan", "SCAN", "--output", "OUT"), TRIGGER),
    ],
)
def test_a_token_whose_scope_is_too_small_is_told_so(
    desk: Desk, tmp_path: Path, words: tuple[str, ...], token: str
) -> None:
    scan = desk.scan(site=SITE, duration_seconds=60)
    put = {"SCAN": scan, "OUT": str(tmp_path / "report.pdf")}
    result = desk.call(*(put.get(word, word) for word in words), token=token)
    assert result.exit_code == ExitCode.REFUSED
    assert "the token's scope does not allow it" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("scans", "list", "--district", "harbor"),
        ("scans", "show", "scan_1", "--district", "harbor"),
        ("scans", "start", "--district", "harbor", "--domain", SITE, "--yes"),
        ("scans", "cancel", "scan_1", "--district", "harbor", "--yes"),
        ("reports", "get", "--district", "harbor", "--scan", "scan_1", "--output", "-"),
        ("scans", "list", "--status", "done"),
        ("scans", "list", "--since", "yesterday"),
        ("scans", "list", "--after", "scan_1"),
        ("reports", "get", "--output", "-"),
        ("reports", "get", "--scan", "a", "--report", "b", "--output", "-"),
        ("reports", "get", "--scan", "a", "--output", "-", "--json"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.call(*words)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert desk.asked() == []


def test_a_scan_that_the_account_does_not_have_is_told(desk: Desk) -> None:
    for words in (("show",), ("cancel", "--yes"), ("show", "--wait")):
        result = desk.call("scans", *words, "scan_of_harbor")
        assert result.exit_code == ExitCode.REFUSED
        assert "the account of lakeside has no such scan" in result.stderr


def test_a_sixth_scan_says_when_to_come_again_or_waits(desk: Desk) -> None:
    for _ in range(5):
        desk.scan(site="old.lakeside.example", duration_seconds=60)
    result = desk.call("scans", "start", "--domain", SITE, "--yes")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "too_many_scans" in result.stderr
    assert "come again in" in result.stderr
    result = desk.call("scans", "start", "--domain", SITE, "--yes", "--wait", "--patience", "0s")
    assert result.exit_code in {ExitCode.UNREACHABLE, ExitCode.CONFIGURATION}


def test_a_spent_minute_says_when_to_come_again(desk: Desk) -> None:
    desk.order("PATCH", "settings", reads=1, window_seconds=3600)
    assert desk.call("scans", "list").exit_code == ExitCode.DONE
    result = desk.call("scans", "list")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "come again in" in result.stderr


def test_an_account_that_is_away_is_for_later(desk: Desk, tmp_path: Path) -> None:
    scan, path = desk.scan(site=SITE), str(tmp_path / "report.pdf")
    desk.order("POST", "faults", kind="status", status=503, headers={"Retry-After": "900"}, times=None)
    for words in (
        ("scans", "list"),
        ("scans", "show", scan, "--wait"),
        ("scans", "start", "--domain", SITE),
        ("scans", "cancel", scan, "--yes"),
        ("reports", "get", "--report", scan, "--output", path, "--patience", "1m"),
    ):
        result = desk.call(*words)
        assert result.exit_code == ExitCode.UNREACHABLE
        assert "come again in 900 s" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["mappings.yaml"]


def test_a_start_whose_answer_is_lost_is_not_repeated_and_told_as_what_it_is(desk: Desk) -> None:
    for _ in range(2):
        desk.order("POST", "faults", kind="lost_reply", method="POST", path="/v1/scans")
        result = desk.call("scans", "start", "--domain", SITE, "--yes", "--wait")
        assert result.exit_code == ExitCode.UNREACHABLE
        assert "it may have been started, so look before you start it again: remedy scans list" in result.stderr
    assert desk.asked().count(("POST", "/v1/scans")) == 2
    assert len(desk.rows("scans", "list")) == 3, "one for each of the two calls, and the cursor"


def test_a_scan_is_cancelled_once(desk: Desk) -> None:
    scan = desk.scan(site=SITE, duration_seconds=60)
    assert desk.call("scans", "cancel", scan, said="n\n").exit_code == ExitCode.INTERRUPTED
    assert desk.rows("scans", "show", scan)[0]["status"] == "running"
    assert desk.call("scans", "cancel", scan, said="y\n").stdout == f"{scan}: cancelled\n"
    again = desk.call("scans", "cancel", scan, "--yes")
    assert (again.exit_code, again.stderr) == (ExitCode.FAILED, f"error: {scan} has ended: cancelled\n")
    assert desk.call("scans", "show", scan, "--wait").exit_code == ExitCode.FAILED


def test_words_from_outside_do_not_steer_the_terminal(desk: Desk) -> None:
    scan = desk.scan(site="\x1b]0;owned\x07www\x1b[31m.example", duration_seconds=60)
    for words in (("list",), ("show", scan), ("cancel", scan, "--dry-run"), ("start", "--domain", SITE, "--dry-run")):
        result = desk.call("scans", *words)
        assert result.exit_code == ExitCode.DONE
        assert "\x1b" not in result.output
        assert "\x07" not in result.output


@pytest.mark.parametrize("form", ["pdf", "csv", "json", "markdown"])
def test_a_report_is_made_awaited_and_written_for_its_owner_only(desk: Desk, tmp_path: Path, form: str) -> None:
    desk.order("PATCH", "settings", report_seconds=0.05)
    scan, path = desk.scan(site=SITE, findings=2), tmp_path / f"report.{form}"
    asked, written = desk.rows("reports", "get", "--scan", scan, "--format", form, "--output", str(path))
    assert (asked["report"], written["bytes"]) == (written["report"], path.stat().st_size)
    assert MARK.encode() in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {"mappings.yaml", path.name}


def test_how_far_a_report_is_is_said_once(desk: Desk, tmp_path: Path) -> None:
    desk.order("PATCH", "settings", report_seconds=0.5)
    scan = desk.scan(site=SITE)
    said = desk.call("reports", "get", "--scan", scan, "--output", str(tmp_path / "report.pdf")).stderr.splitlines()
    assert [line.partition(": ")[2] for line in said] == ["asked for", "pending", "ready"]


def test_a_report_goes_to_standard_output_whole_and_alone(desk: Desk) -> None:
    scan = desk.scan(site=SITE, findings=2)
    result = desk.call("reports", "get", "--scan", scan, "--format", "json", "--output", "-")
    assert json.loads(result.stdout)["findings_count"] == 2


def test_a_file_that_is_there_is_replaced_only_by_force(desk: Desk, tmp_path: Path) -> None:
    scan, path = desk.scan(site=SITE), tmp_path / "report.csv"
    path.write_text("mine")
    path.chmod(0o644)
    words = ("reports", "get", "--scan", scan, "--format", "csv", "--output")
    desk.asked()
    for target in (path, tmp_path, tmp_path / "nowhere" / "report.csv", Path("/dev/null")):
        assert desk.call(*words, str(target)).exit_code == ExitCode.CONFIGURATION
    assert desk.call(*words, "/dev/null", "--force").exit_code == ExitCode.CONFIGURATION
    assert desk.asked() == [], "no report was asked for"
    assert path.read_text() == "mine"
    assert desk.call(*words, str(path), "--force").exit_code == ExitCode.DONE
    assert MARK in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_report_of_a_scan_that_runs_is_refused(desk: Desk, tmp_path: Path) -> None:
    scan = desk.scan(site=SITE, duration_seconds=60)
    words = ("reports", "get", "--scan", scan, "--output", str(tmp_path / "report.pdf"))
    result = desk.call(*words)
    assert result.exit_code == ExitCode.REFUSED
    assert "scan_not_completed" in result.stderr
    assert desk.call(*words, "--dry-run").exit_code == ExitCode.FAILED
    assert [path.name for path in tmp_path.iterdir()] == ["mappings.yaml"]


def test_a_report_that_does_not_come_whole_is_fetched_again_or_not_kept(desk: Desk, tmp_path: Path) -> None:
    scan, path = desk.scan(site=SITE, findings=2), tmp_path / "report.json"
    files = desk.order("GET", "files")["address"]
    for kind in ("half", "reset", "html", "status"):
        order = {"kind": kind, "path": "/files/", "times": 3}
        assert httpx2.post(f"{files}/_sandbox/faults", json=order, trust_env=False).is_success
        words = ("reports", "get", "--scan", scan, "--format", "json", "--output", str(path), "--force")
        assert desk.call(*words).exit_code == ExitCode.DONE
        assert json.loads(path.read_bytes())["findings_count"] == 2
    path.unlink()
    too_large = desk.call("reports", "get", "--scan", scan, "--output", str(path), "--max-bytes", "10")
    assert too_large.exit_code == ExitCode.REFUSED
    assert "has more than 10 bytes" in too_large.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["mappings.yaml"]


def test_a_report_that_is_not_ready_in_time_says_how_to_go_on(desk: Desk, tmp_path: Path) -> None:
    desk.order("PATCH", "settings", report_seconds=3600)
    scan, path = desk.scan(site=SITE), tmp_path / "report.pdf"
    result = desk.call("reports", "get", "--scan", scan, "--output", str(path), "--patience", "1s")
    assert result.exit_code == ExitCode.UNREACHABLE
    (report,) = {word for word in result.stderr.split() if word.startswith("rep_") and ":" not in word}
    assert f"go on with --report {report}" in result.stderr
    assert desk.asked().count(("POST", "/v1/reports")) == 1


def test_what_people_do_leaves_a_line_before_it_is_done(desk: Desk, tmp_path: Path) -> None:
    scan = desk.scan(site=SITE)
    path = tmp_path / "report.csv"
    begun = desk.rows("scans", "start", "--domain", SITE, "--yes", "--by", "priya")[0]["scan_id"]
    desk.call("scans", "cancel", begun, "--yes", "--by", "priya")
    desk.call("reports", "get", "--scan", scan, "--format", "csv", "--output", str(path), "--by", "priya")
    entries = [line["line"] for line in reversed(desk.audited())]
    lines = [tuple(entry[name] for name in ("act", "by", "piece", "choice")) for entry in entries]
    assert lines == [
        ("start_scan", "priya", SITE, f"--district lakeside --domain {SITE}"),
        ("cancel_scan", "priya", begun, "--district lakeside"),
        ("report", "priya", scan, "--district lakeside --format csv"),
    ]


def test_without_its_line_in_the_audit_nothing_is_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    result = desk.call("scans", "start", "--domain", SITE, "--yes")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "Nothing was done, since the audit cannot have its line" in result.stderr
    assert desk.asked() == []
    monkeypatch.delenv("DATA_KEYS")
    assert desk.call("scans", "start", "--domain", SITE, "--yes").exit_code == ExitCode.DONE


def test_neither_a_signed_address_nor_a_report_stands_anywhere_else(desk: Desk, tmp_path: Path) -> None:
    """The stand-in's reports hold a student; its signed addresses are known by their `signature=`."""
    scan = desk.scan(site=SITE, findings=2)
    files = desk.order("GET", "files")["address"]
    output = ""
    refused = {"kind": "status", "status": 403, "times": 2}
    for fault in ({}, refused, {"kind": "status", "status": 307}, {"kind": "html"}):
        if fault:
            httpx2.post(f"{files}/_sandbox/faults", json={"path": "/files/", **fault}, trust_env=False)
        for form in ("csv", "json"):
            words = ("reports", "get", "--scan", scan, "--format", form, "--output", str(tmp_path / "report"))
            output += desk.call(*words, "--force").output + desk.call(*words, "--force", "--json").output
    output += desk.call("audit", "list").output + desk.call("scans", "show", scan).output
    kept = desk.everything_in_redis()
    for planted in (MARK, "signature=", "/files/", files):
        assert planted not in output
        assert planted not in kept
    (report,) = [path for path in tmp_path.iterdir() if path.name == "report"]
    assert MARK in report.read_text()


HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it runs in the background ignore it
from remedy.main import main
main()
"""


def test_ctrl_c_says_how_to_go_on(desk: Desk) -> None:
    desk.order("PATCH", "settings", scan_seconds=60)
    command = [sys.executable, "-c", HEARS_CTRL_C, "scans", "start", "--domain", SITE, "--yes", "--wait"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env={**environ()}, **pipes)  # type: ignore[call-overload]
    scan = process.stdout.readline().partition(":")[0]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"The scan goes on: remedy scans show {scan} --district lakeside --wait" in said
    assert desk.rows("scans", "show", scan)[0]["status"] == "running"
