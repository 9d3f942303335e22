"""The records that reports read, on a real Valkey: every case once, whatever changes meanwhile."""

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.read_model.case_reports import reading
from remediation.read_model.case_reports.reading import case_records
from remediation.store.cases.lists import UnlistedCases
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection

NOW = 1_800_000_000.0


async def test_a_case_that_changes_while_cases_are_read_is_read_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PAGE", 2)
    while not await UnlistedCases(connection).list_some(NOW):
        pass
    todo, keys = Todo(connection), [CaseKey("hillside", CaseKind.FINDING, f"fnd_{number}") for number in range(9)]

    async def settled(number: int, at: float, status: Status) -> None:
        await todo.mark([(keys[number], None)], at)
        lease = await todo.take(keys[number].ref, at)
        assert lease is not None
        assert await todo.settle(lease, Memory(status, {}, severity=Severity.HIGH), at)

    for number in range(9):
        await settled(number, NOW + number, Status.REVIEWING)
    read: list[str] = []
    async for records in case_records(connection, None):
        if not read:
            await settled(0, NOW + 100, Status.RESOLVED)  # it would have come last, and is first now
            await settled(8, NOW + 101, Status.RESOLVED)  # it was read already
        read += [record.key.ref for record in records]
    assert sorted(read) == sorted(key.ref for key in keys)
