"""What can be seen of a mappings.yaml in the values that the rest of the code works with. Nothing is sent."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import requests
from redis.asyncio import Redis

from remediation.deliveries.events import SCHOOLSCAN, Sender
from remediation.deliveries.signatures import SignatureFormat, by_name, sign, verify
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.errors import Refused, SignatureInvalid
from remediation.domain.findings import DomainType, Finding, Scan, ScanStatus
from remediation.domain.incidents import Decided, Incident, IncidentType
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of, subject_of_incident, subject_of_summary
from remediation.domain.summaries import NamedTickets, ScanCounts, ScanSummary
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.config.signing_in import Webhook
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls, console_secrets, identities_of, worker_secrets
from remediation.mapping.reading.webhook_secrets import webhook_secrets
from remediation.mapping.render.occasions import (
    CommentKind,
    IncidentCommentKind,
    NoteKind,
    Occasion,
    SummaryCommentKind,
    comment_of,
    note_of,
)
from remediation.read_model.notifications.notices import notices_of, wanted_by
from remediation.read_model.notifications.planning import ChannelTerms, notification_plan
from remediation.read_model.notifications.wording import message_of
from remediation.read_model.status.codes import TroubleCode, TroubleName
from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusLine, StatusSection
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring, generate_key
from remediation.sources.schoolscan.client import SchoolScan
from remediation.store.audit.chain import AuditKeys
from remediation.store.cases.appointments import EndingRisk
from remediation.store.cases.timeline import Timeline
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.set_aside import SetAsideLimits
from remediation.store.notifications.memory import ChannelMemory
from remediation.store.server.connection import Connection
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.jira.tracker import Jira
from remediation.trackers.jira.workflow import ResolutionChoice, WorkflowStatus, WorkflowStep, resolution_for
from remediation.trackers.servicenow.client import ServiceNowClient
from remediation.trackers.servicenow.records import fields_of, reopening, resolution, ticket_of
from remediation.trackers.servicenow.sign_in import ClientCredentials, sign_in_of
from remediation.trackers.servicenow.tracker import ServiceNow
from remedy.runtime.calls.outbound import Outbound

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
ENVIRON = {"ONE": "test-only-first-secret-that-is-long", "TWO": "test-only-second-secret-that-is-long"}
SECRET = "test-only-secret"

EARLIER = Ticket("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.DONE)

Observer = Callable[[Loaded], object]


def _findings() -> Iterator[Finding]:
    for severity in (Severity.HIGH, Severity.LOW):
        for number, domain_type in enumerate((DomainType.DIRECT_PII, DomainType.METADATA)):
            for status in (Status.OPEN, Status.REVIEWING):
                yield Finding(
                    id="fnd_1",
                    status=status,
                    severity=severity,
                    domain_type=domain_type,
                    title="Class list",
                    url=("https://www.lakeside.example/board/a", "https://old.lakeside.example/b")[number],
                    site=("www.lakeside.example", "old.lakeside.example")[number],
                    detected_at=AT - timedelta(days=10 + 20 * number),
                )


def routing(loaded: Loaded) -> object:
    """Which rule takes each of some findings, and the tickets that it wants of them."""
    rulebook = MappingsRulebook(loaded.mappings)
    found = []
    for district in loaded.mappings.districts:
        key = CaseKey(district, CaseKind.FINDING, "fnd_1")
        for finding in _findings():
            ruling = rulebook.ruling(subject_of(key, finding), AT)
            policy = ruling.policy
            drafts = [ruling.draft(tracker, EARLIER) for tracker in policy.trackers]
            found.append((policy.rule, policy.trackers, drafts))
    return found


def _incidents() -> Iterator[Subject]:
    for number, kind in ((1, IncidentType.REFERRAL), (2, IncidentType.PENDING)):
        incident = Incident(
            "inc_1",
            kind,
            day=AT.date() - timedelta(days=10 * number),
            school=f"10{number}",
            offenses=(f"O{number}",),
            weapons=(f"W{number}",),
            injuries=(f"I{number}",),
            actions=(f"A{number}",),
        )
        for status in (Status.OPEN, Status.REVIEWING):
            yield subject_of_incident(CaseKey("lakeside", CaseKind.INCIDENT, "inc_1"), Decided(incident, status))


def incident_routing(loaded: Loaded) -> object:
    """Which rule takes each of some incidents, how bad it is, and the tickets that the rule wants of it."""
    rulebook, found = MappingsRulebook(loaded.mappings), []
    for subject in _incidents():
        ruling = rulebook.ruling(subject, AT)
        policy = ruling.policy
        drafts = [ruling.draft(tracker, EARLIER) for tracker in policy.trackers]
        found.append((policy.rule, ruling.severity, drafts))
    return found


def vicinities(loaded: Loaded) -> object:
    """Which findings and which incidents may be related to each other."""
    rulebook, key = MappingsRulebook(loaded.mappings), CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    subjects = [*_incidents(), *(subject_of(key, finding) for finding in _findings())]
    return [rulebook.ruling(subject, AT).vicinity for subject in subjects]


def incident_texts(loaded: Loaded) -> object:
    """Every comment on tickets about incidents."""
    ticket = Link("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1")
    occasion = Occasion(CaseKey("lakeside", CaseKind.INCIDENT, "inc_1"), AT, "all", (ticket,))
    return [comment_of(loaded.mappings, kind, occasion) for kind in IncidentCommentKind]


def summarizing(loaded: Loaded) -> object:
    """The tickets that a district wants of two scans, what closes them, and how often they are counted."""
    rulebook, key = MappingsRulebook(loaded.mappings), CaseKey("lakeside", CaseKind.SUMMARY, "scan_1")
    counts = ScanCounts().with_more((), [NamedTickets(Severity.HIGH, Status.REVIEWING, ("SEC-7",))])
    found: list[object] = [rulebook.summary_terms("lakeside")]
    for grade in ("B", None):
        scan = Scan("scan_1", ScanStatus.COMPLETED, "www.lakeside.example", AT, AT, overall_grade=grade)
        ruling = rulebook.ruling(subject_of_summary(key, ScanSummary(scan, counts)), AT)
        trackers = ruling.policy.trackers
        found += [
            ruling.policy,
            *((each, ruling.draft(each, EARLIER), ruling.closing_fields(each)) for each in trackers),
        ]
    return found


def summary_texts(loaded: Loaded) -> object:
    """Every comment on tickets that sum up scans."""
    ticket = Link("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1")
    occasion = Occasion(CaseKey("lakeside", CaseKind.SUMMARY, "scan_1"), AT, "all", (ticket,))
    return [comment_of(loaded.mappings, kind, occasion) for kind in SummaryCommentKind]


def timetables(loaded: Loaded) -> object:
    """When each feed of incidents is read, and from where."""
    feeds = loaded.mappings.districts["lakeside"].incidents
    return {name: (str(feed.url), feed.timetable) for name, feed in feeds.items()}


def audit_retention(loaded: Loaded) -> object:
    """How long lines of the audit are kept."""
    return loaded.mappings.retention.audit


def work_retention(loaded: Loaded) -> object:
    """How long cases are kept after their end, and parked work until somebody decides."""
    return loaded.mappings.retention.cases, loaded.mappings.retention.parked


def incident_retention(loaded: Loaded) -> object:
    """How long incidents are kept."""
    return loaded.mappings.retention.incidents


def policies(loaded: Loaded) -> object:
    """How the rules keep each of some findings in step."""
    rulebook, key = MappingsRulebook(loaded.mappings), CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    return [rulebook.ruling(subject_of(key, finding), AT).policy for finding in _findings()]


def closings(loaded: Loaded) -> object:
    """What closing the ticket of each of some findings sets in each tracker."""
    rulebook, key = MappingsRulebook(loaded.mappings), CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    return [
        rulebook.ruling(subject_of(key, finding), AT, "first").closing_fields(tracker)
        for finding in _findings()
        for tracker in loaded.mappings.trackers
    ]


def texts(loaded: Loaded) -> object:
    """Every note and every comment."""
    ticket = Link("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1")
    occasion = Occasion(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), AT, "all", (ticket,), Reason.FIXED, "somebody")
    notes = [note_of(loaded.mappings, kind, occasion) for kind in NoteKind]
    return notes, [comment_of(loaded.mappings, kind, occasion) for kind in CommentKind]


def secrets(loaded: Loaded) -> object:
    """What the receiver, the workers and the console read."""
    districts, trackers = webhook_secrets(loaded, ENVIRON, AT.timestamp())
    values = [
        [(each.id, each.value, each.ends_at) for each in read] for read in (*districts.values(), *trackers.values())
    ]
    return (
        values,
        worker_secrets(loaded, ENVIRON),
        _keys(loaded),
        channel_urls(loaded, ENVIRON),
        console_secrets(loaded, ENVIRON),
    )


def told_by_channels(loaded: Loaded) -> object:
    """What each channel tells in a day, at which minutes, where every quarter of an hour something more is wrong."""
    codes = (TroubleCode.PARKED, TroubleCode.SIGN_IN, TroubleCode.FEED_UNREAD)
    names = [
        TroubleName(code, f"{district}-{number}", district)
        for number in range(2)
        for code in codes
        for district in ("lakeside", "hillside")
    ]
    lines = [StatusLine("x", "y", Level.FAILURE, "", name) for name in names]
    risks = [EndingRisk(f"{district}:finding:fnd_1", AT.timestamp()) for district in ("lakeside", "hillside")]
    found = []
    for name, channel in loaded.mappings.notify.items():
        memory, now = ChannelMemory(AT.timestamp()), AT.timestamp()
        for minute in range(24 * 60):
            now += 60
            there = StatusSection("all", tuple(lines[: 1 + minute // 15]))
            wanted = [*wanted_by(name, channel, notices_of([there], risks))]
            plan = notification_plan(memory, wanted, ChannelTerms.of(channel), now)
            memory = plan.memory if plan.is_silent else plan.told(now)
            found += [] if plan.is_silent else [(minute, message_of(plan))]
    return found


def weekly(loaded: Loaded) -> object:
    """When each channel's last weekly figures were due."""
    return [each.weekly and each.weekly.moment_before(AT.timestamp()) for each in loaded.mappings.notify.values()]


def limits(loaded: Loaded) -> object:
    """How many deliveries each sender may bring."""
    found = [each.schoolscan.webhook for each in loaded.mappings.districts.values()]
    found += [each.webhook for each in loaded.mappings.trackers.values() if each.webhook]
    return [each.limit(loaded.mappings.defaults.delivery_limit) for each in found]


def _keys(loaded: Loaded) -> object:
    return [each.key for each in identities_of(loaded, ENVIRON).values()]


def identities(loaded: Loaded) -> object:
    """Which case each of some findings is, where their ids do not tell; and what a worker reads for that."""
    found = identities_of(loaded, ENVIRON)
    return found, [each.case_of(name, finding) for name, each in found.items() for finding in _findings()]


def groups(loaded: Loaded) -> object:
    """The group of each of some findings."""
    rulebook, key = MappingsRulebook(loaded.mappings), CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    return [rulebook.group_of(subject_of(key, finding), AT) for finding in _findings()]


def signatures(loaded: Loaded) -> object:
    """Which formats a delivery to the first district may be signed in."""
    return _accepted(SCHOOLSCAN, loaded.mappings.districts["lakeside"].schoolscan.webhook)


def told_by(tracker: str) -> Observer:
    """Which formats the tracker may sign its deliveries in."""

    def accepted(loaded: Loaded) -> object:
        config = loaded.mappings.trackers[tracker]
        assert config.webhook
        return _accepted(config.sender, config.webhook)

    return accepted


def _accepted(sender: Sender, webhook: Webhook) -> object:
    accepted: list[object] = []
    wanted, header, now = sender.expected_format(webhook.signature), sender.header, AT.timestamp()
    for written in SignatureFormat:
        signed = sign(b"{}", SECRET, written, now, "msg_1", header=header)
        try:
            accepted.append(verify(by_name(signed), b"{}", [SECRET], wanted, now, header=header))
        except SignatureInvalid:
            accepted.append(None)
    return accepted


async def account(loaded: Loaded) -> object:
    """Where the first district's account is asked for a finding."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={"id": "fnd_1"})

    url = str(loaded.mappings.districts["lakeside"].schoolscan.url)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        await SchoolScan("lakeside", url, SECRET, client=client).finding("fnd_1")
    return asked


def scan_times(loaded: Loaded) -> object:
    """When sites of the first district are scanned again."""
    return loaded.mappings.districts["lakeside"].schoolscan.scans.times


async def downloads(loaded: Loaded) -> object:
    """From which of some hosts the first district's reports are fetched."""
    written, fetched = loaded.mappings.districts["lakeside"].schoolscan, []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/r":
            return httpx2.Response(200, stream=httpx2.ByteStream(b"%PDF"))
        host = request.url.path.split("/")[-2]
        return httpx2.Response(200, json={"url": f"https://{host}/r"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        account = Outbound().source("lakeside", written, SECRET, client)
        for host in ("files.example", "reports.files.example", "other.example"):
            with contextlib.suppress(Refused):
                await account.fetch_report(host, lambda _piece, host=host: fetched.append(host))  # type: ignore[misc]
    return fetched


def jira_config(loaded: Loaded) -> JiraTracker:
    config = loaded.mappings.trackers["jira"]
    assert isinstance(config, JiraTracker)
    return config


def servicenow_config(loaded: Loaded) -> ServiceNowTracker:
    config = loaded.mappings.trackers["servicenow"]
    assert isinstance(config, ServiceNowTracker)
    return config


def kinds(loaded: Loaded) -> object:
    """What each tracker is taken for."""
    return [type(config) for config in loaded.mappings.trackers.values()]


def _session(session: requests.Session, url: str, *, signed: bool = True) -> object:
    request = session.prepare_request(requests.Request("GET", url)) if signed else None
    return request and (request.url, request.headers.get("Authorization"), request.headers.get("x-sn-apikey"))


def jira_connection(loaded: Loaded) -> object:
    """How Jira's client connects: address, sign-in, trust, way and limits."""
    client = JiraClient("jira", jira_config(loaded), SECRET)
    session = client._session
    address = client._jira._get_url("myself")
    seen = _session(session, address), session.verify, dict(session.proxies), getattr(session, "timeout", None)
    client.close()
    return seen


def servicenow_connection(loaded: Loaded) -> object:
    """The same of ServiceNow's; with OAuth, what would be sent for a token."""
    config = servicenow_config(loaded)
    sign_in = sign_in_of("servicenow", config, SECRET)
    client = ServiceNowClient("servicenow", config, sign_in)
    session, oauth = client._session, isinstance(sign_in, ClientCredentials)
    token = (sign_in._address, sign_in._credentials) if isinstance(sign_in, ClientCredentials) else None
    sent = _session(session, client._snow.base_url, signed=not oauth)
    seen = client._snow.base_url, sent, token, session.verify, dict(session.proxies), client._timeout
    client.close()
    return seen


def pools(loaded: Loaded) -> object:
    """How many calls each tracker takes at once."""
    jira = Jira("jira", jira_config(loaded), SECRET)
    servicenow = ServiceNow("servicenow", servicenow_config(loaded), SECRET)
    return [tracker._threads._size for tracker in (jira, servicenow)]


def horizons(loaded: Loaded) -> object:
    """How long each tracker may hide a ticket."""
    jira = Jira("jira", jira_config(loaded), SECRET)
    return jira.search_horizon, ServiceNow("servicenow", servicenow_config(loaded), SECRET).search_horizon


def resolutions(loaded: Loaded) -> object:
    """Which of a screen's resolutions each reason gets."""
    offered = (ResolutionChoice("1", "Done"), ResolutionChoice("2", "Mended"), ResolutionChoice("3", "Won't Do"))
    step = WorkflowStep("9", WorkflowStatus("5", "Closed", "done"), has_screen=True, resolutions=offered)
    return [resolution_for(step, reason, jira_config(loaded).resolutions) for reason in Reason]


def records(loaded: Loaded) -> object:
    """What records of ServiceNow mean, and what is written to close and reopen them."""
    return _records(servicenow_config(loaded))


def former_records(loaded: Loaded) -> object:
    """The same of those in `incident`, whatever table is today's."""
    config = servicenow_config(loaded).of_table("incident")
    assert config is not None
    return _records(config)


def _records(config: ServiceNowTracker) -> object:
    rows = [
        {"sys_id": "0" * 32, "state": state, "close_code": code}
        for state in ("1", "2", "6", "7", "8", "9")
        for code in ("", "Solution provided", "Mended")
    ]
    read = [ticket_of("servicenow", config, "incident", row) for row in rows]
    return read, [resolution(config, reason, "") for reason in Reason], reopening(config, "")


def risks(loaded: Loaded) -> object:
    """What an accepted risk is known by: which fields are asked for, and what is read out of them."""
    config = servicenow_config(loaded)
    accepted = {"sys_id": "0" * 32, "state": "6", "close_code": "Known error", "u_one": "a", "u_two": "2026-04-15"}
    reading = Jira("jira", jira_config(loaded), SECRET)._reading
    jira = reading.fields, reading.risk_reason, reading.risk_expiry
    return jira, fields_of(config), ticket_of("servicenow", config, "incident", accepted).risk


def former_sites(loaded: Loaded) -> object:
    """Where tickets are given up."""
    return [sorted(MappingsRulebook(loaded.mappings).former_sites(name)) for name in loaded.mappings.trackers]


def former_names(loaded: Loaded) -> object:
    """What each tracker was called."""
    return MappingsRulebook(loaded.mappings).former_names


def accounts_of(name: str) -> Callable[[Loaded], object]:
    """Whose tickets count as ours in a tracker, as it says that we are `remedy`."""

    class Known(Jira):
        async def whoami(self) -> str:
            return "remedy"

    class KnownNow(ServiceNow):
        async def account(self) -> str:
            return "remedy"

    def accounts(loaded: Loaded) -> object:
        jira, now = Known("jira", jira_config(loaded), SECRET), KnownNow("now", servicenow_config(loaded), SECRET)
        asked = (jira if name == "jira" else now).accounts()
        with pytest.raises(StopIteration) as answer:  # nothing is waited for: no loop is needed, and one runs already
            asked.send(None)
        return answer.value.value

    return accounts


def commenting(loaded: Loaded) -> object:
    """Whether a Jira's comments are internal ones."""
    return Jira("jira", jira_config(loaded), SECRET)._is_internal


def retention(loaded: Loaded) -> object:
    """For how many milliseconds a delivery's fingerprint is kept, a case's timeline, and what strangers bring."""
    keyring, kept, connection = Keyring.parse(generate_key()), loaded.mappings.retention, Connection(Redis())
    set_aside = SetAsideLimits(connection, AuditKeys(keyring), kept.quarantined, kept.not_found)._kept
    return (
        Inbox(connection, keyring, kept.deliveries)._kept_ms,
        Timeline(connection, kept.timelines)._kept_ms,
        set_aside,
    )
