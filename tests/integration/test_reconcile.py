"""Reconciling: everything is looked at again, nothing is opened twice, and it says what came of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import ChangePage, Draft, TicketState
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.sources.schoolscan.pages import FindingsPage
from remediation.store.cases.entries import Triggered
from remediation.store.server.connection import Connection
from remedy.reconcile.report import forecast_word
from remedy.reconcile.wait import NOBODY
from remedy.runtime.failures import ExitCode
from tests.integration.offices import Office
from tests.integration.reconciling import (
    COUNT,
    KEYS,
    Asleep,
    at_work,
    close,
    foreseen,
    found,
    office_in_step,
    reconcile,
    results_in,
    walk_of,
)
from tests.stand_ins import LATER, MemorySource, MemoryTracker


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    return await office_in_step(connection, keyring)


def written(office: Office) -> tuple[int, ...]:
    """How much was ever written outside: updates, and the tickets' versions."""
    return len(office.source.updates), office.snow._edits, office.jira._edits


async def test_every_finding_and_every_ticket_is_walked_through_once(office: Office) -> None:
    elsewhere = CaseKey("lakeside", CaseKind.FINDING, "not-listed")
    office.jira.keep(Draft(elsewhere.mark, "SEC", "summary", "body"))
    office.jira.keep(Draft("remedy:hillside:finding:fnd_1", "SEC", "summary", "body"))
    candidates = await found(walk_of(office))
    assert [each.key for each in candidates] == [*KEYS, elsewhere]
    assert {frozenset(each.tickets) for each in candidates[:-1]} == {frozenset({"snow", "jira"})}
    assert (candidates[0].band, candidates[-1].band) == (Band.HIGH, None)


async def test_what_changed_lately_is_walked_through_and_nothing_else(office: Office) -> None:
    lately = datetime.fromtimestamp(office.clock(), tz=UTC)
    office.snow.books.clear()
    office.jira.books.clear()
    for number, key in enumerate(KEYS):
        office.source.findings[key.id] = Finding(key.id, updated_at=lately - timedelta(days=number))
    office.source.findings["silent"] = Finding("silent")
    candidates = await found(walk_of(office, lately - timedelta(days=2)))
    assert [each.key.id for each in candidates] == ["many_0", "many_1", "many_2", "silent"]


async def test_it_waits_for_as_long_as_it_is_told_to(office: Office) -> None:
    office.source.troubles.once("findings_page", TryLater("lakeside", "busy", status=429, after=42.0))
    office.jira.troubles.once("changes", TryLater("jira", "down", status=503))
    walk = walk_of(office)
    assert len(await found(walk)) == COUNT
    assert isinstance(walk.sleep, Asleep)
    assert [seconds >= 42 for seconds in walk.sleep.seconds] == [False, True]


async def test_it_says_what_a_system_answered_and_that_it_asks_for_time_only_where_it_does(office: Office) -> None:
    office.source.troubles.once("findings_page", TryLater("lakeside", "busy", status=429, after=42.0))
    office.jira.troubles.once("changes", TryLater("jira", "down", status=503))
    said = list[str]()
    await found(replace(walk_of(office), say=said.append))
    told = [each.rpartition("; ")[0] for each in said]
    assert sorted(told) == ["jira answered 503: down", "lakeside answered 429, and asks for 42 s: busy"]


async def test_a_page_that_had_to_be_waited_for_is_asked_for_at_the_time_that_it_is_by_then(office: Office) -> None:
    begun, asked = office.clock(), list[float]()

    class Noting(MemoryTracker):
        async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
            asked.append(now.timestamp())
            return await super().changes(cursor, now, place)

    async def let_time_pass(seconds: float) -> None:
        del seconds
        office.clock.pass_by(60)

    office.trackers["jira"] = jira = Noting("jira", office.clock)
    jira.troubles.once("changes", TryLater("jira", "busy", status=429, after=60.0))
    await found(walk_of(office, sleep=let_time_pass))
    assert asked == [begun, begun + 60]


async def test_those_whom_a_system_asks_to_wait_at_the_same_time_wait_together(office: Office) -> None:
    walk = walk_of(office)
    waits = [[TryLater("jira", "down", after=after)] for after in (10.0, None, 5.0, 42.0)]

    async def answer(errors: list[TryLater]) -> str:
        for error in errors:
            errors.remove(error)
            raise error
        return "here"

    assert await asyncio.gather(*(walk.patiently(partial(answer, errors)) for errors in waits)) == ["here"] * 4
    assert isinstance(walk.sleep, Asleep)
    assert [seconds >= 42 for seconds in walk.sleep.seconds] == [False, True]


async def test_a_finding_that_moves_to_a_later_page_is_walked_through_once_and_with_its_tickets(office: Office) -> None:
    """The list grows at its beginning while it is read: what ended one page begins the next."""
    office.accounts["lakeside"] = Growing(*office.source.findings.values(), page_size=10)
    candidates = await found(walk_of(office))
    assert [each.key for each in candidates] == KEYS
    assert {frozenset(each.tickets) for each in candidates} == {frozenset({"snow", "jira"})}


class Growing(MemorySource):
    """An account in which a finding is detected after each page, and goes before all others."""

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        page = await super().findings_page(filters, cursor)
        newest = Finding(f"new_{cursor}", detected_at=LATER)
        self.findings = {newest.id: newest, **self.findings}
        return page


async def test_whose_tickets_they_are_is_asked_for_a_page_at_once(office: Office) -> None:
    before = await lists_of_links_asked_for(office)
    assert len(await found(walk_of(office))) == COUNT
    assert await lists_of_links_asked_for(office) - before == len(office.trackers)


async def lists_of_links_asked_for(office: Office) -> int:
    told = await office.redis.info("commandstats")
    return int(told.get("cmdstat_evalsha", {"calls": 0})["calls"])


# The dry run.


async def test_where_all_is_in_step_nothing_would_be_done(office: Office) -> None:
    before = written(office)
    assert {each.steps for each in (await foreseen(office)).values()} == {()}
    assert written(office) == before


async def test_a_dry_run_says_what_would_be_done_and_writes_nothing_anywhere(office: Office) -> None:
    close(office, KEYS[0])
    office.source.set_status(KEYS[1].id, Status.RESOLVED)
    office.source.findings["new"] = Finding("new", Status.OPEN, Severity.LOW, detected_at=LATER)
    before, store = written(office), await snapshot(office)
    plans = {ref: [step.action for step in each.steps] for ref, each in (await foreseen(office)).items() if each.steps}
    assert sorted(plans) == ["lakeside:finding:many_0", "lakeside:finding:many_1", "lakeside:finding:new"]
    assert plans["lakeside:finding:many_0"] == ["patch:resolved"]
    assert set(plans["lakeside:finding:many_1"]) == {"resolve:snow", "resolve:jira"}
    assert "open:jira" in plans["lakeside:finding:new"]
    assert written(office) == before
    assert await snapshot(office) == store


async def snapshot(office: Office) -> dict[bytes, bytes]:
    keys = await office.redis.keys("*")
    return {key: await office.redis.dump(key) or b"" for key in keys}


async def test_a_dry_run_on_a_wiped_store_finds_the_tickets_too(office: Office) -> None:
    office.source.set_status(KEYS[1].id, Status.RESOLVED)
    await office.redis.flushall()
    plans = {ref: [step.action for step in each.steps] for ref, each in (await foreseen(office)).items() if each.steps}
    assert {ref: set(actions) for ref, actions in plans.items()} == {KEYS[1].ref: {"resolve:snow", "resolve:jira"}}
    assert await office.redis.dbsize() == 0


async def test_what_cannot_be_seen_is_said_and_the_rest_is_told(office: Office) -> None:
    office.jira.troubles.for_good("read", TryLater("jira", "down", status=503))
    forecast = (await foreseen(office))[KEYS[0].ref]
    assert forecast.failures
    assert forecast.failures["jira"].words == "down"


async def test_a_dry_run_does_not_wait_for_what_an_earlier_create_may_have_opened(office: Office) -> None:
    office.source.findings["new"] = Finding("new", Status.OPEN, Severity.LOW, detected_at=LATER)
    new = CaseKey("lakeside", CaseKind.FINDING, "new")
    office.jira.troubles.once("create", TryLater("jira", "no answer in time", ambiguous=True))
    await office.mark(new)
    await office.work()
    asleep = Asleep()
    assert set((await foreseen(office, asleep))[new.ref].failures or ()) == {"jira"}
    assert asleep.seconds == []


async def test_what_refuses_to_be_seen_is_not_taken_for_what_comes_later(office: Office) -> None:
    office.jira.troubles.for_good("read", Refused("jira", "you may not see this", status=403))
    assert {forecast_word(each) for each in (await foreseen(office)).values()} == {"refused"}
    office.snow.troubles.for_good("read", TryLater("snow", "down", status=503))
    assert {forecast_word(each) for each in (await foreseen(office)).values()} == {"unseen"}


async def test_a_dry_run_reads_no_finding_that_a_list_has_shown(office: Office) -> None:
    office.source.troubles.calls.clear()
    await foreseen(office)
    assert office.source.troubles.calls == ["findings_page"] * 3


# For good.


async def test_where_all_is_in_step_it_says_so(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(office)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "25 cases looked at: 25 were in step."
    assert written(office) == before


async def test_what_was_missed_is_made_up_for_and_told(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    close(office, KEYS[0])
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE
    assert office.source.findings[KEYS[0].id].status is Status.RESOLVED
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("lakeside", "25 cases"))]
    assert lines == [
        "lakeside:finding:many_0: set the finding to resolved",
        "25 cases looked at: 24 were in step, 1 changed.",
    ]
    (trigger, *_) = [
        each for each in reversed(await office.context.timeline.read(KEYS[0].ref)) if isinstance(each, Triggered)
    ]
    assert trigger.cause == "reconcile"


async def test_after_a_wipe_every_ticket_is_found_again_and_none_is_opened_twice(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.source.set_status(KEYS[3].id, Status.RESOLVED)
    close(office, KEYS[4])
    await office.redis.flushall()
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE
    for tracker in (office.snow, office.jira):
        assert len(tracker.books) == COUNT
        assert [tracker.of(key.mark)[0].state for key in KEYS].count(TicketState.DONE) == 2
        assert tracker.of(KEYS[3].mark)[0].state is TicketState.DONE
    records = [await office.record(key) for key in KEYS]
    assert {frozenset(record.links) for record in records} == {frozenset({"snow", "jira"})}
    assert office.source.findings[KEYS[4].id].status is Status.RESOLVED
    shown = capsys.readouterr().out
    assert "lakeside:finding:many_3: closed KEY-" in shown
    assert "lakeside:finding:many_4: set the finding to resolved" in shown
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE
    assert "25 were in step." in capsys.readouterr().out


async def test_what_is_parked_and_what_is_put_off_is_named(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.source.set_status(KEYS[0].id, Status.RESOLVED)
    office.jira.troubles.for_good("resolve", Refused("jira", "a field is required", status=400))
    async with at_work(office):
        assert await reconcile(office) is ExitCode.FAILED
    shown = capsys.readouterr().out
    assert "see remedy parked show lakeside:finding:many_0/resolve:jira" in shown
    office.snow.troubles.for_good("read", TryLater("snow", "down", status=503))
    async with at_work(office):
        assert await reconcile(office, patience=0.5, as_json=True) is ExitCode.UNREACHABLE
    *rows, summary = results_in(capsys.readouterr().out)
    assert {(row["outcome"], *row["held_up_by"]) for row in rows} == {("put_off", "snow")}
    counts = {"summary": {"cases": COUNT, "put_off": COUNT}, "held_up_by": {"snow": COUNT}}
    assert summary == {**counts, "dry_run": False, "not_listed": {}, "left_out": {}}


async def test_without_a_worker_it_says_so_and_ends(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    await office.redis.delete("remedy:swept")
    assert await reconcile(office, patience=0.5) is ExitCode.UNREACHABLE
    shown = capsys.readouterr()
    assert NOBODY in shown.err
    assert shown.out.splitlines()[-1] == "25 cases looked at: 25 not looked at yet."


async def test_without_waiting_it_only_marks(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert await reconcile(office, wait=False) is ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "25 cases marked; workers look at them."
    assert await office.context.todo.dirty() == COUNT
