"""What `remedy listen` tells of deliveries and cases, and what that costs a service to which nobody listens."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import StoreUnavailable
from remediation.domain.status import Severity
from remediation.read_model.live_events import LiveEvent, LiveFilter
from remediation.sealing import Keyring
from remediation.store.cases.timeline import Timeline
from remediation.store.deliveries.heard import RENEW_SECONDS, HeardDeliveries
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.keys import HEARD, INBOX, LISTENING
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remediation.store.terms import LISTENING_MS
from remedy.listen.following import LONGEST_PAUSE, SHORTEST_PAUSE, LiveFollower
from remedy.main import main
from remedy.runtime.failures import ExitCode
from tests.integration.offices import KEY, Office
from tests.stand_ins import RealClock

FILE = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {tickets: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {tickets: {project: SEC}}}]
"""
pytestmark = pytest.mark.usefixtures("quiet")
EVENT = {"id": "evt_1", "type": "finding.critical", "data": {"finding_id": "fnd_1"}}


class Listening:
    """A service and somebody who listens to it."""

    def __init__(self, office: Office, connection: Connection) -> None:
        self.office, self.connection = office, connection
        self.steady = 0.0
        self.said: list[str] = []

    async def to(self, wanted: LiveFilter | None = None, key: CaseKey | None = None) -> LiveFollower:
        follower = LiveFollower(self.connection, wanted or LiveFilter(), lambda: self.steady, key)
        await follower.begin()
        return follower

    async def heard(self, follower: LiveFollower) -> list[LiveEvent]:
        self.steady += 0.25
        said, events = await follower.news(time.time())
        self.said += said
        return events

    async def deliver(self, name: str = "d1", body: bytes | None = None, unreadable: str | None = None) -> None:
        sent = body or json.dumps(EVENT).encode()
        await self.office.context.inbox.accept(
            name, SCHOOLSCAN, "lakeside", sent, self.office.clock(), unreadable=unreadable
        )
        await self.office.work()


@pytest.fixture
async def listening(connection: Connection, keyring: Keyring) -> Listening:
    return Listening(Office(connection, keyring, clock=RealClock()), connection)


def words(events: list[LiveEvent], what: str) -> list[str]:
    return [event.says for event in events if event.what == what]


async def test_a_delivery_and_what_is_done_because_of_it_are_told_in_order(listening: Listening) -> None:
    follower = await listening.to()
    await listening.deliver()
    events = await listening.heard(follower)
    assert words(events, "delivery") == ["came in (schoolscan)", "read (schoolscan)"]
    told = words(events, "case")
    assert told[0] == "looked, because a webhook came in, from schoolscan"
    assert told[1] == "saw the finding open, high; no ticket"
    assert any(line.startswith("done: opened") for line in told)
    assert told[-1] == "at rest"
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert {event.ref for event in events} == {"d1", "finding fnd_1"}
    assert "lakeside" in events[0].line
    assert json.loads(json.dumps(events[-1].shown))["case"] == KEY.ref
    assert await listening.heard(follower) == [], "nothing is told twice"


async def test_without_a_listener_nothing_is_written_for_one(listening: Listening) -> None:
    await listening.deliver()
    assert await listening.office.redis.exists(HEARD, LISTENING) == 0
    await listening.to()
    await listening.deliver("d2")
    assert await listening.office.redis.xlen(HEARD) == 2
    assert 0 < await listening.office.redis.pttl(LISTENING) <= LISTENING_MS
    assert 0 < await listening.office.redis.pttl(HEARD) <= 60_000


async def test_a_delivery_is_taken_though_it_cannot_be_told_to_listeners(listening: Listening) -> None:
    await listening.to()
    await listening.office.redis.set(HEARD, "no stream")
    await listening.deliver()
    row = await listening.connection.ask(listening.office.redis.hgetall(f"{INBOX}d1"))
    assert row[b"state"] == b"done"


async def test_what_was_before_is_not_told_and_what_is_quarantined_is(listening: Listening) -> None:
    await listening.deliver()
    follower = await listening.to()
    assert await listening.heard(follower) == []
    await listening.deliver("d2", b"{", unreadable="no JSON")
    assert words(await listening.heard(follower), "delivery") == [
        "came in, and cannot be read: quarantined (schoolscan)"
    ]


@pytest.mark.parametrize(
    ("wanted", "whats"),
    [
        (LiveFilter(district="lakeside"), {"delivery", "case"}),
        (LiveFilter(district="hilltop"), set()),
        (LiveFilter(case=KEY.ref), {"case"}),
        (LiveFilter(sender="schoolscan"), {"delivery", "case"}),
        (LiveFilter(sender="jira"), set()),
    ],
)
async def test_a_filter_leaves_out_what_is_not_asked_for(
    listening: Listening, wanted: LiveFilter, whats: set[str]
) -> None:
    follower = await listening.to(wanted, KEY if wanted.case else None)
    await listening.deliver()
    assert {event.what for event in await listening.heard(follower)} == whats


async def test_refusals_are_told_with_how_many_there_were_since(listening: Listening) -> None:
    kind = RefusalKind("schoolscan", "lakeside", 401, "signature", "hex")
    log = RefusedLog(listening.connection)
    await log.note([(kind, 2)], time.time())
    follower = await listening.to()
    assert await listening.heard(follower) == []
    await log.note([(kind, 3)], time.time())
    listening.steady += 6
    (told,) = await listening.heard(follower)
    assert told.says == "3 deliveries answered 401: its signature does not verify (it looks like hex)"


async def test_it_says_what_is_connected_and_when_that_changes(listening: Listening) -> None:
    follower = await listening.to()
    await listening.heard(follower)
    await Processes(listening.connection).tell(Process("w/1", "worker", "1", time.time()), time.time())
    for _ in range(2):
        listening.steady += 11
        await listening.heard(follower)
    assert listening.said == [
        "Nothing is connected: no receiver (nothing can come in), no worker (nothing is done).",
        "Connected: no receiver (nothing can come in), 1 worker.",
    ]


async def test_a_quiet_service_is_asked_less_and_less_often(listening: Listening) -> None:
    follower = await listening.to()
    for _ in range(12):
        await listening.heard(follower)
    assert follower.pause == LONGEST_PAUSE
    await listening.deliver()
    await listening.heard(follower)
    assert follower.pause == SHORTEST_PAUSE


def lost_once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """Redis is away when this is asked for the next time."""
    there = getattr(owner, name)

    async def lost(*_: object) -> None:
        monkeypatch.setattr(owner, name, there)
        raise StoreUnavailable("Redis does not answer")

    monkeypatch.setattr(owner, name, lost)


async def test_after_an_outage_deliveries_are_written_for_it_at_once(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await listening.to()
    await listening.heard(follower)
    await listening.office.redis.delete(LISTENING)
    listening.steady += RENEW_SECONDS
    lost_once(monkeypatch, HeardDeliveries, "listen")
    with pytest.raises(StoreUnavailable):
        await listening.heard(follower)
    await listening.heard(follower)
    assert await listening.office.redis.exists(LISTENING) == 1


@pytest.mark.parametrize(("owner", "name"), [(Processes, "running"), (Timeline, "_kept")])
async def test_an_outage_between_two_questions_loses_nothing_and_repeats_nothing(
    listening: Listening, owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await listening.to()
    await listening.office.look()
    assert any(line.startswith("done: opened") for line in words(await listening.heard(follower), "case"))
    found = listening.office.source.findings["fnd_1"]
    listening.office.source.findings["fnd_1"] = replace(found, severity=Severity.CRITICAL)
    await listening.deliver()
    listening.steady += 60
    lost_once(monkeypatch, owner, name)
    with pytest.raises(StoreUnavailable):
        await listening.heard(follower)
    listening.steady += 5
    events = await listening.heard(follower)
    assert words(events, "delivery") == ["came in (schoolscan)", "read (schoolscan)"]
    told = words(events, "case")
    assert told[0] == "looked, because a webhook came in, from schoolscan"
    assert not any(line.startswith("done: opened") for line in told)
    assert await listening.heard(follower) == []


@pytest.mark.parametrize(
    ("wanted", "path", "is_taken"),
    [
        (LiveFilter(sender="tickets"), "jira/tickets", True),
        (LiveFilter(sender="jira"), "jira/tickets", False),
        (LiveFilter(sender="jira"), "jira", True),
        (LiveFilter(sender="schoolscan"), "schoolscan/lakeside", True),
        (LiveFilter(sender="lakeside"), "schoolscan/lakeside", False),
        (LiveFilter(district="lakeside"), "jira/lakeside", False),
    ],
)
def test_a_sender_is_schoolscan_or_a_tracker_by_its_name(wanted: LiveFilter, path: str, *, is_taken: bool) -> None:
    assert wanted.takes_delivery(path) is is_taken


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--district", "lakesid"), "there is no district lakesid; there is lakeside; did you mean 'lakeside'?"),
        (("--sender", "jira"), "there is no tracker jira; there is tickets"),
        (("--sender", "ticket"), "there is no tracker ticket; there is tickets; did you mean 'tickets'?"),
        (("--case", "fnd_1", "--district", "lakeside"), "--case names the district, too: it goes without --district"),
    ],
)
def test_whom_nothing_can_be_heard_of_is_not_waited_for(
    remedy: CliRunner, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "mappings.yaml").write_text(FILE)
    refused = remedy.invoke(main, ("listen", *words))
    assert (refused.exit_code, says in refused.stderr) == (ExitCode.CONFIGURATION, True), refused.output
