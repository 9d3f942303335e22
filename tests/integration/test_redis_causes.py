"""What is wrong with a Redis is named: at the start, on /readyz and by the commands, in the same words."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remediation.redis_address import RedisAddress, RedisSignIn, TlsFiles
from remediation.store.server.readiness import StoreState, store_state
from remediation.store.server.refusals import ConnectionCause
from remedy.runtime.assembly import open_connection, open_for_command
from tests.certificates import Authority
from tests.redis_servers import CLUSTER, DURABLE, RedisServer, SentinelServer, behind_tls, running


async def state_of(address: RedisAddress | str) -> StoreState:
    """What a process sees that starts with this address, through pools like a receiver's and like a worker's."""
    if isinstance(address, str):
        address = RedisAddress.parse(address)
    states = []
    for timeout, retries in ((1.0, 1), (5.0, 5)):
        async with open_connection(address, socket_timeout=timeout, retries=retries) as connection:
            states.append(await store_state(connection))
    assert states[0] == states[1]
    return states[0]


async def cause_of(address: RedisAddress | str) -> ConnectionCause:
    trouble = (await state_of(address)).trouble
    assert trouble is not None
    return trouble


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(RedisServer(tmp_path / "redis", DURABLE)) as server:
        yield server


async def test_a_sound_one_has_neither_troubles_nor_weaknesses(server: RedisServer) -> None:
    assert await state_of(server.url) == StoreState()
    with server.client() as client:
        assert client.keys() == [], "asking changes nothing"


@pytest.mark.parametrize(
    ("option", "value", "weakness"),
    [
        ("appendonly", "no", "appendonly is no, not yes"),
        ("appendfsync", "everysec", "appendfsync is everysec, not always"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru, not noeviction"),
    ],
)
async def test_one_that_may_forget_says_so(server: RedisServer, option: str, value: str, weakness: str) -> None:
    with server.client() as client:
        client.config_set(option, value)
    assert await state_of(server.url) == StoreState(weaknesses=(weakness,))


async def test_a_cluster_of_one_node_is_refused(tmp_path: Path) -> None:
    with running(RedisServer(tmp_path / "redis", {**DURABLE, **CLUSTER})) as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        assert await cause_of(server.url) == ConnectionCause.CLUSTER
    assert "CROSSSLOT" in ConnectionCause.CLUSTER.words


async def test_a_sentinel_is_no_redis(server: RedisServer, tmp_path: Path) -> None:
    options = {"monitor": f"main 127.0.0.1 {server.port} 1"}
    with running(SentinelServer(tmp_path / "sentinel", options)) as sentinel:
        assert await cause_of(sentinel.url) == ConnectionCause.SENTINEL
        assert await cause_of(sentinel.url.replace("/0", "/3")) == ConnectionCause.SENTINEL
        assert (await cause_of(f"redis+sentinel://127.0.0.1:{sentinel.port}/other")) == ConnectionCause.UNKNOWN_PRIMARY
        assert await state_of(f"redis+sentinel://127.0.0.1:{sentinel.port}/main") == StoreState()
    assert (await cause_of(f"redis+sentinel://127.0.0.1:{server.port}/main")).reason == "no_sentinel"


async def test_sentinels_that_are_away_are_waited_for(server: RedisServer) -> None:
    cause = await cause_of("redis+sentinel://127.0.0.1:1,127.0.0.1:2/main")
    assert (cause.reason, cause.refuses) == ("away", False)


async def test_sentinels_have_passwords_of_their_own(server: RedisServer, tmp_path: Path) -> None:
    options = {"monitor": f"main 127.0.0.1 {server.port} 1"}
    with running(SentinelServer(tmp_path / "sentinel", options)) as sentinel:
        with sentinel.client() as client:
            client.execute_command("ACL", "SETUSER", "default", "resetpass", ">test-only-sentinel")
        address = RedisAddress.parse(f"redis+sentinel://127.0.0.1:{sentinel.port}/main")
        cause = await cause_of(address)
        assert (cause.reason, cause.refuses) == ("sign_in", True)
        assert "REDIS_SENTINEL_PASSWORD" in cause.words
        inside = replace(address, sentinel_sign_in=RedisSignIn(None, "test-only-sentinel"))
        assert await state_of(inside) == StoreState()


@pytest.mark.parametrize(
    ("sign_in", "words"),
    [
        (RedisSignIn(), "wants a password, and there is none"),
        (RedisSignIn(None, "test-only-wrong"), "refuses our user or password"),
        (RedisSignIn("nobody", "test-only-right"), "refuses our user or password"),
    ],
)
async def test_a_wrong_password_is_told_as_one(server: RedisServer, sign_in: RedisSignIn, words: str) -> None:
    with server.client() as client:
        client.config_set("requirepass", "test-only-right")
    cause = await cause_of(replace(RedisAddress.parse(server.url), sign_in=sign_in))
    assert words in cause.words
    assert cause.refuses
    assert "test-only" not in cause.words


async def test_a_password_that_nobody_asked_for_is_told(server: RedisServer) -> None:
    cause = await cause_of(server.url.replace("//", "//:test-only-password@"))
    assert "no password for its default user" in cause.words


async def test_a_database_that_there_is_not_is_told(server: RedisServer) -> None:
    cause = await cause_of(server.url.replace("/0", "/99"))
    assert (cause.reason, cause.refuses) == ("database", True)


async def test_one_that_is_full_is_waited_for(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
        assert await cause_of(server.url) == ConnectionCause.FULL
        client.config_set("maxmemory", "0")
    assert await state_of(server.url) == StoreState()


async def test_one_that_lacks_replicas_is_waited_for(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("min-replicas-to-write", "1")
    assert (await cause_of(server.url)).reason == "replicas"


async def test_a_replica_is_waited_for(server: RedisServer) -> None:
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    state = await state_of(server.url)
    assert (state.trouble, state.answers, state.is_primary) == (ConnectionCause.REPLICA, True, False)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://127.0.0.1:1/0", "nobody listens"),
        ("redis://no-such-host.invalid/0", "the name of its host is not known"),
        ("unix:///no/such.sock", "there is no socket"),
    ],
)
async def test_one_that_is_away_is_told_with_why(url: str, why: str) -> None:
    state = await state_of(url)
    assert state.trouble is not None
    assert why in state.trouble.words
    assert (state.trouble.refuses, state.answers) == (False, False)


async def test_one_that_hangs_is_away_within_the_time_that_a_probe_has() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    began = time.monotonic()
    assert await cause_of(f"redis://127.0.0.1:{port}/0") == ConnectionCause.AWAY
    assert time.monotonic() - began < 7
    listener.close()


async def test_what_is_no_redis_is_told() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(web, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    cause = await cause_of(f"redis://127.0.0.1:{port}/0")
    listener.close()
    assert (cause.reason, cause.refuses) == ("no_redis", True)


@contextmanager
def tls(server: RedisServer, folder: Path, *names: str, days: int = 30, wants_ours: bool = False) -> Iterator[str]:
    """The address of the server by TLS, with a certificate for these names; where it wants ours, signed alike."""
    authority = Authority(folder)
    own = authority.issue("redis", *names, days=days)
    with behind_tls(server.port, *own, clients=authority.file if wants_ours else None) as port:
        yield f"rediss://localhost:{port}/0"


def trusting(url: str, folder: Path, **files: Any) -> RedisAddress:
    """The address, with trust in the authority that signs there."""
    return replace(RedisAddress.parse(url), tls=TlsFiles(**{"trusted": folder / "test-only-authority.pem", **files}))


class TestTls:
    """Certificates over a real connection: whose they are, for which name, and until when."""

    async def test_the_right_certificate_is_taken(self, server: RedisServer, tmp_path: Path) -> None:
        with tls(server, tmp_path, "localhost") as url:
            assert await state_of(trusting(url, tmp_path)) == StoreState()

    async def test_one_for_another_name_is_refused_unless_a_setting_says_otherwise(
        self, server: RedisServer, tmp_path: Path
    ) -> None:
        with tls(server, tmp_path, "other.example") as url:
            cause = await cause_of(trusting(url, tmp_path))
            assert (cause.reason, cause.refuses) == ("certificate_name", True)
            assert await state_of(trusting(url, tmp_path, verify_name=False)) == StoreState()

    async def test_one_of_a_strange_authority_is_refused(self, server: RedisServer, tmp_path: Path) -> None:
        with tls(server, tmp_path, "localhost") as url:
            strange = Authority(tmp_path, "strange").file
            for address in (RedisAddress.parse(url), trusting(url, tmp_path, trusted=strange)):
                cause = await cause_of(address)
                assert (cause.reason, cause.refuses) == ("certificate", True)

    async def test_one_that_has_expired_is_refused(self, server: RedisServer, tmp_path: Path) -> None:
        with tls(server, tmp_path, "localhost", days=-1) as url:
            assert (await cause_of(trusting(url, tmp_path))).reason == "certificate_time"

    async def test_ours_is_shown_where_it_is_wanted(self, server: RedisServer, tmp_path: Path) -> None:
        with tls(server, tmp_path, "localhost", wants_ours=True) as url:
            certificate, key = Authority(tmp_path, "other").issue("stranger")
            for address in (trusting(url, tmp_path), trusting(url, tmp_path, certificate=certificate, key=key)):
                assert await cause_of(address) == ConnectionCause.CLOSED, "asyncio as a server sends no alert"

    async def test_plain_and_tls_are_told_apart(self, server: RedisServer, tmp_path: Path) -> None:
        assert await cause_of(server.url.replace("redis:", "rediss:")) == ConnectionCause.NO_TLS
        with tls(server, tmp_path, "localhost") as url:
            assert await cause_of(url.replace("rediss:", "redis:")) == ConnectionCause.TLS_WANTED

    async def test_sentinels_that_speak_no_tls_are_told_where_all_are_asked(
        self, server: RedisServer, tmp_path: Path
    ) -> None:
        options = {"monitor": f"main 127.0.0.1 {server.port} 1"}
        with running(SentinelServer(tmp_path / "sentinel", options)) as sentinel:
            place = f"rediss+sentinel://127.0.0.1:{sentinel.port}"
            assert await cause_of(f"{place}/main") == ConnectionCause.NO_TLS
            assert await cause_of(f"{place},127.0.0.1:1/main") == ConnectionCause.AWAY, "the other one may speak it"


async def test_a_command_needs_no_rights_but_its_own(server: RedisServer) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "reader", "on", ">test-only-reader", "~remedy:*", "-@all", "+get")
    address = replace(RedisAddress.parse(server.url), sign_in=RedisSignIn("reader", "test-only-reader"))
    async with open_for_command(address) as connection:
        assert await connection.ask(connection.redis.get("remedy:nothing")) is None


async def test_certificates_that_are_renewed_are_taken_with_the_next_connection(
    server: RedisServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    own, first = authority.issue("redis", "localhost"), authority.issue("remedy")
    with behind_tls(server.port, *own, clients=authority.file) as port:
        files = TlsFiles(authority.file, *first)
        address = replace(RedisAddress.parse(f"rediss://localhost:{port}/0"), tls=files)
        async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
            assert await store_state(connection) == StoreState()
            first[0].write_text("half a file", encoding="ascii")
            assert await store_state(connection) == StoreState(), "what cannot be used leaves what was there"
            Authority(tmp_path, "other").issue("remedy")
            state = await store_state(connection)
            assert state.trouble == ConnectionCause.CLOSED, "the new files are in use, and signed by somebody else"
            authority.issue("remedy")
            assert await store_state(connection) == StoreState()
