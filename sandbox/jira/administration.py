"""The sandbox's Jira over HTTP: what a client may ask before it writes: permissions, screens, workflows, assignees."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from sandbox.jira.endpoints import Call
from sandbox.jira.problems import Problem, not_found
from sandbox.jira.workflow import ISSUE_TYPES, TO_DO, Project, Status

PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "BROWSE_PROJECTS": ("10", "Browse Projects"),
    "CREATE_ISSUES": ("11", "Create Issues"),
    "EDIT_ISSUES": ("12", "Edit Issues"),
    "ASSIGN_ISSUES": ("13", "Assign Issues"),
    "RESOLVE_ISSUES": ("14", "Resolve Issues"),
    "ADD_COMMENTS": ("15", "Add Comments"),
    "CREATE_ATTACHMENTS": ("19", "Create Attachments"),
    "LINK_ISSUES": ("21", "Link Issues"),
    "SET_ISSUE_SECURITY": ("26", "Set Issue Security"),
    "SCHEDULE_ISSUES": ("28", "Schedule Issues"),
    "DELETE_OWN_ATTACHMENTS": ("39", "Delete Own Attachments"),
    "TRANSITION_ISSUES": ("46", "Transition Issues"),
}
"""Each permission's id and name, by its key."""


def show_permissions(call: Call) -> Response:
    """GET /mypermissions: Cloud wants to be told which ones, Data Center shows them all."""
    params = call.request.query_params
    if key := params.get("projectKey"):
        call.state.shown_project(key)
    asked = call.words("permissions") if call.view.is_cloud else list(PERMISSIONS)
    if not asked:
        raise Problem(400, ["The 'permissions' query parameter is required."])
    if unknown := [each for each in asked if each not in PERMISSIONS]:
        raise Problem(400, [f"Unrecognized permission: {', '.join(unknown)}"])
    return JSONResponse({"permissions": {each: _permission(call, each) for each in asked}})


def list_workflows(call: Call) -> Response:
    """GET /project/{id or key}/statuses: each issue type with the statuses of its workflow."""
    project = call.state.shown_project(call.request.path_params["project"])
    statuses = [call.view.status(status) for status in _statuses(project)]
    shown = [
        {"self": call.view.url(f"issuetype/{key}"), "id": key, "name": name, "subtask": False, "statuses": statuses}
        for key, name in ISSUE_TYPES.items()
    ]
    return JSONResponse(shown)


def find_assignable(call: Call) -> Response:
    """GET /user/assignable/search: by account id on Cloud, by name on Data Center, or by a part of what is shown."""
    params = call.request.query_params
    if not params.get("project"):
        raise Problem(400, ["Either 'project' or 'issueKey' must be provided."])
    call.state.shown_project(params["project"])
    accounts = [
        each for each in call.state.accounts if each.kind != "app" and each.account_id not in call.state.unassignable
    ]
    exact = params.get("accountId") if call.view.is_cloud else None
    part = (params.get("query") if call.view.is_cloud else params.get("username")) or ""
    found = [
        each
        for each in accounts
        if (exact is None or each.account_id == exact)
        and any(part.lower() in word.lower() for word in (each.name, each.email))
    ]
    return JSONResponse([call.view.account(each) for each in found])


def list_create_types(call: Call) -> Response:
    """GET /issue/createmeta/{project}/issuetypes: nothing for those who may not create."""
    call.state.shown_project(call.request.path_params["project"])
    may = "CREATE_ISSUES" not in call.state.withheld
    shown = [{"id": key, "name": name, "subtask": False} for key, name in ISSUE_TYPES.items() if may]
    return JSONResponse({"startAt": 0, "maxResults": 50, "total": len(shown), _named(call, "issueTypes"): shown})


def list_create_fields(call: Call) -> Response:
    """GET /issue/createmeta/{project}/issuetypes/{id}: what creating such an issue takes and requires, in pages."""
    if call.request.path_params["kind"] not in ISSUE_TYPES:
        raise not_found("The issue type could not be found.")
    project = call.state.shown_project(call.request.path_params["project"])
    screen = {"project": True, "issuetype": True, "reporter": True, **project.screen}
    start, size = _number(call, "startAt", 0), min(_number(call, "maxResults", 50), call.state.page_limit)
    names = list(screen)[start : start + size]
    shown = [{**call.view.field(name, required=screen[name]), "hasDefaultValue": name == "reporter"} for name in names]
    paging = {"startAt": start, "maxResults": size, "total": len(screen)}
    return JSONResponse({**paging, _named(call, "fields"): shown})


def _permission(call: Call, key: str) -> dict[str, object]:
    number, name = PERMISSIONS[key]
    have = key not in call.state.withheld
    return {"id": number, "key": key, "name": name, "type": "PROJECT", "description": name, "havePermission": have}


def _statuses(project: Project) -> list[Status]:
    """The first status of every workflow, and wherever its transitions lead."""
    found = {status.id: status for status in (TO_DO, *(step.to for step in project.transitions))}
    return list(found.values())


def _number(call: Call, name: str, usual: int) -> int:
    text = call.request.query_params.get(name) or str(usual)
    if not text.isdecimal():
        raise Problem(400, [f"'{name}' is not a number."])
    return int(text)


def _named(call: Call, cloud: str) -> str:
    """Cloud names what its pages hold; Data Center calls everything values."""
    return cloud if call.view.is_cloud else "values"
