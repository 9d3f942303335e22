"""Names in columns that refer to other tables, as the sys_ids that ServiceNow keeps there.

The Table API stores what it is given: a name in such a column refers to nothing. Its own way to take names
(sysparm_input_display_value) would also read times in our account's zone, and knows no user names.
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from remediation.domain.errors import Refused
from remediation.domain.outside_words import RECORD_ID
from remediation.redaction import plain
from remediation.trackers.servicenow.records import JOURNALS, Record, text_of

Look = Callable[[str, str, Sequence[str], int], Awaitable[Sequence[Record]]]
"""The first rows of a query on a table, with only these columns. Raises OutsideError."""

GROUPS, USERS = "sys_user_group", "sys_user"
REFERENCES: Mapping[str, str] = {
    "assignment_group": GROUPS,
    "assigned_to": USERS,
    "caller_id": USERS,
    "opened_by": USERS,
    "opened_for": USERS,
    "requested_by": USERS,
    "cmdb_ci": "cmdb_ci",
    "business_service": "cmdb_ci_service",
    "company": "core_company",
    "location": "cmn_location",
}
"""Columns that refer to a record of another table, and that table, where the dictionary cannot be read."""

_REFERENCE_COLUMNS = ("name", "element", "reference")
"""What is asked of the dictionary about a column."""

_NAMED_BY: Mapping[str, str] = {USERS: "user_name", "task": "number"}
_USUAL_NAME = "name"
_NOUNS: Mapping[str, str] = {GROUPS: "group", USERS: "user"}
_PARENT = "task"
_UNSAFE = ("^", "javascript:")
"""Texts that would end a value inside a query."""

_LONGEST_NAME = 80
_MOST_ALIKE = 5
_KEPT_SECONDS = 3600.0
"""How long an answer counts: a group that was renamed or made anew is found again after that, without a restart."""


def is_sys_id(value: str) -> bool:
    """Whether a value refers to a record as it is."""
    return RECORD_ID.fits(value)


def _name_column(table: str) -> str:
    """The column by which rules name a record of the table."""
    return _NAMED_BY.get(table, _USUAL_NAME)


def noun_of(table: str) -> str:
    """The noun for a record of the table, in messages."""
    return _NOUNS.get(table, f"record of {table}")


def is_safe(value: str) -> bool:
    """Whether a value can stand in a query and be nothing but a value there."""
    return bool(value.strip()) and not any(sign in value.lower() for sign in _UNSAFE)


def named_query(table: str, value: str) -> str:
    """The query for whatever the table has under this name."""
    return f"{_name_column(table)}={value}"


def shown_columns(table: str) -> tuple[str, ...]:
    """What must be read of the rows that a name finds."""
    return ("sys_id", _name_column(table), "active")


def called(table: str, value: str, rows: Iterable[Record]) -> list[Record]:
    """The rows that really have this name (a table without such a column ignores the condition), active ones first.

    Where one is active, those that are not do not count.
    """
    alike = [row for row in rows if text_of(row, _name_column(table)).casefold() == value.casefold()]
    active = [row for row in alike if text_of(row, "active") != "false"]
    return active or alike


def references_in(table: str, rows: Iterable[Record]) -> dict[str, str]:
    """What each column of the table refers to, by rows of the dictionary: the table's own word, or else its parent's.

    Of other tables' columns with that name only what all of them say counts: which of them it extends is not known.
    """
    said: dict[str, dict[str, str]] = {}
    for row in rows:
        if reference := text_of(row, "reference"):
            said.setdefault(text_of(row, "element"), {})[text_of(row, "name")] = reference
    return {column: found for column, by_table in said.items() if (found := _reference(table, by_table))}


def _reference(table: str, by_table: Mapping[str, str]) -> str:
    said = set(by_table.values())
    return by_table.get(table) or by_table.get(_PARENT) or (said.pop() if len(said) == 1 else "")


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and until when it counts on the clock of whoever asked."""

    value: str
    until: float


class References:
    """Looks names up, once for each, and remembers the answers for a while.

    A new file makes a new tracker, and so begins anew. What was not found is asked for again each time.
    """

    def __init__(self, system: str, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._look = look
        self._clock = clock
        self._tables: dict[tuple[str, str], _Kept] = {}
        self._ids: dict[tuple[str, str], _Kept] = {}

    async def resolved(self, table: str, fields: Mapping[str, object]) -> dict[str, object]:
        """The fields, with the sys_id in place of each name in a column that refers to another table.

        Raises Refused where nothing or more than one thing has the name, TryLater where nobody answers.
        """
        names = {column: value for column, value in fields.items() if isinstance(value, str) and _may_be_a_name(value)}
        refer = await self._references(table, [column for column in names if column not in JOURNALS])
        ids = {column: await self._sys_id(column, there, names[column]) for column, there in refer.items()}
        return {**fields, **ids}

    async def _references(self, table: str, columns: Sequence[str]) -> dict[str, str]:
        """Which of the columns refer to another table. Where the dictionary is hidden, only the well-known ones do."""
        unknown = [each for each in columns if each not in REFERENCES and not self._kept(self._tables, (table, each))]
        if asked := [each for each in unknown if re.fullmatch(r"[a-z0-9_]+", each)]:
            query = f"elementIN{','.join(sorted(asked))}^referenceISNOTEMPTY"
            try:
                found = references_in(table, await self._look("sys_dictionary", query, _REFERENCE_COLUMNS, 1_000))
            except Refused:
                found = {}
            for column in asked:
                self._keep(self._tables, (table, column), found.get(column, ""))
        known = {column: self._kept(self._tables, (table, column)) for column in columns}
        return {
            column: there
            for column in columns
            if (there := REFERENCES.get(column) or (kept.value if (kept := known[column]) else ""))
        }

    async def _sys_id(self, column: str, table: str, name: str) -> str:
        if kept := self._kept(self._ids, (table, name)):
            return kept.value
        found = called(table, name, await self._alike(column, table, name))
        if len(found) != 1:
            noun = noun_of(table)
            count = (
                f"{len(found)} {noun}s are called" if found else f"there is no {noun} that our account can see called"
            )
            raise Refused(self._system, f"{column}: {count} {_shown(name)}; {_advice(column)}")
        sys_id = text_of(found[0], "sys_id")
        self._keep(self._ids, (table, name), sys_id)
        return sys_id

    async def _alike(self, column: str, table: str, name: str) -> Sequence[Record]:
        """The rows that the query for a name finds. Raises Refused, with advice, where the query is refused."""
        if not is_safe(name):
            raise Refused(self._system, f"{column}: {_shown(name)} holds signs that no query can; {_advice(column)}")
        try:
            return await self._look(table, named_query(table, name), shown_columns(table), _MOST_ALIKE)
        except Refused as no:
            said = f"which {noun_of(table)} is called {_shown(name)} is not told ({no.words})"
        advice = f"{_advice(column)}, or grant our account read access to {table}"
        raise Refused(self._system, f"{column}: {said}; {advice}")

    def _kept(self, answers: Mapping[tuple[str, str], _Kept], key: tuple[str, str]) -> _Kept | None:
        kept = answers.get(key)
        return kept if kept and self._clock() < kept.until else None

    def _keep(self, answers: dict[tuple[str, str], _Kept], key: tuple[str, str], value: str) -> None:
        answers[key] = _Kept(value, self._clock() + _KEPT_SECONDS)


def _shown(name: str) -> str:
    return plain(name, _LONGEST_NAME)


def _advice(column: str) -> str:
    return f"write the sys_id into the rule's {column}"


def _may_be_a_name(value: str) -> bool:
    return bool(value.strip()) and not is_sys_id(value)
