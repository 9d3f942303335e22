"""The tickets of a case with several findings list them: one write a look, and never against a person."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import Refused, TryLater
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import LEFT_ALONE
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.integration.test_identities import FIRST, HOME, SECOND, THIRD, Room, room_of
from tests.stand_ins import MemoryTracker


@pytest.fixture
async def room(connection: Connection, keyring: Keyring) -> Room:
    return await room_of(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def described(tracker: MemoryTracker) -> str:
    return next(iter(tracker.books.values())).description


def writes(room: Room) -> int:
    calls = (*room.snow.troubles.calls, *room.jira.troubles.calls)
    return sum(call in {"keep_list", "comment", "raise_urgency", "resolve", "reopen", "create"} for call in calls)


async def test_a_case_with_one_finding_has_no_list(room: Room) -> None:
    await room.told_of(FIRST)
    assert described(room.snow) == described(room.jira) == "What to do"
    assert (await room.home()).memory.listed == {}


async def test_a_finding_that_joins_is_listed_with_one_write_in_each_tracker(room: Room) -> None:
    await room.told_of(FIRST)
    before = writes(room)
    room.find(SECOND)
    await room.told_of(SECOND)
    assert writes(room) == before + 2
    for tracker in (room.snow, room.jira):
        assert "- fnd_1, high, False\n- fnd_2, high, False" in described(tracker)
        assert described(tracker).startswith("What to do\n\n")
    await room.told_of(FIRST, SECOND)
    assert writes(room) == before + 2, "nothing is written that is so already"
    assert await room.context.todo.dirty() == 0


async def test_a_ticket_of_several_findings_is_opened_with_its_list(room: Room) -> None:
    room.find(SECOND)
    await room.context.todo.mark([(HOME, None)], room.clock())
    await room.scanned("scn_2")
    await room.told_of(FIRST, SECOND)
    assert set((await room.home()).memory.listed) == {"snow", "jira"}
    room.close()
    await room.look_home()
    room.snow.close_for_good(next(iter(room.snow.books)))
    room.source.set_status("fnd_2", Status.OPEN)
    await room.told_of(SECOND)
    assert "fnd_1" in list(room.snow.books.values())[-1].description
    assert len(room.snow.books) == 2


async def test_a_finding_that_is_solved_in_schoolscan_is_ticked_off_and_the_severity_is_that_of_now(
    room: Room,
) -> None:
    room.find(SECOND, THIRD)
    await room.told_of(FIRST, SECOND, THIRD)
    room.source.set_status("fnd_2", Status.RESOLVED)
    room.source.set_severity("fnd_3", Severity.CRITICAL)
    await room.told_of(SECOND, THIRD)
    assert "- fnd_2, high, True\n- fnd_3, critical, False" in described(room.jira)
    assert len(room.active()) == 2


async def test_a_list_that_a_person_changed_is_left_alone_for_good(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    kept = next(iter(room.jira.books.values()))
    kept.description = kept.description.replace("high", "harmless")
    changed = kept.description
    for finding in (FIRST, SECOND):
        room.source.set_severity(finding.id, Severity.CRITICAL)
        await room.told_of(finding)
    assert kept.description == changed
    assert room.jira.troubles.calls.count("keep_list") - room.snow.troubles.calls.count("keep_list") < 0
    assert (await room.home()).memory.listed["jira"] == LEFT_ALONE
    assert "critical" in described(room.snow)


async def test_after_a_wipe_the_list_is_taken_up_again_and_a_person_s_change_still_counts(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    kept = next(iter(room.jira.books.values()))
    kept.description = changed = kept.description.replace("high", "harmless")
    await room.redis.flushall()
    room.source.set_status("fnd_2", Status.RESOLVED)
    await room.told_of(FIRST, SECOND)
    await room.later()
    assert kept.description == changed
    assert "- fnd_2, high, True" in described(room.snow)
    assert len(room.all_tickets()) == 2


async def test_a_list_that_has_to_wait_is_written_by_a_later_look(room: Room) -> None:
    await room.told_of(FIRST)
    room.find(SECOND)
    room.jira.troubles.once("keep_list", TryLater("jira", "busy", status=503))
    room.snow.troubles.once("list_kept", TryLater("snow", "no answer", ambiguous=True))
    await room.told_of(SECOND)
    await room.later()
    assert "fnd_2" in described(room.jira)
    assert described(room.snow).count("fnd_2") == 1
    assert await room.parked() == {}
    assert (await room.home()).memory.listed.keys() == {"snow", "jira"}


async def test_a_list_that_is_refused_is_parked_and_stops_nothing_else(room: Room) -> None:
    await room.told_of(FIRST)
    room.find(SECOND)
    room.jira.troubles.once("keep_list", Refused("jira", "not on the screen", status=400))
    await room.told_of(SECOND)
    assert set(room.statuses().values()) == {Status.REVIEWING}
    assert list(await room.parked()) == [f"{HOME.ref}/list:jira"]
    await room.context.parked.replay(f"{HOME.ref}/list:jira", room.clock())
    await room.work()
    assert "fnd_2" in described(room.jira)
    assert await room.parked() == {}
