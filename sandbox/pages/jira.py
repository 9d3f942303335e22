"""The sandbox's Jira for people: a list of all issues, and a page of each, where whoever has signed in works on it.

A person may do what Jira's own pages let them: take the arrows of the workflow, and comment. The pages change issues
through the same checks as the API, and webhooks tell of it in the same way.
"""

from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.jira.fields import checked, checked_transition
from sandbox.jira.problems import Problem
from sandbox.jira.state import PERSON, Account, Issue, JiraState
from sandbox.jira.views import when
from sandbox.jira.workflow import FIELD_NAMES, RESOLUTIONS, UNDER_UPDATE, Transition
from sandbox.pages.html import Field, Layout, Visitors, facts, form, link, posted, said, see_other, table, text

_LAYOUT = Layout("Jira", "/login.jsp", "/logout.jsp")
_PEOPLE = frozenset({PERSON.account_id})
_RESOLUTION_CHOICES = [("", "(none)"), *((name, name) for name in RESOLUTIONS.values())]

_Deed = Callable[[Issue, Mapping[str, str], Account], None]


class JiraPages:
    """The pages over one Jira's memory. Only people sign in to them: neither the integration nor an app."""

    def __init__(self, state: JiraState) -> None:
        self._state = state
        self._visitors = Visitors(_LAYOUT, self._person, lambda account: account.name)

    def routes(self) -> list[Route]:
        """Every page."""
        return [
            Route("/", self.list_issues),
            Route(_LAYOUT.sign_in, self._visitors.sign_in, methods=["GET", "POST"]),
            Route(_LAYOUT.sign_out, self._visitors.sign_out, methods=["POST"]),
            Route("/browse/{key}", self.show, methods=["GET"]),
            Route("/browse/{key}/transition", self.move, methods=["POST"]),
            Route("/browse/{key}/comment", self.comment, methods=["POST"]),
        ]

    async def list_issues(self, request: Request) -> Response:
        """All issues, the newest first."""
        rows = [
            (
                link(f"/browse/{issue.key}", issue.key),
                text(issue.fields.get("summary", "")),
                text(issue.status.name),
                text(_resolution(issue)),
                text(when(issue.updated)),
            )
            for issue in reversed(self._state.issues())
        ]
        body = table("Newest first", ("Key", "Summary", "Status", "Resolution", "Updated"), rows)
        return _LAYOUT.page("Issues", body if rows else "<p>There is no issue.</p>", who=self._visitors.name(request))

    async def show(self, request: Request) -> Response:
        """One issue; with forms for somebody who has signed in."""
        return self._shown(request)

    async def move(self, request: Request) -> Response:
        """Take an arrow of the workflow, with what its screen asks for."""
        return await self._changed(request, self._take)

    async def comment(self, request: Request) -> Response:
        """Comment."""
        return await self._changed(request, self._say)

    async def _changed(self, request: Request, change: _Deed) -> Response:
        person, sent = self._visitors.visitor(request), await posted(request)
        if person is None:
            return see_other(_LAYOUT.sign_in)
        try:
            issue = self._state.issue(request.path_params["key"])
            change(issue, sent, person)
        except Problem as problem:
            return self._shown(request, "; ".join([*problem.messages, *problem.errors.values()]))
        return see_other(f"/browse/{issue.key}")

    def _take(self, issue: Issue, sent: Mapping[str, str], person: Account) -> None:
        steps = {step.id: step for step in issue.project.transitions_from(issue.status)}
        step = steps.get(sent.get("transition", ""))
        if step is None:
            raise Problem(400, ["That is not possible any more: somebody has moved the issue."])
        order = _order(step, sent)
        resolution, _, fields = checked_transition(issue, step, order)
        good, errors = checked(fields, fields, "2")
        if errors:
            raise Problem(400, errors=errors)
        moved = self._state.transition(issue, step, resolution, person, fields={**issue.fields, **good})
        if words := sent.get(f"comment-{step.id}"):
            self._state.add_comment(moved, words, person)

    def _say(self, issue: Issue, sent: Mapping[str, str], person: Account) -> None:
        if not sent.get("comment"):
            raise Problem(400, ["The comment is empty."])
        self._state.add_comment(issue, sent["comment"], person)

    def _shown(self, request: Request, alert: str = "") -> Response:
        try:
            issue = self._state.issue(request.path_params["key"])
        except Problem as problem:
            return _LAYOUT.page("There is no such issue", "", status=problem.status)
        who = self._visitors.name(request)
        body = _described(issue) + (_forms(issue) if who else _invitation(issue))
        title = f"{issue.key} {issue.fields.get('summary', '')}"
        return _LAYOUT.page(title, body, who=who, status=400 if alert else 200, alert=alert)

    def _person(self, user: str, password: str) -> Account | None:
        account = self._state.account_of(None, password)
        is_theirs = account is not None and account.account_id in _PEOPLE and user in {account.email, account.name}
        return account if is_theirs else None


def _described(issue: Issue) -> str:
    values: dict[str, object] = {
        "Status": issue.status.name,
        "Resolution": _resolution(issue),
        "Type": issue.type_name,
        "Priority": _name(issue.fields.get("priority")),
        "Due date": issue.fields.get("duedate"),
        "Assignee": _name(issue.fields.get("assignee")),
        "Labels": ", ".join(issue.labels),
        "Reporter": issue.reporter.account_id,
        "Updated": when(issue.updated),
        "Description": issue.fields.get("description"),
        **{FIELD_NAMES[name]: issue.fields.get(name) for name in FIELD_NAMES if name.startswith("customfield_")},
    }
    comments = [(f"{each.author.account_id}, {when(each.at)}", each.body) for each in issue.comments]
    return f"{facts('Details', values)}<h2>Comments</h2>{said(comments, 'Nobody has commented.')}"


def _forms(issue: Issue) -> str:
    made = "".join(_step_form(issue, step) for step in issue.project.transitions_from(issue.status))
    own = form(f"/browse/{issue.key}/comment", "Comment", [Field("comment", "Comment", lines=True)], "Comment")
    return f"<h2>Work on it</h2>{made}{own}"


def _step_form(issue: Issue, step: Transition) -> str:
    hidden = {"transition": step.id}
    action = f"/browse/{issue.key}/transition"
    return form(action, f"{step.name} (to {step.to.name})", _step_fields(step), f"Move to {step.to.name}", hidden)


def _step_fields(step: Transition) -> Iterator[Field]:
    """Fields by names that are unique on the page; `_order` takes the arrow's id away again."""
    for name in step.screen or {}:
        required = name in step.demanded
        if name == "resolution":
            yield Field(f"resolution-{step.id}", "Resolution", choices=_RESOLUTION_CHOICES, is_required=required)
        elif name == "worklog":
            yield Field(f"worklog-{step.id}", "Time spent, such as 1h", is_required=required)
        elif name not in UNDER_UPDATE:
            yield Field(f"{name}-{step.id}", FIELD_NAMES[name], is_required=required)
    yield Field(f"comment-{step.id}", "Comment", lines=True, is_required="comment" in step.demanded)


def _order(step: Transition, sent: Mapping[str, str]) -> dict[str, object]:
    """What the form of an arrow says, in the words of the API."""
    given = {name.removesuffix(f"-{step.id}"): value for name, value in sent.items() if name.endswith(f"-{step.id}")}
    fields: dict[str, object] = {name: value for name, value in given.items() if value and name not in UNDER_UPDATE}
    if "resolution" in fields:
        fields["resolution"] = {"name": fields["resolution"]}
    update: dict[str, object] = {}
    if given.get("worklog"):
        update["worklog"] = [{"add": {"timeSpent": given["worklog"]}}]
    if given.get("comment"):
        update["comment"] = [{"add": {"body": given["comment"]}}]
    return {"fields": fields, "update": update}


def _invitation(issue: Issue) -> str:
    return f"<p>{link(f'{_LAYOUT.sign_in}?back=/browse/{issue.key}', 'Sign in to work on it')}</p>"


def _resolution(issue: Issue) -> str:
    return issue.resolution[1] if issue.resolution else "Unresolved"


def _name(value: object) -> object:
    """What people call a value that has an id as well."""
    if not isinstance(value, Mapping):
        return value
    return value.get("name") or value.get("accountId") or value.get("id")
