"""Deliveries are listed by account and state, and a page of them costs the same however many there are."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.jira import JIRA
from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring
from remediation.store.audit.chain import AuditKeys
from remediation.store.deliveries import listing
from remediation.store.deliveries.concerned import DeliverySearch
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.deliveries.listing import DeliveryFilter, delivery_page, each_delivery, one_delivery
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.readings import DeliveryNews
from remediation.store.deliveries.set_aside import SetAsideLimits
from remediation.store.keys import DELIVERY_LIST, DELIVERY_LISTS, INBOX, PARKED_ROW
from remediation.store.newest import ListPlace
from remediation.store.server.connection import Connection
from remediation.store.terms import MOST_LISTED

NOW = float(int(time.time()))
DONE = f"{DELIVERY_LIST}schoolscan/lakeside|done"
EVERY = DeliveryFilter()


class Post:
    """Deliveries come in, and are read."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring, self.inbox = connection, keyring, Inbox(connection, keyring)
        self.work = ParkedWork(connection, keyring)

    async def bring(self, *names: str, district: str = "lakeside", at: float = NOW) -> None:
        for name in names:
            await self.inbox.accept(name, SCHOOLSCAN, district, b"{}", at)

    async def read(self, *names: str, at: float = NOW, kept: timedelta = timedelta(days=30)) -> None:
        news = [DeliveryNews(name, "nothing") for name in names]
        await self.inbox.keeping(kept).readings.finish("", news, at)

    async def park(self, name: str, kind: ParkedKind = ParkedKind.DELIVERY) -> None:
        await self.work.park(kind, name, KeyMissing("k"), NOW, district="lakeside")

    async def named(self, wanted: DeliveryFilter = EVERY) -> list[str]:
        return [each.id async for each in each_delivery(self.connection, wanted)]

    async def states(self) -> dict[str, DeliveryState]:
        return {each.id: each.state async for each in each_delivery(self.connection, EVERY)}


@pytest.fixture
def post(connection: Connection, keyring: Keyring) -> Post:
    return Post(connection, keyring)


def of(*paths: str, state: DeliveryState | None = None, since: float | None = None) -> DeliveryFilter:
    return DeliveryFilter(frozenset(paths) or None, state, since)


async def pages(post: Post, wanted: DeliveryFilter, limit: int) -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    after: ListPlace | None = None
    while True:
        page = await delivery_page(post.connection, wanted, limit, after)
        found.append([each.id for each in page.deliveries])
        after = page.after and ListPlace.parse(str(page.after))
        if after is None:
            return found


async def test_a_delivery_is_listed_once_whatever_becomes_of_it(post: Post) -> None:
    await post.bring("read", "waits", "parked", "quarantined")
    await post.inbox.accept("unreadable", SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="no JSON")
    await post.inbox.accept_ignored("ignored", SCHOOLSCAN, "lakeside", NOW)
    await post.read("read")
    await post.read("read")
    await post.park("parked")
    await post.park("quarantined", ParkedKind.QUARANTINED)
    assert await post.states() == {
        "read": DeliveryState.DONE,
        "waits": DeliveryState.RECEIVED,
        "parked": DeliveryState.PARKED,
        "quarantined": DeliveryState.QUARANTINED,
        "unreadable": DeliveryState.QUARANTINED,
        "ignored": DeliveryState.IGNORED,
    }
    assert len(await post.named()) == 6


async def test_what_was_set_aside_goes_to_another_list_with_a_persons_decision(post: Post) -> None:
    await post.bring("replayed", "discarded", "never read")
    await post.park("replayed")
    await post.park("discarded")
    await post.work.replay("delivery/replayed", NOW)
    await post.work.discard("delivery/discarded", NOW)
    assert await DeliverySearch(post.connection, post.keyring).discard("never read")
    assert await post.named(of(state=DeliveryState.PARKED)) == []
    assert await post.named(of(state=DeliveryState.DISCARDED)) == ["never read", "discarded"]
    assert await post.named(of(state=DeliveryState.RECEIVED)) == ["replayed"]
    await post.read("replayed")
    assert await post.named(of(state=DeliveryState.DONE)) == ["replayed"]


async def test_pages_go_through_all_lists_once_also_where_many_came_at_one_moment(post: Post) -> None:
    names = [f"d{number:02}" for number in range(23)]
    await post.bring(*names[:10])
    await post.bring(*names[10:20], district="harbor", at=NOW - 5)
    await post.bring(*names[20:], at=NOW + 1)
    await post.read(*names[::2])
    found = await pages(post, EVERY, 4)
    assert [len(page) for page in found] == [4, 4, 4, 4, 4, 3]
    assert [name for page in found for name in page] == sorted(names[20:])[::-1] + names[9::-1] + names[19:9:-1]


async def test_a_filter_takes_an_account_a_state_and_a_time(post: Post) -> None:
    await post.bring("early", at=NOW - 60)
    await post.bring("late", "waits")
    await post.bring("others", district="harbor")
    await post.inbox.accept("jiras", JIRA, "jira", b"{}", NOW)
    await post.read("early", "late", "others", "jiras")
    assert await post.named(of("schoolscan/lakeside", state=DeliveryState.DONE)) == ["late", "early"]
    assert await post.named(of("schoolscan/lakeside", since=NOW - 30)) == ["waits", "late"]
    assert await post.named(of("jira/jira", "schoolscan/harbor")) == ["others", "jiras"]
    page = await delivery_page(post.connection, of("schoolscan/lakeside"), 9, ListPlace.before(NOW))
    assert [each.id for each in page.deliveries] == ["early"]


async def test_a_page_is_short_rather_than_look_at_all_that_waits_of_others(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(listing, "_AT_ONCE", 2)
    await post.bring("ours", at=NOW - 60)
    await post.bring(*[f"theirs{number}" for number in range(9)], district="harbor")
    found = await pages(post, of("schoolscan/lakeside", state=DeliveryState.RECEIVED), 1)
    assert [page for page in found if page] == [["ours"]]
    assert found[0] == []


async def test_a_page_is_full_although_more_than_a_page_of_others_waits_before_it(post: Post) -> None:
    ours = [f"ours{number:02}" for number in range(60)]
    await post.bring(*ours, at=NOW - 60)
    await post.bring(*[f"theirs{number:03}" for number in range(150)], district="harbor")
    found = await pages(post, of("schoolscan/lakeside"), 50)
    assert [len(page) for page in found] == [50, 10]


async def test_a_page_of_one_account_leaves_out_what_waits_where_very_much_does_and_says_so(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 4)
    await post.bring("read", "waits", at=NOW - 60)
    await post.read("read")
    page = await delivery_page(post.connection, of("schoolscan/lakeside"), 5)
    assert ([each.id for each in page.deliveries], page.has_waiting) == (["waits", "read"], True)
    await post.bring(*[f"theirs{number}" for number in range(9)], district="harbor")
    page = await delivery_page(post.connection, of("schoolscan/lakeside"), 5)
    assert ([each.id for each in page.deliveries], page.has_waiting) == (["read"], False)
    assert await post.named(of("schoolscan/lakeside")) == ["waits", "read"]
    assert (await delivery_page(post.connection, EVERY, 20)).has_waiting


async def test_the_newest_of_a_list_are_kept(post: Post, connection: Connection) -> None:
    await connection.redis.zadd(DONE, {f"old{number}": (NOW - 60) * 1000 + number for number in range(MOST_LISTED)})
    await post.bring("new")
    await post.read("new")
    assert await connection.redis.zcard(DONE) == MOST_LISTED
    assert await connection.redis.zscore(DONE, "old0") is None
    assert await connection.redis.zscore(DONE, "new") is not None


async def test_what_is_older_than_its_row_is_taken_off_and_a_quiet_list_ends(
    post: Post, connection: Connection
) -> None:
    await post.bring("early", at=NOW - 86_400)
    await post.bring("late")
    await post.read("early", at=NOW - 86_400, kept=timedelta(hours=2))
    await post.read("late", kept=timedelta(hours=2))
    assert await connection.redis.zrange(DONE, 0, -1) == [b"late"]
    assert 0 < await connection.redis.pttl(DONE) <= 7_200_000
    assert await connection.redis.zscore(DELIVERY_LISTS, "schoolscan/lakeside|done") == (NOW + 7_200) * 1000


async def test_what_is_set_aside_stays_listed_however_old_it_is(post: Post, connection: Connection) -> None:
    await post.bring("old", at=NOW - 90 * 86_400)
    await post.park("old")
    assert await post.named() == ["old"]
    assert await connection.redis.pttl(f"{DELIVERY_LIST}schoolscan/lakeside|parked") > 300 * 86_400_000


async def test_a_list_that_cannot_be_written_is_no_trouble_of_its_delivery(post: Post, connection: Connection) -> None:
    await connection.redis.set(DONE, "something else")
    await post.bring("d1")
    await post.read("d1")
    assert await post.inbox.state("d1") is DeliveryState.DONE


async def test_what_an_earlier_version_left_on_a_list_is_passed_over(post: Post, connection: Connection) -> None:
    await post.bring("d1", "d2")
    await post.park("d1")
    await connection.ask(connection.redis.hset(f"{INBOX}d1", "state", "done"))
    await connection.redis.zadd(DONE, {"gone": NOW * 1000})
    assert await post.named() == ["d2"]


async def test_what_an_earlier_version_set_aside_is_listed_by_a_round_of_workers(
    post: Post, connection: Connection, keyring: Keyring
) -> None:
    await post.bring("parked", "quarantined")
    await post.park("parked")
    await post.park("quarantined", ParkedKind.QUARANTINED)
    for name in ("parked", "quarantined"):
        await connection.ask(connection.redis.hdel(f"{PARKED_ROW}delivery/{name}", "group"))
        await connection.redis.delete(f"{DELIVERY_LIST}schoolscan/lakeside|{name}", DELIVERY_LISTS)
    assert await post.named() == []
    await SetAsideLimits(connection, AuditKeys(keyring)).trim(NOW)
    assert await post.states() == {
        "parked": DeliveryState.PARKED,
        "quarantined": DeliveryState.QUARANTINED,
    }


async def must_be_in_step(connection: Connection) -> None:
    """Every delivery that was read or set aside is on the list of its account and state, and on no other."""
    redis, expected, found, lists = connection.redis, set(), set(), set()
    for key in [key.decode() async for key in redis.scan_iter(INBOX + "*", _type="hash")]:
        state, sender, account = await connection.ask(redis.hmget(key, ["state", "sender", "account"]))
        if state != b"received":
            expected.add((f"{sender.decode()}/{account.decode()}|{state.decode()}", key.removeprefix(INBOX)))
    async for key in redis.scan_iter(DELIVERY_LIST + "*"):
        name = key.decode().removeprefix(DELIVERY_LIST)
        lists.add(name)
        found |= {(name, member.decode()) for member in await redis.zrange(key, 0, -1)}
    assert found == expected
    assert lists <= {name.decode() for name in await redis.zrange(DELIVERY_LISTS, 0, -1)}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bring", "ignore", "refuse", "read", "park", "set aside", "replay", "discard", "give up"]),
            st.sampled_from(["a", "b", "c"]),
        ),
        max_size=25,
    )
)
async def test_every_delivery_is_on_its_list_whatever_is_done(
    connection: Connection, keyring: Keyring, steps: list[tuple[str, str]]
) -> None:
    await connection.redis.flushall()
    post = Post(connection, keyring)
    deeds: dict[str, Callable[[str], Awaitable[object]]] = {
        "bring": post.bring,
        "ignore": lambda name: post.inbox.accept_ignored(name, SCHOOLSCAN, "lakeside", NOW),
        "refuse": lambda name: post.inbox.accept(name, SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="no JSON"),
        "read": post.read,
        "park": post.park,
        "set aside": lambda name: post.park(name, ParkedKind.QUARANTINED),
        "replay": lambda name: post.work.replay(f"delivery/{name}", NOW),
        "discard": lambda name: post.work.discard(f"delivery/{name}", NOW),
        "give up": DeliverySearch(connection, keyring).discard,
    }
    for what, name in steps:
        await deeds[what](name)
        await must_be_in_step(connection)


async def test_a_delivery_is_found_by_its_id(post: Post) -> None:
    await post.bring("d1")
    found = await one_delivery(post.connection, "d1")
    assert found is not None
    assert (found.path, found.state, found.at) == ("schoolscan/lakeside", DeliveryState.RECEIVED, NOW)
    assert await one_delivery(post.connection, "d2") is None


async def test_a_receiver_writes_no_list_for_what_is_to_be_read(post: Post, connection: Connection) -> None:
    await post.bring("d1")
    assert await connection.redis.keys(f"{DELIVERY_LIST}*") == []
