"""The sandbox's ServiceNow for people: a list of records, and each as a form that somebody who has signed in may send.

The form changes a record as that person, so business rules, data policies and webhooks do what they do for anybody.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pages.html import Field, Layout, Visitors, facts, form, link, posted, said, see_other, table, text
from sandbox.servicenow.schema import GROUPS, TABLES, Account
from sandbox.servicenow.tables import Denied, Record, ServiceNowTables

_LAYOUT = Layout("ServiceNow", "/login.do", "/logout.do")
_FORM = re.compile(r"(?P<table>[a-z_]+)\.do")
_SHOWN = (
    *("number", "state", "priority", "impact", "urgency", "short_description", "description", "due_date"),
    *("assignment_group", "assigned_to", "correlation_id", "close_code", "close_notes", "resolved_by", "resolved_at"),
    *("closed_by", "closed_at", "sys_created_by", "sys_created_on", "sys_updated_by", "sys_updated_on"),
)
_JOURNAL_NAMES = {"work_notes": "Work notes", "comments": "Additional comments"}


class ServiceNowPages:
    """The pages over one instance's tables. Only people sign in to them: integrations have no pages."""

    def __init__(self, tables: ServiceNowTables) -> None:
        self._tables = tables
        self._visitors = Visitors(_LAYOUT, self._person, lambda account: account.user_name)

    def routes(self) -> list[Route]:
        """Every page."""
        return [
            Route("/", self.list_records),
            Route(_LAYOUT.sign_in, self._visitors.sign_in, methods=["GET", "POST"]),
            Route(_LAYOUT.sign_out, self._visitors.sign_out, methods=["POST"]),
            Route("/nav_to.do", self.show, methods=["GET"]),
            Route("/{form}.do", self.show, methods=["GET"]),
            Route("/{form}.do", self.update, methods=["POST"]),
        ]

    async def list_records(self, request: Request) -> Response:
        """The records of every table, the newest first."""
        records = [record for of_table in self._tables.records.values() for record in of_table.values()]
        records.sort(key=lambda record: record.values["number"], reverse=True)
        heads = ("Number", "Short description", "State", "Priority", "Updated")
        body = table("Newest first", heads, (_row(record) for record in records))
        name = self._visitors.name(request)
        return _LAYOUT.page("Records", body if records else "<p>There is no record.</p>", who=name)

    async def show(self, request: Request) -> Response:
        """One record; as a form for somebody who has signed in."""
        return self._shown(request)

    async def update(self, request: Request) -> Response:
        """Write what the form says, as the person who sends it."""
        person, sent, record = self._visitors.visitor(request), await posted(request), self._record(request)
        if person is None:
            return see_other(_LAYOUT.sign_in)
        if record is None:
            return self._shown(request)
        try:
            self._tables.update(record.table, record.values["sys_id"], _changes(record, sent), person)
        except Denied as denied:
            return self._shown(request, denied.detail)
        return see_other(_address(record))

    def _shown(self, request: Request, alert: str = "") -> Response:
        record = self._record(request)
        if record is None:
            return _LAYOUT.page("Record not found", "", status=404)
        who = self._visitors.name(request)
        back = urlencode({"back": _address(record)})
        work = self._form(record) if who else f"<p>{link(f'{_LAYOUT.sign_in}?{back}', 'Sign in to work on it')}</p>"
        title = f"{record.values['number']} {record.values['short_description']}"
        body = f"{_described(record)}{work}"
        return _LAYOUT.page(title, body, who=who, status=403 if alert else 200, alert=alert)

    def _form(self, record: Record) -> str:
        return form(_address(record), "Work on it", self._fields(record), "Update")

    def _fields(self, record: Record) -> Iterator[Field]:
        kind, values = TABLES[record.table], record.values
        codes = (*kind.close_codes, *self._tables.settings.own_close_codes)
        yield Field("state", "State", values["state"], choices=list(kind.states.items()))
        yield Field(
            "close_code", "Resolution code", values["close_code"], choices=[("", "(none)"), *((c, c) for c in codes)]
        )
        yield Field("close_notes", "Resolution notes", values["close_notes"], lines=True)
        yield from (Field(name, label, lines=True) for name, label in _JOURNAL_NAMES.items())

    def _record(self, request: Request) -> Record | None:
        uri = request.query_params.get("uri") or f"{request.url.path.lstrip('/')}?{request.url.query}"
        named = _record_of_uri(uri)
        return self._tables.records[named[0]].get(named[1]) if named else None

    def _person(self, user: str, password: str) -> Account | None:
        people = (each for each in self._tables.accounts if each.is_person)
        return next((each for each in people if (each.user_name, each.password) == (user, password)), None)


def _record_of_uri(uri: str) -> tuple[str, str] | None:
    """The table and sys_id that `incident.do?sys_id=…` names, or None."""
    form_name, _, query = uri.partition("?")
    match = _FORM.fullmatch(form_name)
    ids = parse_qs(query).get("sys_id", [])
    return (match["table"], ids[0]) if match and match["table"] in TABLES and ids else None


def _changes(record: Record, sent: Mapping[str, str]) -> dict[str, object]:
    """What the form changes: columns that differ, and journals that are not empty."""
    columns = {name: sent[name] for name in ("state", "close_code", "close_notes") if name in sent}
    changed: dict[str, object] = {name: value for name, value in columns.items() if value != record.values[name]}
    return changed | {name: sent[name] for name in _JOURNAL_NAMES if sent.get(name)}


def _described(record: Record) -> str:
    values = record.values | {"state": _state(record), "assignment_group": _group(record)}
    entries = [
        (f"{entry['at']} {entry['by']}, {_JOURNAL_NAMES[entry['element']].lower()}", entry["value"])
        for entry in record.journal
    ]
    shown = {name: values.get(name, "") for name in _SHOWN}
    return f"{facts('Details', shown)}<h2>Journal</h2>{said(entries, 'Nothing is written here.')}"


def _row(record: Record) -> tuple[str, ...]:
    values = record.values
    shown = (values["short_description"], _state(record), values["priority"], values["sys_updated_on"])
    return (link(_address(record), values["number"]), *map(text, shown))


def _address(record: Record) -> str:
    return f"/{record.table}.do?sys_id={record.values['sys_id']}"


def _state(record: Record) -> str:
    return TABLES[record.table].states.get(record.values["state"], record.values["state"])


def _group(record: Record) -> str:
    named = record.values["assignment_group"]
    return GROUPS[named][0] if named in GROUPS else named
