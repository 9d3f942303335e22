"""Data keys change while incidents are kept: all of it is sealed anew, and nobody is told anything twice."""

from dataclasses import replace

import msgspec
import pytest

from remediation.domain.actions import Why
from remediation.domain.incidents import Told, unkeyed_digest_of
from remediation.domain.status import Status
from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.sealed import feeds_not_renewed, sealed_under
from remediation.store.incidents.rows import identity_of, known_told
from remediation.store.keys import DECISIONS, INCIDENTS, INCIDENTS_TOLD
from remediation.store.packing import Form, packed
from remediation.store.server.connection import Connection
from remedy.doctor.stored.work import look_at_seals
from tests.integration.test_feeds import FEED, FIGHT, TEN_MINUTES, THEFT, FeedOffice, key_of
from workers.rounds.forgetting import forget_incidents

DAY = 86_400.0
OLD, NEW = generate_key(), generate_key()
OLD_ALONE, BOTH, NEW_ALONE = (Keyring.parse(text) for text in (OLD, f"{NEW},{OLD}", NEW))
NEWS = "weapons now KNIFE"
"""What the office's rules say once the fight has one."""


@pytest.fixture
async def office(connection: Connection) -> FeedOffice:
    """Both incidents have their tickets, and on one of them a change was told."""
    office = FeedOffice(connection, OLD_ALONE)
    await forget_incidents(office.arq_context)
    await office.poll()
    office.feed.show(replace(FIGHT, weapons=("KNIFE",), last_modified="2"))
    await office.poll(TEN_MINUTES)
    return office


def rekey(office: FeedOffice, keyring: Keyring) -> None:
    office.context = office.context_with(keyring, office.context.rulebook)


async def key_ids(office: FeedOffice) -> set[bytes]:
    """The keys of all rows about incidents."""
    rows = [
        row
        for key in (INCIDENTS + FEED, INCIDENTS_TOLD + "lakeside")
        for row in (await office.connection.ask(office.redis.hgetall(key))).values()
    ]
    assert len(rows) == 4
    return {row.partition(b":")[0] for row in rows}


async def remembered(office: FeedOffice) -> set[str]:
    """What is remembered in place of the news that were told of the fight, in clear."""
    tokens = (await office.record(key_of(FIGHT))).memory.told
    return {token.partition("=")[2] for token in tokens if f"/{Why.INCIDENT_CHANGED}=" in token}


async def look(office: FeedOffice) -> None:
    await office.mark(key_of(FIGHT))
    await office.work()


async def test_after_a_day_everything_is_sealed_with_the_first_key_and_the_other_can_go(office: FeedOffice) -> None:
    rekey(office, BOTH)
    assert await feeds_not_renewed(office.connection, BOTH) == [FEED]
    office.clock.pass_by(DAY)
    await forget_incidents(office.arq_context)
    assert await key_ids(office) == {NEW.partition(":")[0].encode()}
    assert await feeds_not_renewed(office.connection, BOTH) == []
    rekey(office, NEW_ALONE)
    assert await office.decided(FIGHT) is Status.REVIEWING
    assert [(each.count, each.opens) for each in await sealed_under(office.connection, NEW_ALONE)] == [(4, True)]


async def test_doctor_says_which_former_key_is_still_needed(office: FeedOffice) -> None:
    former, first = OLD_ALONE.key_ids[0], NEW_ALONE.key_ids[0]
    (told,) = await look_at_seals(office.connection, BOTH)
    needed = f"4 with {former}; incidents of {FEED} are sealed anew within a day"
    assert told.says == f"4 looked at, and our keys open them; {needed}"
    rekey(office, BOTH)
    office.clock.pass_by(DAY)
    await forget_incidents(office.arq_context)
    (told,) = await look_at_seals(office.connection, BOTH)
    assert told.says == f"4 looked at, and our keys open them; with {first} alone"


async def test_rows_of_a_feed_that_is_not_named_now_are_sealed_anew_all_the_same(office: FeedOffice) -> None:
    rekey(office, BOTH)
    office.context = replace(office.context, feeds={})
    office.clock.pass_by(DAY)
    await forget_incidents(office.arq_context)
    assert await key_ids(office) == {NEW.partition(":")[0].encode()}


async def test_what_was_told_needs_its_key_too_and_doctor_counts_it(office: FeedOffice) -> None:
    await office.connection.ask(office.redis.delete(INCIDENTS + FEED))
    assert [(each.count, each.opens) for each in await sealed_under(office.connection, OLD_ALONE)] == [(2, True)]
    assert [each.opens for each in await sealed_under(office.connection, NEW_ALONE)] == [None]
    wrong = Keyring.parse(f"{OLD.partition(':')[0]}:{NEW.partition(':')[2]}")
    assert [each.opens for each in await sealed_under(office.connection, wrong)] == [False]


async def test_a_change_is_not_told_again_whichever_keys_come_and_go(office: FeedOffice) -> None:
    before = await remembered(office)
    for keyring, seconds in ((BOTH, 0.0), (BOTH, DAY), (NEW_ALONE, DAY)):
        rekey(office, keyring)
        office.clock.pass_by(seconds)
        await forget_incidents(office.arq_context)
        await look(office)
        assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]
        assert await remembered(office) == before


async def test_a_change_is_not_told_again_when_a_key_was_away_and_is_back(office: FeedOffice) -> None:
    rekey(office, NEW_ALONE)
    office.feed.show(replace(FIGHT, weapons=("KNIFE",), last_modified="3"))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1], "what it was before cannot be read"
    rekey(office, BOTH)
    await look(office)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]


async def test_what_is_decided_when_the_incident_is_just_deleted_leaves_nothing_behind(office: FeedOffice) -> None:
    records = office.context.incidents
    await office.connection.ask(
        office.redis.delete(INCIDENTS + FEED, INCIDENTS_TOLD + "lakeside", DECISIONS + "lakeside")
    )
    await records.decide("lakeside", (FEED,), FIGHT, Status.RESOLVED)
    assert await office.connection.ask(office.redis.exists(INCIDENTS_TOLD + "lakeside", DECISIONS + "lakeside")) == 0


async def test_what_is_remembered_in_clear_cannot_be_guessed_from_what_may_have_been_told(office: FeedOffice) -> None:
    (digest,) = await remembered(office)
    assert digest not in {unkeyed_digest_of(NEWS), Told(FIGHT, b"another key").digest_of(NEWS)}
    office.feed.show(replace(THEFT, weapons=("KNIFE",)))
    await office.poll(TEN_MINUTES)
    other = (await office.record(key_of(THEFT))).memory.told
    assert other, "the same news"
    assert not [token for token in other if digest in token], "have another digest in each case"


async def as_an_earlier_version_left_it(office: FeedOffice) -> None:
    """What was told has no key, and what is remembered is a plain digest."""
    row = OLD_ALONE.seal(packed(msgspec.json.encode(FIGHT), Form.INCIDENT), identity_of("lakeside", FIGHT.uuid))
    await office.connection.ask(office.redis.hset(INCIDENTS_TOLD + "lakeside", FIGHT.uuid, row))  # type: ignore[arg-type]  # bytes, too
    await office.mark(key_of(FIGHT))
    todo = office.context.todo
    lease = await todo.take(key_of(FIGHT).ref, office.clock())
    assert lease is not None
    tokens = (token.partition("=")[0] for token in lease.record.memory.told)
    told = frozenset(f"{token}={unkeyed_digest_of(NEWS)}" for token in tokens)
    await todo.settle(lease, replace(lease.record.memory, told=told), office.clock())
    await todo.let_go(lease)
    assert await remembered(office) == {unkeyed_digest_of(NEWS)}


async def test_what_an_earlier_version_told_is_not_told_again_and_gets_a_key(office: FeedOffice) -> None:
    await as_an_earlier_version_left_it(office)
    for seconds in (0.0, DAY):
        office.clock.pass_by(seconds)
        await forget_incidents(office.arq_context)
        await look(office)
        assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]
    row = await office.connection.ask(office.redis.hget(INCIDENTS_TOLD + "lakeside", FIGHT.uuid))
    told = known_told(row, FIGHT.uuid, "lakeside", OLD_ALONE)
    assert told is not None
    assert (told.incident, len(told.key)) == (FIGHT, 16)
    office.feed.show(replace(FIGHT, weapons=("GUN",)))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [2, 2]
    assert await remembered(office) == {told.digest_of("weapons now GUN")}


async def test_a_row_that_changes_while_it_is_sealed_anew_stays_as_it_is_then(office: FeedOffice) -> None:
    rows = await office.connection.ask(office.redis.hgetall(INCIDENTS + FEED))
    late = (FIGHT.uuid, b"another", b"late", "nobody", b"", b"late")
    await office.connection.run("renew_rows", INCIDENTS + FEED, *late)
    assert await office.connection.ask(office.redis.hgetall(INCIDENTS + FEED)) == rows
