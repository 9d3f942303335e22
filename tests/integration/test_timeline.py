"""The timeline of a case: told in order, capped, kept for a time, and followed from any entry on."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest

from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.cases.entries import (
    Acted,
    Entry,
    Planned,
    PlannedStep,
    Seen,
    Settled,
    Triggered,
    UnreadableEntry,
    encoded,
    kind_word,
)
from remediation.store.cases.timeline import KEPT, MOST_ENTRIES, Timeline
from remediation.store.keys import APART, TIMELINE, TOLD
from remediation.store.packing import Form, packed
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office

AT = 1_800_000_000.0

MOST_BYTES = 288
"""What a timeline of a usual life may take, its key included. That it is told long before its times takes some more."""


async def test_what_is_told_is_read_back_in_order(connection: Connection) -> None:
    timeline = Timeline(connection)
    entries: list[Entry] = [Triggered(AT, "scan", AT), Planned(AT, (PlannedStep("open:jira", "new"),)), Settled(AT)]
    await timeline.tell(KEY.ref, entries)
    assert await timeline.read(KEY.ref) == entries
    assert await timeline.read(KEY.ref, 1) == entries[-1:]
    assert await timeline.read("lakeside:finding:fnd_2") == []


async def test_nothing_to_tell_writes_nothing(connection: Connection) -> None:
    await Timeline(connection).tell(KEY.ref, [])
    assert await connection.redis.dbsize() == 0


async def test_the_oldest_entries_go_first(connection: Connection) -> None:
    timeline = Timeline(connection)
    for start in range(0, 3 * MOST_ENTRIES, 100):
        await timeline.tell(KEY.ref, [Settled(AT + start + number) for number in range(100)])
    assert await timeline.read(KEY.ref) == [Settled(AT + 2 * MOST_ENTRIES + number) for number in range(MOST_ENTRIES)]
    assert await timeline.read(KEY.ref, 1) == [Settled(AT + 3 * MOST_ENTRIES - 1)]


async def test_it_is_kept_from_its_last_entry_on(connection: Connection) -> None:
    await Timeline(connection).tell(KEY.ref, [Settled(AT)])
    assert await connection.redis.ttl(TOLD + KEY.ref) > KEPT.total_seconds() - 60
    await Timeline(connection, timedelta(days=7)).tell(KEY.ref, [Settled(AT)])
    assert await connection.redis.ttl(TOLD + KEY.ref) <= 7 * 24 * 3600


async def test_whoever_follows_goes_on_after_what_was_seen(connection: Connection) -> None:
    timeline = Timeline(connection)
    begun = await timeline.now()
    await timeline.tell(KEY.ref, [Settled(AT + number) for number in range(250)])
    seen = [told async for told in timeline.since(KEY.ref)]
    assert [told.entry.at - AT for told in seen] == list(range(250))
    assert [told.id async for told in timeline.since(KEY.ref, begun)] == [told.id for told in seen]
    await timeline.tell(KEY.ref, [Acted(AT, "open:jira", "done", "SEC-1")])
    (new,) = [told async for told in timeline.since(KEY.ref, seen[-1].id)]
    assert kind_word(new.entry) == "action"


async def test_nothing_that_was_told_before_a_moment_counts_as_told_since(connection: Connection) -> None:
    timeline = Timeline(connection)
    for number in range(50):
        await timeline.tell(KEY.ref, [Settled(AT + number)])
        begun = await timeline.now()
        assert [told async for told in timeline.since(KEY.ref, begun)] == []
        await timeline.tell(KEY.ref, [Acted(AT + number, "open:jira", "done", "SEC-1")])
        assert [kind_word(told.entry) async for told in timeline.since(KEY.ref, begun)] == ["action"]


async def test_an_entry_comes_after_those_of_a_server_whose_clock_was_ahead(connection: Connection) -> None:
    timeline, ahead = Timeline(connection), 4_000_000_000_000
    kind, text = encoded(Settled(AT))
    await connection.ask(connection.redis.xadd(TIMELINE + KEY.ref, {"kind": kind, "is": text}, id=f"{ahead}-0"))
    for number in (1, 2):
        await timeline.tell(KEY.ref, [Settled(AT + number)])
        assert [told.entry async for told in timeline.since(KEY.ref, f"{ahead}-{number - 1}")] == [Settled(AT + number)]


async def test_an_entry_of_another_version_is_passed_over(connection: Connection) -> None:
    timeline = Timeline(connection)
    await connection.ask(connection.redis.xadd(TIMELINE + KEY.ref, {"kind": "dream", "is": "{}"}))
    await connection.ask(connection.redis.xadd(TIMELINE + KEY.ref, {"strange": "row"}))
    await timeline.tell(KEY.ref, [Settled(AT)])
    assert await timeline.read(KEY.ref) == [Settled(AT)]
    assert [told.entry async for told in timeline.since(KEY.ref)] == [Settled(AT)]


USUAL_LIFE: tuple[tuple[Entry, ...], ...] = (
    (
        Triggered(AT, "webhook:schoolscan", AT - 0.71),
        Seen(AT, "open", "critical"),
        Planned(
            AT,
            (
                PlannedStep("open:servicenow", "new"),
                PlannedStep("open:jira", "new"),
                PlannedStep("patch:reviewing", "new"),
            ),
        ),
    ),
    (
        Acted(AT + 0.07, "open:servicenow", "done", "INC0010003", request_id="d86df7b6952e"),
        Acted(AT + 0.07, "open:jira", "done", "SEC-3", request_id="687466dd0d63418aba79193568cd558c"),
        Acted(AT + 0.07, "patch:reviewing", "done"),
        Settled(AT + 0.07),
    ),
    (
        Triggered(AT + 90_000.5, "webhook:jira", AT + 90_000.1),
        Planned(
            AT + 90_000.5,
            (PlannedStep("resolve:servicenow", "solved", "fixed"), PlannedStep("patch:resolved", "solved", "fixed")),
        ),
    ),
    (
        Acted(AT + 90_001.2, "resolve:servicenow", "done", "INC0010003", request_id="a2cd51ff90c2"),
        Acted(AT + 90_001.2, "patch:resolved", "done"),
        Settled(AT + 90_001.2),
    ),
)


async def test_a_usual_life_takes_little_room(connection: Connection) -> None:
    timeline = Timeline(connection)
    for entries in USUAL_LIFE:
        await timeline.tell(KEY.ref, entries)
    assert await timeline.read(KEY.ref) == [entry for entries in USUAL_LIFE for entry in entries]
    assert int(await connection.redis.memory_usage(TOLD + KEY.ref, samples=0) or 0) <= MOST_BYTES


async def _as_an_earlier_version(connection: Connection, entries: Iterable[Entry]) -> None:
    for entry in entries:
        kind, text = encoded(entry)
        await connection.ask(connection.redis.xadd(TIMELINE + KEY.ref, {"kind": kind, "is": text}))


async def test_what_an_earlier_version_told_is_read_and_moves_with_the_next_entry(connection: Connection) -> None:
    timeline = Timeline(connection)
    await _as_an_earlier_version(connection, USUAL_LIFE[0])
    assert await timeline.read(KEY.ref) == [*USUAL_LIFE[0]]
    seen = [told.id async for told in timeline.since(KEY.ref)]
    await timeline.tell(KEY.ref, USUAL_LIFE[1])
    assert await connection.redis.exists(TIMELINE + KEY.ref) == 0
    assert await timeline.read(KEY.ref) == [*USUAL_LIFE[0], *USUAL_LIFE[1]]
    assert [told.entry async for told in timeline.since(KEY.ref, seen[-1])] == [*USUAL_LIFE[1]]
    await _as_an_earlier_version(connection, USUAL_LIFE[2])
    assert await timeline.read(KEY.ref) == [entry for entries in USUAL_LIFE[:3] for entry in entries]


async def test_nothing_is_lost_where_many_tell_at_once(connection: Connection) -> None:
    timeline = Timeline(connection)
    await asyncio.gather(*(timeline.tell(KEY.ref, [Settled(AT + number)]) for number in range(8)))
    told = [each async for each in timeline.since(KEY.ref)]
    assert {each.entry.at - AT for each in told} == set(range(8))
    assert len({each.id for each in told}) == 8


@pytest.mark.parametrize("tellings", range(1, len(USUAL_LIFE) + 1))
async def test_a_text_in_the_form_before_is_read_and_written_anew_with_the_next_entry(
    connection: Connection, tellings: int
) -> None:
    """As the version before wrote it: the entries of the last telling have no id."""
    lines = [
        (b"" if number == tellings - 1 else b"%d-%d" % (1_800_000_000_000 + number, each), *encoded(entry))
        for number, entries in enumerate(USUAL_LIFE[:tellings])
        for each, entry in enumerate(entries)
    ]
    text = b"".join(b"%s %s %s\n" % (name, kind.encode(), wire) for name, kind, wire in lines)
    kept = b"1800000000999 " + packed(text, Form.EARLIER_TIMELINE)
    await connection.redis.set(TOLD + KEY.ref, kept)
    timeline, before = Timeline(connection), [entry for entries in USUAL_LIFE[:tellings] for entry in entries]
    assert await timeline.read(KEY.ref) == before
    told = [each async for each in timeline.since(KEY.ref)]
    assert [each.id for each in told][-1] == f"1800000000999-{len(USUAL_LIFE[tellings - 1]) - 1}"
    await timeline.tell(KEY.ref, [Settled(AT + 95_000)])
    assert await timeline.read(KEY.ref) == [*before, Settled(AT + 95_000)]
    assert [each async for each in timeline.since(KEY.ref)][:-1] == told, "with the ids that they had"
    text_now = await connection.redis.get(TOLD + KEY.ref)
    assert (text_now or b"").partition(b" ")[2].startswith(Form.TIMELINE.value)


OF_A_LATER_VERSION = b"1700000000000 \x07 of a later version"


async def test_what_is_told_in_an_unknown_form_is_said_and_kept(connection: Connection) -> None:
    timeline, unknown = Timeline(connection), UnreadableEntry(1_700_000_000.0)
    await connection.redis.set(TOLD + KEY.ref, OF_A_LATER_VERSION)
    assert await timeline.read(KEY.ref) == [unknown]
    for number in range(2):
        await timeline.tell(KEY.ref, [Settled(AT + number)])
    assert await timeline.read(KEY.ref) == [unknown, Settled(AT), Settled(AT + 1)]
    assert [told.entry async for told in timeline.since(KEY.ref)] == [unknown, Settled(AT), Settled(AT + 1)]
    apart = await connection.ask(connection.redis.hgetall(APART + KEY.ref))
    assert [*apart.values()] == [OF_A_LATER_VERSION]
    assert await connection.redis.ttl(APART + KEY.ref) > KEPT.total_seconds() - 60


async def test_what_was_set_apart_comes_back_to_a_version_that_knows_its_form(connection: Connection) -> None:
    timeline, later = (
        Timeline(connection),
        b"1700000000000 " + packed(b' settled {"at":1700000000.0}\n', Form.EARLIER_TIMELINE),
    )
    await connection.ask(connection.redis.hset(APART + KEY.ref, mapping={"name": later}))
    await timeline.tell(KEY.ref, [Settled(AT)])
    assert await connection.redis.exists(APART + KEY.ref) == 0
    assert await timeline.read(KEY.ref) == [Settled(1_700_000_000.0), Settled(AT)]


async def test_a_look_tells_why_what_was_seen_planned_and_done(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    told = await office.context.timeline.read(KEY.ref)
    assert [kind_word(entry) for entry in told] == ["trigger", "seen", "plan", *["action"] * 3, "settled"]
    acted = {entry.action: entry.ticket for entry in told if isinstance(entry, Acted)}
    assert acted == {"open:snow": "KEY-1", "open:jira": "KEY-1", "patch:reviewing": ""}


async def test_a_look_that_changes_nothing_tells_nothing(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    before = await office.context.timeline.read(KEY.ref)
    for _ in range(3):
        await office.look()
    assert await office.context.timeline.read(KEY.ref) == before


async def test_a_persons_change_is_told_as_it_was_seen(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED)
    await office.look()
    assert office.status() is Status.RESOLVED
    *_, seen = [each for each in await office.context.timeline.read(KEY.ref) if isinstance(each, Seen)]
    assert {(each.state, each.reason) for each in seen.tickets} == {("done", "fixed")}
