"""What a backfill found and nobody has begun to work at can be taken back; all else of it goes on."""

import pytest

from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.queue import IN_PROGRESS_PREFIX, WORK_QUEUE, Band, Job
from remediation.sealing import Keyring
from remediation.store.keys import CASE, DIRTY, DIRTY_SINCE
from remediation.store.scans.backfills import Backfill, Backfills, BackfillState, backfill_ref
from remediation.store.server.connection import Connection
from remedy.backfill.new_cases import NewCases
from tests.integration.case_list_sums import assert_lists_agree
from tests.integration.offices import Office
from tests.integration.test_backfill_order import come_in, key, list_all, queued, there
from tests.integration.test_jobs_budgets import limited
from tests.stand_ins import LATER, PlainRulebook
from workers.jobs.cases import look_at_case
from workers.jobs.scans import page_scan

NAMES = ["critical", "high", "unknown", "medium", "low"]
BY = frozenset({IdentityField.DOMAIN_TYPE, IdentityField.TITLE})


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    """An account with one finding of each severity."""
    office = Office(connection, keyring)
    office.source.findings = {name: there(name) for name in NAMES}
    return office


@pytest.fixture
def shared(connection: Connection, keyring: Keyring) -> Office:
    """An account with three findings, of which two are one by their identity."""
    rules = PlainRulebook("snow", "jira")
    rules.identities = {"lakeside": Identity(BY, b"test-only-key-of-an-identity-----")}
    office = Office(connection, keyring, rulebook=rules)
    office.source.findings = {f"fnd_{title}": alike(f"fnd_{title}", title[0]) for title in ("a1", "a2", "b1")}
    return office


def alike(name: str, title: str) -> Finding:
    return Finding(name, Status.OPEN, Severity.HIGH, DomainType.DIRECT_PII, title=title, detected_at=LATER)


def home_of(office: Office, name: str) -> CaseKey:
    identity = office.context.rulebook.identity("lakeside")
    assert identity is not None
    home = identity.case_of("lakeside", office.source.findings[name])
    assert home is not None
    return home


async def cancelled(office: Office) -> str:
    found = await Backfills(office.connection).cancel("lakeside", office.clock())
    assert found is not None
    return found


async def taken_back(office: Office) -> int:
    """Cancel the backfill, and return how many cases were taken back."""
    backfill = await cancelled(office)
    count = sum([step async for step in Backfills(office.connection).take_back("lakeside", backfill)])
    await assert_lists_agree(office.connection)
    return count


async def standing(office: Office) -> Backfill:
    found = await Backfills(office.connection).read("lakeside")
    assert found is not None
    return found


async def rows(office: Office) -> set[str]:
    return {each.decode().removeprefix(CASE) for each in await office.redis.keys(f"{CASE}*")}


async def test_all_that_nobody_has_begun_is_gone_and_what_has_a_ticket_stays(office: Office) -> None:
    await list_all(office)
    await office.redis.zrem(WORK_QUEUE, next(each for each in await office.waiting() if "critical" in each))
    await look_at_case(office.arq_context, key("critical").ref)
    assert await taken_back(office) == 4
    assert await rows(office) == {key("critical").ref}
    assert (await queued(office), await office.redis.zcard(DIRTY), await office.redis.zcard(DIRTY_SINCE)) == ([], 0, 0)
    found = await standing(office)
    assert (found.state, found.taken_back, found.tickets, found.marked) == (BackfillState.CANCELLED, 4, 2, 5)
    await office.later(600)
    assert len(office.jira.books) == len(office.snow.books) == 1


async def test_taking_back_what_is_gone_does_nothing_and_a_new_one_finds_it_again(office: Office) -> None:
    await list_all(office)
    assert await taken_back(office) == len(NAMES)
    assert await taken_back(office) == 0
    assert (await standing(office)).taken_back == len(NAMES)
    await list_all(office)
    await office.work()
    assert len(office.jira.books) == len(NAMES)


async def test_a_command_that_was_cut_off_is_gone_on_with(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediation.store.cases.withdrawal._AT_ONCE", 2)
    await list_all(office)
    async for count in Backfills(office.connection).take_back("lakeside", await cancelled(office)):
        assert count == 2
        break
    assert len(await rows(office)) == 3
    assert await taken_back(office) == 3
    assert (await standing(office)).taken_back == len(NAMES)


async def test_what_something_came_in_about_stays_and_so_does_what_a_worker_has_in_hands(office: Office) -> None:
    await list_all(office)
    await come_in(office, "low", "low")
    lease = await office.context.todo.take(key("high").ref, office.clock())
    assert lease is not None
    await office.redis.set(IN_PROGRESS_PREFIX + next(each for each in await office.waiting() if "medium" in each), 1)
    assert await taken_back(office) == 2
    assert await rows(office) == {key("low").ref, key("high").ref, key("medium").ref}
    assert await office.context.todo.put_off(lease, office.clock(), office.clock())
    await office.later(600)
    assert len(office.jira.books) == 3


async def test_what_waits_for_a_request_is_taken_back_and_what_was_planned_is_not(office: Office) -> None:
    source = limited(office, 0, reads=3)
    source.findings = {name: there(name) for name in NAMES}
    await list_all(office)
    ran = await office.work()
    assert ran.count(Job.LOOK_AT_CASE) == len(NAMES)
    begun = len(office.jira.books)
    assert 0 < begun < len(NAMES)
    assert await taken_back(office) == len(NAMES) - begun
    await office.later(600)
    assert len(office.jira.books) == begun


async def test_one_that_has_ended_with_all_begun_stays_as_it_is(office: Office) -> None:
    await list_all(office)
    await office.work()
    assert await taken_back(office) == 0
    assert (await standing(office)).state is BackfillState.DONE


async def test_a_parked_one_is_discarded_with_what_it_has_found(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring, page_size=3)
    office.source.findings = {name: there(name) for name in NAMES}
    await list_all(office)
    office.source.troubles.once("findings_page", Refused("lakeside", "no", status=403))
    await page_scan(office.arq_context, backfill_ref("lakeside"))
    assert (await standing(office)).state is BackfillState.PARKED
    assert await taken_back(office) == 3
    assert await office.parked() == {}
    assert (await standing(office)).state is BackfillState.CANCELLED


async def test_nothing_is_taken_back_once_another_one_has_begun(office: Office) -> None:
    await list_all(office)
    backfill = await cancelled(office)
    office.clock.pass_by(1)
    await Backfills(office.connection).begin("lakeside", (), None, office.clock())
    assert sum([step async for step in Backfills(office.connection).take_back("lakeside", backfill)]) == 0
    assert len(await rows(office)) == len(NAMES)


async def test_a_case_of_several_findings_is_taken_back_with_what_is_kept_of_each(shared: Office) -> None:
    await list_all(shared)
    assert len(await rows(shared)) == 5
    assert await taken_back(shared) == 2
    assert await rows(shared) == set()
    await list_all(shared)
    await shared.work()
    await shared.later(600)
    assert len(shared.jira.books) == 2


async def test_what_a_rehearsal_takes_for_new_is_what_has_no_case(shared: Office) -> None:
    subjects = [
        subject_of(CaseKey("lakeside", CaseKind.FINDING, name), each) for name, each in shared.source.findings.items()
    ]
    new = NewCases(shared.connection, shared.context.rulebook, LATER)
    assert await new.among(subjects) == ([], 0)
    assert sorted(each.findings for each in new.shared()) == [1, 2]
    await list_all(shared)
    again = NewCases(shared.connection, PlainRulebook("jira"), LATER)  # what joined a case stays there
    assert await again.among(subjects) == ([], 3)


async def test_a_case_of_several_findings_stays_where_something_came_in_about_one(shared: Office) -> None:
    await list_all(shared)
    await shared.context.todo.mark([(CaseKey("lakeside", CaseKind.FINDING, "fnd_a2"), Band.HIGH)], shared.clock())
    assert await taken_back(shared) == 1
    await shared.work()
    await shared.later(600)
    assert len(shared.jira.books) == 1


async def test_a_case_stays_that_a_scan_has_named_and_not_marked_yet(shared: Office) -> None:
    await list_all(shared)
    finding = shared.source.findings["fnd_a1"]
    own, home = CaseKey("lakeside", CaseKind.FINDING, "fnd_a1"), home_of(shared, "fnd_a1")
    marked = await shared.context.todo.name_members([(subject_of(own, finding), home)])
    assert marked == [home]
    assert await taken_back(shared) == 1
    await shared.context.todo.mark([(home, Band.HIGH)], shared.clock())
    await shared.work()
    await shared.later(600)
    assert len(shared.jira.books) == 1


async def test_a_page_that_was_being_listed_is_not_marked_after_that(office: Office) -> None:
    await Backfills(office.connection).begin("lakeside", (), None, office.clock())
    assert await taken_back(office) == 0
    await page_scan(office.arq_context, backfill_ref("lakeside"))
    assert await rows(office) == set()
