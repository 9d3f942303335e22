"""What waits for a system is told once, asks it again now and then, and goes on as soon as it answers."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from remediation.store.systems import RELEASE_BATCH, Systems, SystemTrouble
from remedy.telemetry.store_metrics import StoreReader
from tests.integration.offices import Office
from tests.stand_ins import LATER
from workers.rounds.polls import poll_trackers
from workers.rounds.upkeep import sweep

EXPIRED = TryLater("jira", "the token has expired", status=401)
LIMITED = TryLater("jira", "slow down", status=429, after=120.0)
DOWN = TryLater("jira", "down", status=503)
KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(1, 6)]


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    office = Office(connection, keyring)
    for key in KEYS:
        office.source.findings[key.id] = Finding(key.id, Status.OPEN, Severity.HIGH, detected_at=LATER)
    return office


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    with capture_logs() as entries:
        yield entries


def told(log: list[EventDict]) -> list[tuple[str, str]]:
    return [(each["event"], each["system"]) for each in log if each["event"].startswith("system_")]


async def all_look(office: Office) -> None:
    for key in KEYS:
        await office.mark(key)
    await office.work()


async def swept(office: Office, seconds: float = 2.0) -> None:
    office.clock.pass_by(seconds)
    await sweep(office.arq_context)
    await office.work()


async def for_long(office: Office, seconds: float = 3_600.0) -> None:
    """An outage after which every case waits for about a quarter of an hour."""
    for _ in range(int(seconds // 120)):
        await swept(office, 120.0)


def creates(office: Office) -> int:
    return office.jira.troubles.calls.count("create")


@pytest.mark.parametrize(
    ("error", "waiting"), [(EXPIRED, Waiting.SIGN_IN), (LIMITED, Waiting.LIMIT), (DOWN, Waiting.AWAY)]
)
async def test_a_system_that_is_waited_for_is_told_once_whoever_meets_it(
    office: Office, log: list[EventDict], error: TryLater, waiting: Waiting
) -> None:
    office.jira.troubles.for_good("create", error)
    office.jira.troubles.for_good("changes", error)
    began = office.clock()
    await all_look(office)
    await poll_trackers(office.arq_context)
    await swept(office)
    assert told(log) == [("system_waited_for", "jira")]
    (trouble,) = await office.context.systems.in_trouble()
    assert trouble == SystemTrouble("jira", waiting, began, error.status, len(KEYS))
    await StoreReader(office.connection, office.clock, allow_weak_durability=False).refresh()
    assert REGISTRY.get_sample_value("remedy_system_waited_for", {"system": "jira", "waiting": waiting}) == 1
    assert REGISTRY.get_sample_value("remedy_cases_held", {"system": "jira"}) == len(KEYS)


async def test_when_it_answers_again_all_its_cases_go_on_within_a_minute(office: Office, log: list[EventDict]) -> None:
    office.jira.troubles.for_good("create", EXPIRED)
    await all_look(office)
    await for_long(office)
    office.jira.troubles.heal()
    for _ in range(20):
        await swept(office)
    assert await office.context.todo.dirty() == 0
    assert [len(office.jira.of(key.mark)) for key in KEYS] == [1] * len(KEYS)
    assert told(log) == [("system_waited_for", "jira"), ("system_answers_again", "jira")]
    assert await office.context.systems.in_trouble() == []
    await StoreReader(office.connection, office.clock, allow_weak_durability=False).refresh()
    assert REGISTRY.get_sample_value("remedy_cases_held", {"system": "jira"}) is None
    assert await office.redis.keys("remedy:held:*") == []


async def test_a_renewed_secret_is_tried_at_once(office: Office) -> None:
    office.jira.troubles.for_good("create", EXPIRED)
    await all_look(office)
    await for_long(office)
    office.jira.troubles.heal()
    await office.context.systems.ask_again(office.clock())
    for _ in range(4):
        await swept(office)
    assert await office.context.todo.dirty() == 0


async def test_while_it_is_down_only_one_case_at_a_time_asks_it_sooner(office: Office) -> None:
    office.jira.troubles.for_good("create", DOWN)
    await all_look(office)
    await for_long(office)
    before = creates(office)
    for _ in range(30):
        await swept(office)
    assert 1 <= creates(office) - before <= 3 + len(KEYS)


async def test_a_poll_that_is_answered_brings_the_cases_forward(office: Office) -> None:
    office.jira.troubles.for_good("create", DOWN)
    await all_look(office)
    await for_long(office)
    office.jira.troubles.heal()
    await poll_trackers(office.arq_context)
    await swept(office)
    assert await office.context.todo.dirty() == 0


async def test_a_limit_is_kept_until_its_end_whatever_else_is_answered(office: Office) -> None:
    office.jira.troubles.for_good("create", LIMITED)
    await all_look(office)
    office.jira.troubles.heal()
    office.snow.troubles.for_good("changes", TryLater("snow", "down"))  # its list would be news of these cases
    polls = office.jira.troubles.calls.count("changes")
    for _ in range(50):
        await swept(office)
        await poll_trackers(office.arq_context)
    assert (creates(office), office.jira.troubles.calls.count("changes")) == (len(KEYS), polls)
    for _ in range(15):
        await swept(office)
    assert await office.context.todo.dirty() == 0


async def test_a_case_that_alone_is_kept_waiting_neither_warns_nor_asks_without_end(
    office: Office, log: list[EventDict]
) -> None:
    """Whatever else is asked of the system is answered: its trouble comes and goes, less and less often."""
    office.jira.troubles.for_good("create", EXPIRED)
    await office.look()
    for _ in range(120):
        await swept(office, 60.0)
        await poll_trackers(office.arq_context)
    told_before, asked_before = len(told(log)), creates(office)
    for _ in range(60):
        await swept(office, 60.0)
        await poll_trackers(office.arq_context)
    assert len(told(log)) - told_before <= 10
    assert creates(office) - asked_before <= 65


async def test_what_a_case_itself_waits_for_is_no_trouble_of_a_system(office: Office) -> None:
    office.jira.troubles.for_good("create", TryLater("jira", "conflict", status=409))
    office.snow.troubles.for_good("create", TryLater("snow", "no answer", ambiguous=True, waiting=Waiting.OURS))
    await office.look()
    assert await office.context.systems.in_trouble() == []


async def test_a_case_that_came_to_rest_by_itself_waits_no_more(office: Office) -> None:
    office.jira.troubles.once("create", DOWN)
    await office.look()
    assert (await office.record()).waits_for == "jira"
    await office.look()
    assert (await office.record()).waits_for == ""
    assert await office.redis.keys("remedy:held:*") == []


async def test_a_case_that_asks_a_system_nothing_any_more_does_not_speak_for_it(
    office: Office, log: list[EventDict]
) -> None:
    office.jira.troubles.for_good("create", EXPIRED)
    await all_look(office)
    office.clock.pass_by(60.0)
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    assert (await office.record()).waits_for == ""
    assert told(log) == [("system_waited_for", "jira")]


async def test_many_cases_come_back_at_a_bounded_rate(office: Office) -> None:
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(RELEASE_BATCH + 50)]
    now = office.clock()
    await office.context.systems.note_trouble(DOWN, now)
    for key in keys:
        await office.context.todo.mark([(key, None)], now)
        lease = await office.context.todo.take(key.ref, now)
        assert lease is not None
        await office.context.todo.put_off(lease, now + 900, now, held_by="jira")
    assert await office.context.systems.note_answer("jira", now + 10)
    assert [await office.context.systems.release(now + 10) for _ in range(3)] == [RELEASE_BATCH, 50, 0]


async def test_a_trouble_of_which_nothing_is_heard_any_more_is_forgotten(connection: Connection) -> None:
    await Systems(connection).note_trouble(DOWN, 1_000.0)
    assert 3_000_000 < await connection.redis.pttl("remedy:system:jira") <= 3_700_000
