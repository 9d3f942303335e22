"""A record as a page for people, so that a ticket's address opens something. Everything on it is escaped."""

import re
from html import escape
from urllib.parse import parse_qs

from sandbox.servicenow.schema import TABLES
from sandbox.servicenow.tables import Record

_FORM = re.compile(r"(?P<table>[a-z_]+)\.do")
_SHOWN = (
    *("number", "state", "priority", "impact", "urgency", "short_description", "description"),
    *("assignment_group", "assigned_to", "correlation_id", "close_code", "close_notes", "resolved_by", "resolved_at"),
    *("closed_by", "closed_at", "sys_created_by", "sys_created_on", "sys_updated_by", "sys_updated_on"),
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "th{text-align:left;vertical-align:top;padding-right:1.5rem;white-space:nowrap}td,li{white-space:pre-wrap}"
)


def record_of_uri(uri: str) -> tuple[str, str] | None:
    """The table and sys_id that `incident.do?sys_id=…` names, or None."""
    form, _, query = uri.partition("?")
    match = _FORM.fullmatch(form)
    ids = parse_qs(query).get("sys_id", [])
    return (match["table"], ids[0]) if match and match["table"] in TABLES and ids else None


def page_of_record(record: Record) -> str:
    """The record with its journals."""
    states = TABLES[record.table].states
    values = record.values | {"state": states.get(record.values["state"], record.values["state"])}
    rows = "".join(f"<tr><th>{name}</th><td>{escape(values[name])}</td></tr>" for name in _SHOWN if values.get(name))
    entries = "".join(
        f"<li>{escape(entry['at'])} {escape(entry['by'])}: {escape(entry['value'])}</li>" for entry in record.journal
    )
    return page(values["number"], f"<table>{rows}</table><h2>Journal</h2><ol>{entries}</ol>")


def page(title: str, body: str) -> str:
    """A whole page; `title` is escaped here, `body` is markup."""
    name = escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        f"</head><body><h1>{name}</h1>{body}</body></html>"
    )
