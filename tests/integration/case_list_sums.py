"""What the lists of cases must say, worked out anew from the cases' own rows: the index is a function of them."""

from remediation.domain.cases.records import CaseKind
from remediation.domain.status import Severity
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, ListedCase
from remediation.store.cases.standings import Stand, Standings
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE, CASE_LIST, CASE_LISTS, CASE_LISTS_USED, OPEN_CASES
from remediation.store.server.connection import Connection

_STATES = {
    Stand.SETTLED: CaseState.AT_REST,
    Stand.WAITING: CaseState.DIRTY,
    Stand.HELD: CaseState.DIRTY,
    Stand.PUT_OFF: CaseState.PUT_OFF,
}


async def assert_lists_agree(connection: Connection) -> None:
    """Every case that there is stands on one list, the one where it belongs, and nothing else does."""
    keys = [key.decode() for key in await connection.redis.keys(CASE + "*")]
    rows = {key: await connection.ask(connection.redis.hgetall(key)) for key in keys}
    refs = sorted(key.removeprefix(CASE) for key, row in rows.items() if is_case(row))
    page = await CaseLists(connection).page(CaseFilter(), len(keys) + 1)
    listed = {each.ref: each for each in page.cases}
    assert len(listed) == len(page.cases)
    assert sorted(listed) == refs
    for ref in refs:
        assert facts(listed[ref]) == await expected(connection, ref, listed[ref]), ref
    names = await connection.ask(connection.redis.hgetall(CASE_LISTS))
    numbers = {number.decode() for name, number in names.items() if b"|" in name}
    used = await connection.redis.zrange(CASE_LISTS_USED, 0, -1)
    assert {name for name in names if b"|" in name} == set(used)
    there = {key.decode().removeprefix(CASE_LIST) for key in await connection.redis.keys(CASE_LIST + "*")}
    assert numbers == there == {row[b"listed"].decode() for row in rows.values() if b"listed" in row}
    open_now = {ref: [name] for ref in refs if (name := await open_as(connection, ref))}
    assert await sets_of_open_cases(connection) == open_now


def facts(case: ListedCase) -> tuple[object, ...]:
    return case.district, case.states, case.severity, case.rule, case.trackers


async def expected(connection: Connection, ref: str, listed: ListedCase) -> tuple[object, ...]:
    """The same of the case's row. One that is being looked at may have been put off before: that is told on."""
    record = await Todo(connection).record(ref)
    assert record is not None
    (standing,) = await Standings(connection).of([ref])
    state = _STATES[standing.stand]
    if standing.stand is Stand.HELD and listed.states[0] is CaseState.PUT_OFF:
        state = CaseState.PUT_OFF
    memory = record.memory
    marks = [CaseState.PARKED] if record.undecided else []
    marks += [CaseState.CONFLICT] if memory.conflict_at else []
    return record.key.district, (state, *marks), memory.severity or "", memory.rule, tuple(sorted(record.links))


async def open_as(connection: Connection, ref: str) -> str:
    """The set of open cases in which a case belongs; empty where it is not open."""
    record = await Todo(connection).record(ref)
    assert record is not None
    key, memory = record.key, record.memory
    is_open = memory.finding is not None and memory.finding.is_unsolved and key.kind is not CaseKind.SUMMARY
    return f"{key.district}/{memory.severity or Severity.UNKNOWN}" if is_open else ""


async def sets_of_open_cases(connection: Connection) -> dict[str, list[str]]:
    """In which sets of open cases each case is."""
    found: dict[str, list[str]] = {}
    for key in sorted(key.decode() for key in await connection.redis.keys(OPEN_CASES + "*")):
        for ref in await connection.redis.zrange(key, 0, -1):
            found.setdefault(ref.decode(), []).append(key.removeprefix(OPEN_CASES))
    return found


def is_case(row: dict[bytes, bytes]) -> bool:
    """Whether a row is a case's, and not that of a finding which belongs to another one."""
    return b"id" in row and (b"home" not in row or b"memory" in row)
