"""The sandbox's Jira over HTTP: one function for each thing that a client may ask about issues."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.jira.fields import (
    Invalid,
    checked,
    checked_edit,
    checked_new,
    checked_properties,
    checked_text,
    checked_transition,
    comment_in,
)
from sandbox.jira.problems import Problem, not_found
from sandbox.jira.state import Account, Issue, JiraState
from sandbox.jira.views import View
from sandbox.jira.workflow import LINK_TYPES

_PROPERTY_LIMIT = 32_768


@dataclass(frozen=True, slots=True)
class Call:
    """One request of somebody who is signed in."""

    request: Request
    state: JiraState
    view: View
    actor: Account
    body: object = None

    @property
    def issue(self) -> Issue:
        """The issue that the path names. Raises a 404."""
        return self.state.shown_issue(self.request.path_params["issue"])

    def words(self, name: str) -> list[str]:
        """A query parameter that may be repeated or hold several words between commas."""
        given = self.request.query_params.getlist(name)
        return [word for text in given for word in text.split(",") if word]

    @property
    def order(self) -> Mapping[str, object]:
        """The body, which must be an object. Raises a 400."""
        if not isinstance(self.body, dict):
            raise Problem(400, ["Invalid request payload. Refer to the REST API documentation and try again."])
        return self.body


def create_issue(call: Call) -> Response:
    """POST /issue."""
    project, kind, fields = checked_new(call.state, call.body, call.view.version)
    if "CREATE_ISSUES" in call.state.withheld:
        raise Problem(400, errors={"project": "You do not have permission to create issues in this project."})
    issue = call.state.create(project, kind, fields, checked_properties(call.body), call.actor)
    return JSONResponse(call.view.reference(issue), 201)


def read_issue(call: Call) -> Response:
    """GET /issue/{id or key}: an old key of a moved issue leads to it as well."""
    fields = call.words("fields") or ["*all"]
    changelog = "changelog" in call.words("expand")
    return JSONResponse(call.view.issue(call.issue, fields, call.words("properties"), changelog=changelog))


def edit_issue(call: Call) -> Response:
    """PUT /issue/{id or key}."""
    screen = call.issue.project.screen.keys() - call.state.off_edit_screens
    fields, changes = checked_edit(call.issue, call.body, call.view.version, screen)
    properties = checked_properties(call.body)
    comment = comment_in(call.order)
    body = None if comment is None else _text(call, comment)
    issue = call.state.edit(call.issue, call.actor, changes, fields=fields)
    if properties:
        issue = call.state.write_silently(issue, properties={**issue.properties, **properties})
    if body is not None:
        call.state.add_comment(issue, body, call.actor)
    return Response(status_code=204)


def delete_issue(call: Call) -> Response:
    """DELETE /issue/{id or key}."""
    call.state.delete(call.issue, call.actor)
    return Response(status_code=204)


def list_transitions(call: Call) -> Response:
    """GET /issue/{id or key}/transitions."""
    issue = call.issue
    expanded = "transitions.fields" in call.words("expand")
    steps = issue.project.transitions_from(issue.status)
    shown = [call.view.transition(step, fields=expanded) for step in steps]
    return JSONResponse({"expand": "transitions", "transitions": shown})


def perform_transition(call: Call) -> Response:
    """POST /issue/{id or key}/transitions: fields, resolution and comment only where the screen takes them."""
    issue = call.issue
    wanted = call.order.get("transition")
    wanted_id = str(wanted.get("id")) if isinstance(wanted, dict) else ""
    steps = {step.id: step for step in issue.project.transitions_from(issue.status)}
    if wanted_id not in steps:
        raise Problem(400, [f"Transition id '{wanted_id}' is not valid for this issue."])
    resolution, comment, fields = checked_transition(issue, steps[wanted_id], call.order)
    good, errors = checked(fields, fields, call.view.version)
    if errors:
        raise Problem(400, errors=errors)
    body = None if comment is None else _text(call, comment)
    moved = call.state.transition(issue, steps[wanted_id], resolution, call.actor, fields={**issue.fields, **good})
    if body is not None:
        call.state.add_comment(moved, body, call.actor)
    return Response(status_code=204)


def list_comments(call: Call) -> Response:
    """GET /issue/{id or key}/comment: oldest first, unless `orderBy` says otherwise."""
    issue, params = call.issue, call.request.query_params
    comments = list(issue.comments)
    if params.get("orderBy") == "-created":
        comments.reverse()
    start = int(params.get("startAt", 0))
    page = comments[start : start + int(params.get("maxResults", len(comments)))]
    shown = [call.view.comment(comment, issue) for comment in page]
    return JSONResponse({"startAt": start, "maxResults": len(shown), "total": len(comments), "comments": shown})


def add_comment(call: Call) -> Response:
    """POST /issue/{id or key}/comment: with properties, and for a group or a role alone where the body says so."""
    issue, visibility = call.issue, call.order.get("visibility")
    if visibility is not None and not isinstance(visibility, dict):
        raise Problem(400, ["Invalid request payload. Refer to the REST API documentation and try again."])
    text, properties = _text(call, call.order.get("body")), checked_properties(call.body)
    comment = call.state.add_comment(issue, text, call.actor, properties, visibility)
    return JSONResponse(call.view.comment(comment, issue), 201)


def read_comment_property(call: Call) -> Response:
    """GET /comment/{id}/properties/{key}."""
    key = call.request.path_params["key"]
    comment = call.state.comment(call.request.path_params["comment"])
    if key not in comment.properties:
        raise not_found(f"The property with key '{key}' does not exist.")
    return JSONResponse({"key": key, "value": comment.properties[key]})


def link_issues(call: Call) -> Response:
    """POST /issueLink: the answer is empty.

    The same link again is answered like a new one, and is none; from the other end it is another link.
    """
    _check_linking(call)
    named, ends = call.order.get("type"), [call.order.get("inwardIssue"), call.order.get("outwardIssue")]
    if not isinstance(named, dict) or named.get("name") not in LINK_TYPES - call.state.without_link_types:
        name = named.get("name") if isinstance(named, dict) else None
        raise not_found(f"No issue link type with name '{name}' found.")
    if "LINK_ISSUES" in call.state.withheld:
        raise Problem(401, ["No Link Issue Permission for issue"])
    inward, outward = (
        call.state.shown_issue(str(end.get("id") or end.get("key"))) for end in ends if isinstance(end, dict)
    )
    kind = str(named["name"])
    if ("inward", kind, inward.id) not in outward.related:
        call.state.write_silently(outward, related=(*outward.related, ("inward", kind, inward.id)))
        call.state.write_silently(inward, related=(*inward.related, ("outward", kind, outward.id)))
    return Response(status_code=201)


def list_link_types(call: Call) -> Response:
    """GET /issueLinkType."""
    _check_linking(call)
    names = sorted(LINK_TYPES - call.state.without_link_types)
    types = [{"id": str(10_000 + number), "name": name} for number, name in enumerate(names)]
    return JSONResponse({"issueLinkTypes": types})


def _check_linking(call: Call) -> None:
    """Raises a 404 where an administrator has switched issue linking off."""
    if not call.state.linking:
        raise not_found("Issue linking is currently disabled.")


def list_remote_links(call: Call) -> Response:
    """GET /issue/{id or key}/remotelink, all or the one with a `globalId`."""
    links = call.issue.links
    if wanted := call.request.query_params.get("globalId"):
        if wanted not in links:
            raise not_found("No remote issue link with the global id could be found.")
        return JSONResponse(links[wanted])
    return JSONResponse(list(links.values()))


def put_remote_link(call: Call) -> Response:
    """POST /issue/{id or key}/remotelink: the same `globalId` again replaces the link."""
    issue, target = call.issue, call.order.get("object")
    if "LINK_ISSUES" in call.state.withheld:
        raise Problem(403, [f"No Link Issue Permission for issue '{issue.key}'"])
    errors = {
        name: f"'{name}' is required."
        for name in ("url", "title")
        if not isinstance(target, dict) or not target.get(name)
    }
    if errors:
        raise Problem(400, errors=errors)
    name = str(call.order.get("globalId") or call.state.next_id())
    known = issue.links.get(name)
    number = known["id"] if known else int(call.state.next_id())
    link = {"id": number, "self": call.view.url(f"issue/{issue.id}/remotelink/{number}"), **call.order}
    call.state.write_silently(issue, links={**issue.links, name: {**link, "globalId": name}})
    return JSONResponse({"id": number, "self": link["self"]}, 200 if known else 201)


def list_properties(call: Call) -> Response:
    """GET /issue/{id or key}/properties."""
    issue = call.issue
    address = call.view.url(f"issue/{issue.id}/properties")
    return JSONResponse({"keys": [{"self": f"{address}/{key}", "key": key} for key in issue.properties]})


def read_property(call: Call) -> Response:
    """GET /issue/{id or key}/properties/{key}."""
    key = call.request.path_params["key"]
    issue = call.issue
    if key not in issue.properties:
        raise not_found(f"The property with key '{key}' does not exist.")
    return JSONResponse({"key": key, "value": issue.properties[key]})


async def put_property(call: Call) -> Response:
    """PUT /issue/{id or key}/properties/{key}."""
    key, issue = call.request.path_params["key"], call.issue
    if len(await call.request.body()) > _PROPERTY_LIMIT:
        raise Problem(400, ["The property value is too long."])
    known = key in issue.properties
    call.state.write_silently(issue, properties={**issue.properties, key: call.body})
    return Response(status_code=200 if known else 201)


def _text(call: Call, value: object) -> str:
    try:
        text = checked_text(value, call.view.version)
    except Invalid as invalid:
        raise Problem(400, errors={"comment": str(invalid)}) from None
    if not text.strip():
        raise Problem(400, errors={"comment": "Comment body can not be empty!"})
    return text


def with_body(call: Call, body: object) -> Call:
    """The call with its parsed body."""
    return replace(call, body=body)
