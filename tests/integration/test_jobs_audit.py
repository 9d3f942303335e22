"""What looks write into the audit, also where they die; and how it is chained, written out and deleted by rounds."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.domain.errors import TryLater
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.read_model.audit import decided_words, told_in
from remediation.read_model.cases.views import case_view
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from workers.audit_targets import AuditFile, AuditSyslog
from workers.rounds.auditing import keep_audit, trim_audit

BUSY = TryLater("schoolscan:lakeside", "busy", status=503)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    office = Office(connection, keyring)
    office.context = replace(office.context, rules="0123456789ab")
    return office


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


async def decisions(office: Office) -> list[AuditEntry]:
    """What looks have written so far, once it is chained."""
    await keep_audit(office.arq_context)
    entries = [line.entry async for line in office.context.trail.lines()]
    return [entry for entry in entries if entry.act == AuditAct.DECIDED]


def did(entry: AuditEntry) -> list[str]:
    return [f"{'found ' if each.found else ''}{each.action} {each.ticket}".strip() for each in entry.did]


async def all_done(office: Office) -> list[str]:
    return sorted(each for entry in await decisions(office) for each in did(entry))


class DyingTodo(Todo):
    """Its worker dies before it can store what a look leaves behind."""

    async def settle(self, *_args: Any, **_given: Any) -> bool:
        raise RuntimeError("killed")


async def look_and_die(office: Office) -> None:
    alive = office.context
    office.context = replace(alive, todo=DyingTodo(office.connection))
    await office.look()
    office.context = alive


def close_tickets(office: Office) -> None:
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="person-1")


async def test_a_look_writes_what_it_did_and_by_which_rule(office: Office) -> None:
    await office.look()
    (entry,) = await decisions(office)
    assert sorted(did(entry)) == ["open:jira KEY-1", "open:snow KEY-1", "patch:reviewing"]
    assert (entry.case, entry.rules) == (KEY.ref, "0123456789ab")
    assert entry.cause
    assert [each.why for each in entry.did] == ["new", "new", "new"]
    keys, (_, _, note) = office.context.audit, office.source.updates[0]
    assert keys.is_digest_of(entry.note, "note", note)


async def test_a_look_with_nothing_to_do_writes_nothing(office: Office) -> None:
    for _ in range(3):
        await office.look()
    assert len(await decisions(office)) == 1


async def test_who_closed_the_tickets_is_sealed_beside_the_line(office: Office) -> None:
    await office.look()
    close_tickets(office)
    await office.look()
    _, entry = await decisions(office)
    assert did(entry) == ["patch:resolved"]
    keys = office.context.audit
    assert keys.is_digest_of(entry.people, "people", "person-1")
    (line,) = [line async for line in office.context.trail.lines() if line.entry == entry]
    assert keys.open(line.sealed, entry) == "person-1"
    assert b"person-1" not in line.wire


async def test_what_a_look_did_before_it_was_put_off_is_written_once(office: Office) -> None:
    office.source.troubles.once("update_finding", BUSY, BUSY)
    await office.look()
    await office.later()
    await office.later()
    assert await all_done(office) == ["open:jira KEY-1", "open:snow KEY-1", "patch:reviewing"]


@pytest.mark.parametrize("deaths", [1, 2, 3])
async def test_what_a_look_did_that_died_is_found_and_written_once(office: Office, deaths: int) -> None:
    for _ in range(deaths):
        await look_and_die(office)
        office.clock.pass_by(1_000)
    await office.later()
    assert office.status() is Status.REVIEWING
    found = await all_done(office)
    assert found == ["found open:jira KEY-1", "found open:snow KEY-1", "found patch:reviewing"]
    await office.look()
    assert await all_done(office) == found


async def test_a_status_that_was_set_by_a_look_that_died_is_told_with_the_next_plan(office: Office) -> None:
    await office.look()
    close_tickets(office)
    await look_and_die(office)
    office.jira.change("id-1", TicketState.OPEN)
    for _ in range(2):
        await look_and_die(office)
        office.clock.pass_by(1_000)
    await office.later()
    done = await all_done(office)
    assert done.count("found patch:resolved") == 1
    assert (await office.context.trail.verify()).is_whole


async def test_the_round_logs_each_line_once_with_its_proof(office: Office, logs: list[Any]) -> None:
    await office.look()
    for _ in range(2):
        await keep_audit(office.arq_context)
    shown = [line for line in logs if line["event"] == "audit_line"]
    assert [line["action"] for line in shown] == ["chain_began", "decided", "rules"]
    assert sorted(shown[1]["fields"].split(",")) == ["open:jira", "open:snow", "patch:reviewing"]
    told, bends = told_in(json.dumps(line) for line in shown)
    assert (len(told), bends) == (3, [])
    assert (await office.context.trail.verify(told)).is_whole
    assert [line["reason"] for line in logs if line["event"] == "audit_chain_begins"] == ["in_use"]


async def test_an_end_that_was_cut_off_is_logged_and_counted(office: Office, logs: list[Any]) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("remedy_audit_bends_total", {"kind": "end_cut"}) or 0.0

    before = counted()
    await office.look()
    await keep_audit(office.arq_context)
    ((place, _),) = await office.redis.xrevrange("remedy:audit-trail", count=1)
    await office.redis.xdel("remedy:audit-trail", place)
    for _ in range(2):
        await keep_audit(office.arq_context)
    assert counted() == before + 1
    assert [line["kind"] for line in logs if line["event"] == "audit_bent"] == ["end_cut"]


async def test_another_mappings_yaml_has_a_line_and_the_same_one_has_none(office: Office) -> None:
    for rules in ("one", "one", "two"):
        office.context = replace(office.context, rules=rules)
        await keep_audit(office.arq_context)
    entries = [line.entry async for line in office.context.trail.lines()]
    assert [entry.rules for entry in entries if entry.act == AuditAct.RULES] == ["one", "two"]


async def test_a_file_has_each_line_whole_whatever_dies(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    office.context = replace(office.context, audit_targets=(AuditFile(path),))
    await office.look()
    await keep_audit(office.arq_context)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])  # the last line was cut off by a crash
    office.context = replace(office.context, audit_targets=(AuditFile(path),))
    close_tickets(office)
    await office.look()
    await keep_audit(office.arq_context)
    told, bends = told_in(path.read_text(encoding="utf-8").splitlines())
    assert bends == []
    assert sorted(number for _, number in told) == [1, 2, 3, 4]
    assert (await office.context.trail.verify(told)).is_whole
    assert b"person-1" not in path.read_bytes()
    path.rename(tmp_path / "old.jsonl")
    await office.later()
    await keep_audit(office.arq_context)
    assert not path.exists(), "a worker goes on after the last line that it wrote"


async def test_a_target_that_takes_nothing_holds_up_no_other(office: Office, tmp_path: Path, logs: list[Any]) -> None:
    good = tmp_path / "audit.jsonl"
    office.context = replace(office.context, audit_targets=(AuditFile(tmp_path / "no" / "audit"), AuditFile(good)))
    await office.look()
    await keep_audit(office.arq_context)
    assert len(good.read_text(encoding="utf-8").splitlines()) == 3
    (failed,) = [line for line in logs if line["event"] == "audit_not_written"]
    assert (failed["place"], failed["error"]) == ("file", "FileNotFoundError")


@pytest.mark.parametrize("scheme", ["udp", "unix"])
async def test_syslog_is_sent_each_line_once(office: Office, tmp_path: Path, scheme: str) -> None:
    family = socket.AF_INET if scheme == "udp" else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0) if scheme == "udp" else str(tmp_path / "log"))
        server.settimeout(5)
        place = f"127.0.0.1:{server.getsockname()[1]}" if scheme == "udp" else str(tmp_path / "log")
        office.context = replace(office.context, audit_targets=(AuditSyslog(f"{scheme}://{place}", "host"),))
        await office.look()
        for _ in range(2):
            await keep_audit(office.arq_context)
        messages = [server.recv(65_536).decode() for _ in range(3)]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(1)
    assert all(message.startswith("<110>1 2") and " host remedy " in message for message in messages)
    assert (await office.context.trail.verify(told_in(messages)[0])).is_whole


async def test_syslog_over_tcp_counts_the_bytes_of_each_message(office: Office) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        office.context = replace(office.context, audit_targets=(AuditSyslog(address, "host"),))
        await office.look()
        await keep_audit(office.arq_context)
        connection, _ = server.accept()
        with connection:
            text = b"".join(iter(lambda: connection.recv(65_536), b""))
    length, _, rest = text.partition(b" ")
    assert rest[: int(length)].startswith(b"<110>1 ")
    assert len(told_in([rest[: int(length)].decode()])[0]) == 1


async def test_lines_are_deleted_when_retention_says_so(office: Office) -> None:
    await office.look()
    await keep_audit(office.arq_context)
    office.context = replace(office.context, keeps_audit=timedelta(days=30))
    office.clock.pass_by(31 * 86_400)
    await trim_audit(office.arq_context)
    verdict = await office.context.trail.verify()
    assert verdict.is_whole
    assert verdict.stretches[0].first > 1


async def test_a_case_is_shown_with_its_lines_however_many_others_there_are(office: Office) -> None:
    """They are found by when they were written, and what another chain has is found, too."""
    trail = office.context.trail

    async def others(count: int) -> None:
        now = office.clock()
        entries = [AuditEntry(AuditAct.DECIDED, int(now * 1000), case=f"lakeside:finding:x{n}") for n in range(count)]
        await trail.note(entries, now)

    await others(3)
    await office.look()
    await trail.chain(office.clock())
    await office.redis.delete("remedy:audit-head")  # a new chain begins
    for _ in range(4):
        office.clock.pass_by(600)
        await others(150)
    close_tickets(office)
    await office.look()
    await others(20)
    office.clock.pass_by(6_000)
    await others(50)
    view = await case_view(office.connection, KEY, 500)
    assert view is not None
    assert [max(did(line.entry)) for line in view.decided] == ["patch:reviewing", "patch:resolved"]
    assert decided_words(view.decided[1]).endswith(", closed by people whose names are sealed")
    assert decided_words(view.decided[1], "person-1").endswith(", closed by person-1")
