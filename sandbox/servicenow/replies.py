"""How ServiceNow writes its answers: records as JSON, errors, and the headers that page through a list. Pure."""

from collections.abc import Mapping
from urllib.parse import urlencode

from sandbox.servicenow.queries import Row
from sandbox.servicenow.schema import GROUPS, INTEGRATION, PERSON, REFERENCES, TABLES


def error_of(message: str, detail: str | None) -> dict[str, object]:
    """The body of every error."""
    return {"error": {"message": message, "detail": detail}, "status": "failure"}


def shown(table: str, row: Row, params: Mapping[str, str], address: str) -> dict[str, object]:
    """A record as the request's sysparm_fields, _display_value and _exclude_reference_link want it.

    Journals read back empty. An unknown field in sysparm_fields is left out. A field behind a reference, such as
    `resolved_by.user_name`, is in the row already where it was asked for.
    """
    wanted = [name for name in params.get("sysparm_fields", "").split(",") if name]
    readable = {**row, "work_notes": "", "comments": ""} if table in TABLES else row
    names = [name for name in wanted if name in readable] if wanted else list(readable)
    return {name: _value(table, name, readable[name], params, address) for name in names}


def _value(table: str, name: str, value: str, params: Mapping[str, str], address: str) -> object:
    display = _display(table, name, value)
    mode = params.get("sysparm_display_value", "false").lower()
    if mode == "true":
        return display
    if mode == "all":
        return {"display_value": display, "value": value}
    if name in REFERENCES and value and params.get("sysparm_exclude_reference_link", "false").lower() != "true":
        return {"link": f"{address}/api/now/v2/table/{REFERENCES[name]}/{value}", "value": value}
    return value


def _display(table: str, name: str, value: str) -> str:
    """What people see. A reference to nothing looks empty, whatever is kept there."""
    match name:
        case "state" if table in TABLES:
            return TABLES[table].states.get(value, value)
        case "assignment_group":
            return GROUPS.get(value, ("",))[0]
        case _ if name in REFERENCES and table in TABLES:
            return next((account.user_name for account in (INTEGRATION, PERSON) if account.sys_id == value), "")
        case _:
            return value


def paging_headers(url: str, params: Mapping[str, str], limit: int, offset: int, total: int) -> dict[str, str]:
    """X-Total-Count, and Link where there are more pages; both count rows that access rules then hide."""
    pages = {"first": 0, "prev": offset - limit, "next": offset + limit, "last": (max(total - 1, 0) // limit) * limit}
    links = [
        f'<{url}?{urlencode({**params, "sysparm_limit": limit, "sysparm_offset": start})}>;rel="{name}"'
        for name, start in pages.items()
        if 0 <= start < max(total, 1)
    ]
    headers = {"X-Total-Count": str(total)}
    return headers | ({"Link": ",".join(links)} if total > limit else {})
