"""The ticket that sums up a scan, with the real adapters over HTTP: SchoolScan, Jira and ServiceNow."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.cases.verification import ScanTimes
from remediation.domain.tickets import Reason
from remediation.mapping.reading.loading import loaded_of
from remediation.ports import ListedSource, SourceKey, Tracker
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.sources.connections import open_client
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.scanning import AccountScans, Scanner
from remediation.sources.schoolscan.source import FindingSource
from remediation.sources.schoolscan.summaries import SummarySource
from remediation.store.scans.counting import ScanNumbers
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection
from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK
from sandbox.schoolscan.stand_in import create_app
from sandbox.schoolscan.values import Account
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve
from tests.contract.jira_world import JiraWorld
from tests.contract.servicenow_world import ServiceNowWorld
from tests.integration.offices import Office
from tests.integration.test_scan_summaries import complete
from tests.stand_ins import RealClock

pytestmark = pytest.mark.usefixtures("quiet")

HOUR = timedelta(hours=1)
SITE = "zzpii.lakeside.example"
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    scan_summary:
      tickets:
        jira: {project: SEC, type: Task, labels: [scan]}
        servicenow: {impact: 3, urgency: 3}
      every: 5m
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: u, password: {env: J}}}}
  servicenow: {kind: servicenow, url: "https://snow.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, match: {severity: critical}, tickets: {jira: {project: SEC}}}]
"""


@pytest.fixture
def school() -> Iterator[httpx2.Client]:
    world = World([Account("lakeside", {"test-only": "admin"}, (SITE,))])
    with serve(create_app(world)) as address, httpx2.Client(base_url=address, trust_env=False) as client:
        yield client


@pytest.fixture
async def office(
    connection: Connection, keyring: Keyring, jira: JiraWorld, snow: ServiceNowWorld, school: httpx2.Client
) -> AsyncIterator[Office]:
    trackers: dict[str, Tracker] = {"servicenow": snow.connect(), "jira": jira.connect()}
    rulebook = MappingsRulebook(loaded_of(FILE, "mappings.yaml").mappings)
    office = Office(connection, keyring, trackers=trackers, rulebook=rulebook, clock=RealClock())
    async with open_client() as client:
        account = SchoolScan("lakeside", f"{school.base_url}/v1".replace("//v1", "/v1"), "test-only", client=client)
        sources: dict[SourceKey, ListedSource] = {
            ("lakeside", CaseKind.FINDING): FindingSource("lakeside", account),
            ("lakeside", CaseKind.SUMMARY): SummarySource(
                "lakeside", account, ScanNumbers(connection), ScanReports(connection)
            ),
        }
        scanner = Scanner(AccountScans(account), ScanTimes(HOUR, HOUR, HOUR), account)
        office.context = replace(office.context, sources=sources, scanners={"lakeside": scanner})
        yield office
    for tracker in trackers.values():
        await tracker.close()


def scanned(school: httpx2.Client, **order: object) -> str:
    scan = school.post("/_sandbox/scans", json={"site": SITE, **order}).json()["scan_id"]
    deadline = time.monotonic() + 5
    headers = {"Authorization": "Bearer test-only"}
    while school.get(f"/v1/scans/{scan}", headers=headers).json()["status"] != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return str(scan)


async def test_the_life_of_a_summary_in_two_real_trackers(
    office: Office, school: httpx2.Client, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    scanned(school)
    scan = scanned(school, findings=[{"severity": "critical", "title": "ZZPII-title"}, {"severity": "low"}])
    key = CaseKey("lakeside", CaseKind.SUMMARY, scan)
    await complete(office, scan)
    await office.work()
    await office.later(301.0)  # the store is as young as the scan: a search must be past its horizon
    assert (jira.count(key.mark), snow.count(key.mark)) == (1, 1)
    links = (await office.record(key)).links
    tickets = {name: await office.trackers[name].read(link.ticket_id) for name, link in links.items()}
    texts = {"jira": jira.description(tickets["jira"]), "servicenow": snow.description(tickets["servicenow"])}
    for text in texts.values():
        assert "2 found, 2 to do" in text
        assert "1 critical, 1 low" in text
        assert " in the scan before" in text
    assert "zzpii" not in (str(jira.books()) + str(snow.http.get("/_sandbox/records").json())).lower()
    (low,) = (each["id"] for each in school.get("/_sandbox/findings").json() if each["severity"] == "low")
    school.patch(f"/_sandbox/findings/{low}", json={"status": "resolved"})
    jira.describe_as_person(tickets["jira"], f"Seen by Priya.\n\n{texts['jira']}")
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, low))
    await office.work()
    await office.later(301.0)
    assert "- Resolved: 1" in jira.description(tickets["jira"])
    assert jira.description(tickets["jira"]).startswith("Seen by Priya.")
    assert "- Resolved: 1" in snow.description(tickets["servicenow"])
    for world, name in ((snow, "servicenow"), (jira, "jira")):
        world.close_as_person(tickets[name], Reason.ACCEPTED_RISK if name == "jira" else Reason.FIXED)
    await office.mark(key)
    await office.work()
    assert (await office.record(key)).is_at_its_end
    assert (jira.count(key.mark), snow.count(key.mark)) == (1, 1)
    assert all("accept" not in comment for comment in jira.comments(tickets["jira"]))


RESTRICTED = FILE.replace(
    "    scan_summary:\n", "    scan_summary:\n      detail: restricted\n      report: {format: json, every: 1d}\n"
)


async def test_a_report_goes_from_schoolscan_to_both_trackers_and_stays_nowhere_else(
    office: Office, school: httpx2.Client, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    office.context = replace(office.context, rulebook=MappingsRulebook(loaded_of(RESTRICTED, "mappings.yaml").mappings))
    scan = scanned(school, findings=[{"severity": "low"}])
    key = CaseKey("lakeside", CaseKind.SUMMARY, scan)
    await complete(office, scan)
    await office.work()
    for _ in range(4):
        await office.later(301.0)
    links = (await office.record(key)).links
    for world, name in ((jira, "jira"), (snow, "servicenow")):
        ticket = await office.trackers[name].read(links[name].ticket_id)
        ((attached, content),) = world.files(ticket)
        assert attached.startswith(f"schoolscan-report-{scan}-")
        assert FAKE_STUDENT_MARK.encode() in content
        assert not world.comments(ticket)
    rows = [await office.redis.dump(row) or b"" for row in await office.redis.keys("*")]
    assert not any(FAKE_STUDENT_MARK.encode() in row or b"/files/" in row for row in rows)
    assert not await office.parked()
