"""The sandbox's Jira over HTTP: who one is, what there is, and searching."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from sandbox.jira.endpoints import Call
from sandbox.jira.problems import Problem
from sandbox.jira.search import Query, Reader, parsed
from sandbox.jira.state import Issue
from sandbox.jira.workflow import FIELD_NAMES, ISSUE_TYPES, PRIORITIES, RESOLUTIONS, STATUSES

_MOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available in the documentation."
)
_UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
_USUAL_PAGE = 50
_BY_OFFSET = frozenset({"jql", "startAt", "maxResults", "validateQuery", "fields"})
_BY_TOKEN = frozenset(
    {"jql", "nextPageToken", "maxResults", "fields", "expand", "properties", "fieldsByKeys", "reconcileIssues"}
)
"""What the body of a search may say, by Atlassian's descriptions of Data Center and of Cloud."""


_ACTIONS = {"view": "BROWSE_PROJECTS", "browse": "BROWSE_PROJECTS", "create": "CREATE_ISSUES"}
"""What `action` may say, but for those of administrators, and the permission for it."""


def show_myself(call: Call) -> Response:
    """GET /myself."""
    return JSONResponse(call.view.account(call.actor))


def show_server(call: Call) -> Response:
    """GET /serverInfo. Its base address is one that an administrator has set, whichever way a request came."""
    kind, numbers = ("Cloud", [1001, 0, 0]) if call.view.is_cloud else ("Server", [10, 3, 0])
    version = {"version": ".".join(map(str, numbers)), "versionNumbers": numbers}
    base = call.state.base_url or call.view.base
    return JSONResponse({"baseUrl": base, "deploymentType": kind, "serverTitle": "Jira", **version})


def list_fields(_call: Call) -> Response:
    """GET /field."""
    return JSONResponse(
        [
            {"id": name, "key": name, "name": shown, "custom": name.startswith("customfield"), "clauseNames": [name]}
            for name, shown in FIELD_NAMES.items()
        ]
    )


def show_project(call: Call) -> Response:
    """GET /project/{id or key}."""
    return JSONResponse(call.view.project(call.state.shown_project(call.request.path_params["project"])))


def list_projects(call: Call) -> Response:
    """GET /project: all that one may browse. Data Center has no pages of them."""
    return JSONResponse([call.view.project(each) for each in call.state.browsed_projects()])


def search_projects(call: Call) -> Response:
    """GET /project/search, Cloud only: in pages, those in which one may do what `action` says."""
    if not call.state.is_cloud:
        raise Problem(404, ["No project could be found with key 'search'."])
    action = call.request.query_params.get("action", "view")
    if action not in _ACTIONS:
        raise Problem(400, [f"Invalid value for 'action': {action}"])
    may = _ACTIONS[action] not in call.state.withheld
    known = sorted(call.state.browsed_projects(), key=lambda each: each.key) if may else []
    start, size = _number(call, "startAt", 0), _size(call)
    page = known[start : start + size]
    paging = {"startAt": start, "maxResults": size, "total": len(known), "isLast": start + size >= len(known)}
    return JSONResponse({**paging, "values": [call.view.project(each) for each in page]})


def list_types(_call: Call) -> Response:
    """GET /issuetype."""
    return JSONResponse([{"id": key, "name": name, "subtask": False} for key, name in ISSUE_TYPES.items()])


def list_priorities(_call: Call) -> Response:
    """GET /priority."""
    return JSONResponse([{"id": key, "name": name} for key, name in PRIORITIES.items()])


def list_resolutions(_call: Call) -> Response:
    """GET /resolution, which Cloud is going to take away."""
    return JSONResponse([{"id": key, "name": name} for key, name in RESOLUTIONS.items()])


def search_resolutions(call: Call) -> Response:
    """GET /resolution/search, Cloud only: in pages, all or those with an `id`."""
    if not call.state.is_cloud:
        raise Problem(404, ["null for uri: resolution/search"])
    ids = call.request.query_params.getlist("id")
    start, size = _number(call, "startAt", 0), _size(call)
    known = [
        {"id": key, "name": name, "isDefault": False} for key, name in RESOLUTIONS.items() if key in ids or not ids
    ]
    page = known[start : start + size]
    paging = {"startAt": start, "maxResults": size, "total": len(known), "isLast": start + size >= len(known)}
    return JSONResponse({**paging, "values": page})


def list_statuses(call: Call) -> Response:
    """GET /status."""
    return JSONResponse([call.view.status(status) for status in STATUSES])


def search_by_token(call: Call) -> Response:
    """GET or POST /search/jql, Cloud only: bounded queries, pages by token, no total, as late as the index."""
    if not call.state.is_cloud:
        raise Problem(404, ["null for uri: search/jql"])
    _known_words(call, _BY_TOKEN)
    jql = _asked(call, "jql")
    query = _query(call, jql)
    if not query.bounded:
        raise Problem(400, [_UNBOUNDED])
    start = _start(_asked(call, "nextPageToken"), jql)
    found = query.results(call.state.indexed(query.labels))
    page = found[start : start + _size(call)]
    after = start + len(page)
    issues = _shown(call, page, ["id"], _several(call, "properties"))
    answer: dict[str, object] = {"issues": issues, "isLast": after >= len(found)}
    return JSONResponse(answer | ({"nextPageToken": _token(after, jql)} if after < len(found) else {}))


def search_by_offset(call: Call) -> Response:
    """GET or POST /search: Data Center counts and numbers the results, and knows no properties; on Cloud it is no more.

    What a query's address says besides is ignored; in a body it is refused.
    """
    if call.state.is_cloud:
        raise Problem(410, [_MOVED])
    _known_words(call, _BY_OFFSET)
    query = _query(call, _asked(call, "jql"))
    found = query.results(call.state.indexed(query.labels))
    start, size = _number(call, "startAt", 0), _size(call)
    shown = _shown(call, found[start : start + size], ["*all"], properties=())
    return JSONResponse({"startAt": start, "maxResults": size, "total": len(found), "issues": shown})


def _query(call: Call, jql: str) -> Query:
    return parsed(jql, Reader(frozenset(call.state.projects), call.state.clock(), call.actor.zone))


def _known_words(call: Call, known: frozenset[str]) -> None:
    """Raises Jira's 400 for a body with words that it does not know."""
    if call.request.method == "POST" and (unknown := sorted(call.order.keys() - known)):
        raise Problem(400, [f'Unrecognized field "{unknown[0]}" (SearchRequestBean), not marked as ignorable'])


def _shown(call: Call, issues: list[Issue], usual: list[str], properties: Sequence[str]) -> list[dict[str, object]]:
    fields = _several(call, "fields") or usual
    changelog = "changelog" in _several(call, "expand")
    return [call.view.issue(issue, fields, properties, changelog=changelog) for issue in issues]


def _several(call: Call, name: str) -> list[str]:
    if call.request.method != "POST":
        return call.words(name)
    value = call.order.get(name) or []
    return [str(each) for each in value] if isinstance(value, list) else str(value).split(",")


def _asked(call: Call, name: str) -> str:
    value = call.order.get(name) if call.request.method == "POST" else call.request.query_params.get(name)
    return "" if value is None else str(value)


def _number(call: Call, name: str, usual: int) -> int:
    text = _asked(call, name) or str(usual)
    if not text.isdecimal():
        raise Problem(400, [f"'{name}' is not a number."])
    return int(text)


def _size(call: Call) -> int:
    return max(1, min(_number(call, "maxResults", _USUAL_PAGE), call.state.page_limit))


def _digest(jql: str) -> str:
    return hashlib.sha256(jql.encode()).hexdigest()[:16]


def _token(start: int, jql: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, _digest(jql)]).encode()).decode()


def _start(token: str, jql: str) -> int:
    """Where the page begins. A token is good only for the query that it was given for."""
    if not token:
        return 0
    try:
        start, digest = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError):
        start, digest = -1, ""
    if digest != _digest(jql) or not isinstance(start, int):
        raise Problem(400, ["The provided next page token is invalid or expired."])
    return start
