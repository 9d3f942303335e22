"""ServiceNow's tables and what happens inside them: business rules, data policies and access rules. No HTTP."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.servicenow.directory import COLUMNS, PROPERTIES, directory_rows, journal_row, user_row
from sandbox.servicenow.queries import Query, Row, query_of
from sandbox.servicenow.schema import (
    CHOSEN,
    INTEGRATION,
    JOURNALS,
    LABELS,
    LENGTHS,
    MOMENTS,
    OWN_REFERENCES,
    PERSON,
    PRIORITIES,
    READABLE,
    ROBOT,
    TABLES,
    TIMES,
    WRITABLE,
    Account,
    TableKind,
)


class Denied(Exception):
    """The system says no; `detail` is its longer text."""

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Missing(Exception):
    """There is no such record, or it is hidden."""


@dataclass(slots=True)
class Settings:
    """What can be made different from the defaults while the stand-in runs.

    `dropped_fields` are written by no integration: silently, as an access rule does it; `unreadable_fields` are left
    out of what one reads. `mandatory` are columns that a new record must have, `mandatory_to_close` a closed one.
    `own_close_codes` are choices that the customer has added to every table's. An integration that sends an empty text
    clears every column but those with choices, unless `clears_choices` says so. `hidden` are the ids of records that
    integrations do not see; `hidden_tables` show them no record, and `filtered_tables` count none either: a
    business rule changes each query before it is run. `rate_limit` is a number of requests an hour.
    `reopen_closed` lets a closed record be reopened. The next `mixed_answers` lists come
    with an error beside half of their result. Without `paging_headers` something on the way takes them away. Access
    tokens are good for `token_lifetime` seconds. Query rules let integrations compare no column of `no_query_match` for
    equality, none of `no_query_range` for more or less, and query no table of `no_query` at all. Times that they write
    into a query are read in `query_zone`, that of their account. `instance_id` is the instance's own, which
    integrations may read where `shown_properties` says so. `unscoped` clients of OAuth are kept out of the Table API. A
    file has at most `attachment_limit` bytes and one of `attachment_extensions`, where there are any; with
    `no_attachments` integrations may attach none.
    """

    dropped_fields: list[str] = field(default_factory=list)
    unreadable_fields: list[str] = field(default_factory=list)
    mandatory: list[str] = field(default_factory=list)
    mandatory_to_close: list[str] = field(default_factory=list)
    own_close_codes: list[str] = field(default_factory=list)
    clears_choices: bool = False
    hidden: list[str] = field(default_factory=list)
    hidden_tables: list[str] = field(default_factory=list)
    filtered_tables: list[str] = field(default_factory=list)
    rate_limit: int | None = None
    reopen_closed: bool = False
    mixed_answers: int = 0
    paging_headers: bool = True
    token_lifetime: int = 1_799
    instance_id: str = uuid.uuid5(uuid.NAMESPACE_DNS, "instance").hex
    shown_properties: bool = False
    no_query: list[str] = field(default_factory=list)
    no_query_match: list[str] = field(default_factory=list)
    no_query_range: list[str] = field(default_factory=list)
    query_zone: str = "UTC"
    unscoped: bool = False
    attachment_limit: int = 1024 * 1024 * 1024
    attachment_extensions: list[str] = field(default_factory=list)
    no_attachments: bool = False


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A row of sys_attachment, with what is in it."""

    values: dict[str, str]
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Record:
    """One record: its columns, and the journal entries that never read back."""

    table: str
    values: dict[str, str]
    journal: list[dict[str, str]] = field(default_factory=list)


_FILE_COLUMNS = frozenset({"sys_id", "table_name", "table_sys_id", "file_name", "sys_created_on", "sys_created_by"})


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _kept(name: str, text: str) -> str:
    """What a column keeps of a text: as much as it is long, and of a moment only one that can be read."""
    if name not in MOMENTS:
        return text[: LENGTHS.get(name)]
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return ""


class ServiceNowTables:
    """The whole state of one instance. `clock` gives the time."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.settings = Settings()
        self.accounts = (INTEGRATION, PERSON, ROBOT)
        self.records: dict[str, dict[str, Record]] = {table: {} for table in TABLES}
        self.listeners: list[Callable[[Record, str], None]] = []
        self.files: dict[str, AttachedFile] = {}
        self._numbers = dict.fromkeys(TABLES, 10_000)
        self._own_columns = set(OWN_REFERENCES)
        self._by_mark: dict[str, dict[str, None]] = {}

    def columns(self, table: str) -> AbstractSet[str]:
        """The columns that a table has; those that begin with u_ are the customer's own, and all are there."""
        if table in COLUMNS:
            return frozenset(COLUMNS[table])
        return READABLE | self._own_columns

    def unfilled(self, table: str, by: Account) -> Row:
        """The customer's own columns of a table of tickets, empty: every record has them, filled in or not."""
        return self.readable(dict.fromkeys(self._own_columns, ""), by) if table in TABLES else {}

    def insert(self, table: str, payload: Mapping[str, object], by: Account) -> Record:
        """A new record. Raises Denied where a data policy forbids it."""
        self._numbers[table] += 1
        now = _time(self.clock())
        values = dict.fromkeys(WRITABLE - JOURNALS, "") | {
            "sys_id": uuid.uuid4().hex,
            "number": f"{TABLES[table].prefix}{self._numbers[table]:07}",
            "state": TABLES[table].first_state,
            "impact": "3",
            "urgency": "3",
            "active": "true",
            "opened_at": now,
            "opened_by": by.sys_id,
            "sys_created_on": now,
            "sys_created_by": by.user_name,
            "sys_mod_count": "0",
        }
        record = Record(table, values)
        if missing := [name for name in self.settings.mandatory if not _text(payload.get(name))]:
            raise _refused_by_policy(missing)
        self._write(record, payload, by)
        self.records[table][values["sys_id"]] = record
        self._tell(record, "insert")
        return record

    def read(self, table: str, sys_id: str, by: Account) -> Record:
        """A record by its id, whoever's it is. Raises Missing."""
        record = self.records[table].get(sys_id)
        if record is None or not (self._visible(sys_id, by) and self._shows(table, by)):
            raise Missing
        return record

    def update(self, table: str, sys_id: str, payload: Mapping[str, object], by: Account) -> Record:
        """Write columns and journals; a write that changes nothing leaves no trace. Raises Missing or Denied."""
        record = self.read(table, sys_id, by)
        if self._write(record, payload, by):
            self._tell(record, "update")
        return record

    def delete(self, table: str, sys_id: str, by: Account) -> None:
        """Remove a record for good. Raises Missing."""
        record = self.read(table, sys_id, by)
        self._by_mark[record.values["correlation_id"].casefold()].pop(sys_id)
        del self.records[table][sys_id]
        self._tell(record, "delete")

    def attach(self, table: str, sys_id: str, name: str, kind: str, content: bytes, by: Account) -> Row:
        """A new file on a record. Raises Missing or Denied."""
        self.read(table, sys_id, by)
        settings = self.settings
        if settings.no_attachments and not by.is_person:
            raise Denied("User Not Authorized", "User does not have permission to attach to this record")
        if settings.attachment_extensions and name.rpartition(".")[2] not in settings.attachment_extensions:
            raise Denied("Operation Failed", "File type is not allowed or does not match the content of the file")
        if len(content) > settings.attachment_limit:
            raise Denied("Operation Failed", "The attachment is larger than com.glide.attachment.max_size allows")
        now = _time(self.clock())
        values = {"sys_id": uuid.uuid4().hex, "table_name": table, "table_sys_id": sys_id, "file_name": name}
        values |= {"content_type": kind, "size_bytes": str(len(content)), "sys_created_by": by.user_name}
        values |= {"sys_created_on": now, "sys_updated_on": now}
        self.files[values["sys_id"]] = AttachedFile(values, content)
        return values

    def files_of(self, query: str, limit: int) -> list[Row]:
        """What is told of the files that a query takes, in its order."""
        return query_of(query, _FILE_COLUMNS).select(each.values for each in self.files.values())[:limit]

    def detach(self, file_id: str) -> None:
        """Remove a file. Raises Missing."""
        if self.files.pop(file_id, None) is None:
            raise Missing

    def page(self, table: str, query: str, limit: int, offset: int, by: Account) -> tuple[list[Row], int]:
        """One page of what a query takes, and how many rows it takes in all. Raises Denied where a rule forbids it.

        The limit counts before access rules do: hidden rows leave a page short and are in the total.
        """
        rows = self._select(table, query, by)
        page = rows[offset : offset + limit]
        seen = [row for row in page if self._visible(row["sys_id"], by) and self._shows(table, by)]
        return [self.readable(row, by) for row in seen], len(rows)

    def readable(self, row: Row, by: Account) -> Row:
        """A record's columns without those that access rules hide."""
        hidden = () if by.is_person else self.settings.unreadable_fields
        return {name: value for name, value in row.items() if name not in hidden}

    def behind(self, row: Row, names: Iterable[str], by: Account) -> Row:
        """What fields behind a reference to a user hold, such as `resolved_by.user_name`; empty where it is hidden."""
        users = {account.sys_id: user_row(account) for account in self.accounts} if self._shows("sys_user", by) else {}
        paths = [name.split(".", 1) for name in names if "." in name]
        known = [(column, far) for column, far in paths if column in row and far in COLUMNS["sys_user"]]
        return {f"{column}.{far}": users.get(row[column], {}).get(far, "") for column, far in known}

    def _select(self, table: str, text: str, by: Account) -> list[Row]:
        query = query_of(text, self.columns(table))
        if not by.is_person:
            self._allow(table, query)
            query = query.in_zone(ZoneInfo(self.settings.query_zone), TIMES)
            if table in self.settings.filtered_tables:
                return []
        if table == "sys_journal_field":
            return query.select(self._journals())
        if table in COLUMNS:
            settings = self.settings
            mandatory, own = settings.mandatory, settings.own_close_codes
            rows = directory_rows(table, self.accounts, self._own_columns, mandatory, settings.instance_id, own)
            return query.select(rows)
        return query.select(self._candidates(table, query))

    def _journals(self) -> Iterator[Row]:
        for table, records in self.records.items():
            for sys_id, record in records.items():
                yield from (journal_row(table, sys_id, each, entry) for each, entry in enumerate(record.journal))

    def _allow(self, table: str, query: Query) -> None:
        """Raise Denied for a query that rules forbid."""
        rules = self.settings
        forbidden = any(
            each.column in (rules.no_query_range if each.is_range else rules.no_query_match)
            for group in query.groups
            for each in group
        )
        if table in rules.no_query or forbidden:
            words = "Field(s) present in the query do not have permission to be read"
            raise Denied("Insufficient rights to query records", words)

    def _candidates(self, table: str, query: Query) -> Iterator[Row]:
        """The rows that could meet the query; an index spares reading them all to find one mark."""
        mark = query.equals("correlation_id")
        records = self.records[table]
        if not mark:
            return (record.values for record in records.values())
        return (records[sys_id].values for sys_id in self._by_mark.get(mark.casefold(), ()) if sys_id in records)

    def _visible(self, sys_id: str, by: Account) -> bool:
        return by.is_person or sys_id not in self.settings.hidden

    def _shows(self, table: str, by: Account) -> bool:
        settings = self.settings
        is_shown = table != PROPERTIES or settings.shown_properties
        withheld = (*settings.hidden_tables, *settings.filtered_tables)
        return by.is_person or (is_shown and table not in withheld)

    def _write(self, record: Record, payload: Mapping[str, object], by: Account) -> bool:
        before = dict(record.values)
        allowed = {name: _text(value) for name, value in payload.items() if self._may_write(name, by)}
        if not (by.is_person or self.settings.clears_choices):
            allowed = {name: text for name, text in allowed.items() if text or name not in CHOSEN}
        written = {name: _kept(name, text) for name, text in allowed.items()}
        after = before | {name: text for name, text in written.items() if name not in JOURNALS}
        notes = {name: text for name, text in written.items() if name in JOURNALS and text}
        if after == before and not notes and "sys_updated_on" in before:
            return False
        self._settle(TABLES[record.table], before, after, by)
        self._own_columns |= {name for name in after if name.startswith("u_")}
        self._index(before, after)
        record.values = after
        record.journal += self._entries(notes, by)
        return True

    def _tell(self, record: Record, event: str) -> None:
        for listener in self.listeners:
            listener(record, event)

    def _may_write(self, name: str, by: Account) -> bool:
        if name not in WRITABLE and not name.startswith("u_"):
            return False
        return by.is_person or name not in self.settings.dropped_fields

    def _settle(self, kind: TableKind, before: Row, after: dict[str, str], by: Account) -> None:
        """Business rules and data policies of a write, in place. Raises Denied."""
        now = _time(self.clock())
        if before["state"] != after["state"]:
            self._move(kind, before, after, by, now)
        if after["state"] in kind.resolved | kind.closed:
            known = {*kind.close_codes, *self.settings.own_close_codes}
            _demand_resolution(after, known, self.settings.mandatory_to_close)
        after["priority"] = PRIORITIES.get((after["impact"], after["urgency"]), "5")
        if "sys_updated_on" in before:
            after["sys_mod_count"] = str(int(before["sys_mod_count"]) + 1)
        after["sys_updated_on"] = now
        after["sys_updated_by"] = by.user_name

    def _move(self, kind: TableKind, before: Row, after: dict[str, str], by: Account, now: str) -> None:
        """What a change of state brings with it: who, when, and whether it is allowed."""
        state = after["state"]
        if before["state"] in kind.final and not self.settings.reopen_closed:
            raise Denied("Operation Failed", "Operation was aborted by a business rule: the record is closed")
        over = kind.closed | kind.cancelled
        if state in kind.resolved:
            after.update(resolved_by=by.sys_id, resolved_at=now)
        elif state in over:
            after.update(closed_by=by.sys_id, closed_at=now)
        else:
            after.update(resolved_by="", resolved_at="", closed_by="", closed_at="")
        after["active"] = "false" if state in over else "true"

    def _index(self, before: Row, after: Row) -> None:
        self._by_mark.get(before["correlation_id"].casefold(), {}).pop(after["sys_id"], None)
        self._by_mark.setdefault(after["correlation_id"].casefold(), {})[after["sys_id"]] = None

    def _entries(self, notes: Mapping[str, str], by: Account) -> Iterable[dict[str, str]]:
        now = _time(self.clock())
        return [{"element": name, "value": text, "by": by.user_name, "at": now} for name, text in notes.items()]


def _demand_resolution(values: Row, codes: Collection[str], more: Iterable[str]) -> None:
    """Raises Denied. A close code that is no choice of this instance counts as missing."""
    named = {name: LABELS.get(name, name) for name in more}
    labels = {"close_code": "Resolution code", "close_notes": "Resolution notes", **named}
    missing = [label for name, label in labels.items() if not values.get(name, "").strip()]
    if values["close_code"].strip() and values["close_code"] not in codes:
        missing.insert(0, labels["close_code"])
    if missing:
        raise _refused_by_policy(missing)


def _refused_by_policy(missing: Iterable[str]) -> Denied:
    """What ServiceNow answers where a data policy says no: its words are in the detail."""
    return Denied(
        "Operation Failed", f"Data Policy Exception:\r\nThe following fields are mandatory: {', '.join(missing)}"
    )
