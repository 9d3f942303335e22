"""People are told by real mail and web servers, once, and silence follows; servers that hang or refuse hurt nothing."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.errors import Refused
from remediation.domain.status import Severity, Status
from remediation.mapping.config.notifying import NotifyChannel
from remediation.outbound import channels
from remediation.outbound.channels import ChannelWay, SendOutcome, address_flaw, send
from remediation.read_model.case_reports import reading
from remediation.read_model.notifications import weekly
from remediation.read_model.notifications.weekly import read_week
from remediation.read_model.status.overview import InstalledFile
from remediation.sealing import Keyring
from remediation.store.audit.chain import Line
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.search import lines_since
from remediation.store.cases.lists import CaseLists, UnlistedCases
from remediation.store.cases.todo import Todo
from remediation.store.keys import NOTIFIED, NOTIFY_TURN
from remediation.store.notifications.memories import ChannelMemories
from remediation.store.server.connection import Connection
from tests.certificates import Authority
from tests.integration.offices import KEY, Office
from tests.integration.people import Hook, Mailbox, listening
from workers.channels import Notifying, OpenChannel
from workers.rounds.notifying import notify
from workers.settings import JOB_TIMEOUT

MINUTE = 60.0


@dataclass
class Desk:
    """A worker with two channels: mail to a mailbox, and a hook."""

    office: Office
    mailbox: Mailbox
    hook: Hook
    refuses_file: bool = False

    def channels(self, **words: object) -> None:
        """Both channels with these words of mappings.yaml."""
        urls = {"mail": self.mailbox.url, "hook": self.hook.url}
        config = NotifyChannel.model_validate(
            {"url": {"env": "ONE"}, "after": "1s", "about": ["parked", "risks"], **words}
        )
        opened = {name: OpenChannel(config, partial(send, url, ChannelWay())) for name, url in urls.items()}
        here = InstalledFile("", (), (), (), tuple(opened))
        notifying = Notifying(opened, lambda _now: here, lambda: self.refuses_file, "", ("lakeside",))
        self.office.context = replace(self.office.context, notifying=notifying)

    async def rounds(self, count: int = 1) -> None:
        """So many minutes, with a round in each."""
        for _ in range(count):
            self.office.clock.pass_by(MINUTE)
            await notify(self.office.arq_context)

    async def park(self) -> None:
        """A finding whose ticket is refused."""
        self.office.jira.troubles.for_good("create", Refused("jira", "ZZPII-never-told", status=400))
        await self.office.look()


@pytest.fixture
async def desk(connection: Connection, keyring: Keyring) -> AsyncIterator[Desk]:
    mailbox, hook = Mailbox(), Hook()
    async with listening(mailbox), listening(hook):
        desk = Desk(Office(connection, keyring), mailbox, hook)
        desk.channels()
        yield desk


async def test_what_is_parked_is_told_once_by_mail_and_by_the_hook_and_then_there_is_silence(desk: Desk) -> None:
    await desk.rounds(3)
    assert (desk.mailbox.mails, desk.hook.posted) == ([], [])
    await desk.park()
    await desk.rounds(10)
    (mail,), (posted,) = desk.mailbox.mails, desk.hook.posted
    assert mail["To"] == "desk@example.org"
    assert mail["Subject"] == posted["title"]
    text = mail.get_content().replace("\r\n", "\n")
    assert text.strip() == posted["message"].strip()
    assert "1 action by jira" in text
    assert "remedy parked list says why." in text
    assert "ZZPII" not in text


async def test_that_it_is_over_is_told_once_it_was_replayed(desk: Desk) -> None:
    await desk.park()
    await desk.rounds(3)
    desk.office.jira.troubles.heal()
    await desk.office.context.parked.replay(f"{KEY.ref}/open:jira", desk.office.clock())
    await desk.office.later()
    await desk.rounds(5)
    assert [each["title"] for each in desk.hook.posted] == [
        "remedy: Refused 400: parked",
        "remedy: over: parked (action Refused 400 jira)",
    ]


async def test_an_accepted_risk_that_ends_soon_is_told_once(desk: Desk) -> None:
    await desk.office.look()
    ends = desk.office.clock() + 13 * 86_400
    await desk.office.redis.zadd("remedy:appointments", {KEY.ref: int(ends * 1000)})
    await desk.rounds(60)
    (posted,) = desk.hook.posted
    assert f"{KEY.ref}: its accepted risk ends on" in posted["message"]


async def test_a_changed_mappings_yaml_that_no_worker_can_use_is_told(desk: Desk) -> None:
    desk.channels(about="standing_still", after="2m")
    await desk.rounds(10)
    told = len(desk.hook.posted)
    desk.refuses_file = True
    await desk.rounds(10)
    (posted,) = desk.hook.posted[told:]
    assert "mappings.yaml: in no process; the file here cannot be used" in posted["message"]


async def test_two_workers_at_once_tell_the_same_once(desk: Desk) -> None:
    await desk.park()
    await desk.rounds()
    desk.office.clock.pass_by(MINUTE)
    await asyncio.gather(*(notify(desk.office.arq_context) for _ in range(4)))
    assert len(desk.hook.posted) == len(desk.mailbox.mails) == 1


async def test_a_worker_that_dies_before_it_remembers_leaves_the_news_to_the_next_which_tells_it(desk: Desk) -> None:
    """At least once: the turn of the dead one ends by itself."""
    await desk.park()
    await desk.rounds()
    memories = ChannelMemories(desk.office.connection)
    before = await memories.memory("hook")
    await desk.rounds()
    assert before is not None
    await memories.remember("hook", before)
    await desk.office.redis.set(f"{NOTIFY_TURN}hook", "somebody", px=300)
    await desk.rounds()
    assert len(desk.hook.posted) == 1
    await asyncio.sleep(0.4)
    await desk.rounds(5)
    assert [len(desk.hook.posted), len(desk.mailbox.mails)] == [2, 1]


async def test_a_turn_that_ended_by_itself_is_not_taken_from_the_worker_that_has_it_now(
    connection: Connection,
) -> None:
    memories, key = ChannelMemories(connection), f"{NOTIFY_TURN}hook"
    async with memories.turn("hook") as is_ours:
        assert is_ours
        await connection.redis.set(key, "somebody")
    assert await connection.redis.get(key) == b"somebody"
    await connection.redis.delete(key)
    async with memories.turn("hook"):
        pass
    assert await connection.redis.exists(key) == 0


@pytest.mark.parametrize("status", [302, 500])
async def test_a_server_that_refuses_is_told_of_by_status_and_the_other_channel_tells(desk: Desk, status: int) -> None:
    desk.hook.status = status
    await desk.park()
    with capture_logs() as logs:
        await desk.rounds(3)
    assert len(desk.mailbox.mails) == 1
    memory = await ChannelMemories(desk.office.connection).memory("hook")
    assert memory is not None
    assert (memory.failures, memory.why) == (2, f"the server did not take it (it answered {status})")
    (told, *_) = [each for each in logs if each["event"] == "notification_sent" and each["channel"] == "hook"]
    assert (told["outcome"], told["status"], told["log_level"]) == ("not_taken", status, "warning")
    counted = {"channel": "hook", "outcome": "not_taken"}
    assert REGISTRY.get_sample_value("remedy_notifications_total", counted)
    desk.hook.status = 204
    await desk.rounds(10)
    assert len(desk.hook.posted) == 1


async def test_a_server_that_hangs_delays_neither_the_other_channel_nor_the_end_of_the_round(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "SECONDS", 4.0)
    desk.hook.hangs = True
    await desk.park()
    await desk.rounds()
    begun = time.monotonic()
    await desk.rounds()
    assert time.monotonic() - begun < JOB_TIMEOUT, "so the round is not cut off"
    assert len(desk.mailbox.mails) == 1
    memory = await ChannelMemories(desk.office.connection).memory("hook")
    assert memory is not None
    assert memory.why.startswith("the server did not take it within")


async def test_more_than_the_limit_is_never_sent_whatever_happens(desk: Desk) -> None:
    desk.channels(per_hour=1, about=["parked"], weekly={"day": "monday"})
    await desk.rounds()
    await desk.park()
    await desk.rounds(3)
    desk.office.clock.pass_by(7 * 86_400)
    await desk.rounds(30)
    assert len(desk.hook.posted) == 2


async def test_the_weeks_figures_are_sent_once_a_week_with_what_happened_and_what_is_left(desk: Desk) -> None:
    desk.channels(about=[], weekly={"day": "monday", "at": "08:00", "time_zone": "America/New_York"})
    await desk.rounds()
    await desk.office.look()
    await desk.office.context.trail.chain(desk.office.clock())
    desk.office.clock.pass_by(6.9 * 86_400)
    await desk.rounds(3)
    (posted,) = desk.hook.posted
    assert posted["title"].startswith("remedy: the week until ")
    assert posted["message"].splitlines()[0] == "lakeside"
    assert "past week: 1 opened, 0 found again, 0 resolved, 0 accepted" in posted["message"]
    assert "still open: 1 high" in posted["message"]
    assert "parked: 0; accepted risks that end within 14 days: 0" in posted["message"]


async def test_the_weeks_figures_are_read_once_for_all_channels(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[float] = []

    def noted(connection: Connection, since: float) -> AsyncIterator[Line]:
        reads.append(since)
        return lines_since(connection, since)

    monkeypatch.setattr(weekly, "lines_since", noted)
    desk.channels(about=[], weekly={"day": "monday"})
    await desk.rounds()
    desk.office.clock.pass_by(7 * 86_400)
    await desk.rounds(3)
    assert (len(desk.hook.posted), len(desk.mailbox.mails), len(reads)) == (1, 1, 1)


async def test_every_line_of_the_audit_that_is_read_counts_towards_the_bound(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    wire = AuditEntry(AuditAct.REPLAY, 0, piece=KEY.ref).wire

    async def lines(_: Connection, __: float) -> AsyncIterator[Line]:
        for number in range(1_000):
            read.append(number)
            yield Line(0, number, "k", b"", wire)

    monkeypatch.setattr(weekly, "lines_since", lines)
    monkeypatch.setattr(weekly, "_MOST_LINES", 20)
    assert (await read_week(connection, time.time())).happened is None
    assert len(read) == 21


async def test_a_case_that_changes_while_the_weeks_figures_are_read_is_counted(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo, now = Todo(connection), time.time()
    keys = [CaseKey("hillside", CaseKind.FINDING, f"fnd_{number}") for number in range(9)]

    async def settle(key: CaseKey, severity: Severity, at: float) -> None:
        await todo.mark([(key, None)], at)
        lease = await todo.take(key.ref, at)
        assert lease is not None
        assert await todo.settle(lease, Memory(Status.REVIEWING, {}, severity=severity), at)

    while not await UnlistedCases(connection).list_some(now):
        pass
    for number, key in enumerate(keys):
        await settle(key, Severity.HIGH, now + number)
    read = CaseLists.records
    changed: list[CaseKey] = []

    async def records(self: CaseLists, refs: Sequence[str]) -> dict[str, CaseRecord]:
        found = await read(self, refs)
        if not changed:
            changed.append(keys[0])  # it would have come last, and is first now
            await settle(keys[0], Severity.LOW, now + 100)
        return found

    monkeypatch.setattr(reading, "_PAGE", 2)
    monkeypatch.setattr(CaseLists, "records", records)
    week = (await read_week(connection, now)).of("hillside")
    assert week.open == {Severity.HIGH: 8, Severity.LOW: 1}


async def test_what_is_kept_of_a_channel_has_a_lifetime_and_no_address(desk: Desk) -> None:
    await desk.park()
    await desk.rounds(3)
    redis = desk.office.redis
    assert await redis.ttl(f"{NOTIFIED}hook") > 30 * 86_400
    assert await redis.exists(f"{NOTIFY_TURN}hook") == 0
    assert b"127.0.0.1" not in await redis.get(f"{NOTIFIED}hook")


async def test_without_channels_nothing_is_asked_of_redis(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    before = (await connection.redis.info("stats"))["total_commands_processed"]
    await notify(office.arq_context)
    assert (await connection.redis.info("stats"))["total_commands_processed"] == before + 1


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("nothing", SendOutcome.UNKNOWN),
        ("slack://", SendOutcome.UNKNOWN),
        ("json://hooks.example.org/a", SendOutcome.PLAIN),
        ("http://hooks.example.org/a", SendOutcome.UNKNOWN),
        ("mailto://mail.example.org/?from=a@example.org&to=b@example.org", SendOutcome.PLAIN),
        ("mailtos://mail.example.org/?from=a@example.org&to=b@example.org&mode=insecure", SendOutcome.PLAIN),
        ("mailtos://mail.example.org/?from=a@example.org&to=b@example.org&verify=no", SendOutcome.UNVERIFIED),
        ("jsons://hooks.example.org/a?verify=no", SendOutcome.UNVERIFIED),
        ("syslog://", SendOutcome.PLAIN),
        ("mailtos://mail.example.org/?from=a@example.org&to=b@example.org", None),
        ("mailtos://remedy:secret@mail.example.org:465/?from=a@example.org&to=b@example.org&mode=ssl", None),
        ("jsons://hooks.example.org/a", None),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", None),
    ],
)
async def test_an_address_is_used_only_where_it_is_encrypted_or_leads_to_this_machine(
    url: str, outcome: SendOutcome | None
) -> None:
    flaw = await address_flaw(url)
    assert (flaw and flaw.outcome) == outcome


async def test_mail_that_only_some_recipients_get_is_sent_to_nobody_again() -> None:
    mailbox = Mailbox(refuses={"gone@example.org"})
    async with listening(mailbox):
        result = await send(f"{mailbox.url},gone@example.org", ChannelWay(), "remedy: a test", "text")
    assert (result.outcome, result.outcome.is_over, len(mailbox.mails)) == (SendOutcome.PARTLY, True, 1)


async def test_a_mail_server_that_does_not_take_our_sign_in_says_so_by_its_status() -> None:
    mailbox = Mailbox(refuses_sign_in=True)
    async with listening(mailbox):
        url = mailbox.url.replace("mailto://", "mailto://remedy:test-only-password@")
        result = await send(url, ChannelWay(), "remedy: a test", "text")
    assert (result.outcome, result.status, mailbox.mails) == (SendOutcome.NOT_TAKEN, 535, [])


async def test_nobody_there_is_said_to_be_so() -> None:
    result = await send("json://127.0.0.1:9/", ChannelWay(), "remedy: a test", "text")
    assert result.outcome is SendOutcome.UNREACHED


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> ssl.SSLContext:
    """What a server uses whose certificate is of that authority, for this machine's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost"))
    return context


async def test_a_server_with_certificates_of_ones_own_is_trusted_where_a_setting_names_them_and_else_not(
    authority: Authority, tls: ssl.SSLContext
) -> None:
    mailbox, starting, hook = Mailbox(), Mailbox(starts_tls=tls), Hook()
    async with listening(mailbox, tls), listening(starting), listening(hook, tls):
        urls = [
            f"jsons://localhost:{hook.port}/a",
            f"mailtos://localhost:{mailbox.port}/?from=a@example.org&to=b@example.org&mode=ssl",
            f"mailtos://localhost:{starting.port}/?from=a@example.org&to=b@example.org",
        ]
        ways = (ChannelWay(), ChannelWay(ca_file=authority.file))
        found = [[(await send(url, way, "a title", "a text")).outcome for way in ways] for url in urls]
    assert found == [[SendOutcome.UNREACHED, SendOutcome.SENT]] * 3
    assert (len(mailbox.mails), len(starting.mails), len(hook.posted)) == (1, 1, 1)


async def test_a_proxy_is_used_where_a_setting_names_one() -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        result = await send("jsons://hooks.example.org/secret", ChannelWay(proxy=address), "a title", "a text")
    assert result.outcome is SendOutcome.UNREACHED
    assert [each.rpartition(b" ")[0] for each in asked] == [b"CONNECT hooks.example.org:443"]


async def test_the_process_that_sends_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("DATA_KEYS", "test-only")
    assert ChannelWay().environment == {"HOME": "/nonexistent"}
    hook = Hook()
    async with listening(hook):
        assert (await send(hook.url, ChannelWay(), "a title", "a text")).outcome is SendOutcome.SENT
