"""What was shredded is not in the files of a real server any more, once a round has had them rewritten."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.deliveries.readings import DeliveryNews
from remediation.store.keys import INBOX, SHREDDED
from remediation.store.server.connection import Connection
from remediation.store.server.rewriting import ASK_AGAIN, PAUSE, Rewriting, Shredded
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from tests.integration.offices import Office
from tests.redis_servers import DURABLE, RedisServer, debian_redis, running
from workers.rounds.rewriting import rewrite_file

REPOSITORY = Path(__file__).parents[2]
BODY = b'{"type": "finding.critical", "data": {"finding_id": "fnd_1", "title": "ZZPII"}}'


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def chart_s_valkey(folder: Path) -> RedisServer:
    """The server that the chart starts for trying out, with the chart's own arguments."""
    text = (REPOSITORY / "helm" / "templates" / "valkey.yaml").read_text(encoding="utf-8")
    words = re.findall(r'- (--[a-z-]+)\n\s+- "?([^"\n]*)"?\n', text)
    options = {name.removeprefix("--"): value for name, value in words if name != "--dir" and "{{" not in value}
    assert options["appendonly"] == "yes"
    return RedisServer(folder, options)


@pytest.fixture(params=["embedded", "chart", "redis"])
async def own(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Connection]:
    """A server of this test alone, with its files."""
    with ExitStack() as opened:
        match request.param:
            case "embedded":
                url = opened.enter_context(EmbeddedServer(folder)).url
            case "chart":
                url = opened.enter_context(running(chart_s_valkey(folder))).url
            case _:
                url = opened.enter_context(running(RedisServer(folder, DURABLE, debian_redis()))).url
        async with open_connection(RedisAddress.parse(url), socket_timeout=5.0, retries=1) as connection:
            yield connection


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "appendonlydir").iterdir()))


async def sealed_body(office: Office, delivery: str) -> bytes:
    return await office.connection.ask(office.redis.hget(INBOX + delivery, "body")) or b""


async def rewritten(office: Office) -> Shredded:
    """Rounds go on until nothing is rewritten any more."""
    rewriting = Rewriting(office.connection)
    await rewrite_file(office.arq_context)
    for _ in range(200):
        if not (await rewriting.file()).is_rewritten_now:
            break
        await asyncio.sleep(0.02)
    await rewrite_file(office.arq_context)
    return await rewriting.shredded()


async def test_a_body_that_was_read_or_discarded_leaves_the_files(
    own: Connection, folder: Path, keyring: Keyring
) -> None:
    office = Office(own, keyring)
    for delivery in ("d1", "d2", "d3"):
        unreadable = "not JSON" if delivery == "d2" else None
        await office.context.inbox.accept(delivery, SCHOOLSCAN, "lakeside", BODY, office.clock(), unreadable=unreadable)
    bodies = {delivery: await sealed_body(office, delivery) for delivery in ("d1", "d2", "d3")}
    assert all(body in files(folder) for body in bodies.values())
    await office.context.inbox.readings.finish("", [DeliveryNews.unknown("d1")], office.clock())
    await office.context.parked.discard("delivery/d2", office.clock())
    assert bodies["d1"] in files(folder), "Redis itself keeps it"
    shredded = await rewritten(office)
    assert [bodies[each] in files(folder) for each in ("d1", "d2", "d3")] == [False, False, True]
    assert shredded.gone == shredded.count > 0
    assert shredded.age(office.clock()) == 0

    await office.context.inbox.readings.finish("", [DeliveryNews.unknown("d3")], office.clock())
    assert (await rewritten(office)).gone < (await Rewriting(own).shredded()).count, "not again so soon"
    office.clock.pass_by(PAUSE)
    await rewritten(office)
    assert bodies["d3"] not in files(folder)


async def test_a_server_that_refuses_is_told_of_once_and_asked_once_a_day(own: Connection, keyring: Keyring) -> None:
    await own.redis.acl_setuser("remedy", enabled=True, nopass=True, keys="*", commands=["+@all", "-bgrewriteaof"])
    await own.redis.execute_command("AUTH", "remedy", "")  # type: ignore[no-untyped-call]  # redis-py gives it no types
    office = Office(own, keyring)
    await own.ask(own.redis.hset(SHREDDED, "count", "1"))
    with capture_logs() as lines:
        for _ in range(3):
            await rewrite_file(office.arq_context)
            office.clock.pass_by(PAUSE)
        office.clock.pass_by(ASK_AGAIN)
        await rewrite_file(office.arq_context)
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["file_not_rewritten"]
    assert (await Rewriting(own).shredded()).age(office.clock()) > ASK_AGAIN
