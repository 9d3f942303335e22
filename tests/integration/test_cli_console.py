"""`remedy console` on a real Valkey: links that sign in once, and who is in."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from remediation.operations.auditing import OperationAudit
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSessions, SessionSpan
from remediation.store.server.connection import Connection
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode
from tests.integration.console_world import MAPPINGS

SPAN = SessionSpan(timedelta(minutes=30), timedelta(hours=8))
FoundT = TypeVar("FoundT")


class Door:
    """The command, and what it has done in Redis."""

    def __init__(self, remedy: CliRunner, redis_url: str, data_keys: str) -> None:
        self.remedy, self.redis_url, self.keyring = remedy, redis_url, Keyring.parse(data_keys)
        Path("mappings.yaml").write_text(MAPPINGS)

    def call(self, *words: str) -> Result:
        return self.remedy.invoke(main, ["console", *words])

    def do(self, work: Callable[[Connection], Awaitable[FoundT]]) -> FoundT:
        async def done() -> FoundT:
            async with open_connection(RedisAddress.parse(self.redis_url), socket_timeout=5.0, retries=1) as connection:
                return await work(connection)

        return asyncio.run(done())

    def enter(self, *names: str) -> list[str | None]:
        """Sessions of these people. Returns their ids."""

        async def entered(connection: Connection) -> list[str | None]:
            sessions, now = ConsoleSessions(connection, self.keyring), time.time()
            return [await sessions.open(ConsoleIdentity(name, "oidc"), SPAN, now, b"") for name in names]

        return self.do(entered)

    def audited(self) -> list[AuditEntry]:
        async def audited(connection: Connection) -> list[AuditEntry]:
            audit = OperationAudit(connection, self.keyring, time.time, "test")
            return [line.entry async for line in audit.trail.lines() if line.entry.act != AuditAct.BEGAN]

        return self.do(audited)

    def of_link(self, token: str) -> ConsoleIdentity | None:
        return self.do(lambda connection: ConsoleSessions(connection, self.keyring).of_link(token))


@pytest.fixture
def door(remedy: CliRunner, redis_url: str, data_keys: str) -> Door:
    return Door(remedy, redis_url, data_keys)


def test_a_link_leads_to_the_console_and_says_for_whom_it_is(door: Door) -> None:
    result = door.call("link", "--role", "operator", "--district", "lakeside", "--by", "ana")
    address, says = result.stdout.splitlines()
    assert address.startswith("https://console.test/sign-in/link?token=")
    assert says == "It signs in once, within 10 minutes, as ana: operator of lakeside."
    who = door.of_link(address.partition("token=")[2])
    assert who is not None
    assert (who.name, who.way, who.role, who.districts) == ("ana", "link", "operator", ("lakeside",))
    (line,) = door.audited()
    assert (line.act, line.by, line.piece, line.choice) == ("sign_in_link", "ana", "ana", "operator of lakeside")


def test_as_json_it_is_one_object(door: Door) -> None:
    shown = json.loads(door.call("link", "--json", "--by", "ana").stdout)
    link = shown.pop("link")
    assert link.startswith("https://console.test/")
    assert shown == {"name": "ana", "role": "viewer", "districts": None, "minutes": 10}


def test_without_an_address_of_its_own_the_link_is_for_this_machine(door: Door) -> None:
    text = MAPPINGS[: MAPPINGS.index("console:")] + MAPPINGS[MAPPINGS.index("rules:") :]
    Path("mappings.yaml").write_text(text)
    assert door.call("link").stdout.startswith("http://127.0.0.1:8081/sign-in/link?token=")


def test_a_district_that_there_is_not_is_named(door: Door) -> None:
    result = door.call("link", "--district", "lakside")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "there is no district lakside; did you mean 'lakeside'?" in result.stderr
    assert door.audited() == []


def test_where_nobody_is_in_it_says_so(door: Door) -> None:
    assert door.call("sessions", "list").stdout == "Nobody has signed in.\n"


def test_who_is_in_is_a_table_without_anything_that_opens_a_session(door: Door) -> None:
    opened = door.enter("ana@example.org", "bo@example.org")
    shown = door.call("sessions", "list").stdout
    assert "ana@example.org" in shown
    assert "at the identity provider" in shown
    assert not any(str(each) in shown for each in opened)
    rows = [json.loads(line) for line in door.call("sessions", "list", "--json").stdout.splitlines()]
    assert sorted(row["name"] for row in rows) == ["ana@example.org", "bo@example.org"]
    assert rows[0].keys() == {"session", "name", "way", "since", "used"}


def test_the_sessions_of_a_person_end_at_once_and_nobody_elses(door: Door) -> None:
    door.enter("ana@example.org", "ana@example.org", "bo@example.org")
    assert door.call("sessions", "end", "ana@example.org", "--dry-run").stdout == "2 sessions would end\n"
    assert door.audited() == []
    assert door.call("sessions", "end", "ana@example.org", "--by", "cy").stdout == "2 sessions ended\n"
    (row,) = (json.loads(line) for line in door.call("sessions", "list", "--json").stdout.splitlines())
    assert row["name"] == "bo@example.org"
    (line,) = door.audited()
    assert (line.act, line.by, line.piece, line.count) == ("sessions_ended", "cy", "ana@example.org", 2)
    shown = json.loads(door.call("sessions", "end", row["session"], "--json").stdout)
    assert shown == {"name": row["session"], "sessions": 1, "done": True}


def test_who_has_no_session_is_said(door: Door) -> None:
    result = door.call("sessions", "end", "ana@example.org")
    assert result.exit_code == ExitCode.FAILED
    assert "ana@example.org has no session" in result.stderr
