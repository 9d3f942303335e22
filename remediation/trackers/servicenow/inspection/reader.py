"""Reads what a ServiceNow tells of itself: tables, columns, choices, groups. Sends nothing but GET."""

import re
from collections.abc import Iterable, Mapping, Sequence

from remediation.domain.errors import OutsideError
from remediation.trackers.servicenow.inspection.catalogue import (
    CHOICE_COLUMNS,
    DICTIONARY_COLUMNS,
    TABLE_COLUMNS,
    Chain,
    Column,
    choices_in,
    columns_of,
    parent_of,
)
from remediation.trackers.servicenow.records import Record
from remediation.trackers.servicenow.references import GROUPS, called, is_safe, named_query, shown_columns
from remediation.trackers.servicenow.tracker import ServiceNow
from remediation.trackers.threads import answer_of

USUAL_PARENT = "task"
"""The table that tables of tickets extend, where ServiceNow does not let us read it."""
COLUMN = re.compile(r"[A-Za-z0-9_]+")

_LONGEST_CHAIN = 8
_MOST_ROWS = 5_000
_MOST_GROUPS = 500
_MOST_ALIKE = 5


class DirectoryReader:
    """One ServiceNow's own configuration. Unless it says otherwise, a method raises TryLater or Refused."""

    def __init__(self, tracker: ServiceNow) -> None:
        self._tracker = tracker

    async def chain(self, table: str) -> Chain:
        """Returns the table and what it extends; empty where that cannot be read. Raises nothing."""
        chain: list[str] = []
        while table and table not in chain and len(chain) < _LONGEST_CHAIN:
            rows = await answer_of(self._tracker.look("sys_db_object", f"name={table}", TABLE_COLUMNS, 1))
            if isinstance(rows, OutsideError) or not rows:
                return ()
            chain.append(table)
            table = parent_of(rows)
        return tuple(chain)

    async def columns(self, chain: Chain) -> Mapping[str, Column]:
        """Returns the columns of the first table of the chain."""
        rows = await self._tracker.look("sys_dictionary", f"nameIN{','.join(chain)}", DICTIONARY_COLUMNS, _MOST_ROWS)
        return columns_of(chain, rows)

    async def choices(self, chain: Chain, columns: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Returns the choices of those of these columns that have any."""
        named = ",".join(sorted({column for column in columns if COLUMN.fullmatch(column)}))
        query = f"nameIN{','.join(chain)}^elementIN{named}"
        return choices_in(chain, await self._tracker.look("sys_choice", query, CHOICE_COLUMNS, _MOST_ROWS))

    async def groups(self) -> Sequence[Record]:
        """Returns active groups in the order of their names, not more than some hundreds."""
        return await self._tracker.look(GROUPS, "active=true^ORDERBYname", shown_columns(GROUPS), _MOST_GROUPS)

    async def groups_called(self, name: str) -> Sequence[Record]:
        """Returns the groups that have this name or this sys_id."""
        if not is_safe(name):
            return ()
        rows = await self._tracker.look(GROUPS, named_query(GROUPS, name), shown_columns(GROUPS), _MOST_ALIKE)
        return called(GROUPS, name, rows)
