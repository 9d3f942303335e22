"""Parked work in groups: each piece is in the one that it belongs to, whatever becomes of it, and pages follow on."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from remediation.domain.errors import KeyMissing, NotFound, Refused
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.audit.chain import AuditKeys
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.set_aside import SetAsideLimits
from remediation.store.keys import INBOX, PARKED, PARKED_GROUP, PARKED_GROUPS, PARKED_ROW
from remediation.store.parked.groups import ParkedFilter, ParkedGroups, ParkedPlace
from remediation.store.parked.shapes import common_words, shape_of
from remediation.store.server.connection import Connection, open_pool
from remediation.store.terms import MOST_PARKED_GROUPS
from tests.integration.parked_sums import assert_groups_agree
from tests.redis_servers import VALKEY, RedisServer, running

NOW = 1_700_000_000.0
ALL = ParkedFilter()
STEPS = st.tuples(st.sampled_from(["park", "replay", "discard"]), st.integers(0, 5), st.sampled_from(["a", "b", "c 7"]))


@pytest.fixture
def work(connection: Connection, keyring: Keyring) -> ParkedWork:
    return ParkedWork(connection, keyring)


@pytest.fixture
def groups(connection: Connection) -> ParkedGroups:
    return ParkedGroups(connection)


async def park(
    work: ParkedWork,
    number: int,
    words: str = "no",
    *,
    district: str = "lakeside",
    system: str = "jira",
    at: float = NOW,
) -> str:
    ref = f"{district}:finding:fnd_{number:05}"
    error = Refused(system, words, status=400)
    return await work.park(ParkedKind.ACTION, ref, error, at, district=district, action=f"open:{system}", system=system)


async def all_names(groups: ParkedGroups, wanted: ParkedFilter, size: int, *, oldest_first: bool = False) -> list[str]:
    """The names of all pages."""
    names: list[str] = []
    after: ParkedPlace | None = None
    while page := await groups.names(wanted, size, after=after, oldest_first=oldest_first):
        names += [place.name for place in page]
        after = page[-1]
    return names


async def test_pieces_with_the_same_error_and_words_but_for_ids_are_one_group(
    work: ParkedWork, groups: ParkedGroups
) -> None:
    for number in range(3):
        await park(work, number, f"SEC-{number}: no such transition", at=NOW + number)
    await park(work, 9, "customfield_10010 is required", at=NOW + 9)
    await park(work, 10, f"SEC-{10}: no such transition", district="harbor")
    found = {(each.common.district, each.count): each for each in await groups.counted(ALL)}
    assert sorted(found) == [("harbor", 1), ("lakeside", 1), ("lakeside", 3)]
    three = found["lakeside", 3]
    assert (three.common.error, three.common.system, three.common.status, three.common.action) == (
        *("Refused", "jira", 400),
        "open:jira",
    )
    assert (three.first, three.last, three.newest) == (NOW, NOW + 2, "lakeside:finding:fnd_00002/open:jira")


async def test_the_words_of_a_refusal_stand_nowhere_in_clear(work: ParkedWork, connection: Connection) -> None:
    await park(work, 1, "Ada Lovelace is no value")
    rows = await connection.ask(connection.redis.hgetall(PARKED_GROUPS))
    assert b"Lovelace" not in b"".join([*rows, *rows.values()])


def test_the_shape_of_words_leaves_out_what_stands_for_ids(keyring: Keyring) -> None:
    assert common_words("SEC-12: no since 2026-09-01") == "# no since #"
    assert shape_of("SEC-12 is gone", keyring) == shape_of("OPS-7 is gone", keyring)
    assert shape_of("SEC-12 is gone", keyring) != shape_of("SEC-12 is there", keyring)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (ALL, 5),
        (ParkedFilter(district="harbor"), 1),
        (ParkedFilter(districts=frozenset({"lakeside"})), 3),
        (ParkedFilter(districts=frozenset()), 0),
        (ParkedFilter(districts=frozenset({"lakeside"}), district="harbor"), 0),
        (ParkedFilter(system="snow"), 1),
        (ParkedFilter(error="NotFound", kind="case"), 1),
        (ParkedFilter(kind="delivery"), 1),
        (ParkedFilter(status="400"), 3),
        (ParkedFilter(action="open:snow"), 1),
        (ParkedFilter(since=NOW + 5), 3),
        (ParkedFilter(until=NOW + 4), 2),
        (ParkedFilter(since=NOW + 1, until=NOW + 6), 2),
        (ParkedFilter(shape="none"), 0),
        (ParkedFilter(district=""), 1),
        (ParkedFilter(status=""), 1),
    ],
)
async def test_a_filter_takes_what_every_field_allows(
    work: ParkedWork, groups: ParkedGroups, connection: Connection, wanted: ParkedFilter, count: int
) -> None:
    await park(work, 1, at=NOW)
    await park(work, 2, district="harbor", at=NOW + 3)
    await park(work, 3, system="snow", at=NOW + 5)
    error = NotFound("schoolscan:lakeside", "no such finding", status=404)
    await work.park(ParkedKind.CASE, "lakeside:finding:fnd_4", error, NOW + 6.5, district="lakeside")
    await connection.ask(connection.redis.hset(INBOX + "dlv_1", "state", "received"))
    await work.park(ParkedKind.DELIVERY, "dlv_1", KeyMissing("k1"), NOW + 9, district="")
    assert sum(each.count for each in await groups.counted(wanted)) == count
    assert len(await groups.names(wanted, 100)) == count


async def test_a_piece_that_an_earlier_version_left_in_a_group_is_listed_in_its_own_alone(
    work: ParkedWork, groups: ParkedGroups, connection: Connection
) -> None:
    name = await park(work, 1, "no such field")
    (left,) = await connection.ask(connection.redis.hkeys(PARKED_GROUPS))
    await connection.redis.zrem(PARKED, name)
    await connection.redis.delete(PARKED_ROW + name)
    await park(work, 1, "no such transition", at=NOW + 1)
    assert await connection.redis.zscore(PARKED_GROUP + left.decode(), name) is not None
    assert await all_names(groups, ALL, 5) == [name]
    await assert_groups_agree(connection)


@pytest.fixture
def abroad(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose locale sorts texts as people do, and not byte by byte."""
    tool = shutil.which("localedef") or pytest.skip("needs localedef")
    words = [tool, "-i", "en_US", "-f", "UTF-8", str(tmp_path / "en_US.UTF-8")]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs the description of a locale")
    program = replace(VALKEY, variables={"LOCPATH": str(tmp_path), "LC_ALL": "en_US.UTF-8"})
    with running(RedisServer(tmp_path / "redis", program=program)) as server:
        yield server.url


async def test_pages_lose_nothing_in_whatever_locale_the_server_runs(abroad: str, keyring: Keyring) -> None:
    pool = open_pool(RedisAddress.parse(abroad), socket_timeout=5.0, retries=1)
    connection = Connection(Redis(connection_pool=pool))
    work, groups = ParkedWork(connection, keyring), ParkedGroups(connection)
    names = [await park(work, 0, district=district) for district in ("ash-2", "ash1", "Ash3", "b-0", "B_1", "c")]
    for oldest_first in (False, True):
        found = await all_names(groups, ALL, 2, oldest_first=oldest_first)
        assert found == sorted(names, reverse=not oldest_first)
    await pool.aclose()


async def test_what_is_taken_up_or_given_up_is_in_no_group(
    work: ParkedWork, groups: ParkedGroups, connection: Connection
) -> None:
    first, second = await park(work, 1), await park(work, 2)
    await work.replay(first, NOW)
    await assert_groups_agree(connection)
    await work.discard(second, NOW)
    await assert_groups_agree(connection)
    assert await groups.counted(ALL) == []
    assert await connection.redis.exists(PARKED_GROUPS) == 0


async def test_a_piece_that_is_refused_in_another_way_moves_to_another_group(
    work: ParkedWork, groups: ParkedGroups, connection: Connection
) -> None:
    await park(work, 1, "no such field")
    await park(work, 1, "no such project", at=NOW + 60)
    await assert_groups_agree(connection)
    (only,) = await groups.counted(ALL)
    assert (only.count, only.first, only.common.shape) == (1, NOW + 60, only.common.shape)


async def test_very_many_kinds_of_words_make_one_group_more_and_not_as_many(
    work: ParkedWork, groups: ParkedGroups, connection: Connection
) -> None:
    letters = [f"{first}{second}" for first in "abcdefghijklmnopqrstuvwxyz" for second in "abcdefghijklmnopqrstuvwxyz"]
    for number, words in enumerate(letters[: MOST_PARKED_GROUPS + 20]):
        await park(work, number, words)
    await assert_groups_agree(connection)
    found = await groups.counted(ALL)
    assert len(found) == MOST_PARKED_GROUPS + 1
    assert [each.count for each in found if not each.common.shape] == [20]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["park", "replay", "discard"]), st.integers(0, 5), st.sampled_from(["a", "b", "c 7"])
        ),
        max_size=25,
    )
)
async def test_every_piece_is_in_its_group_whatever_is_done(
    connection: Connection, keyring: Keyring, steps: list[tuple[str, int, str]]
) -> None:
    await connection.redis.flushall()
    work = ParkedWork(connection, keyring)
    for at, (what, number, words) in enumerate(steps):
        name = f"lakeside:finding:fnd_{number:05}/open:jira"
        if what == "park":
            await park(work, number, words, at=NOW + at)
        else:
            await (work.replay if what == "replay" else work.discard)(name, NOW + at)
        await assert_groups_agree(connection)


@pytest.mark.parametrize("size", [1, 3, 25, 1_000])
@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_follow_on_without_a_gap_also_where_many_came_at_the_same_moment(
    work: ParkedWork, groups: ParkedGroups, size: int, *, oldest_first: bool
) -> None:
    for number in range(60):
        await park(work, number, "xyz"[number % 3], district=("lakeside", "harbor")[number % 2], at=NOW + number // 25)
    listed = [item.name async for item in work.listed()]
    found = await all_names(groups, ALL, size, oldest_first=oldest_first)
    assert found == (listed[::-1] if oldest_first else listed)
    ours = await all_names(groups, ParkedFilter(district="lakeside"), size, oldest_first=oldest_first)
    assert ours == [name for name in found if name.startswith("lakeside")]


async def test_what_was_set_aside_since_does_not_move_later_pages(work: ParkedWork, groups: ParkedGroups) -> None:
    for number in range(6):
        await park(work, number, at=NOW + number)
    first = await groups.names(ALL, 3)
    await park(work, 9, at=NOW + 9)
    await work.discard(first[-1].name, NOW)
    second = await groups.names(ALL, 3, after=first[-1])
    assert [place.name for place in second] == [f"lakeside:finding:fnd_0000{number}/open:jira" for number in (2, 1, 0)]


async def test_what_an_earlier_version_left_in_a_group_is_not_listed_and_taken_off(
    work: ParkedWork, groups: ParkedGroups, connection: Connection
) -> None:
    await park(work, 1)
    gone = await park(work, 2)
    await connection.redis.delete(PARKED_ROW + gone)
    await connection.redis.zrem(PARKED, gone)
    assert [place.name for place in await groups.names(ALL, 10)] == ["lakeside:finding:fnd_00001/open:jira"]
    await assert_groups_agree(connection)


async def test_what_an_earlier_version_set_aside_is_grouped_by_a_round_of_workers(
    work: ParkedWork, connection: Connection, keyring: Keyring
) -> None:
    for number in range(250):
        name = await park(work, number, at=NOW + number)
        await connection.ask(connection.redis.hdel(PARKED_ROW + name, "group", "shape"))
    await connection.redis.delete(PARKED_GROUPS, *[key async for key in connection.redis.scan_iter(PARKED_GROUP + "*")])
    limits = SetAsideLimits(connection, AuditKeys(keyring))
    for _ in range(2):
        await limits.trim(NOW + 300)
    await assert_groups_agree(connection)


async def test_ten_thousand_pieces_cost_a_page_what_some_do(
    work: ParkedWork, groups: ParkedGroups, connection: Connection, keyring: Keyring
) -> None:
    """The bound is far above what it takes, and far below what reading all pieces would."""
    for begin in range(0, 10_000, 500):
        some = range(begin, begin + 500)
        await asyncio.gather(
            *(park(work, each, f"words {chr(97 + each % 26)}", district=f"d{each % 8}", at=NOW + each) for each in some)
        )
    for ask in (groups.counted(ALL), groups.names(ALL, 50), groups.names(ALL, 1_000, oldest_first=True)):
        began = time.perf_counter()
        assert await ask
        assert time.perf_counter() - began < 0.5
