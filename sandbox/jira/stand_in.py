"""A stand-in for Jira over HTTP: Cloud (API versions 2 and 3) or Data Center (version 2), with people and workflows.

Besides the API there are pages for people (sandbox/pages/jira.py), and controls of the stand-in: `POST /_sandbox/move`,
`GET /_sandbox/issues`, `GET /_sandbox/files/{issue}`, `GET|PUT /_sandbox/settings`, `PUT|DELETE /_sandbox/webhook`,
`GET /_sandbox/deliveries`.
"""

import inspect
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.jira import administration, attachments, directory
from sandbox.jira import endpoints as issues
from sandbox.jira.endpoints import Call, with_body
from sandbox.jira.limits import JiraLimits
from sandbox.jira.problems import Problem, locked_out
from sandbox.jira.sign_in import NOBODY, account_in, answer_to_nobody, login_headers
from sandbox.jira.state import APP, PERSON, SERVICE, Account, JiraState
from sandbox.jira.views import View
from sandbox.jira.webhooks import EVENTS, JiraSender
from sandbox.pages.jira import JiraPages
from sandbox.wire.webhooks import Webhook, control_routes

__all__ = ["APP", "PERSON", "SERVICE", "Account", "Webhook", "jira_app"]

Endpoint = Callable[[Call], Response | Awaitable[Response]]

_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "myself", directory.show_myself),
    ("GET", "serverInfo", directory.show_server),
    ("GET", "field", directory.list_fields),
    ("GET", "project", directory.list_projects),
    ("GET", "project/search", directory.search_projects),
    ("GET", "project/{project}", directory.show_project),
    ("GET", "project/{project}/statuses", administration.list_workflows),
    ("GET", "mypermissions", administration.show_permissions),
    ("GET", "user/assignable/search", administration.find_assignable),
    ("GET", "issuetype", directory.list_types),
    ("GET", "priority", directory.list_priorities),
    ("GET", "resolution", directory.list_resolutions),
    ("GET", "resolution/search", directory.search_resolutions),
    ("GET", "status", directory.list_statuses),
    ("GET", "search/jql", directory.search_by_token),
    ("POST", "search/jql", directory.search_by_token),
    ("GET", "search", directory.search_by_offset),
    ("POST", "search", directory.search_by_offset),
    ("POST", "issue", issues.create_issue),
    ("POST", "issueLink", issues.link_issues),
    ("GET", "issueLinkType", issues.list_link_types),
    ("GET", "issue/createmeta/{project}/issuetypes", administration.list_create_types),
    ("GET", "issue/createmeta/{project}/issuetypes/{kind}", administration.list_create_fields),
    ("GET", "issue/{issue}", issues.read_issue),
    ("PUT", "issue/{issue}", issues.edit_issue),
    ("DELETE", "issue/{issue}", issues.delete_issue),
    ("POST", "issue/{issue}/attachments", attachments.attach_files),
    ("GET", "attachment/meta", attachments.show_settings),
    ("DELETE", "attachment/{file}", attachments.delete_file),
    ("GET", "issue/{issue}/transitions", issues.list_transitions),
    ("POST", "issue/{issue}/transitions", issues.perform_transition),
    ("GET", "issue/{issue}/comment", issues.list_comments),
    ("POST", "issue/{issue}/comment", issues.add_comment),
    ("GET", "comment/{comment}/properties/{key}", issues.read_comment_property),
    ("GET", "issue/{issue}/remotelink", issues.list_remote_links),
    ("POST", "issue/{issue}/remotelink", issues.put_remote_link),
    ("GET", "issue/{issue}/properties", issues.list_properties),
    ("GET", "issue/{issue}/properties/{key}", issues.read_property),
    ("PUT", "issue/{issue}/properties/{key}", issues.put_property),
)


def jira_app(
    *,
    deployment: Literal["cloud", "data_center"] = "cloud",
    search_lag: float = 1.0,
    webhook: Webhook | None = None,
    webhook_wait: float = 0.5,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """A Jira with nothing in it yet. `search_lag` and `webhook_wait` are in seconds, `clock` tells Unix seconds.

    Its projects: SEC (from every status to every other), PRIV (a review on the way, a resolution required), FORM (a
    required field to create, another to finish), BARE (no screens and no resolutions), WEB (as SEC), LOOP (no way to
    done) and TERSE (a screen for creating without labels, and with a due date that is required).
    `app.state.jira` is its memory, `app.state.sender` sends its webhooks.
    """
    state = JiraState(clock, deployment=deployment, search_lag=search_lag)
    sender = JiraSender(state, webhook, wait=webhook_wait)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with sender.running():
            yield

    routes = [*_routes(state), *control_routes(sender, EVENTS)]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _no_path})
    app.state.jira = state
    app.state.sender = sender
    return app


def _routes(state: JiraState) -> list[BaseRoute]:
    versions = ("2", "3", "latest") if state.is_cloud else ("2", "latest")
    api = [
        Route(f"/rest/api/{version}/{path}", _served(path, endpoint, version), methods=[method])
        for version in versions
        for method, path, endpoint in _ENDPOINTS
    ]
    gateway = [Mount("/ex/jira/{cloud_id}", routes=api)] if state.is_cloud else []
    return [*api, *gateway, *_CONTROLS, *JiraPages(state).routes()]


def _served(path: str, endpoint: Endpoint, version: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        state: JiraState = request.app.state.jira
        request.app.state.sender.base = _base(request)
        if state.locked:
            return locked_out()
        shown_version = "2" if version == "latest" else version
        view = View(_base(request), shown_version, state.is_cloud)
        account = account_in(request, state)
        call = Call(request, state, view, account or NOBODY)
        passes, limits = _limits_told(path, call)
        try:
            answer = await _answer(path, endpoint, call) if passes else _too_many()
        except Problem as problem:
            answer = JSONResponse(problem.body, problem.status, headers=problem.headers)
        answer.headers.update(limits)
        answer.headers.update(login_headers(request, state, account))
        answer.headers["Atl-Traceid" if state.is_cloud else "X-AREQUESTID"] = uuid.uuid4().hex
        return answer

    return serve


def _limits_told(path: str, call: Call) -> tuple[bool, dict[str, str]]:
    """Whether a limit lets the request pass, and the headers that say so. Data Center limits known users only."""
    limits, now, request = call.state.limits, call.state.clock(), call.request
    if call.state.is_cloud:
        return limits.on_cloud(request.method, path, request.url.path, now)
    return (True, {}) if call.actor is NOBODY else limits.on_data_center(call.actor.account_id, now)


def _too_many() -> Response:
    problem = Problem(429, ["Rate limit exceeded."])
    return JSONResponse(problem.body, problem.status)


async def _answer(path: str, endpoint: Endpoint, call: Call) -> Response:
    if call.actor is NOBODY and (told := answer_to_nobody(path, call)):
        return told
    is_form = endpoint is attachments.attach_files
    given = endpoint(call if is_form else with_body(call, await _body(call.request)))
    return await given if inspect.isawaitable(given) else given


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


async def _body(request: Request) -> object:
    if request.method not in {"POST", "PUT"}:
        return None
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Problem(415, ["Unsupported Media Type"])
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Problem(400, ["Invalid request payload. Refer to the REST API documentation and try again."]) from None


async def _no_path(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return JSONResponse({"errorMessages": ["null for uri: " + request.url.path], "errors": {}}, status)


async def _move(request: Request) -> Response:
    """{"issue": id or key, "project": key} → the new key."""
    state: JiraState = request.app.state.jira
    order = await request.json()
    try:
        moved = state.move(state.issue(order["issue"]), order["project"], PERSON)
    except Problem as problem:
        return JSONResponse(problem.body, problem.status)
    return JSONResponse({"id": moved.id, "key": moved.key})


async def _list_issues(request: Request) -> Response:
    """Every issue as it really is now, whatever the search knows of it."""
    state: JiraState = request.app.state.jira
    view = View(_base(request), "2", state.is_cloud)
    return JSONResponse([view.issue(issue, ["*all"], ["*all"], changelog=True) for issue in state.issues()])


async def _settings(request: Request) -> Response:
    """`search_lag` in seconds; `page_limit` of lists.

    `withheld`: keys of permissions that nobody has; `unassignable`: ids of accounts that cannot be assigned issues;
    `off_edit_screens`: fields that no screen for editing has; `base_url`: the site's own base address, whatever address
    a request came to; `expired`: ids of accounts whose tokens have run out; `locked`: too many wrong passwords were
    given, and nobody signs in before a CAPTCHA is solved.
    `keeps_resolution`: no workflow takes the resolution away when an issue leaves its done statuses.
    `limits`: rate limits, by the names of JiraLimits.
    `attachment_limit`: the largest file in bytes; null where attachments are disabled.
    `linking`: whether issues can be linked at all; `without_link_types`: names of types of links that were deleted.
    """
    state: JiraState = request.app.state.jira
    if request.method == "PUT":
        order = await request.json()
        state.search_lag = float(order.get("search_lag", state.search_lag))
        state.base_url = str(order.get("base_url", state.base_url))
        state.locked = bool(order.get("locked", state.locked))
        state.page_limit = int(order.get("page_limit", state.page_limit))
        state.withheld = frozenset(order.get("withheld", state.withheld))
        state.unassignable = frozenset(order.get("unassignable", state.unassignable))
        state.off_edit_screens = frozenset(order.get("off_edit_screens", state.off_edit_screens))
        state.keeps_resolution = bool(order.get("keeps_resolution", state.keeps_resolution))
        state.expired = frozenset(order.get("expired", state.expired))
        state.limits = JiraLimits(**order["limits"]) if "limits" in order else state.limits
        state.attachment_limit = order.get("attachment_limit", state.attachment_limit)
        state.linking = bool(order.get("linking", state.linking))
        state.without_link_types = frozenset(order.get("without_link_types", state.without_link_types))
    shown = {name: getattr(state, name) for name in _SETTINGS}
    named = ("withheld", "unassignable", "off_edit_screens", "expired", "without_link_types")
    return JSONResponse({**shown, **{name: sorted(getattr(state, name)) for name in named}})


async def _begin_again(request: Request) -> Response:
    request.app.state.jira.begin_again()
    return Response(status_code=204)


async def _list_files(request: Request) -> Response:
    """The files on an issue, by name, as text: /_sandbox/files/{id or key}."""
    issue = request.app.state.jira.issue(request.path_params["issue"])
    return JSONResponse([[each.name, each.content.decode("latin-1")] for each in issue.files])


_SETTINGS = ("deployment", "search_lag", "locked", "page_limit", "linking", "attachment_limit")
_CONTROLS = (
    Route("/_sandbox/move", _move, methods=["POST"]),
    Route("/_sandbox/issues", _list_issues, methods=["GET"]),
    Route("/_sandbox/issues", _begin_again, methods=["DELETE"]),
    Route("/_sandbox/files/{issue}", _list_files),
    Route("/_sandbox/settings", _settings, methods=["GET", "PUT"]),
)
