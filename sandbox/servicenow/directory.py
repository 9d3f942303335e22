"""What ServiceNow tells of itself in tables of its own: tables, columns, choices, groups and users. Read-only. Pure."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence

from sandbox.servicenow.queries import Row
from sandbox.servicenow.schema import (
    COMPUTED,
    GROUPS,
    JOURNALS,
    OWN_REFERENCES,
    REFERENCES,
    SYSTEM,
    TABLES,
    WRITABLE,
    Account,
)

PARENT = "task"
"""What every table of tickets extends."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "category": ("inquiry", "software", "hardware", "network", "database"),
    "contact_type": ("email", "phone", "self-service", "walk-in", "virtual_agent"),
}
"""Columns with the same list of values on every table of tickets."""

_LEVELS = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}
_OWN = frozenset({"category", "subcategory", "caller_id", "close_code", "hold_reason"})
"""Columns of the table of tickets itself; the others are its parent's."""

PROPERTIES = "sys_properties"
"""Read by administrators only, unless an instance's own access rules say otherwise."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sys_db_object": ("sys_id", "name", "label", "super_class", "super_class.name"),
    "sys_dictionary": ("sys_id", "name", "element", "mandatory", "default_value", "read_only", "active", "reference"),
    "sys_choice": ("sys_id", "name", "element", "value", "label", "inactive", "language"),
    "sys_user_group": ("sys_id", "name", "active"),
    "sys_user": ("sys_id", "user_name", "name", "active", "web_service_access_only"),
    "sys_journal_field": ("sys_id", "name", "element", "element_id", "value", "sys_created_by", "sys_created_on"),
    PROPERTIES: ("sys_id", "name", "value"),
}
"""The tables of the directory and their columns."""


def directory_rows(
    table: str,
    accounts: Sequence[Account],
    own: Collection[str],
    mandatory: Collection[str],
    instance_id: str,
    own_codes: Sequence[str] = (),
) -> list[Row]:
    """Every row of one table of the directory.

    `own` are the customer's columns, `mandatory` those never left empty, and `own_codes` further close codes.
    """
    match table:
        case "sys_db_object":
            return list(_tables())
        case "sys_dictionary":
            return list(_dictionary(own, mandatory))
        case "sys_choice":
            return list(_choices(own_codes))
        case "sys_user_group":
            return [{"sys_id": sys_id, "name": name, "active": active} for sys_id, (name, active) in GROUPS.items()]
        case "sys_properties":  # PROPERTIES
            return [{"sys_id": _sys_id("property", "instance_id"), "name": "instance_id", "value": instance_id}]
        case _:
            return [user_row(account) for account in accounts]


def journal_row(table: str, record: str, number: int, entry: Mapping[str, str]) -> Row:
    """An entry of a record's journal, as the table of all journals has it."""
    named = {"name": table, "element": entry["element"], "element_id": record, "value": entry["value"]}
    written = {"sys_created_by": entry["by"], "sys_created_on": entry["at"]}
    return {"sys_id": _sys_id("journal", record, str(number)), **named, **written}


def _sys_id(*words: str) -> str:
    """The same for the same words, always."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(words)).hex


def _tables() -> Iterator[Row]:
    for name, parent in ((PARENT, ""), *((table, PARENT) for table in TABLES)):
        above = {"super_class": _sys_id("table", parent) if parent else "", "super_class.name": parent}
        yield {"sys_id": _sys_id("table", name), "name": name, "label": name.replace("_", " ").title(), **above}


def _dictionary(own: Collection[str], mandatory: Collection[str]) -> Iterator[Row]:
    entries = [(table, column) for table in TABLES for column in sorted({*_OWN, *own})]
    entries += [(PARENT, column) for column in sorted((SYSTEM | COMPUTED | WRITABLE | JOURNALS) - _OWN)]
    for table, column in (("", ""), *entries):
        wanted = column in mandatory or column == "short_description"
        yield {
            "sys_id": _sys_id("column", table, column),
            "name": table or PARENT,
            "element": column,
            "mandatory": _truth(yes=wanted),
            "default_value": "3" if column in {"impact", "urgency"} else "",
            "read_only": _truth(yes=column in SYSTEM),
            "active": "true",
            "reference": {**REFERENCES, **OWN_REFERENCES}.get(column, ""),
        }


def _choices(own_codes: Sequence[str]) -> Iterator[Row]:
    """In the table's own list, above a shorter one of its parent's, which it hides."""
    lists: list[tuple[str, str, Mapping[str, str]]] = [(PARENT, "state", {"1": "Open", "3": "Closed Complete"})]
    for table, kind in TABLES.items():
        lists.append((table, "state", kind.states))
        lists += [(table, column, _LEVELS) for column in ("impact", "urgency")]
        named = {**CHOICES, "close_code": (*kind.close_codes, *own_codes)}
        lists += [(table, column, {value: value for value in values}) for column, values in named.items()]
    for table, column, values in lists:
        for value, label in values.items():
            yield _choice(table, column, value, label)
    yield {**_choice("incident", "close_code", "Closed/Resolved by Caller", "retired"), "inactive": "true"}


def _choice(table: str, column: str, value: str, label: str) -> dict[str, str]:
    named = {"name": table, "element": column, "value": value, "label": label}
    return {"sys_id": _sys_id("choice", table, column, value), **named, "inactive": "false", "language": "en"}


def user_row(account: Account) -> Row:
    """A user. Those who are no persons sign in by programs only."""
    shown = account.user_name.replace(".", " ").title()
    return {"sys_id": account.sys_id, "user_name": account.user_name, "name": shown, **_flags(account)}


def _flags(account: Account) -> Row:
    return {"active": "true", "web_service_access_only": _truth(yes=not account.is_person)}


def _truth(*, yes: bool) -> str:
    return "true" if yes else "false"
