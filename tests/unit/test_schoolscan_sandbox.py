"""The state behind the SchoolScan stand-in, without HTTP."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK, fake_finding, with_changes
from sandbox.schoolscan.limits import Limits
from sandbox.schoolscan.signing import signed_headers
from sandbox.schoolscan.values import Account, ApiError, FileRefused
from sandbox.schoolscan.world import World

START = datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    accounts = [
        Account("lakeside", {"test-only-token-a": "admin"}, ("lakeside.example",)),
        Account("hillside", {"test-only-token-b": "read-only"}, ("hillside.example",)),
    ]
    return World(accounts, clock)


def refusal(call: Callable[..., object], *arguments: object) -> tuple[int, str]:
    with pytest.raises((ApiError, FileRefused)) as caught:
        call(*arguments)
    assert isinstance(caught.value, ApiError | FileRefused)
    return caught.value.status, caught.value.code


def found(world: World, **partial: object) -> str:
    findings = world.findings
    draft = findings.draft("lakeside", partial, site="lakeside.example", scan_id="scan_0")
    return str(findings.keep("lakeside", draft)["id"])


def test_the_same_seed_and_number_give_the_same_finding() -> None:
    first, again, other = (fake_finding("lakeside", number, "x.example", "scan_1", "now") for number in (4, 4, 5))
    assert first == again
    assert first["id"] != other["id"]


def test_every_description_and_evidence_carries_the_mark_of_a_fake_student() -> None:
    for number in range(20):
        finding = fake_finding("lakeside", number, "x.example", "scan_1", "now")
        assert FAKE_STUDENT_MARK in finding["description"]
        assert FAKE_STUDENT_MARK in str(finding["evidence"])
        assert FAKE_STUDENT_MARK not in finding["title"] + finding["url"]


def test_a_changed_field_is_replaced_and_one_changed_to_none_is_left_out() -> None:
    assert with_changes({"a": 1, "b": 2, "c": None}, {"a": 5, "b": None, "d": 6}) == {"a": 5, "c": None, "d": 6}


def test_a_scan_finds_new_things_and_finds_others_again(world: World, clock: Clock) -> None:
    old = found(world, severity="critical")
    world.findings.update("lakeside", old, {"status": "resolved", "note": "gone from the page"})
    clock.now += 60
    run = world.scans.begin("lakeside", "lakeside.example", [{"severity": "critical"}, {"severity": "low"}], [old])
    begun = world.started(run)
    assert [event.body["type"] for event in begun] == ["scan.started"]
    assert len(world.findings.listed("lakeside", {})) == 1
    events = world.finish(run)
    assert [event.body["type"] for event in events] == ["finding.critical", "finding.critical", "scan.completed"]
    assert [event.body["data"].get("finding_id") for event in events] == [run.planned[0]["id"], old, None]
    again = world.findings.kept(old)
    assert (again.finding["status"], again.finding["scan_id"]) == ("open", run.scan["id"])
    assert again.finding["updated_at"] == "2026-04-15T14:03:11Z"
    assert [entry["by"] for entry in again.audit] == ["api", "scan"]
    assert (run.scan["status"], run.scan["findings_count"]) == ("completed", 3)


def test_a_scan_ends_once(world: World) -> None:
    run = world.scans.begin("lakeside", "lakeside.example", [{}])
    assert world.finish(run)
    assert world.finish(run) == []


def test_a_scan_that_fails_finds_nothing_and_sends_nothing(world: World) -> None:
    (old,) = world.scans.finish(world.scans.begin("lakeside", "lakeside.example", [{}]))
    run = world.scans.start("lakeside", ["lakeside.example"], {"domain": "lakeside.example"}, 1, [old["id"]])
    run.fails = True
    assert world.finish(run) == []
    assert run.scan["status"] == "failed"
    assert world.findings.kept(old["id"]).finding["scan_id"] != run.scan["id"]


def test_a_cancelled_scan_finds_nothing(world: World) -> None:
    run = world.scans.begin("lakeside", "lakeside.example", [{}])
    world.scans.cancel("lakeside", run.scan["id"])
    assert world.finish(run) == []
    assert world.findings.listed("lakeside", {}) == []
    assert refusal(world.scans.cancel, "lakeside", run.scan["id"]) == (400, "not_running")


def test_an_event_carries_a_fake_student_as_a_real_one_might(world: World) -> None:
    run = world.scans.begin("lakeside", "lakeside.example", [{"severity": "critical"}])
    assert FAKE_STUDENT_MARK in str(world.finish(run)[0].body)


def test_a_district_sees_its_own_findings_only(world: World) -> None:
    finding_id = found(world)
    assert refusal(world.findings.kept, finding_id, "hillside") == (404, "not_found")
    assert world.findings.listed("hillside", {}) == []
    assert refusal(world.scans.begin, "hillside", "hillside.example", [], [finding_id]) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "open", "note": "why not"}, "invalid_status"),
        ({"status": "gone", "note": "x"}, "invalid_status"),
        ({"note": "x"}, "invalid_status"),
        ({"status": "resolved"}, "note_required"),
        ({"status": "resolved", "note": "  "}, "note_required"),
        ({"status": "resolved", "note": 5}, "note_required"),
        ([], "malformed"),
    ],
)
def test_a_status_is_refused_without_a_note_or_when_it_cannot_be_set(world: World, change: object, code: str) -> None:
    finding_id = found(world)
    assert refusal(world.findings.update, "lakeside", finding_id, change) == (400, code)
    assert world.findings.kept(finding_id).audit == []


def test_an_audit_trail_keeps_every_change(world: World, clock: Clock) -> None:
    finding_id = found(world)
    world.findings.update("lakeside", finding_id, {"status": "reviewing", "note": "Ticket SEC-1"})
    clock.now += 5
    world.findings.change_as_person(finding_id, {"status": "resolved"})
    assert world.findings.kept(finding_id).audit == [
        {"status": "reviewing", "note": "Ticket SEC-1", "at": "2026-04-15T14:02:11Z", "by": "api"},
        {"status": "resolved", "note": None, "at": "2026-04-15T14:02:16Z", "by": "person"},
    ]


def test_a_person_may_also_open_and_raise_a_finding_but_not_invent_words(world: World) -> None:
    finding_id = found(world, severity="low")
    changed = world.findings.change_as_person(finding_id, {"status": "open", "severity": "critical"})
    assert (changed["status"], changed["severity"]) == ("open", "critical")
    for changes in ({"status": "gone"}, {"severity": "x"}, {"id": "fnd_other"}):
        assert refusal(world.findings.change_as_person, finding_id, changes)[0] == 400


def test_a_deleted_finding_is_gone(world: World) -> None:
    finding_id = found(world)
    world.findings.delete(finding_id)
    assert refusal(world.findings.kept, finding_id) == (404, "not_found")


def test_a_review_changes_the_finding_and_sends_one_event(world: World) -> None:
    finding_id = found(world)
    (event,) = world.review(finding_id, "false_positive", {"severity": "low"})
    assert (event.body["type"], event.body["data"]["finding_id"]) == ("finding.expert_reviewed", finding_id)
    assert world.findings.kept(finding_id).finding["expert_review"]["outcome"] == "false_positive"
    assert world.findings.kept(finding_id).finding["severity"] == "low"


@pytest.mark.parametrize("name", ["severity", "status", "domain_type"])
def test_a_filter_knows_its_words_only(world: World, name: str) -> None:
    assert refusal(world.findings.listed, "lakeside", {name: "accepted_risk"}) == (400, "invalid_parameter")


def test_a_filter_leaves_the_rest_out(world: World) -> None:
    wanted = found(world, severity="critical", domain_type="metadata")
    found(world, severity="low", domain_type="metadata")
    found(world, severity=None)
    listed = world.findings.listed("lakeside", {"severity": "critical", "domain_type": "metadata"})
    assert [finding["id"] for finding in listed] == [wanted]


def test_a_sixth_scan_at_once_is_too_many(world: World) -> None:
    order = {"domain": "lakeside.example"}
    runs = [world.scans.start("lakeside", ["lakeside.example"], order, 0) for _ in range(5)]
    assert refusal(world.scans.start, "lakeside", ["lakeside.example"], order, 0) == (429, "too_many_scans")
    world.finish(runs[0])
    world.scans.start("lakeside", ["lakeside.example"], order, 0)


def test_a_signed_address_expires_after_fifteen_minutes(world: World, clock: Clock) -> None:
    run = world.scans.begin("lakeside", "lakeside.example", [])
    world.finish(run)
    report = world.reports.generate("lakeside", {"scan_id": run.scan["id"], "format": "csv"}, 10)
    assert report["status"] == "processing"
    assert refusal(world.reports.download, "lakeside", report["id"], "http://x") == (400, "not_ready")
    clock.now += 10
    download = world.reports.download("lakeside", report["id"], "http://x")
    assert download["expires_at"] == "2026-04-15T14:17:21Z"
    query = dict(part.split("=") for part in download["url"].partition("?")[2].split("&"))
    content, media_type = world.reports.file(report["id"], query["expires"], query["signature"])
    assert media_type == "text/csv"
    assert run.scan["id"].encode() in content
    assert refusal(world.reports.file, report["id"], query["expires"], "0" * 64) == (403, "SignatureDoesNotMatch")
    assert refusal(world.reports.file, report["id"], "9" * 10, query["signature"]) == (403, "SignatureDoesNotMatch")
    clock.now += 15 * 60
    assert refusal(world.reports.file, report["id"], query["expires"], query["signature"]) == (403, "AccessDenied")


def test_a_window_is_spent_and_begins_anew() -> None:
    limits = Limits(reads=2, writes=1, window_seconds=60)
    first = [limits.take("a", "GET", 120.0 + second) for second in (0, 1, 2)]
    assert [passes for passes, _ in first] == [True, True, False]
    assert [headers["X-RateLimit-Remaining"] for _, headers in first] == ["1", "0", "0"]
    assert {headers["X-RateLimit-Reset"] for _, headers in first} == {"180"}
    assert limits.take("a", "GET", 180.0)[0] is True


def test_reads_writes_and_districts_have_windows_of_their_own() -> None:
    limits = Limits(reads=1, writes=1)
    assert [limits.take(*who, 0.0)[0] for who in (("a", "GET"), ("a", "PATCH"), ("b", "GET"), ("a", "DELETE"))] == [
        True,
        True,
        True,
        False,
    ]


@given(st.lists(st.floats(0, 600), max_size=50).map(sorted))
def test_no_window_ever_lets_more_than_its_limit_pass(moments: list[float]) -> None:
    limits = Limits(reads=3)
    passed = [int(now // 60) for now in moments if limits.take("a", "GET", now)[0]]
    assert all(passed.count(window) == min(3, sum(int(now // 60) == window for now in moments)) for window in range(11))


@pytest.mark.parametrize(
    ("form", "key", "body", "header"),
    [
        (
            "hex",
            "It's a Secret to Everybody",
            b"Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        (
            "prefixed",
            "mysecret",
            b'{"foo":"bar"}',
            "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3",
        ),
        ("base64", "It's a Secret to Everybody", b"Hello, World!", "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="),
    ],
)
def test_a_signature_is_the_published_one(form: str, key: str, body: bytes, header: str) -> None:
    signed = signed_headers(form, key, body, "evt_1", START)  # type: ignore[arg-type] # a table's words are plain text
    assert signed == {"X-SchoolScan-Signature": header}


def test_a_timestamped_signature_covers_its_timestamp() -> None:
    first, second = (signed_headers("timestamped", "k", b"{}", "evt_1", START + later) for later in (0, 1))
    name = "X-SchoolScan-Signature"
    assert first[name].startswith(f"t={int(START)},v1=")
    assert first[name].partition("v1=")[2] != second[name].partition("v1=")[2]


def test_a_standard_signature_uses_the_decoded_secret() -> None:
    key = base64.b64encode(b"test-only-key-of-standard").decode()
    encoded = signed_headers("standard", f"whsec_{key}", b"{}", "evt_1", START)
    plain = signed_headers("standard", "test-only-key-of-standard", b"{}", "evt_1", START)
    assert encoded == plain
    assert set(encoded) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert encoded["webhook-signature"].startswith("v1,")
