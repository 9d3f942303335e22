"""What a backfill found waits behind all that comes in, in the queue and at a budget, until news come in about it."""

import pytest

from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.queue import WORK_QUEUE, Band, Job
from remediation.sealing import Keyring
from remediation.store.cases.entries import LookCause
from remediation.store.keys import CASE
from remediation.store.scans.backfills import Backfills, backfill_ref
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from tests.integration.test_jobs_budgets import limited, play
from tests.stand_ins import LATER, PlainRulebook
from workers.jobs.cases import look_at_case
from workers.jobs.scans import page_scan

REF = backfill_ref("lakeside")
WORST_FIRST = ["critical", "high", "unknown", "medium", "low"]


def key(name: str) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, name)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    """An account with one finding of each severity, the least first."""
    office = Office(connection, keyring)
    office.source.findings = {name: there(name) for name in reversed(WORST_FIRST)}
    return office


def there(name: str, severity: str = "") -> Finding:
    return Finding(name, Status.OPEN, Severity(severity or name), detected_at=LATER)


async def list_all(office: Office) -> None:
    """Begin a backfill, and list the account, without a look at any case."""
    await Backfills(office.connection).begin("lakeside", (), None, office.clock())
    await page_scan(office.arq_context, REF)


async def come_in(office: Office, name: str, severity: str) -> None:
    """Something comes in about the finding."""
    office.source.findings[name] = there(name, severity)
    await office.context.todo.mark([(key(name), Band[severity.upper()])], office.clock())


async def queued(office: Office) -> list[str]:
    jobs = [job.decode() for job in await office.redis.zrange(WORK_QUEUE, 0, -1)]
    return [job.split(":")[3] for job in jobs if job.startswith(Job.LOOK_AT_CASE)]


async def is_behind(office: Office, ref: str) -> bool:
    return bool(await office.connection.ask(office.redis.hexists(CASE + ref, "behind")))


async def test_it_waits_in_the_queue_behind_all_that_comes_in_and_goes_worst_first(office: Office) -> None:
    await list_all(office)
    office.clock.pass_by(3600)
    await come_in(office, "live", "low")
    assert await queued(office) == ["live", *WORST_FIRST]


async def test_its_pages_wait_behind_all_that_comes_in_and_come_before_its_cases(office: Office) -> None:
    await list_all(office)
    await office.work()
    await Backfills(office.connection).begin("lakeside", (), None, office.clock())
    await come_in(office, "live", "low")
    await office.context.todo.mark([(key("found"), Band.CRITICAL)], office.clock(), LookCause.SCAN)
    jobs = [job.decode().split(":")[0] for job in await office.redis.zrange(WORK_QUEUE, 0, -1)]
    assert jobs == [Job.LOOK_AT_CASE, Job.LOOK_AT_CASE, Job.PAGE_SCAN]


async def test_its_writes_wait_behind_all_that_comes_in_and_are_sent_worst_first(office: Office) -> None:
    source = limited(office, 0, writes=3)
    source.findings = {name: there(name) for name in reversed(WORST_FIRST)}
    for number in range(2):
        await come_in(office, f"before_{number}", "high")
    await office.work()
    await list_all(office)
    await office.work()
    for name, severity in (("live_low", "low"), ("live_medium", "medium")):
        await come_in(office, name, severity)
    await office.work()
    await play(office, 400)
    written = [name for name, _, _ in source.updates]
    assert written[:2] == ["before_0", "before_1"]
    assert written[-4:] == WORST_FIRST[1:], "one of the backfill had the window's last write, as nothing else waited"
    assert set(written[2:5]) == {WORST_FIRST[0], "live_low", "live_medium"}
    assert (source.writes.refused, source.reads.refused) == (0, 0)


async def test_what_it_found_stays_behind_while_it_is_put_off(office: Office) -> None:
    source = limited(office, 0, writes=1)
    source.findings = {name: there(name) for name in WORST_FIRST}
    await list_all(office)
    await office.work()
    waiting = WORST_FIRST[len(source.updates) :]
    assert waiting
    assert all([await is_behind(office, key(name).ref) for name in waiting])
    await play(office, 400)
    assert not any([await is_behind(office, key(name).ref) for name in WORST_FIRST])


async def test_what_comes_in_about_a_finding_that_it_found_is_urgent_as_ever(office: Office) -> None:
    await list_all(office)
    await come_in(office, "high", "high")
    await come_in(office, "live", "medium")
    assert (await queued(office))[:3] == ["high", "live", "critical"]
    await office.work()
    await office.context.todo.mark([(key("critical"), None)], office.clock())
    await come_in(office, "live", "high")
    assert await queued(office) == ["critical", "live"], "a case that was found once keeps its severity"


async def test_a_reconcile_leaves_what_it_found_behind(office: Office) -> None:
    await list_all(office)
    await office.context.todo.mark_found([(key(name), None, {}) for name in WORST_FIRST], office.clock())
    await come_in(office, "live", "low")
    assert await queued(office) == ["live", *WORST_FIRST]


async def test_it_puts_nothing_behind_that_waits_already(connection: Connection, keyring: Keyring) -> None:
    by = frozenset({IdentityField.DOMAIN_TYPE, IdentityField.TITLE})
    rules = PlainRulebook("snow", "jira")
    rules.identities = {"lakeside": Identity(by, b"test-only-key-of-an-identity-----")}
    office = Office(connection, keyring, rulebook=rules)
    finding = Finding("fnd_9", Status.OPEN, Severity.CRITICAL, DomainType.DIRECT_PII, title="a", detected_at=LATER)
    office.source.findings = {finding.id: finding}
    home = rules.identities["lakeside"].case_of("lakeside", finding)
    assert home is not None
    await office.context.todo.mark([(home, Band.CRITICAL)], office.clock())
    await list_all(office)
    assert not await is_behind(office, home.ref)
    assert (await office.connection.ask(office.redis.hget(CASE + home.ref, "band"))) == b"4"


async def test_a_finding_that_joins_a_case_takes_its_place_behind_along(
    connection: Connection, keyring: Keyring
) -> None:
    rules = PlainRulebook("snow", "jira")
    office = Office(connection, keyring, rulebook=rules)
    finding = Finding("fnd_9", Status.OPEN, Severity.HIGH, DomainType.DIRECT_PII, title="a", detected_at=LATER)
    office.source.findings = {finding.id: finding}
    await list_all(office)
    by = frozenset({IdentityField.DOMAIN_TYPE, IdentityField.TITLE})
    rules.identities = {"lakeside": Identity(by, b"test-only-key-of-an-identity-----")}
    home = rules.identities["lakeside"].case_of("lakeside", finding)
    assert home is not None
    await look_at_case(office.arq_context, key(finding.id).ref)
    assert await is_behind(office, home.ref)
    assert not await is_behind(office, key(finding.id).ref)
