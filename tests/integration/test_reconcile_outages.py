"""Reconciling while something stays down: its own part is incomplete and named, and all the rest is done."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import TicketState
from remediation.ports import Ruling
from remediation.sealing import Keyring
from remediation.sources.schoolscan.pages import FindingsPage
from remediation.store.server.connection import Connection
from remedy.reconcile.forecast import AT_ONCE
from remedy.reconcile.report import Tally, systems_of
from remedy.reconcile.walk import LONGEST_WAIT, Candidate
from remedy.runtime.failures import ExitCode
from tests.integration.offices import Office
from tests.integration.reconciling import (
    COUNT,
    KEYS,
    Asleep,
    at_work,
    bring_in,
    close,
    foreseen,
    found,
    office_in_step,
    reconcile,
    results_in,
    walk_of,
)
from tests.stand_ins import MemorySource, PlainRulebook, PlainRuling

HILLS = [CaseKey("hillside", CaseKind.FINDING, f"hill_{number}") for number in range(3)]
DOWN = TryLater("jira", "down", status=503)
NO = Refused("jira", "no", status=403)
SCHOOLSCAN_DOWN = TryLater("schoolscan:lakeside", "down", status=503)
SCHOOLSCAN_NO = Refused("schoolscan:lakeside", "token revoked", status=403)


class RulesByDistrict(PlainRulebook):
    """Lakeside's findings go to both trackers, hillside's to ServiceNow only."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        del at, known, said
        is_here = subject.key.district == "lakeside"
        return PlainRuling(self, subject, self.terms if is_here else replace(self.terms, trackers=("snow",)))

    def concerns(self, district: str, tracker: str) -> bool:
        return district == "lakeside" or tracker == "snow"


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """Lakeside with 25 findings, hillside with three; all in step."""
    office = await office_in_step(connection, keyring, RulesByDistrict("snow", "jira"))
    hillside = MemorySource(page_size=2)
    office.accounts["hillside"] = hillside
    await bring_in(office, hillside, HILLS)
    return office


def break_down(office: Office, error: OutsideError) -> None:
    """Jira answers nothing but this, until it is healed."""
    for call in ("changes", "read", "find", "create", "resolve"):
        office.jira.troubles.for_good(call, error)


def refs(candidates: list[Candidate]) -> set[str]:
    return {each.key.ref for each in candidates}


# The walk.


@pytest.mark.parametrize("error", [DOWN, NO])
async def test_a_tracker_that_cannot_be_listed_is_left_out_and_all_else_is_walked_through(
    office: Office, error: OutsideError
) -> None:
    office.jira.troubles.for_good("changes", error)
    walk = walk_of(office)
    candidates = await found(walk)
    assert refs(candidates) == {key.ref for key in (*KEYS, *HILLS)}
    assert {frozenset(each.tickets) for each in candidates} == {frozenset({"snow"})}
    assert walk.not_listed == {"jira": error}


async def test_an_account_that_stays_down_is_left_out_but_for_what_tickets_tell_of(office: Office) -> None:
    office.source.troubles.for_good("findings_page", SCHOOLSCAN_DOWN)
    walk = walk_of(office)
    candidates = await found(walk)
    assert refs(candidates) == {key.ref for key in (*KEYS, *HILLS)}
    assert {each.key.district for each in candidates if not each.subjects} == {"lakeside"}
    assert walk.not_listed == {"schoolscan:lakeside": SCHOOLSCAN_DOWN}


async def test_of_an_account_that_refuses_no_case_is_walked_through_and_of_the_others_all_are(office: Office) -> None:
    office.source.troubles.for_good("findings_page", SCHOOLSCAN_NO)
    walk = walk_of(office)
    assert refs(await found(walk)) == {key.ref for key in HILLS}
    assert walk.not_listed == {"schoolscan:lakeside": SCHOOLSCAN_NO}


async def test_a_system_that_asks_for_longer_than_anybody_waits_is_left_out(office: Office) -> None:
    error = TryLater("jira", "maintenance", status=503, after=3600.0)
    office.jira.troubles.for_good("changes", error)
    asleep = Asleep()
    walk = walk_of(office, sleep=asleep)
    assert {frozenset(each.tickets) for each in await found(walk)} == {frozenset({"snow"})}
    assert walk.not_listed == {"jira": error}
    assert asleep.seconds == []


@pytest.mark.parametrize("after", [None, 45.0, 100.0])
async def test_for_a_page_nobody_waits_longer_than_is_said(office: Office, after: float | None) -> None:
    office.jira.troubles.for_good("changes", TryLater("jira", "busy", status=429, after=after))
    asleep = Asleep()
    walk = walk_of(office, sleep=asleep)
    await found(walk)
    assert walk.not_listed.keys() == {"jira"}
    assert 0 < sum(asleep.seconds) <= LONGEST_WAIT


async def test_a_list_that_comes_slowly_is_read_to_its_end(office: Office) -> None:
    """Each of its pages is waited for nearly as long as anybody waits."""
    asleep = Asleep()
    office.accounts["lakeside"] = Slow(*office.source.findings.values(), page_size=10)
    walk = walk_of(office, sleep=asleep)
    assert len(await found(walk)) == COUNT + len(HILLS)
    assert walk.not_listed == {}
    assert sum(asleep.seconds) > 2 * LONGEST_WAIT


class Slow(MemorySource):
    """An account that is asked for each page twice."""

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        calls = self.troubles.calls
        if calls.count("findings_page") % 2 == 0:
            self.troubles.once("findings_page", TryLater("schoolscan:lakeside", "busy", status=429, after=290.0))
        return await super().findings_page(filters, cursor)


async def test_what_a_list_showed_before_its_system_went_down_is_kept(office: Office) -> None:
    for tracker in (office.snow, office.jira):
        tracker.books.clear()
    walk = walk_of(office)
    candidates: list[Candidate] = []
    async for batch in walk.batches():
        candidates += batch
        if any(each.key.district == "lakeside" for each in batch):
            office.source.troubles.for_good("findings_page", SCHOOLSCAN_DOWN)
    seen = [each for each in candidates if each.key.district == "lakeside"]
    assert 10 <= len(seen) < COUNT
    assert walk.not_listed == {"schoolscan:lakeside": SCHOOLSCAN_DOWN}


async def test_nobody_waits_for_a_district_that_is_down(office: Office) -> None:
    office.source.troubles.once("findings_page", SCHOOLSCAN_DOWN)
    healed = asyncio.Event()

    async def until_healed(seconds: float) -> None:
        del seconds
        await healed.wait()

    seen: list[Candidate] = []
    async with asyncio.timeout(20):
        async for batch in walk_of(office, sleep=until_healed).batches():
            seen += batch
            if {key.ref for key in HILLS} <= refs(seen):
                assert healed.is_set() or {each.key.district for each in seen} == {"hillside"}
                healed.set()
    assert refs(seen) == {key.ref for key in (*KEYS, *HILLS)}


# For good.


async def test_while_a_tracker_is_down_the_others_are_brought_into_step_and_it_is_named(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    break_down(office, DOWN)
    close(office, HILLS[0])
    office.source.set_status(KEYS[0].id, Status.RESOLVED)
    async with at_work(office):
        assert await reconcile(office, patience=0.5, as_json=True) is ExitCode.UNREACHABLE
    hillside = office.accounts["hillside"]
    assert isinstance(hillside, MemorySource)
    assert hillside.findings[HILLS[0].id].status is Status.RESOLVED
    assert office.snow.of(KEYS[0].mark)[0].state is TicketState.DONE
    *rows, summary = results_in(capsys.readouterr().out)
    told = {row["case"]: (row["outcome"], *row["held_up_by"]) for row in rows}
    assert told == {HILLS[0].ref: ("changed",), **{key.ref: ("put_off", "jira") for key in KEYS}}
    assert summary == {
        "summary": {"cases": COUNT + 3, "put_off": COUNT, "changed": 1, "well": 2},
        "held_up_by": {"jira": COUNT},
        "dry_run": False,
        "not_listed": {"jira": {"error": "unreachable", "status": 503, "message": "down"}},
        "left_out": {},
    }


async def test_a_later_run_completes_what_a_tracker_held_up(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.source.set_status(KEYS[0].id, Status.RESOLVED)
    await office.redis.flushall()
    break_down(office, DOWN)
    async with at_work(office):
        assert await reconcile(office, patience=0.5) is ExitCode.UNREACHABLE
    assert office.jira.of(KEYS[0].mark)[0].state is TicketState.OPEN
    shown = capsys.readouterr().out.splitlines()
    assert "INCOMPLETE: jira could not be listed (503: down); run this again once it answers" in shown
    assert f"Held up by jira ({COUNT - 1})." in shown[-1]
    office.jira.troubles.heal()
    office.clock.pass_by(3600)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE
    assert office.jira.of(KEYS[0].mark)[0].state is TicketState.DONE
    assert len(office.jira.books) == COUNT
    assert len(office.snow.books) == COUNT + 3


async def test_the_system_that_does_not_do_what_was_planned_is_named_and_not_the_one_before(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.source.set_status(KEYS[0].id, Status.RESOLVED)
    office.snow.troubles.once("read", TryLater("snow", "down", status=503))
    office.jira.troubles.for_good("resolve", DOWN)
    await office.mark(KEYS[0])
    await office.work()
    async with at_work(office):
        assert await reconcile(office, patience=0.5, as_json=True) is ExitCode.UNREACHABLE
    rows = {row["case"]: row["held_up_by"] for row in results_in(capsys.readouterr().out) if "case" in row}
    assert rows == {KEYS[0].ref: ["jira"]}


async def test_the_system_that_holds_a_case_up_now_is_named_and_not_the_one_before(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.snow.troubles.once("read", TryLater("snow", "busy", status=429, after=30.0))
    await office.mark(KEYS[0])
    await office.work()
    close(office, KEYS[0])
    office.jira.troubles.for_good("read", DOWN)
    async with at_work(office):
        assert await reconcile(office, patience=0.5, as_json=True) is ExitCode.UNREACHABLE
    rows = {row["case"]: row["held_up_by"] for row in results_in(capsys.readouterr().out) if "case" in row}
    assert rows[KEYS[0].ref] == ["jira"]


async def test_without_waiting_too_it_says_what_could_not_be_listed(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.jira.troubles.for_good("changes", DOWN)
    assert await reconcile(office, wait=False, as_json=True) is ExitCode.UNREACHABLE
    (summary,) = results_in(capsys.readouterr().out)
    assert summary["summary"] == {"marked": COUNT + 3}
    assert summary["not_listed"].keys() == {"jira"}
    assert await office.context.todo.dirty() == COUNT + 3


async def test_a_tracker_that_refuses_to_be_listed_is_a_refusal_and_the_rest_is_done(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.jira.troubles.for_good("changes", NO)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.REFUSED
    shown = capsys.readouterr().out.splitlines()
    assert "INCOMPLETE: jira could not be listed (403: no); see to it, and run this again" in shown
    assert shown[-1] == f"{COUNT + 3} cases looked at: {COUNT + 3} were in step."


async def test_an_account_that_refuses_gets_nothing_parked(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    for call in ("findings_page", "finding"):
        office.source.troubles.for_good(call, SCHOOLSCAN_NO)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.REFUSED
    assert await office.context.parked.count() == 0
    shown = capsys.readouterr().out.splitlines()
    assert (
        "INCOMPLETE: schoolscan:lakeside could not be listed (403: token revoked); see to it, and run this again"
        in shown
    )
    assert shown[-1] == "3 cases looked at: 3 were in step."


# The dry run.


async def test_a_dry_run_tells_all_that_does_not_depend_on_what_is_down(office: Office) -> None:
    break_down(office, DOWN)
    close(office, HILLS[0])
    told = await foreseen(office)
    assert [step.action for step in told[HILLS[0].ref].steps] == ["patch:resolved"]
    assert {ref for ref, each in told.items() if each.failures} == {key.ref for key in KEYS}


async def test_a_dry_run_waits_for_what_is_down_once_and_not_for_each_case(office: Office) -> None:
    break_down(office, DOWN)
    office.source.troubles.for_good("findings_page", SCHOOLSCAN_DOWN)
    office.source.troubles.for_good("finding", SCHOOLSCAN_DOWN)
    asleep = Asleep()
    told = await foreseen(office, asleep)
    assert {ref for ref, each in told.items() if each.failures} == {key.ref for key in KEYS}
    assert len(asleep.seconds) == 14


async def test_a_dry_run_gives_up_a_tracker_that_goes_down_after_it_was_listed(office: Office) -> None:
    office.jira.troubles.for_good("read", DOWN)
    office.jira.troubles.calls.clear()
    asleep = Asleep()
    told = await foreseen(office, asleep)
    assert {ref: set(each.failures or ()) for ref, each in told.items() if each.failures} == {
        key.ref: {"jira"} for key in KEYS
    }
    assert 0 < len(asleep.seconds) <= 2 * AT_ONCE
    assert office.jira.troubles.calls.count("read") <= 3 * AT_ONCE


async def test_a_dry_run_gives_up_an_account_that_goes_down_after_it_was_listed(office: Office) -> None:
    office.source.troubles.for_good("finding", SCHOOLSCAN_DOWN)
    for key in KEYS:
        office.source.forget(key.id)
    office.source.troubles.calls.clear()
    asleep = Asleep()
    told = await foreseen(office, asleep)
    assert {ref for ref, each in told.items() if each.failures} == {key.ref for key in KEYS}
    assert 0 < len(asleep.seconds) <= 2 * AT_ONCE
    assert office.source.troubles.calls.count("finding") <= 3 * AT_ONCE


async def test_a_dry_run_tells_who_may_answer_later_from_who_refuses(office: Office) -> None:
    office.jira.troubles.for_good("read", NO)
    office.snow.troubles.for_good("read", TryLater("snow", "down", status=503))
    tally = Tally()
    for forecast in (await foreseen(office)).values():
        tally.add("unseen", *systems_of(forecast))
    assert tally.line({}).endswith(f" Held up by snow ({COUNT + len(HILLS)}). Refused by jira ({COUNT}).")
