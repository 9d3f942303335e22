"""What ServiceNow's system tables say of a table: what it extends, its columns, their choices. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from remediation.trackers.servicenow.records import Record, text_of

TABLE_COLUMNS = ("name", "super_class.name")
DICTIONARY_COLUMNS = ("name", "element", "mandatory", "default_value", "active", "reference")
CHOICE_COLUMNS = ("name", "element", "value", "inactive")

Chain = tuple[str, ...]
"""A table and what it extends, the nearest first."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `demanded`: mandatory, and nothing gives it a value by itself.

    `reference` is the table that it refers to, empty where it holds values of its own.
    """

    name: str
    demanded: bool
    reference: str = ""


def parent_of(rows: Sequence[Record]) -> str:
    """The table that a row of sys_db_object says is extended; empty where it extends none."""
    return text_of(rows[0], "super_class.name") if rows else ""


def columns_of(chain: Chain, rows: Iterable[Record]) -> dict[str, Column]:
    """The columns by their names; what a nearer table says of one counts."""
    found: dict[str, tuple[int, Column]] = {}
    for row in rows:
        name, table = text_of(row, "element"), text_of(row, "name")
        if not name or table not in chain or text_of(row, "active") == "false":
            continue
        demanded = text_of(row, "mandatory") == "true" and not text_of(row, "default_value")
        known = found.get(name)
        if known is None or chain.index(table) < known[0]:
            found[name] = (chain.index(table), Column(name, demanded, text_of(row, "reference")))
    return {name: column for name, (_, column) in found.items()}


def choices_in(chain: Chain, rows: Iterable[Record]) -> Mapping[str, tuple[str, ...]]:
    """The choices of each column that has any: those of the nearest table that lists some."""
    lists: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if text_of(row, "inactive") != "true" and (value := text_of(row, "value")):
            tables = lists.setdefault(text_of(row, "element"), {})
            tables.setdefault(text_of(row, "name"), []).append(value)
    nearest = {column: next((tables[name] for name in chain if name in tables), []) for column, tables in lists.items()}
    return {column: tuple(dict.fromkeys(values)) for column, values in nearest.items() if values}
