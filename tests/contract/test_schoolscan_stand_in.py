"""What the SchoolScan stand-in keeps of the vendor's page, seen by a plain HTTP client."""

from collections.abc import Iterator

import httpx2
import pytest

from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK
from sandbox.schoolscan.stand_in import create_app
from sandbox.schoolscan.values import Account
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve

ADMIN = {"Authorization": "Bearer test-only-admin"}
TRIGGER = {"Authorization": "Bearer test-only-trigger"}
READER = {"Authorization": "Bearer test-only-reader"}
OTHER = {"Authorization": "Bearer test-only-hillside"}


class Clock:
    """Stands still, so that no window of a rate limit ends in the middle of a test."""

    def __init__(self) -> None:
        self.now = 1_776_261_731.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def http(clock: Clock) -> Iterator[httpx2.Client]:
    tokens = {"test-only-admin": "admin", "test-only-trigger": "scan-trigger", "test-only-reader": "read-only"}
    accounts = [
        Account("lakeside", tokens, ("lakeside.example",)),  # type: ignore[arg-type] # literals widen in a dict
        Account("hillside", {"test-only-hillside": "admin"}, ("hillside.example",)),
    ]
    with serve(create_app(World(accounts, clock))) as address, httpx2.Client(base_url=address, trust_env=False) as http:
        yield http


def add(http: httpx2.Client, **partial: object) -> str:
    answer = http.post("/_sandbox/findings", json={"district": "lakeside", "findings": [partial]})
    return str(answer.json()["findings"][0])


def test_every_answer_carries_the_state_of_its_rate_limit(http: httpx2.Client) -> None:
    finding = add(http)
    answers = [
        http.get("/v1/findings", headers=ADMIN),
        http.get("/v1/findings/nothing", headers=ADMIN),
        http.get("/v1/findings?status=accepted_risk", headers=ADMIN),
        http.get("/v1/findings"),
        http.patch(f"/v1/findings/{finding}", headers=READER, json={}),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 401, 403]
    seen = [
        tuple(answer.headers[f"X-RateLimit-{part}"] for part in ("Limit", "Remaining", "Reset")) for answer in answers
    ]
    reset = "1776261780"
    assert seen == [
        ("300", "299", reset),
        ("300", "298", reset),
        ("300", "297", reset),
        ("300", "300", reset),
        ("60", "59", reset),
    ]


@pytest.mark.parametrize(("method", "limit"), [("GET", 300), ("PATCH", 60)])
def test_a_district_that_has_spent_its_window_gets_429_until_the_reset(
    http: httpx2.Client, clock: Clock, method: str, limit: int
) -> None:
    path = f"/v1/findings/{add(http)}"
    change = {"status": "reviewing", "note": "Ticket SEC-1"} if method == "PATCH" else None
    statuses = [http.request(method, path, headers=ADMIN, json=change).status_code for _ in range(limit)]
    assert 429 not in statuses
    refused = http.request(method, path, headers=ADMIN, json=change)
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert refused.json()["error"]["code"] == "rate_limited"
    assert http.get("/v1/findings", headers=OTHER).status_code == 200
    clock.now = float(refused.headers["X-RateLimit-Reset"])
    assert http.request(method, path, headers=ADMIN, json=change).status_code in {200, 201}


def test_limits_can_be_set_while_it_runs(http: httpx2.Client) -> None:
    http.patch("/_sandbox/settings", json={"reads": 1, "window_seconds": 3600})
    answers = [http.get("/v1/findings", headers=ADMIN) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["X-RateLimit-Limit"] == "1"


@pytest.mark.parametrize("setting", [{"envelope": "xml"}, {"colour": "red"}, []])
def test_a_setting_that_does_not_exist_is_refused(http: httpx2.Client, setting: object) -> None:
    assert http.patch("/_sandbox/settings", json=setting).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/findings/nothing", None, 404, "not_found"),
        ("GET", "/v1/scans/nothing", None, 404, "not_found"),
        ("GET", "/v1/reports/nothing", None, 404, "not_found"),
        ("DELETE", "/v1/scans/nothing", None, 404, "not_found"),
        ("GET", "/v1/findings?status=accepted_risk", None, 400, "invalid_parameter"),
        ("GET", "/v1/findings?severity=dire", None, 400, "invalid_parameter"),
        ("GET", "/v1/findings?per_page=101", None, 400, "invalid_parameter"),
        ("GET", "/v1/findings?cursor=!", None, 400, "invalid_parameter"),
        ("GET", "/v1/scans?created_after=yesterday", None, 400, "invalid_parameter"),
        ("PATCH", "/v1/findings/fnd_1", b"{", 400, "malformed"),
        ("PATCH", "/v1/findings/fnd_1", b"[]", 400, "malformed"),
        ("PATCH", "/v1/findings/fnd_1", b'{"status": "open", "note": "x"}', 400, "invalid_status"),
        ("PATCH", "/v1/findings/fnd_1", b'{"status": "resolved"}', 400, "note_required"),
        ("POST", "/v1/scans", b'{"domain": "elsewhere.example"}', 400, "unknown_domain"),
        ("POST", "/v1/reports", b'{"scan_id": "nothing", "format": "pdf"}', 404, "not_found"),
        ("POST", "/v1/reports", b'{"scan_id": "nothing", "format": "docx"}', 400, "invalid_format"),
    ],
)
def test_an_error_has_a_structured_body(
    http: httpx2.Client, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    add(http, id="fnd_1")
    answer = http.request(method, path, headers=ADMIN, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert answer.headers["X-Request-Id"] == answer.json()["error"]["request_id"]


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ({}, "GET", "/v1/findings", 401),
        ({"Authorization": "Bearer wrong"}, "GET", "/v1/findings", 401),
        ({"Authorization": "Basic test-only-admin"}, "GET", "/v1/findings", 401),
        (READER, "GET", "/v1/findings", 200),
        (READER, "POST", "/v1/scans", 403),
        (TRIGGER, "POST", "/v1/scans", 201),
        (TRIGGER, "PATCH", "/v1/findings/fnd_1", 403),
        (ADMIN, "PATCH", "/v1/findings/fnd_1", 201),
        (OTHER, "PATCH", "/v1/findings/fnd_1", 404),
    ],
)
def test_a_token_opens_what_its_scope_and_district_allow(
    http: httpx2.Client, token: dict[str, str], method: str, path: str, status: int
) -> None:
    add(http, id="fnd_1")
    body = {"domain": "lakeside.example", "status": "resolved", "note": "Ticket SEC-1"}
    sent = None if method == "GET" else body
    assert http.request(method, path, headers=token, json=sent).status_code == status


def test_a_finding_carries_fields_that_clients_do_not_know_and_a_fake_student(http: httpx2.Client) -> None:
    finding = http.get(f"/v1/findings/{add(http)}", headers=ADMIN).json()
    assert {"confidence", "detector", "expert_review"} <= finding.keys()
    assert FAKE_STUDENT_MARK in finding["description"]


def test_a_list_shows_25_at_a_time_unless_asked_for_more(http: httpx2.Client) -> None:
    http.post("/_sandbox/findings", json={"district": "lakeside", "findings": 120})
    pages = [http.get(f"/v1/findings{query}", headers=ADMIN).json() for query in ("", "?per_page=100")]
    assert [len(page["data"]) for page in pages] == [25, 100]


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
def test_a_list_has_the_envelope_that_was_chosen(http: httpx2.Client, envelope: str) -> None:
    http.patch("/_sandbox/settings", json={"envelope": envelope})
    http.post("/_sandbox/findings", json={"district": "lakeside", "findings": 3})
    first = http.get("/v1/findings?per_page=2&severity=critical", headers=ADMIN)
    first = http.get("/v1/findings?per_page=2", headers=ADMIN)
    assert len(first.json()["data"]) == 2
    match envelope:
        case "cursor":
            query = {"cursor": first.json()["next_cursor"], "per_page": "2"}
            last = http.get("/v1/findings", params=query, headers=ADMIN)
            assert last.json()["next_cursor"] is None
        case "page":
            assert {name: first.json()[name] for name in ("page", "per_page", "total")} == {
                "page": 1,
                "per_page": 2,
                "total": 3,
            }
            last = http.get("/v1/findings?per_page=2&page=2", headers=ADMIN)
        case _:
            last = http.get(first.links["next"]["url"], headers=ADMIN)
            assert "next" not in last.links
    assert len(last.json()["data"]) == 1


def test_a_played_scan_names_what_it_will_find(http: httpx2.Client) -> None:
    old = add(http)
    order = {"district": "lakeside", "site": "www.lakeside.example", "findings": [{}, {"id": "fnd_x"}]}
    played = http.post("/_sandbox/scans", json={**order, "find_again": [old]}).json()
    assert played["findings"][1:] == ["fnd_x", old]
    listed = http.get(f"/v1/findings?scan_id={played['scan_id']}", headers=ADMIN).json()["data"]
    assert {finding["id"] for finding in listed} == set(played["findings"])
    assert http.get("/v1/findings/fnd_x", headers=ADMIN).json()["url"].startswith("https://www.lakeside.example/")


def test_a_finding_can_be_changed_deleted_and_its_audit_read_as_by_a_person(http: httpx2.Client) -> None:
    finding = add(http, severity="low")
    http.patch(f"/v1/findings/{finding}", headers=ADMIN, json={"status": "reviewing", "note": "Ticket SEC-1"})
    assert http.patch(f"/_sandbox/findings/{finding}", json={"severity": "high"}).json()["severity"] == "high"
    audit = http.get(f"/_sandbox/findings/{finding}/audit").json()
    assert [(entry["by"], entry["note"]) for entry in audit] == [("api", "Ticket SEC-1"), ("person", None)]
    assert len(http.get("/_sandbox/findings?district=lakeside").json()) == 1
    assert http.delete(f"/_sandbox/findings/{finding}").status_code == 204
    assert http.get(f"/v1/findings/{finding}", headers=ADMIN).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "order", "status"),
    [
        ("POST", "scans", {"district": "nowhere"}, 404),
        ("POST", "scans", {}, 404),
        ("POST", "scans", {"district": "lakeside", "find_again": ["fnd_nothing"]}, 404),
        ("POST", "scans", {"district": "lakeside", "duration_seconds": "long"}, 400),
        ("POST", "scans", [], 400),
        ("PUT", "webhooks/lakeside", {"url": "http://x", "secret": "test-only", "form": "md5"}, 400),
        ("PUT", "webhooks/lakeside", {"secret": "test-only"}, 400),
        ("PUT", "webhooks/nowhere", {"url": "http://x", "secret": "test-only"}, 404),
        ("GET", "findings/nothing/audit", None, 404),
        ("DELETE", "findings/nothing", None, 404),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(
    http: httpx2.Client, method: str, path: str, order: object, status: int
) -> None:
    assert http.request(method, f"/_sandbox/{path}", json=order).status_code == status


def test_a_signed_address_needs_no_token_and_ends_after_fifteen_minutes(http: httpx2.Client, clock: Clock) -> None:
    scan = http.post("/_sandbox/scans", json={"district": "lakeside", "findings": 2}).json()["scan_id"]
    report = http.post("/v1/reports", headers=ADMIN, json={"scan_id": scan, "format": "json"})
    assert report.status_code == 201
    download = http.get(f"/v1/reports/{report.json()['id']}/download", headers=ADMIN).json()
    fetched = http.get(download["url"])
    assert (fetched.status_code, fetched.json()["findings_count"]) == (200, 2)
    assert http.get(download["url"].replace("signature=", "signature=0")).status_code == 403
    assert http.get(download["url"], headers=ADMIN).status_code == 400, "an address is signed in one way"
    clock.now += 15 * 60
    expired = http.get(download["url"])
    assert (expired.status_code, expired.headers["content-type"]) == (403, "application/xml")
    assert not expired.headers.keys() & {"x-ratelimit-limit", "x-request-id"}, "it is no answer of the API"


def test_a_signed_address_lies_on_another_port_than_the_api(http: httpx2.Client) -> None:
    scan = http.post("/_sandbox/scans", json={"district": "lakeside"}).json()["scan_id"]
    report = http.post("/v1/reports", headers=ADMIN, json={"scan_id": scan, "format": "csv"}).json()["id"]
    url = httpx2.URL(http.get(f"/v1/reports/{report}/download", headers=ADMIN).json()["url"])
    assert url.port != http.base_url.port
    assert f"{url.scheme}://{url.netloc.decode()}" == http.get("/_sandbox/files").json()["address"]
    assert http.get(f"/files/{report}", params=url.params).status_code == 404
