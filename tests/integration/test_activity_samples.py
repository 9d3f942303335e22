"""Samples for charts: open cases by severity and age, what is parked by cause, and the most that limits were used."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.sealing import Keyring
from remediation.sources.schoolscan.client import system_of
from remediation.store.activity.hours import ActivityLog, ActivityStep
from remediation.store.activity.present import parked_counts
from remediation.store.activity.samples import MOST_CAUSES, ActivitySample, LimitUse, ParkedCount, most_used, sample_of
from remediation.store.budgets.learned import Spent, ToldLimit, budget_of
from remediation.store.cases.open_cases import AT_ONCE, open_counts
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.parked_causes import ParkedCause
from remediation.store.keys import OPEN_CASES
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from workers.rounds.sampling import sample_activity

DAY = 86_400.0
BOUNDS = (DAY, 7 * DAY)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def sampled(office: Office, district: str = "") -> ActivitySample:
    await sample_activity(office.arq_context)
    hour = ActivityStep.HOUR.number_at(office.clock())
    (sums,) = await ActivityLog(office.connection).read(ActivityStep.HOUR, [hour], district)
    assert sums.sample is not None
    return sums.sample


async def test_a_case_is_open_until_it_is_solved_and_its_age_begins_when_it_was_found_so(office: Office) -> None:
    await office.look()
    assert await open_counts(office.connection, ["lakeside", "harbor"], BOUNDS, office.clock()) == {
        "lakeside": {Severity.HIGH: (1, 0, 0)}
    }
    office.clock.pass_by(3 * DAY)
    found = office.source.findings["fnd_1"]
    office.source.findings["fnd_1"] = Finding("fnd_1", found.status, Severity.CRITICAL, detected_at=found.detected_at)
    await office.look()
    assert await open_counts(office.connection, ["lakeside"], BOUNDS, office.clock()) == {
        "lakeside": {Severity.CRITICAL: (0, 1, 0)}
    }
    office.clock.pass_by(5 * DAY)
    assert (await sampled(office, "lakeside")).open == {Severity.CRITICAL: (0, 0, 1, 0, 0)}
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    assert await open_counts(office.connection, ["lakeside"], BOUNDS, office.clock()) == {}


async def test_districts_are_counted_however_many_there_are(connection: Connection) -> None:
    now, names = 1_800_000_000.0, [f"district-{number}" for number in range(AT_ONCE + 1)]
    for number, name in enumerate(names):
        since = {f"{name}:finding:{each}": (now - each * DAY) * 1000 for each in range(number % 9)}
        if since:
            await connection.redis.zadd(f"{OPEN_CASES}{name}/{Severity.LOW}", since)
    counts = await open_counts(connection, names, BOUNDS, now)
    assert counts.keys() == {name for number, name in enumerate(names) if number % 9}
    assert counts[names[-1]] == {Severity.LOW: (1, 3, 0)}
    assert counts[names[8]] == {Severity.LOW: (1, 6, 1)}


async def test_a_case_that_is_deleted_is_open_no_more(office: Office) -> None:
    await office.look()
    assert await open_counts(office.connection, ["lakeside"], BOUNDS, office.clock())
    await office.connection.run("forget_case", KEY.ref, "", "", "", "", 0, 0)
    assert await open_counts(office.connection, ["lakeside"], BOUNDS, office.clock()) == {}


async def test_a_case_that_is_open_again_is_as_old_as_that(office: Office) -> None:
    await office.look()
    office.clock.pass_by(3 * DAY)
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    assert (await sampled(office)).open == {Severity.HIGH: (1, 0, 0, 0, 0)}


async def test_the_whole_service_is_sampled_with_what_is_of_no_district_and_a_district_without(office: Office) -> None:
    await office.look()
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, "fnd_2"))
    error = Refused("jira", "secret words", status=400)
    await office.context.parked.park(
        ParkedKind.ACTION, KEY.ref, error, office.clock(), district="lakeside", action="open:jira"
    )
    whole = await sampled(office)
    assert whole.waiting == 1
    assert whole.parked == (ParkedCount("action", "Refused", "jira", 400, 1),)
    assert b"secret" not in json.dumps(whole.json()).encode()
    of_district = await sampled(office, "lakeside")
    assert (of_district.open, of_district.waiting, of_district.parked, of_district.limits) == (whole.open, None, (), ())


async def test_of_a_limit_the_most_that_was_used_in_the_hour_stays(office: Office) -> None:
    budget = budget_of(system_of("lakeside"), "write")

    async def told(remaining: int) -> None:
        spent = await office.context.budgets.spend(budget, KEY.ref, office.clock(), urgent=True)
        assert isinstance(spent, Spent)
        reset = int((datetime.fromtimestamp(office.clock(), UTC) + timedelta(seconds=50)).timestamp())
        await office.context.budgets.settle(spent, ToldLimit(60, remaining, reset, 50.0), office.clock())

    await told(10)
    use = LimitUse("schoolscan:lakeside", "write", 50, 60)
    assert (await sampled(office)).limits == (use,)
    office.clock.pass_by(60)
    assert (await sampled(office)).limits == (use,)
    office.clock.pass_by(3_600)
    assert [each.used for each in (await sampled(office)).limits] == [0]


def test_of_a_limit_the_greatest_share_counts() -> None:
    low, high = LimitUse("jira", "", 10, 100), LimitUse("jira", "", 5, 10)
    assert most_used([low], [high], [low]) == (high,)


def test_causes_beyond_the_greatest_are_counted_together() -> None:
    causes = [ParkedCause(ParkedKind.CASE, f"E{n}", "jira", None, 100 - n, 0.0, 0.0) for n in range(MOST_CAUSES + 5)]
    counts = parked_counts(causes, sum(each.count for each in causes) + 7)
    assert len(counts) == MOST_CAUSES + 1
    assert counts[-1] == ParkedCount(count=sum(each.count for each in causes[MOST_CAUSES:]) + 7)
    assert parked_counts([], 0) == ()


def test_a_sample_is_stored_as_words_and_numbers() -> None:
    sample = ActivitySample(7, {Severity.LOW: (1, 2)}, 3, (ParkedCount(count=2),), (LimitUse("jira", "", 1, 2),))
    assert sample_of(json.dumps(sample.json()).encode()) == sample
