"""The smallest rights that our user needs are documented, enough, and each of them is named where it is missing."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from remediation.operations.purging.files import FileState, rewritten
from remediation.redis_address import RedisAddress, RedisSignIn
from remediation.sealing import Keyring
from remediation.store.audit.chain import waiting
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.trail import AuditTrail
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import KNOWN_SECONDS, KnownRights, script_source
from remediation.store.server.readiness import StoreState, store_state
from remediation.store.server.rights import COMMANDS, KEYLESS
from remedy.purge.target import Choice
from remedy.runtime.assembly import open_connection
from tests.integration.offices import KEY
from tests.integration.test_purge import Clerk
from tests.redis_servers import DURABLE, VALKEY, RedisServer, acl_line, debian_redis, running

PASSWORD = "test-only-password"


@pytest.fixture(scope="module", params=["Valkey of the wheel", "Redis of Debian"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program = debian_redis() if "Debian" in request.param else VALKEY
    with running(RedisServer(tmp_path_factory.mktemp("redis"), DURABLE, program)) as server:
        yield server


@pytest.fixture
def admin(server: RedisServer) -> Iterator[Any]:
    with server.client() as client:
        client.execute_command("ACL", "DELUSER", "remedy")
        client.execute_command(*acl_line(PASSWORD))
        yield client


async def state_of(server: RedisServer) -> StoreState:
    address = replace(RedisAddress.parse(server.url), sign_in=RedisSignIn("remedy", PASSWORD))
    async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
        return await store_state(connection)


def allowed() -> list[str]:
    """The commands of the documented line."""
    return [word[1:] for word in acl_line(PASSWORD) if word.startswith("+")]


OPTIONAL = {
    "config|get": "its durability cannot be checked",
    "select": "only where the database is not 0",
    "unwatch": "after a WATCH without MULTI, on a connection that is closed where it is refused",
    "exec": "tried out by no question: what is allowed in a transaction is carried out by it",
    "bzpopmin": "without it a worker asks for work fifty times a second instead of waiting for it",
    "scan": "only to list the cases of an earlier version; without it each is listed from its next look on",
    "rename": "only for a request for deletion: without it, sealed names in the audit stay",
    "ping": "asked by nobody but people",
}


async def test_the_documented_user_may_all_that_we_do(server: RedisServer, admin: Any) -> None:
    assert await state_of(server) == StoreState()
    assert admin.execute_command("ACL", "DRYRUN", "remedy", "FLUSHALL") != b"OK"
    assert admin.keys() == [], "nothing was changed"


@pytest.mark.parametrize("command", [each for each in allowed() if each not in OPTIONAL])
async def test_a_command_that_is_missing_is_named(server: RedisServer, admin: Any, command: str) -> None:
    admin.execute_command("ACL", "SETUSER", "remedy", f"-{command}")
    trouble = (await state_of(server)).trouble
    assert trouble is not None
    assert trouble.refuses
    assert re.search(rf"user: {re.escape(command.replace('|', ' '))} \(", trouble.words, re.IGNORECASE), trouble.words


async def test_all_that_is_missing_is_told_at_once(server: RedisServer, admin: Any) -> None:
    admin.execute_command("ACL", "SETUSER", "remedy", "-info", "-incr", "-time")
    trouble = (await state_of(server)).trouble
    assert trouble is not None
    assert "user: INFO, TIME, INCR (" in trouble.words


@pytest.mark.parametrize(
    ("keys", "pattern"), [(["~arq:*"], "remedy:*"), (["~remedy:*"], "arq:*"), (["~arq:*", "%R~remedy:*"], "remedy:*")]
)
async def test_keys_that_are_out_of_reach_are_named(
    server: RedisServer, admin: Any, keys: list[str], pattern: str
) -> None:
    admin.execute_command("ACL", "SETUSER", "remedy", "resetkeys", *keys)
    trouble = (await state_of(server)).trouble
    assert trouble is not None
    assert f"user: keys of the pattern {pattern} (" in trouble.words


async def test_without_config_its_durability_is_a_weakness(server: RedisServer, admin: Any) -> None:
    admin.execute_command("ACL", "SETUSER", "remedy", "-config|get")
    assert (await state_of(server)).weaknesses == ("CONFIG GET is not allowed, so its durability cannot be checked",)


def test_every_command_of_a_script_is_asked_for() -> None:
    scripts = [path for path in (files("remediation.store") / "lua").iterdir() if path.name.endswith(".lua")]
    called = {word for path in scripts for word in re.findall(r"redis\.p?call\('([A-Z]+)'", path.read_text())}
    asked = {order.split()[0] for order in (*COMMANDS, *KEYLESS)}
    assert called
    assert called <= asked


def test_every_script_that_is_called_has_few_enough_names_for_lua(server: RedisServer) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path("remediation").rglob("*.py"))
    called = set(re.findall(r'\brun\(\s*"(\w+)"', code))
    scripts = {each: (files("remediation.store") / "lua" / f"{each}.lua").read_text() for each in called}
    assert len(scripts) > 50
    with server.client() as client:
        for name in sorted(scripts):
            assert client.script_load(script_source(scripts[name])), name


def test_the_line_has_what_is_asked_for_and_no_more() -> None:
    asked = {
        "|".join(order.split()[:2]) if order.startswith("SCRIPT") else order.split()[0]
        for order in (*COMMANDS, *KEYLESS)
    }
    wanted = {each.lower() for each in asked} | {"watch", "multi", "discard"} | set(OPTIONAL)
    assert set(allowed()) == wanted
    text = Path("docs/operations.md").read_text(encoding="utf-8")
    assert "@dangerous" not in " ".join(acl_line(PASSWORD))
    assert "ACL SETUSER remedy" in text


async def test_what_was_allowed_is_tried_again_after_a_while_and_what_was_refused_at_once(
    server: RedisServer, admin: Any
) -> None:
    address, now = replace(RedisAddress.parse(server.url), sign_in=RedisSignIn("remedy", PASSWORD)), 1000.0
    async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
        connection.known_rights = KnownRights(lambda: now)
        sizes = []
        for _ in range(3):
            before = admin.info("stats")["total_net_input_bytes"]
            assert await store_state(connection) == StoreState()
            sizes.append(admin.info("stats")["total_net_input_bytes"] - before)
        assert max(sizes[1:]) < sizes[0] / 4, "a probe is cheap"
        admin.execute_command("ACL", "SETUSER", "remedy", "-incr")
        assert await store_state(connection) == StoreState(), "for a while"
        now += KNOWN_SECONDS
        for _ in range(2):
            trouble = (await store_state(connection)).trouble
            assert trouble is not None
            assert "INCR" in trouble.words
        admin.execute_command("ACL", "SETUSER", "remedy", "+incr")
        assert await store_state(connection) == StoreState()
        admin.execute_command("ACL", "SETUSER", "remedy", "-set", "-incr")
        trouble = (await store_state(connection)).trouble
        assert trouble is not None
        assert all(word in trouble.words for word in ("SET", "INCR")), "a write is tried each time, and then everything"


def test_rights_are_known_of_one_server_only() -> None:
    known = KnownRights(lambda: 0.0)
    known.found("a")
    assert [known.hold(server) for server in ("a", "b", "")] == [True, False, False]
    known.found("")
    assert not known.hold("")


async def test_the_documented_user_may_answer_a_request_for_deletion(
    server: RedisServer, admin: Any, keyring: Keyring
) -> None:
    address = replace(RedisAddress.parse(server.url), sign_in=RedisSignIn("remedy", PASSWORD))
    async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
        await Todo(connection).mark([(KEY, None)], 1_800_000_000.0)
        audit = AuditTrail.sealed_by(connection, keyring)
        line = waiting(AuditEntry(AuditAct.DECIDED, 5, case=KEY.ref), audit.keys, names="ana")
        await connection.run("note_audit", "1", 1000, line)
        deleted = await Clerk(connection, keyring).purge(Choice(case=KEY.ref))
        assert (deleted.cases, deleted.names, deleted.names_refused) == (1, 1, False)
        assert (await audit.verify()).is_whole
        assert (await rewritten(connection, time.time)).file is FileState.REFUSED
        admin.execute_command("ACL", "SETUSER", "remedy", "+bgrewriteaof")
        assert (await rewritten(connection, time.time)).file is FileState.REWRITTEN
    admin.flushall()
