"""The SchoolScan client over real HTTP: what it promises, against the stand-in with and without faults."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError, NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.findings import ReportFormat, ReportStatus, ScanStatus
from remediation.domain.status import Severity, Status
from remediation.ports import ListedSource
from remediation.sources.connections import open_client
from remediation.sources.schoolscan import transport as schoolscan_transport
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.source import FindingSource
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.values import Account
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve

TOKEN = "test-only-token-of-lakeside"
READ_ONLY = "test-only-token-that-reads"


class Controls:
    """Tells the stand-in what to do."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False, timeout=10)

    def send(self, method: str, path: str, /, **order: object) -> Any:
        answer = self._client.request(method, path, json=order or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def add(self, *partials: object, **order: object) -> list[str]:
        return list(
            self.send("POST", "findings", findings=list(partials) or 1, district="lakeside", **order)["findings"]
        )

    def scan(self, **order: object) -> dict[str, Any]:
        return dict(self.send("POST", "scans", district="lakeside", **order))

    def fault(self, **fault: object) -> None:
        self.send("POST", "faults", **fault)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def controls() -> Iterator[Controls]:
    world = World(
        [
            Account("lakeside", {TOKEN: "admin", READ_ONLY: "read-only"}, ("lakeside.example",)),
            account("hillside", "test-only-token-of-hillside"),
        ]
    )
    with serve(create_app(world)) as address:
        controls = Controls(address)
        yield controls
        controls.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client() as client:
        yield client


@pytest.fixture
def schoolscan(controls: Controls, client: httpx2.AsyncClient) -> SchoolScan:
    return SchoolScan("lakeside", f"{controls.address}/v1/", TOKEN, client=client)


def files_of(controls: Controls) -> str:
    """Where signed addresses lead."""
    return str(controls.send("GET", "files")["address"])


async def failure(call: Any) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await call
    return caught.value


async def test_the_client_is_the_account_of_a_source(schoolscan: SchoolScan, controls: Controls) -> None:
    source: ListedSource = FindingSource("lakeside", schoolscan)
    (finding_id,) = controls.add({"severity": "high"})
    key = CaseKey("lakeside", CaseKind.FINDING, finding_id)
    subject = await source.subject(key)
    assert (subject.key, subject.severity, subject.detail) == (key, Severity.HIGH, await schoolscan.finding(finding_id))
    assert (await source.page({}, None)).subjects == (subject,)
    await source.set_status(key, Status.REVIEWING, "a note")
    assert (await source.subject(key)).status is Status.REVIEWING


async def test_a_finding_is_read_back_as_it_is_now(schoolscan: SchoolScan, controls: Controls) -> None:
    (finding_id,) = controls.add({"severity": "critical", "domain_type": "metadata", "new_field": {"x": 1}})
    finding = await schoolscan.finding(finding_id)
    assert (finding.id, finding.status, finding.severity) == (finding_id, "open", "critical")
    assert (finding.domain_type, finding.site, finding.scan_id) == ("metadata", "lakeside.example", "scan_sandbox")
    assert finding.detected_at is not None
    controls.send("PATCH", f"findings/{finding_id}", status="resolved")
    assert (await schoolscan.finding(finding_id)).status is Status.RESOLVED


async def test_a_finding_with_an_id_alone_and_unknown_words_is_read(schoolscan: SchoolScan, controls: Controls) -> None:
    controls.add({"id": "fnd_odd", "severity": "dire", "status": "snoozed", "domain_type": 5, "url": None, "title": []})
    finding = await schoolscan.finding("fnd_odd")
    assert finding.words == {"severity": "dire", "status": "snoozed"}
    assert (finding.title, finding.url, finding.site) == (None, None, None)


async def test_a_finding_that_does_not_exist_is_not_found(schoolscan: SchoolScan, controls: Controls) -> None:
    (finding_id,) = controls.add()
    controls.send("DELETE", f"findings/{finding_id}")
    error = await failure(schoolscan.finding(finding_id))
    assert isinstance(error, NotFound)
    assert (error.system, error.status, error.words) == ("schoolscan:lakeside", 404, "not_found: No such finding.")
    assert error.request_id is not None


async def test_another_districts_finding_is_not_found(controls: Controls, client: httpx2.AsyncClient) -> None:
    (finding_id,) = controls.add()
    other = SchoolScan("hillside", f"{controls.address}/v1", "test-only-token-of-hillside", client=client)
    assert isinstance(await failure(other.finding(finding_id)), NotFound)


@pytest.mark.parametrize("finding_id", ["fnd/../x", "a b", "%2e%2e", "?status=open", "#", "ünïcode", "\x00", "a/b"])
async def test_an_id_never_leads_to_another_resource(
    schoolscan: SchoolScan, controls: Controls, finding_id: str
) -> None:
    assert isinstance(await failure(schoolscan.finding(finding_id)), NotFound)
    path = controls.send("GET", "requests")[0]["path"]
    assert path.startswith("/v1/findings/")
    assert "/" not in path.removeprefix("/v1/findings/")


@pytest.mark.parametrize("finding_id", ["", ".", "..", "\ud800"])
async def test_an_id_that_cannot_be_one_is_refused_without_asking(
    schoolscan: SchoolScan, controls: Controls, finding_id: str
) -> None:
    assert type(await failure(schoolscan.finding(finding_id))) is Refused
    assert controls.send("GET", "requests") == []


async def test_a_status_is_written_with_its_note(schoolscan: SchoolScan, controls: Controls) -> None:
    (finding_id,) = controls.add()
    for status in (Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK):
        await schoolscan.update_finding(finding_id, status, f"Ticket SEC-1 „{status}“ \ud800")
        assert (await schoolscan.finding(finding_id)).status is status
    audit = controls.send("GET", f"findings/{finding_id}/audit")
    assert [entry["status"] for entry in audit] == ["reviewing", "resolved", "accepted_risk"]
    assert audit[0]["note"] == "Ticket SEC-1 „reviewing“ ?"


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (Status.OPEN, "x"),
        (Status.GONE, "x"),
        (Status.UNKNOWN, "x"),
        (Status.RESOLVED, ""),
        (Status.RESOLVED, " \n"),
    ],
)
async def test_what_may_never_be_written_is_refused_without_asking(
    schoolscan: SchoolScan, controls: Controls, status: Status, note: str
) -> None:
    assert type(await failure(schoolscan.update_finding("fnd_1", status, note))) is Refused
    assert controls.send("GET", "requests") == []


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_every_finding_of_a_scan_is_listed_once_in_every_envelope(
    schoolscan: SchoolScan, controls: Controls, envelope: str
) -> None:
    controls.send("PATCH", "settings", envelope=envelope)
    controls.add(*[{}] * 3)
    scan = controls.scan(findings=247)
    listed = [finding.id async for finding in schoolscan.findings({"scan_id": scan["scan_id"]})]
    assert listed == scan["findings"]
    asked = [entry for entry in controls.send("GET", "requests") if entry["path"] == "/v1/findings"]
    assert len(asked) == 3
    assert all(f"scan_id={scan['scan_id']}" in entry["query"] for entry in asked)


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_a_cursor_goes_on_where_the_page_ended(
    schoolscan: SchoolScan, controls: Controls, client: httpx2.AsyncClient, envelope: str
) -> None:
    controls.send("PATCH", "settings", envelope=envelope)
    controls.add(*[{}] * 130)
    first = await schoolscan.findings_page({}, None)
    later = SchoolScan("lakeside", f"{controls.address}/v1", TOKEN, client=client)
    assert first.cursor is not None
    second = await later.findings_page({}, first.cursor)
    assert (len(first.findings), len(second.findings), second.cursor) == (100, 30, None)
    assert not {finding.id for finding in first.findings} & {finding.id for finding in second.findings}


@pytest.mark.parametrize("gone", [0, 150, 199])
async def test_a_finding_that_leaves_a_numbered_list_while_it_is_read_hides_no_other(
    schoolscan: SchoolScan, controls: Controls, gone: int
) -> None:
    controls.send("PATCH", "settings", envelope="page")
    ids = controls.add(*[{}] * 450)
    first = await schoolscan.findings_page({}, None)
    page = await schoolscan.findings_page({}, first.cursor)
    seen = {finding.id for finding in (*first.findings, *page.findings)}
    controls.send("DELETE", f"findings/{ids[gone]}")
    while page.cursor is not None:
        page = await schoolscan.findings_page({}, page.cursor)
        seen |= {finding.id for finding in page.findings}
    assert seen | {ids[gone]} == set(ids)
    assert len([entry for entry in controls.send("GET", "requests") if entry["method"] == "GET"]) == 6


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_an_empty_list_is_one_empty_page(schoolscan: SchoolScan, controls: Controls, envelope: str) -> None:
    controls.send("PATCH", "settings", envelope=envelope)
    page = await schoolscan.findings_page({"severity": "low", "status": "open", "domain_type": "metadata"}, None)
    assert (page.findings, page.cursor) == ((), None)


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_that_a_scan_found_nothing_counts_only_for_a_scan_that_the_account_knows(
    schoolscan: SchoolScan, controls: Controls, envelope: str
) -> None:
    """Another district's token is shown an empty list of it: the delivery named a scan that is not that token's."""
    controls.send("PATCH", "settings", envelope=envelope)
    known = {"scan_id": controls.scan(findings=0)["scan_id"]}
    page = await schoolscan.findings_page(known, None)
    assert (page.findings, page.cursor) == ((), None)
    assert type(await failure(schoolscan.findings_page({"scan_id": "scan_of_hillside"}, None))) is NotFound


async def test_a_filter_that_the_api_does_not_know_is_refused_with_its_words(schoolscan: SchoolScan) -> None:
    error = await failure(schoolscan.findings_page({"status": "accepted_risk"}, None))
    assert type(error) is Refused
    assert error.words == "invalid_parameter: status must be one of open, reviewing, resolved."


async def test_a_cursor_that_is_not_ours_begins_the_list_anew(schoolscan: SchoolScan) -> None:
    assert await schoolscan.findings_page({}, "l://evil.example/") == await schoolscan.findings_page({}, None)


async def test_a_scan_is_started_followed_and_read(schoolscan: SchoolScan, controls: Controls) -> None:
    controls.send("PATCH", "settings", scan_seconds=1, scan_finds=2)
    scan_id = await schoolscan.start_scan("lakeside.example")
    assert (await schoolscan.scan(scan_id)).status is ScanStatus.RUNNING
    async with asyncio.timeout(20):
        while (scan := await schoolscan.scan(scan_id)).status is ScanStatus.RUNNING:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
    assert (scan.status, scan.domain, scan.findings_count) == (ScanStatus.COMPLETED, "lakeside.example", 2)
    assert scan.completed_at is not None
    assert len([finding async for finding in schoolscan.findings({"scan_id": scan_id})]) == 2


async def test_a_scan_of_an_unregistered_domain_is_refused(schoolscan: SchoolScan) -> None:
    assert type(await failure(schoolscan.start_scan("elsewhere.example"))) is Refused


async def test_a_sixth_scan_has_to_wait(schoolscan: SchoolScan, controls: Controls) -> None:
    controls.send("PATCH", "settings", scan_seconds=60)
    for _ in range(5):
        await schoolscan.start_scan("lakeside.example")
    error = await failure(schoolscan.start_scan("lakeside.example"))
    assert isinstance(error, TryLater)
    assert not error.ambiguous


async def test_a_scan_is_cancelled_once(schoolscan: SchoolScan, controls: Controls) -> None:
    scan_id = controls.scan(findings=1, duration_seconds=60)["scan_id"]
    await schoolscan.cancel_scan(scan_id)
    assert (await schoolscan.scan(scan_id)).status is ScanStatus.CANCELLED
    assert type(await failure(schoolscan.cancel_scan(scan_id))) is Refused


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_scans_are_listed_by_status_domain_and_date(
    schoolscan: SchoolScan, controls: Controls, envelope: str
) -> None:
    controls.send("PATCH", "settings", envelope=envelope)
    done = [controls.scan(site="a.example")["scan_id"] for _ in range(101)]
    running = controls.scan(site="b.example", duration_seconds=60)["scan_id"]
    assert [scan.id async for scan in schoolscan.scans()] == [*done, running]
    assert [scan.id async for scan in schoolscan.scans(status="running")] == [running]
    assert [scan.id async for scan in schoolscan.scans(domain="b.example")] == [running]
    since = (await schoolscan.scan(running)).started_at
    assert since is not None
    assert [scan.id async for scan in schoolscan.scans(created_after=since)] == []


@pytest.mark.parametrize("form", list(ReportFormat))
async def test_a_report_is_made_and_fetched_from_its_signed_address(
    schoolscan: SchoolScan, controls: Controls, form: ReportFormat
) -> None:
    scan_id = controls.scan(findings=2)["scan_id"]
    report = await schoolscan.generate_report(scan_id, form)
    assert (await schoolscan.report(report.id)).status is ReportStatus.READY
    pieces: list[bytes] = []
    count = await schoolscan.fetch_report(report.id, pieces.append)
    assert b"ZZPII-" in (content := b"".join(pieces))
    assert count == len(content)
    (entry,) = httpx2.get(f"{files_of(controls)}/_sandbox/requests", trust_env=False).json()
    assert (entry["status"], entry["scheme"]) == (200, ""), "the token is not sent there"


async def test_a_report_of_a_running_scan_is_refused(schoolscan: SchoolScan, controls: Controls) -> None:
    scan_id = controls.scan(duration_seconds=60)["scan_id"]
    assert type(await failure(schoolscan.generate_report(scan_id, ReportFormat.PDF))) is Refused


async def test_a_429_says_how_long_to_wait(schoolscan: SchoolScan, controls: Controls) -> None:
    controls.send("PATCH", "settings", reads=1, window_seconds=3600)
    (finding_id,) = controls.add()
    await schoolscan.finding(finding_id)
    error = await failure(schoolscan.finding(finding_id))
    assert isinstance(error, TryLater)
    assert error.after is not None
    assert 1 <= error.after <= 3600


@pytest.mark.parametrize("garbage", ["soon", "-1", "1e9", "\xe9"])
async def test_garbage_in_headers_is_tolerated(schoolscan: SchoolScan, controls: Controls, garbage: str) -> None:
    headers = {"Retry-After": garbage, "X-RateLimit-Limit": garbage, "X-RateLimit-Reset": garbage}
    controls.fault(kind="status", status=429, headers=headers)
    error = await failure(schoolscan.finding("fnd_1"))
    assert isinstance(error, TryLater)
    assert error.after is None


async def test_a_wrong_token_is_for_later_and_a_weak_one_is_refused(
    controls: Controls, client: httpx2.AsyncClient
) -> None:
    (finding_id,) = controls.add()
    wrong = SchoolScan("lakeside", f"{controls.address}/v1", "test-only-token-unknown", client=client)
    assert type(await failure(wrong.finding(finding_id))) is TryLater
    weak = SchoolScan("lakeside", f"{controls.address}/v1", READ_ONLY, client=client)
    assert (await weak.finding(finding_id)).id == finding_id
    error = await failure(weak.update_finding(finding_id, Status.RESOLVED, "note"))
    assert (type(error), error.status) == (Refused, 403)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünïcode", "\x00"])
async def test_a_token_that_no_header_can_carry_stops_the_start(client: httpx2.AsyncClient, token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SchoolScan("lakeside", "http://127.0.0.1:1/v1", token, client=client)
    assert token == "" or token not in str(caught.value)


BROKEN = frozenset({"reset", "hang_up", "lost_reply"})
"""The connection ends before there is an answer."""


@pytest.mark.parametrize(
    ("fault", "read_is_ambiguous", "write_is_ambiguous"),
    [
        ({"kind": "reset"}, False, True),
        ({"kind": "lost_reply"}, False, True),
        ({"kind": "half"}, False, True),
        ({"kind": "html"}, False, True),
        ({"kind": "status", "status": 500}, False, True),
        ({"kind": "status", "status": 503, "headers": {"Retry-After": "9"}}, False, True),
        ({"kind": "status", "status": 302, "headers": {"Location": "https://login.example/"}}, False, False),
        ({"kind": "status", "status": 429}, False, False),
    ],
)
async def test_a_fault_is_for_later_and_tells_whether_a_write_may_have_happened(
    schoolscan: SchoolScan,
    controls: Controls,
    fault: dict[str, object],
    *,
    read_is_ambiguous: bool,
    write_is_ambiguous: bool,
) -> None:
    (finding_id,) = controls.add()
    reads = 2 if fault["kind"] in BROKEN else 1
    controls.fault(**fault, times=reads)
    error = await failure(schoolscan.finding(finding_id))
    assert isinstance(error, TryLater)
    assert error.ambiguous is read_is_ambiguous
    controls.fault(**fault)
    error = await failure(schoolscan.update_finding(finding_id, Status.REVIEWING, "Ticket SEC-1"))
    assert isinstance(error, TryLater)
    assert error.ambiguous is write_is_ambiguous
    requests = controls.send("GET", "requests")
    assert len(requests) == reads + 1, "no call is repeated by the client, but for a read whose connection broke"


@pytest.mark.parametrize("kind", sorted(BROKEN))
async def test_a_read_whose_connection_breaks_is_sent_once_more(
    schoolscan: SchoolScan, controls: Controls, kind: str
) -> None:
    """A connection that was kept may have been closed just then: nothing is done twice by reading twice."""
    (finding_id,) = controls.add()
    controls.fault(kind=kind)
    assert (await schoolscan.finding(finding_id)).id == finding_id
    assert len(controls.send("GET", "requests")) == 2


async def test_a_connection_that_was_closed_while_idle_costs_neither_a_read_nor_a_write(
    schoolscan: SchoolScan, controls: Controls
) -> None:
    (finding_id,) = controls.add()
    for status in (Status.REVIEWING, Status.RESOLVED):
        await schoolscan.update_finding(finding_id, status, "note")
        controls.send("DELETE", "connections")
        assert (await schoolscan.finding(finding_id)).status == status
        controls.send("DELETE", "connections")
    assert [entry["method"] for entry in controls.send("GET", "requests")] == ["PATCH", "GET"] * 2


async def test_a_patch_may_be_repeated(schoolscan: SchoolScan, controls: Controls) -> None:
    (finding_id,) = controls.add()
    controls.fault(kind="lost_reply", method="PATCH")
    await failure(schoolscan.update_finding(finding_id, Status.RESOLVED, "Ticket SEC-1"))
    await schoolscan.update_finding(finding_id, Status.RESOLVED, "Ticket SEC-1")
    assert (await schoolscan.finding(finding_id)).status is Status.RESOLVED


async def test_a_server_that_is_not_there_is_for_later_and_nothing_happened(client: httpx2.AsyncClient) -> None:
    schoolscan = SchoolScan("lakeside", "http://127.0.0.1:1/v1", TOKEN, client=client)
    error = await failure(schoolscan.update_finding("fnd_1", Status.RESOLVED, "note"))
    assert isinstance(error, TryLater)
    assert not error.ambiguous


async def test_an_answer_that_drips_is_given_up(
    schoolscan: SchoolScan, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schoolscan_transport, "WHOLE_CALL_SECONDS", 0.1)
    controls.fault(kind="slow", seconds=1)
    error = await failure(schoolscan.start_scan("lakeside.example"))
    assert isinstance(error, TryLater)
    assert error.ambiguous


@pytest.mark.parametrize("compressed", [False, True])
async def test_an_answer_larger_than_one_may_be_is_for_later_and_told_as_what_it_is(
    client: httpx2.AsyncClient, controls: Controls, *, compressed: bool
) -> None:
    controls.add({"id": "fnd_1"})
    cautious = SchoolScan("lakeside", f"{controls.address}/v1", TOKEN, client=client, largest_answer=50_000)
    controls.fault(kind="large", size=50_000, gzip=compressed)
    assert (await cautious.finding("fnd_1")).id == "fnd_1"
    controls.fault(kind="large", size=50_001, gzip=compressed, times=2)
    read = await failure(cautious.finding("fnd_1"))
    written = await failure(cautious.update_finding("fnd_1", Status.REVIEWING, "note"))
    for error, wrote in ((read, False), (written, True)):
        assert isinstance(error, TryLater)
        assert (error.waiting, error.ambiguous) == (Waiting.TOO_LARGE, wrote)
        assert "MAX_ANSWER_BYTES, 50,000 bytes" in str(error)
    assert (await cautious.finding("fnd_1")).status is Status.REVIEWING


async def test_an_answer_that_trickles_in_is_given_up(
    schoolscan: SchoolScan, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schoolscan_transport, "WHOLE_CALL_SECONDS", 0.3)
    controls.add({"id": "fnd_1"})
    controls.fault(kind="trickle", seconds=0.02)
    assert isinstance(await failure(schoolscan.finding("fnd_1")), TryLater)
    assert (await schoolscan.finding("fnd_1")).id == "fnd_1"


async def test_an_empty_success_is_one_for_a_write_but_not_for_a_read(
    schoolscan: SchoolScan, controls: Controls
) -> None:
    controls.fault(kind="status", status=204, times=2)
    await schoolscan.update_finding("fnd_1", Status.RESOLVED, "note")
    assert isinstance(await failure(schoolscan.finding("fnd_1")), TryLater)


async def test_no_error_quotes_a_body_a_token_or_a_signed_address(schoolscan: SchoolScan, controls: Controls) -> None:
    for kind in ("html", "half", "reset", "lost_reply"):
        controls.fault(kind=kind, times=2 if kind in BROKEN else 1)
        error = await failure(schoolscan.findings_page({"scan_id": "ZZPII-scan"}, None))
        assert "ZZPII" not in str(error)
        assert TOKEN not in str(error)
        assert error.__cause__ is None
    assert TOKEN not in repr(vars(schoolscan))


async def test_a_check_says_what_it_saw_and_costs_one_read(schoolscan: SchoolScan, controls: Controls) -> None:
    assert await schoolscan.check() == "reads findings; 299 of 300 reads left"
    (entry,) = controls.send("GET", "requests")
    assert (entry["method"], entry["path"], entry["query"]) == ("GET", "/v1/findings", "per_page=1")
    assert entry["user_agent"].startswith("remedy")
    assert entry["scheme"] == "Bearer"


async def test_a_shared_client_keeps_no_cookies_and_follows_no_redirect(client: httpx2.AsyncClient) -> None:
    seen: list[str | None] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("cookie"))
        return Response("{}", 302, {"Set-Cookie": "session=test-only", "Location": "/v1/findings/other"})

    with serve(Starlette(routes=[Route("/v1/{rest:path}", answer)])) as address:
        schoolscan = SchoolScan("lakeside", f"{address}/v1", TOKEN, client=client)
        for _ in range(2):
            await failure(schoolscan.finding("fnd_1"))
    assert seen == [None, None]


async def test_a_next_page_on_another_host_is_never_asked_for(client: httpx2.AsyncClient) -> None:
    asked: list[str] = []

    async def elsewhere(request: Request) -> Response:
        asked.append(request.url.path)
        return Response("{}")

    with serve(Starlette(routes=[Route("/{rest:path}", elsewhere)])) as other:

        async def answer(_request: Request) -> Response:
            return Response('{"data": [{"id": "fnd_1"}]}', headers={"Link": f'<{other}/v1/findings>; rel="next"'})

        with serve(Starlette(routes=[Route("/v1/findings", answer)])) as address:
            schoolscan = SchoolScan("lakeside", f"{address}/v1", TOKEN, client=client)
            assert isinstance(await failure(schoolscan.findings_page({}, None)), TryLater)
    assert asked == []


async def test_no_request_goes_to_another_host_than_the_accounts(client: httpx2.AsyncClient) -> None:
    """Wherever its address comes from: the token goes with each."""
    transport = schoolscan_transport.Transport(
        "lakeside", "https://api.schoolscan.example/v1", TOKEN, client, time.time
    )
    for address in (
        "https://evil.example/v1/findings",
        "http://api.schoolscan.example/v1",
        "https://api.schoolscan.example@evil.example/",
    ):
        with pytest.raises(Refused, match="another host"):
            await transport.call("GET", address)


async def test_members_without_an_id_are_left_out_of_a_page_and_counted(client: httpx2.AsyncClient) -> None:
    async def answer(_request: Request) -> Response:
        return Response('[{"id": "fnd_1"}, {}, null, 5, {"id": 7}, {"id": "fnd_2", "status": []}]')

    with serve(Starlette(routes=[Route("/v1/findings", answer)])) as address:
        schoolscan = SchoolScan("lakeside", f"{address}/v1", TOKEN, client=client)
        page = await schoolscan.findings_page({}, None)
    assert [finding.id for finding in page.findings] == ["fnd_1", "7", "fnd_2"]
    assert page.left_out == 3
