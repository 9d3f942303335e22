"""Job `look_at_case`: observe, plan, act, remember; on a real store, with stand-ins outside."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.keys import CASE, DIRTY, LEASE, SERVER
from remediation.store.server.connection import Connection
from tests.action_names import actions_named
from tests.integration.indexed import forget_tickets
from tests.integration.offices import DRAFT, HORIZON, KEY, Office
from tests.stand_ins import PlainRulebook
from workers.jobs.boundary import MOST_STUMBLES
from workers.jobs.cases import look_at_case

BUSY = TryLater("jira", "busy", status=503)
NO = Refused("jira", "customfield_10010: is required", status=400)
FORBIDDEN = Refused("jira", "you may not see this", status=403)
OPEN_JIRA = f"{KEY.ref}/open:jira"


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def counted(name: str, **labels: str) -> float:
    value: float | None = REGISTRY.get_sample_value(name, labels)
    return value or 0.0


async def due_in(office: Office) -> float:
    """Seconds until the sweep looks after the case."""
    score = await office.redis.zscore(DIRTY, KEY.ref)
    assert score is not None
    return float(score) / 1000 - office.clock()


# All is well.


async def test_a_new_finding_gets_its_tickets_and_a_note_and_then_there_is_nothing_to_do(office: Office) -> None:
    await office.look()
    assert [ticket.tracker for ticket in office.tickets()] == ["snow", "jira"]
    assert office.source.updates == [("fnd_1", Status.REVIEWING, "new KEY-1 KEY-1")]
    assert await office.context.todo.dirty() == 0
    record = await office.record()
    assert set(record.links) == {"snow", "jira"}
    assert (record.intents, record.memory.doing, record.attempts) == ({}, frozenset(), 0)
    calls = [list(each.troubles.calls) for each in (office.snow, office.jira)]
    await office.look()
    assert [
        each.troubles.calls[len(before) :] for each, before in zip((office.snow, office.jira), calls, strict=True)
    ] == [
        ["read"],
        ["read"],
    ]
    assert len(office.source.updates) == 1


async def test_the_life_of_a_finding(office: Office) -> None:
    await office.look()
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="person-1")
        await office.look()
    assert office.status() is Status.RESOLVED
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    assert office.status() is Status.REVIEWING
    assert all(ticket.state is TicketState.OPEN for ticket in office.tickets())
    office.source.set_status("fnd_1", Status.ACCEPTED_RISK)
    await office.look()
    assert [(ticket.state, ticket.reason) for ticket in office.tickets()] == [
        (TicketState.DONE, Reason.ACCEPTED_RISK)
    ] * 2
    assert await office.context.todo.dirty() == 0


async def test_two_looks_at_once_open_one_ticket_in_each_tracker(office: Office) -> None:
    await office.mark()
    await asyncio.gather(*(look_at_case(office.arq_context, KEY.ref) for _ in range(5)))
    await office.work()
    assert len(office.tickets()) == 2


async def test_with_redis_wiped_the_tickets_are_found_again_and_none_is_opened(office: Office) -> None:
    await office.look()
    await office.redis.flushall()
    await office.look()
    assert len(office.tickets()) == 2
    assert set((await office.record()).links) == {"snow", "jira"}


async def test_a_case_that_is_clean_is_not_looked_at(office: Office) -> None:
    await look_at_case(office.arq_context, KEY.ref)
    assert office.source.troubles.calls == []


async def test_what_happens_during_a_look_is_looked_at_afterwards(office: Office) -> None:
    original = office.source.update_finding

    async def and_somebody_solves_it(finding_id: str, status: Status, note: str) -> None:
        await original(finding_id, status, note)
        office.source.set_status("fnd_1", Status.RESOLVED)
        office.source.update_finding = original  # type: ignore[method-assign]  # only the first time
        await office.mark()

    office.source.update_finding = and_somebody_solves_it  # type: ignore[method-assign]  # something happens meanwhile
    await office.look()
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE] * 2
    assert await office.context.todo.dirty() == 0


async def test_a_finding_that_no_rule_takes_is_counted(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring, rulebook=PlainRulebook())
    before = counted("remedy_unmatched_total", district="lakeside")
    await office.look()
    assert office.tickets() == []
    assert counted("remedy_unmatched_total", district="lakeside") == before + 1


# Later.


@pytest.mark.parametrize("call", ["finding", "update_finding"])
async def test_a_source_that_is_down_puts_the_case_off_until_it_is_back(office: Office, call: str) -> None:
    office.source.troubles.for_good(call, TryLater("lakeside", "down", status=503))
    await office.look()
    assert (await office.record()).attempts == 1
    assert 0.5 <= await due_in(office) <= 1.0
    assert await office.redis.exists(LEASE + KEY.ref) == 0
    await office.later()
    assert (await office.record()).attempts == 2
    office.source.troubles.heal()
    await office.later()
    assert office.status() is Status.REVIEWING
    assert (len(office.tickets()), (await office.record()).attempts) == (2, 0)


async def test_it_is_tried_again_for_days_at_longer_and_longer_intervals(office: Office) -> None:
    office.source.troubles.for_good("finding", TryLater("lakeside", "down"))
    await office.look()
    waits = []
    for _ in range(300):
        waits.append(await due_in(office))
        await office.later(waits[-1] + 0.01)
    assert (await office.record()).attempts == 301
    assert 450 <= min(waits[20:]) <= max(waits) <= 900
    assert sum(waits) > 2 * 24 * 3600
    assert await office.parked() == {}


async def test_a_wait_that_is_asked_for_is_kept(office: Office) -> None:
    office.source.troubles.once("finding", TryLater("lakeside", "slow down", after=120.0, status=429))
    await office.look()
    assert 120 <= await due_in(office) <= 122
    assert await office.later(119) == []
    assert await office.later(4) != []
    assert len(office.tickets()) == 2


@pytest.mark.parametrize("asked", [0.0, 1.0])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_does_not_end_the_limit_grows_whatever_it_says(
    office: Office, asked: float, status: int
) -> None:
    office.source.troubles.for_good("finding", TryLater("lakeside", "slow down", after=asked, status=status))
    await office.look()
    requests = [office.clock()]
    assert await due_in(office) <= asked + 2
    for _ in range(24):
        attempts = (await office.record()).attempts
        await office.later(await due_in(office) + 0.01)
        if (await office.record()).attempts > attempts:  # else it had no place in the budget, and nothing was sent
            requests.append(office.clock())
    waits = [later - earlier for earlier, later in pairwise(requests)]
    assert len(waits) >= 10
    assert waits[-1] >= 400


async def test_of_several_waits_the_shortest_counts(office: Office) -> None:
    office.jira.troubles.once("create", TryLater("jira", "slow down", after=500.0))
    office.snow.troubles.once("create", TryLater("snow", "slow down", after=5.0))
    await office.look()
    assert 5 <= await due_in(office) <= 7


async def test_a_tracker_that_is_down_does_not_keep_the_other_from_its_ticket(office: Office) -> None:
    office.jira.troubles.for_good("find", BUSY)
    await office.look()
    assert [ticket.tracker for ticket in office.tickets()] == ["snow"]
    assert office.source.updates[-1][2] == "new KEY-1"
    office.jira.troubles.heal()
    await office.later()
    assert len(office.tickets()) == 2
    assert office.source.updates[-1][2] == "new KEY-1 KEY-1", "the note names both now"
    assert await office.context.todo.dirty() == 0


async def test_a_create_whose_answer_was_lost_is_found_after_the_horizon(office: Office) -> None:
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.look()
    assert await due_in(office) >= HORIZON
    await office.later()
    assert len(office.tickets()) == 2
    assert set((await office.record()).links) == {"snow", "jira"}
    assert (await office.record()).intents == {}


async def test_a_trigger_before_the_horizon_does_not_open_a_second_ticket(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring)
    office.jira.lag = HORIZON - 1
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.look()
    for _ in range(5):
        office.clock.pass_by(HORIZON / 5)
        await office.look()
    await office.later()
    assert len(office.tickets()) == 2


# Parked.


async def test_a_finding_that_does_not_exist_is_parked_with_the_reason(office: Office) -> None:
    office.source.troubles.once("finding", NotFound("lakeside", "no such finding", status=404))
    await office.look()
    item = (await office.parked())[f"{KEY.ref}/look"]
    assert (item.kind, item.error, item.words, item.system) == (
        ParkedKind.CASE,
        "NotFound",
        "no such finding",
        "lakeside",
    )
    assert await office.later() == [], "it waits for a person, or for news"


@pytest.mark.parametrize("how", ["news", "replay"])
async def test_a_parked_case_is_looked_at_again_on_news_or_replay_and_leaves_the_list(office: Office, how: str) -> None:
    office.source.troubles.once("finding", NotFound("lakeside", "no such finding", status=404))
    await office.look()
    if how == "replay":
        assert await office.context.parked.replay(f"{KEY.ref}/look", office.clock())
        await office.work()
    else:
        await office.look()
    assert len(office.tickets()) == 2
    assert await office.parked() == {}
    record = await office.record()
    assert (record.parked, record.again) == (frozenset(), frozenset())


async def test_a_tracker_that_refuses_parks_its_action_with_its_words_and_the_other_is_served(office: Office) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    item = (await office.parked())[OPEN_JIRA]
    assert (item.kind, item.system, item.words) == (ParkedKind.ACTION, "jira", "customfield_10010: is required")
    assert [ticket.tracker for ticket in office.tickets()] == ["snow"]
    assert office.status() is Status.REVIEWING
    assert await office.context.todo.dirty() == 0


async def test_a_parked_action_is_not_tried_again_until_somebody_asks(office: Office) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    office.jira.troubles.heal()
    updates = len(office.source.updates)
    await office.look()
    assert [ticket.tracker for ticket in office.tickets()] == ["snow"]
    assert len(office.source.updates) == updates
    assert list(await office.parked()) == [OPEN_JIRA]
    await office.context.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    assert len(office.tickets()) == 2
    assert await office.parked() == {}
    record = await office.record()
    assert (record.parked, record.again) == (frozenset(), frozenset())


async def test_a_replayed_action_that_is_refused_again_is_parked_again(office: Office) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    for _ in range(2):
        await office.context.parked.replay(OPEN_JIRA, office.clock())
        await office.work()
        assert list(await office.parked()) == [OPEN_JIRA]
    record = await office.record()
    assert (record.parked, record.again) == (actions_named("open:jira"), frozenset())


async def test_a_discarded_action_is_neither_listed_nor_tried_again(office: Office) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    office.jira.troubles.heal()
    await office.context.parked.discard(OPEN_JIRA, office.clock())
    await office.look()
    assert (await office.parked(), len(office.tickets())) == ({}, 1)


@pytest.mark.parametrize("how", ["a person opened the ticket", "the finding was solved", "the rule was taken away"])
async def test_a_parked_action_that_is_no_longer_wanted_leaves_the_list(
    office: Office, keyring: Keyring, how: str
) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    match how:
        case "a person opened the ticket":
            office.jira.keep(DRAFT)
        case "the finding was solved":
            office.source.set_status("fnd_1", Status.RESOLVED)
        case _:
            office.context = office.context_with(keyring, PlainRulebook("snow"))
    await office.look()
    assert await office.parked() == {}
    assert (await office.record()).parked == frozenset()


async def test_a_ticket_that_refuses_to_be_closed_does_not_reopen_the_finding(office: Office) -> None:
    """P5: the person who resolved the finding has the last word, however long the workflow stands in the way."""
    await office.look()
    office.jira.troubles.for_good("resolve", NO)
    office.source.set_status("fnd_1", Status.RESOLVED)
    for _ in range(3):
        await office.look()
    assert office.status() is Status.RESOLVED
    assert list(await office.parked()) == [f"{KEY.ref}/resolve:jira"]
    (comment,) = office.jira.books["id-1"].comments  # its readers were told, once, with the words of the refusal
    assert comment == f"finding_resolved KEY-1\n\nrefused KEY-1 resolve jira: {NO.words}"
    office.jira.troubles.heal()
    await office.context.parked.replay(f"{KEY.ref}/resolve:jira", office.clock())
    await office.work()
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE] * 2
    assert await office.parked() == {}


async def test_a_ticket_that_we_may_not_see_is_parked_and_comes_back_by_itself(office: Office) -> None:
    await office.look()
    office.jira.troubles.for_good("read", FORBIDDEN)
    await office.look()
    assert list(await office.parked()) == [f"{KEY.ref}/read:jira"]
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE, TicketState.OPEN]
    office.jira.troubles.heal()
    await office.look()
    assert (office.status(), [ticket.state for ticket in office.tickets()]) == (
        Status.RESOLVED,
        [TicketState.DONE] * 2,
    )
    assert await office.parked() == {}


@pytest.mark.parametrize("error", [NO, BUSY])
async def test_words_of_others_are_sealed_in_redis(office: Office, error: OutsideError) -> None:
    error = type(error)("jira", "ZZPII-canary", status=400)
    office.jira.troubles.for_good("create", error)
    await office.look()
    rows = [await office.redis.dump(key) or b"" async for key in office.redis.scan_iter()]
    assert b"ZZPII" not in b"".join(rows)


# Errors of our own.


async def test_an_error_of_ours_puts_the_case_off_and_in_the_end_parks_it(office: Office) -> None:
    office.jira.troubles.for_good("find", RuntimeError("test-only"))
    await office.look()
    for attempt in range(1, MOST_STUMBLES + 1):
        assert (await office.record()).attempts == attempt
        assert await office.parked() == {}
        await office.later()
    item = (await office.parked())[f"{KEY.ref}/look"]
    assert (item.kind, item.error) == (ParkedKind.CASE, "RuntimeError")
    assert await office.later() == []
    office.jira.troubles.heal()
    await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert (len(office.tickets()), await office.parked()) == (2, {})


async def test_after_an_error_of_ours_in_the_middle_the_work_goes_on_where_it_stopped(office: Office) -> None:
    office.source.troubles.once("update_finding", RuntimeError("test-only"))
    await office.look()
    assert (await office.record()).memory.doing == actions_named("open:snow", "open:jira", "patch:reviewing")
    await office.later()
    assert len(office.tickets()) == 2
    assert office.status() is Status.REVIEWING
    assert (await office.record()).memory.doing == frozenset()


async def test_a_job_never_raises_into_arq(office: Office) -> None:
    office.source.troubles.for_good("finding", ValueError("test-only"))
    await office.mark()
    await look_at_case(office.arq_context, KEY.ref)
    await look_at_case(office.arq_context, "no-such-reference")


async def test_a_ticket_that_refuses_to_be_reopened_does_not_solve_the_finding(office: Office) -> None:
    """It was found again: the data are still on the web, whatever the workflow allows."""
    await office.look()
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="person-1")
    await office.look()
    assert office.status() is Status.RESOLVED
    for tracker in (office.snow, office.jira):
        tracker.troubles.for_good("reopen", Refused(tracker.name, "closed for good"))
    office.source.set_status("fnd_1", Status.OPEN)
    for _ in range(3):
        await office.look()
    assert office.status() in {Status.OPEN, Status.REVIEWING}
    assert set(await office.parked()) == {f"{KEY.ref}/reopen:snow", f"{KEY.ref}/reopen:jira"}
    assert len(office.jira.books["id-1"].comments) == 1, "its readers were told, once"
    office.jira.troubles.heal()
    await office.context.parked.replay(f"{KEY.ref}/reopen:jira", office.clock())
    await office.work()
    assert office.status() is Status.REVIEWING
    assert office.jira.books["id-1"].ticket.state is TicketState.OPEN


async def test_a_patch_that_schoolscan_refuses_does_not_close_what_a_person_reopened(office: Office) -> None:
    await office.look()
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="person-1")
    await office.look()
    office.source.troubles.for_good("update_finding", Refused("lakeside", "the token may only read", status=403))
    office.jira.change("id-1", TicketState.IN_PROGRESS)
    for _ in range(3):
        await office.look()
    assert office.jira.books["id-1"].ticket.state is TicketState.IN_PROGRESS
    assert list(await office.parked()) == [f"{KEY.ref}/patch:reviewing"]
    office.source.troubles.heal()
    await office.context.parked.replay(f"{KEY.ref}/patch:reviewing", office.clock())
    await office.work()
    assert office.status() is Status.REVIEWING
    assert office.jira.books["id-1"].ticket.state is TicketState.IN_PROGRESS
    assert await office.parked() == {}


@pytest.mark.parametrize(
    "error", [TryLater("lakeside", "down"), Refused("lakeside", "the token may only read", status=403)]
)
async def test_a_conflict_is_told_once_and_only_when_the_finding_has_really_gone_back(
    office: Office, error: OutsideError
) -> None:
    await office.look()
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="person-1")
    await office.look()
    office.source.troubles.for_good("update_finding", error)
    office.source.set_status("fnd_1", Status.ACCEPTED_RISK)
    office.jira.change("id-1", TicketState.IN_PROGRESS)
    for _ in range(3):
        await office.look()
    refusals = ["refused KEY-1 patch reviewing: SchoolScan's answer is 403"] if isinstance(error, Refused) else []
    assert office.jira.books["id-1"].comments == refusals
    assert office.jira.books["id-1"].ticket.state is TicketState.IN_PROGRESS
    office.source.troubles.heal()
    if isinstance(error, TryLater):
        await office.later()
        assert office.jira.books["id-1"].comments == ["conflict KEY-1"]
    else:
        await office.context.parked.replay(f"{KEY.ref}/patch:reviewing", office.clock())
        await office.work()
    await office.look()
    assert office.status() is Status.REVIEWING
    assert office.jira.books["id-1"].comments.count("conflict KEY-1") <= 1


@pytest.mark.parametrize("seconds", [None, 86_400, 0.5])
async def test_in_a_store_younger_than_the_finding_a_search_must_outlast_the_horizon(
    office: Office, seconds: float | None
) -> None:
    """Redis was wiped just after a ticket was opened, before the tracker's search knows of it."""
    detected = None if seconds is None else datetime.fromtimestamp(office.clock() - seconds, tz=UTC)
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], detected_at=detected)
    await office.look()
    assert office.tickets() == []
    await office.later(HORIZON)
    await office.later()
    assert len(office.tickets()) == 2


async def test_a_finding_that_was_detected_after_the_store_began_waits_for_nothing(office: Office) -> None:
    detected = datetime.fromtimestamp(office.clock() + 0.5, tz=UTC)
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], detected_at=detected)
    await office.look()
    assert len(office.tickets()) == 2


# Redis was restored from a backup, or a replica that had not heard all was promoted.


async def restored(office: Office, row: dict[bytes, bytes]) -> None:
    """Another server goes on, with the case as it was then."""
    redis = office.redis
    await office.connection.ask(redis.delete(CASE + KEY.ref))
    await forget_tickets(office.connection, "jira", "snow")
    await office.connection.ask(redis.hset(CASE + KEY.ref, mapping=row))
    await office.connection.ask(redis.set(SERVER, "the run id of another process"))


async def row_of(office: Office) -> dict[bytes, bytes]:
    """The case as a backup has it."""
    row: dict[bytes, bytes] = await office.connection.ask(office.redis.hgetall(CASE + KEY.ref))
    return row


async def test_a_restored_store_opens_no_second_ticket_although_no_search_finds_the_first_yet(office: Office) -> None:
    await office.mark()
    before = await row_of(office)
    office.clock.pass_by(500)
    opened = datetime.fromtimestamp(office.clock(), tz=UTC)
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], detected_at=opened)
    await office.look()
    assert len(office.tickets()) == 2
    office.jira.lag = office.snow.lag = HORIZON / 2
    office.clock.pass_by(1)
    await restored(office, before)
    await office.look()
    await office.later(HORIZON)
    await office.later()
    assert len(office.tickets()) == 2
    assert set((await office.record()).links) == {"snow", "jira"}


@pytest.mark.parametrize("status", [Status.REVIEWING, Status.RESOLVED])
@pytest.mark.parametrize("lag", [0.0, HORIZON / 2])
async def test_a_restored_store_finds_the_ticket_that_took_the_place_of_the_one_it_knows(
    office: Office, status: Status, lag: float
) -> None:
    """After the backup the ticket was closed and followed by a new one; then the finding may have been solved, too."""
    await office.look()
    before = await row_of(office)
    (first,) = office.jira.of(KEY.mark)
    office.clock.pass_by(500)
    office.jira.change(first.id, TicketState.DONE, Reason.FIXED)
    second = office.jira.keep(DRAFT)
    office.source.set_status("fnd_1", status)
    office.jira.lag = lag
    await restored(office, before)
    await office.look()
    await office.later(HORIZON)
    await office.later()
    assert len(office.tickets()) == 3
    active = [ticket.id for ticket in office.jira.of(KEY.mark) if ticket.state.is_active]
    assert active == ([second.id] if status.is_unsolved else [])
    assert office.status() is status
    assert (await office.record()).links["jira"].ticket_id == second.id


async def test_a_server_that_is_started_again_with_all_its_data_costs_one_search_of_what_is_closed(
    office: Office,
) -> None:
    await office.look()
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    await office.redis.set(SERVER, "the run id of another process")
    office.clock.pass_by(HORIZON + 1)
    await office.look()
    await office.later()
    office.jira.troubles.once("find", FORBIDDEN)
    await office.look()
    assert await office.parked() == {}
