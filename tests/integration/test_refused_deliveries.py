"""Refused deliveries are counted in a few small rows, which nobody outside can make many or keep."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.refused import RefusedCounts, noting_refusals
from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.deliveries.listing import DeliveryFilter, each_delivery
from remediation.store.deliveries.readings import DeliveryNews
from remediation.store.deliveries.refused import KEPT, RefusalKind, RefusedLog
from remediation.store.keys import REFUSED, REFUSED_COUNTS
from remediation.store.server.connection import Connection
from remedy.deliveries.command import deliveries
from tests.integration.receivers import SECRET, Receiver, event, keyspace

HEX = RefusalKind("schoolscan", "lakeside", 401, "signature", "hex")
NOBODY = RefusalKind("schoolscan", "unknown", 404, "unknown_district")


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    return Receiver(connection, keyring)


async def wrongly_signed(receiver: Receiver, form: SignatureFormat = SignatureFormat.HEX) -> None:
    await receiver.post(sign(event(), "another secret", form, receiver.clock(), "m1"), event())


async def test_a_million_bad_signatures_write_nothing_while_they_come_and_one_row_afterwards(
    receiver: Receiver, connection: Connection
) -> None:
    counts = RefusedCounts()
    for _ in range(50):
        await wrongly_signed(receiver)
    assert await keyspace(connection.redis) == {}
    fresh = counts.fresh()
    assert fresh == {HEX: 50}
    log = RefusedLog(connection)
    for _ in range(3):
        await log.note({HEX: 333_333}.items(), receiver.clock())
    (row,) = await log.listed()
    assert (row.kind, row.count) == (HEX, 999_999)
    counts.noted(fresh)
    assert counts.fresh() == {}


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ([], "none"),
        ([(b"X-SchoolScan-Signature", b"sha256=" + b"0" * 64)], "prefixed"),
        ([(b"x-schoolscan-signature", b"t=1,v1=00")], "timestamped"),
        ([(b"x-schoolscan-signature", b"\xff\x00 secret words")], "other"),
        ([(b"webhook-signature", b"v1,AAAA")], "standard"),
        ([(b"x-schoolscan-signature", b"a"), (b"x-schoolscan-signature", b"b")], "several"),
    ],
)
async def test_the_format_that_was_seen_is_a_word_of_ours(
    receiver: Receiver, headers: list[tuple[bytes, bytes]], seen: str
) -> None:
    counts = RefusedCounts()
    assert (await receiver.post(headers, event())).status_code == 401
    assert [kind.seen for kind in counts.fresh()] == [seen]


async def test_other_refusals_are_told_by_their_answer_and_reason(receiver: Receiver) -> None:
    counts = RefusedCounts()
    await receiver.deliver(event(), path="/webhooks/schoolscan/an-invented-name")
    await receiver.ask("POST", "/webhooks/schoolscan/lakeside", [(b"content-type", b"text/plain")], b"x")
    await receiver.deliver(event(), secret=SECRET)
    assert dict(counts.fresh()) == {NOBODY: 1, RefusalKind("schoolscan", "lakeside", 415, "MediaTypeRefused"): 1}


async def test_there_are_never_more_rows_than_are_kept_and_each_goes_in_time(
    connection: Connection, receiver: Receiver
) -> None:
    log, now = RefusedLog(connection, most=5), receiver.clock()
    for number in range(20):
        await log.note({RefusalKind("schoolscan", f"d{number}", 401, "signature"): 1}.items(), now + number)
    assert [each.kind.account for each in await log.listed()] == ["d19", "d18", "d17", "d16", "d15"]
    assert len(await connection.ask(connection.redis.hkeys(REFUSED_COUNTS))) == 5
    await log.note({HEX: 1}.items(), now + KEPT.total_seconds() + 17.5)
    assert [each.kind.account for each in await log.listed()] == ["lakeside", "d19", "d18"]
    assert 0 < await connection.redis.pttl(REFUSED) <= KEPT.total_seconds() * 1000


async def test_the_same_kind_has_a_row_for_each_day(connection: Connection, receiver: Receiver) -> None:
    log, now = RefusedLog(connection), receiver.clock()
    await log.note({HEX: 2}.items(), now)
    await log.note({HEX: 3}.items(), now + 86_400)
    assert [each.count for each in await log.listed()] == [3, 2]


async def test_what_was_refused_is_noted_when_the_process_ends(receiver: Receiver, connection: Connection) -> None:
    async with noting_refusals(RefusedLog(connection), receiver.clock):
        await wrongly_signed(receiver)
        assert await keyspace(connection.redis) == {}
    assert [each.kind for each in await RefusedLog(connection).listed()] == [HEX]


async def test_deliveries_are_listed_newest_first_with_those_that_were_refused(
    connection: Connection, keyring: Keyring, receiver: Receiver, redis_url: str, tmp_path: Path
) -> None:
    inbox, now = Inbox(connection, keyring), receiver.clock()
    for number in range(4):
        await inbox.accept(f"d{number}", SCHOOLSCAN, "lakeside", event(number), now + number)
    await inbox.accept("odd", SCHOOLSCAN, "hillside", b"x", now + 10, unreadable="no JSON")
    await RefusedLog(connection).note({HEX: 12, NOBODY: 1}.items(), now + 2.5)
    wanted = DeliveryFilter(frozenset({"schoolscan/lakeside"}), DeliveryState.RECEIVED)
    assert [each.id async for each in each_delivery(connection, wanted)] == ["d3", "d2", "d1", "d0"]
    remedy = CliRunner(env={"REDIS_URL": redis_url, "MAPPINGS_PATH": str(tmp_path / "none.yaml")})

    async def told(*words: str) -> list[str]:
        result = await asyncio.to_thread(remedy.invoke, deliveries, ["list", *words])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    lines = [line[21:] for line in await told("--limit", "5")]
    assert lines[0] == "quarantined  schoolscan/hillside  odd"
    assert lines[1] == "received     schoolscan/lakeside  d3"
    assert len(lines) == 5
    assert "its signature does not verify (it looks like hex); 12 times since" in "\n".join(lines)
    shown = [json.loads(line) for line in await told("--state", "refused", "--json")]
    assert {(each["account"], each["count"], each["seen"]) for each in shown} == {
        ("schoolscan/lakeside", 12, "hex"),
        ("schoolscan/unknown", 1, None),
    }
    assert await told("--account", "schoolscan/nobody") == ["No delivery fits."]


async def test_one_delivery_is_shown_with_the_case_that_it_names_for_as_long_as_its_body_is_kept(
    connection: Connection, keyring: Keyring, redis_url: str, data_keys: str
) -> None:
    own = Keyring.parse(data_keys)
    inbox, now = Inbox(connection, own), time.time()
    await inbox.accept("d1", SCHOOLSCAN, "lakeside", event(1), now)
    await inbox.accept("odd", SCHOOLSCAN, "lakeside", b"x", now, unreadable="no JSON")
    remedy = CliRunner(env={"REDIS_URL": redis_url, "DATA_KEYS": data_keys})

    async def told(*words: str, code: int = 0) -> str:
        result = await asyncio.to_thread(remedy.invoke, deliveries, ["show", *words])
        assert result.exit_code == code, result.output
        return result.output

    assert json.loads(await told("d1", "--json"))["case"] == "lakeside:finding:fnd_1"
    assert "parked   delivery/odd" in await told("odd")
    assert "there is no delivery nothing" in await told("nothing", code=1)
    await inbox.readings.finish("", [DeliveryNews.unknown("d1")], now)
    assert "its body is not kept" in await told("d1")
