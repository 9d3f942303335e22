"""ServiceNow's encoded queries, as far as they are used: what a query means and which records it takes. Pure.

`a=1^b>2^ORb=0^ORDERBYc`: conditions are joined by "and"; `^OR` adds an alternative to the condition before it. A
condition on a column that the table does not have is ignored, as the real system does: a typo returns every record.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

Row = Mapping[str, str]

_CONDITION = re.compile(
    r"(?P<column>[a-z0-9_]+)(?P<operator>!=|>=|<=|=|>|<|ISNOTEMPTY|IN|STARTSWITH)(?P<value>.*)", re.DOTALL
)

_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "=": lambda held, asked: held == asked,
    "!=": lambda held, asked: held != asked,
    ">": lambda held, asked: held > asked,
    ">=": lambda held, asked: held >= asked,
    "<": lambda held, asked: held < asked,
    "<=": lambda held, asked: held <= asked,
    "ISNOTEMPTY": lambda held, _asked: bool(held),
    "IN": lambda held, asked: held in asked.split(","),
    "STARTSWITH": str.startswith,
}

_RANGES = frozenset({">", ">=", "<", "<=", "STARTSWITH"})
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; text is compared without regard to case, as ServiceNow's databases do."""

    column: str
    operator: str
    value: str

    @property
    def is_range(self) -> bool:
        """Whether it asks for more or less than a value, or for a part of one: others only take what is known whole."""
        return self.operator in _RANGES

    def in_zone(self, zone: tzinfo) -> "Condition":
        """The same condition for somebody to whom its time is one of this zone."""
        try:
            moment = datetime.strptime(self.value, _TIME).replace(tzinfo=zone)
        except ValueError:
            return self
        return replace(self, value=moment.astimezone(UTC).strftime(_TIME))

    def takes(self, row: Row) -> bool:
        """Whether the row meets the condition."""
        return _OPERATORS[self.operator](row.get(self.column, "").casefold(), self.value.casefold())


@dataclass(frozen=True, slots=True)
class Query:
    """All of `groups` must hold, each by any of its conditions. `order` is (column, descending), weightiest first."""

    groups: tuple[tuple[Condition, ...], ...] = ()
    order: tuple[tuple[str, bool], ...] = ()

    def select(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that the query takes, in its order."""
        taken = [row for row in rows if all(any(each.takes(row) for each in group) for group in self.groups)]
        for column, descending in reversed(self.order):
            taken.sort(key=lambda row: row.get(column, ""), reverse=descending)
        return taken

    def in_zone(self, zone: tzinfo, times: Collection[str]) -> "Query":
        """The same query with the times that are compared to these columns read in a zone."""
        groups = (
            tuple(each.in_zone(zone) if each.column in times else each for each in group) for group in self.groups
        )
        return replace(self, groups=tuple(groups))

    def equals(self, column: str) -> str | None:
        """The one value that the query demands of a column, or None where it leaves a choice."""
        for group in self.groups:
            if len(group) == 1 and group[0].column == column and group[0].operator == "=":
                return group[0].value
        return None


def query_of(text: str, columns: Collection[str]) -> Query:
    """What an encoded query means on a table with these columns. What cannot be understood is ignored."""
    groups: list[list[Condition]] = []
    order: list[tuple[str, bool]] = []
    for term in text.split("^"):
        if term.startswith("ORDERBY"):
            descending = term.startswith("ORDERBYDESC")
            order.append((term.removeprefix("ORDERBYDESC" if descending else "ORDERBY"), descending))
            continue
        alternative = term.startswith("OR")
        condition = _condition(term.removeprefix("OR"), columns)
        if condition and alternative and groups:
            groups[-1].append(condition)
        elif condition:
            groups.append([condition])
    return Query(tuple(map(tuple, groups)), tuple(each for each in order if each[0] in columns))


def _condition(term: str, columns: Collection[str]) -> Condition | None:
    parts = _CONDITION.fullmatch(term)
    if parts is None or parts["column"] not in columns:
        return None
    return Condition(parts["column"], parts["operator"], parts["value"])
