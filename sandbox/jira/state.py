"""What the sandbox's Jira remembers: issues as values that never change, so that the search may look at older ones."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sandbox.jira.limits import JiraLimits
from sandbox.jira.problems import Problem, not_found
from sandbox.jira.workflow import ISSUE_TYPES, PROJECTS, TO_DO, Project, Status, Transition


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in, with e-mail (or name) and token, or with the token alone. `zone` is for their JQL.

    `kind` is Cloud's accountType: a person's (atlassian) or an app's.
    """

    account_id: str
    name: str
    email: str
    token: str = field(repr=False)
    zone: str = "UTC"
    kind: str = "atlassian"


SERVICE = Account("service-remedy", "remedy", "remedy@example.org", "test-only-jira-token", "America/New_York")
PERSON = Account("person-priya", "priya", "priya@example.org", "test-only-priya-token", "America/Los_Angeles")

APP = Account("app-automation", "automation", "automation@example.org", "test-only-app-token", kind="app")

BROWSE = "BROWSE_PROJECTS"
"""The permission to see a project and its issues. Creating issues is another one, which needs it not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change inside a history entry. `before` and `after` are (id, text) as Jira shows them."""

    field: str
    before: tuple[str | None, str | None]
    after: tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class History:
    """One entry of the changelog."""

    id: str
    author: Account
    at: float
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; the body is kept as plain text (wiki markup). `visibility` names the group or role that may read it.

    Whether customers of a service project may is in one of its properties.
    """

    id: str
    author: Account
    at: float
    body: str
    properties: Mapping[str, object] = field(default_factory=dict)
    visibility: Mapping[str, object] | None = None

    @property
    def is_internal(self) -> bool:
        """Whether only those who work on the requests of a service project may read it."""
        value = self.properties.get("sd.public.comment")
        return isinstance(value, Mapping) and value.get("internal") is True


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file on an issue."""

    id: str
    name: str
    author: Account
    at: float
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue at one moment. `fields` are the plain ones (summary, description, labels, …) as version 2 shows them.

    `related` are its links to other issues: at which end the other one is, the link's type, the other one's id.
    """

    id: str
    key: str
    project: Project
    type_id: str
    status: Status
    reporter: Account
    created: float
    updated: float
    fields: Mapping[str, object]
    resolution: tuple[str, str] | None = None
    resolved_at: float | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    links: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    histories: tuple[History, ...] = ()
    related: tuple[tuple[str, str, str], ...] = ()
    files: tuple[AttachedFile, ...] = ()

    @property
    def type_name(self) -> str:
        """The issue type's name."""
        return ISSUE_TYPES[self.type_id]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, as they were written."""
        labels = self.fields.get("labels")
        return tuple(str(label) for label in labels) if isinstance(labels, list | tuple) else ()


@dataclass(frozen=True, slots=True)
class Happening:
    """What a webhook tells: an event's name, who did it, the issue, and what changed or was said."""

    event: str
    actor: Account
    at: float
    issue: Issue
    changes: tuple[Change, ...] = ()
    comment: Comment | None = None


class JiraState:
    """Every issue with all its versions, found by id, by key and by every key that it ever had."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        deployment: str,
        search_lag: float,
        accounts: tuple[Account, ...] = (SERVICE, PERSON, APP),
    ) -> None:
        self.clock = clock
        self.deployment = deployment
        self.search_lag = search_lag
        self.base_url = ""
        self.locked = False
        self.page_limit = 100
        self.withheld: frozenset[str] = frozenset()
        self.linking = True
        self.without_link_types: frozenset[str] = frozenset()
        self.attachment_limit: int | None = 10 * 1024 * 1024
        self.off_edit_screens: frozenset[str] = frozenset()
        self.unassignable: frozenset[str] = frozenset()
        self.expired: frozenset[str] = frozenset()
        self.keeps_resolution = False
        self.limits = JiraLimits()
        self.accounts = accounts
        self.projects: Mapping[str, Project] = MappingProxyType({project.key: project for project in PROJECTS})
        self.listeners: list[Callable[[Happening], None]] = []
        self._versions: dict[str, list[tuple[float, Issue | None]]] = {}
        self._ids_by_key: dict[str, str] = {}
        self._ids_by_label: dict[str, set[str]] = {}
        self._numbers: dict[str, itertools.count[int]] = {key: itertools.count(1) for key in self.projects}
        self._ids = itertools.count(10001)

    @property
    def is_cloud(self) -> bool:
        """Whether this is a Cloud site rather than a Data Center instance."""
        return self.deployment == "cloud"

    def begin_again(self) -> None:
        """Every issue is gone, and ids and keys begin again, as on a site that was set up anew."""
        self._versions.clear()
        self._ids_by_key.clear()
        self._ids_by_label.clear()
        self._numbers = {key: itertools.count(1) for key in self.projects}
        self._ids = itertools.count(10001)

    def next_id(self) -> str:
        """An id that nothing else has."""
        return str(next(self._ids))

    def issue(self, id_or_key: str) -> Issue:
        """The issue as it is now, by id or by any key it ever had. Raises a 404."""
        versions = self._versions.get(self._ids_by_key.get(id_or_key.upper(), id_or_key), [])
        if not versions or versions[-1][1] is None:
            raise not_found()
        return versions[-1][1]

    def shown_issue(self, id_or_key: str) -> Issue:
        """As `issue`, for somebody who asks: where nobody may browse, no issue is there. Raises a 404."""
        if BROWSE in self.withheld:
            raise not_found()
        return self.issue(id_or_key)

    def shown_project(self, key_or_id: str) -> Project:
        """As `project`, for somebody who asks: nobody sees one that they may not browse. Raises a 404."""
        if BROWSE in self.withheld:
            raise _no_project(key_or_id)
        return self.project(key_or_id)

    def browsed_projects(self) -> list[Project]:
        """Every project that one may browse."""
        return [] if BROWSE in self.withheld else list(self.projects.values())

    def issues(self) -> list[Issue]:
        """Every issue that exists now, oldest first."""
        return [issue for versions in self._versions.values() if (issue := versions[-1][1])]

    def indexed(self, labels: Iterable[str] | None = None) -> list[Issue]:
        """Every issue as the search shows it: late by `search_lag` seconds, and none where nobody may browse.

        With `labels` (lower case) at least those that have one of them: some may have lost it since.
        """
        if BROWSE in self.withheld:
            return []
        horizon = self.clock() - self.search_lag
        found = []
        for versions in self._versions_with(labels):
            seen = bisect_right(versions, horizon, key=lambda version: version[0])
            issue = versions[seen - 1][1] if seen else None
            found += [issue] if issue else []
        return found

    def create(
        self,
        project: Project,
        type_id: str,
        fields: Mapping[str, object],
        properties: Mapping[str, object],
        actor: Account,
    ) -> Issue:
        """A new issue in the workflow's first status."""
        now = self.clock()
        key = self._next_key(project)
        issue = Issue(self.next_id(), key, project, type_id, TO_DO, actor, now, now, fields, properties=properties)
        self._ids_by_key[key] = issue.id
        self._versions[issue.id] = []
        self._keep(issue)
        self._tell(Happening("jira:issue_created", actor, now, issue))
        return issue

    def edit(self, issue: Issue, actor: Account, changes: tuple[Change, ...], **new: object) -> Issue:
        """The issue with some attributes replaced, with what changed in its history. No change: nothing written."""
        if not changes:
            return issue
        now = self.clock()
        history = History(self.next_id(), actor, now, changes)
        edited = replace(issue, updated=now, histories=(*issue.histories, history), **new)  # type: ignore[arg-type]  # names and values come from this package only
        self._keep(edited)
        self._tell(Happening("jira:issue_updated", actor, now, edited, changes))
        return edited

    def transition(
        self, issue: Issue, step: Transition, resolution: tuple[str, str] | None, actor: Account, **new: object
    ) -> Issue:
        """Take the issue along an arrow; leaving the done statuses clears the resolution, unless it is kept there."""
        done = step.to.category == "done"
        final = (resolution or issue.resolution) if done or self.keeps_resolution else None
        at = self.clock() if final and not issue.resolution else issue.resolved_at
        changes = [Change("status", (issue.status.id, issue.status.name), (step.to.id, step.to.name))]
        if final != issue.resolution:
            changes.append(Change("resolution", issue.resolution or (None, None), final or (None, None)))
        news = {"status": step.to, "resolution": final, "resolved_at": at if final else None, **new}
        return self.edit(issue, actor, tuple(changes), **news)

    def move(self, issue: Issue, project_key: str, actor: Account) -> Issue:
        """Another project: the key changes, the id does not, the old key still leads here. Raises a 404."""
        project = self.projects.get(project_key)
        if project is None:
            raise not_found("No project could be found with key '" + project_key + "'.")
        key = self._next_key(project)
        self._ids_by_key[key] = issue.id
        changes = (
            Change("project", (issue.project.id, issue.project.name), (project.id, project.name)),
            Change("Key", (None, issue.key), (None, key)),
        )
        return self.edit(issue, actor, changes, project=project, key=key)

    def write_silently(self, issue: Issue, **new: object) -> Issue:
        """Replace what has no history here: properties, remote links and files."""
        edited = replace(issue, updated=self.clock(), **new)  # type: ignore[arg-type]  # as in edit()
        self._keep(edited)
        return edited

    def add_comment(
        self,
        issue: Issue,
        body: str,
        actor: Account,
        properties: Mapping[str, object] | None = None,
        visibility: Mapping[str, object] | None = None,
    ) -> Comment:
        """A comment at the end of the issue's list."""
        comment = Comment(self.next_id(), actor, self.clock(), body, properties or {}, visibility)
        commented = self.write_silently(issue, comments=(*issue.comments, comment))
        self._tell(Happening("comment_created", actor, comment.at, commented, comment=comment))
        return comment

    def comment(self, comment_id: str) -> Comment:
        """The comment with this id, of whichever issue. Raises a 404."""
        for issue in self.issues():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return comment
        raise not_found(f"Can not find a comment for the id: {comment_id}.")

    def delete(self, issue: Issue, actor: Account) -> None:
        """The issue exists no more; the search finds it until its index has caught up."""
        now = self.clock()
        self._versions[issue.id].append((now, None))
        self._tell(Happening("jira:issue_deleted", actor, now, issue))

    def account_of(self, name: str | None, token: str) -> Account | None:
        """Who signs in with this token, and with this e-mail address (Data Center: name) where one is given."""
        for account in self.accounts:
            known_as = account.email if self.is_cloud else account.name
            if token and account.token == token and name in {None, known_as}:
                return account if account.account_id not in self.expired else None
        return None

    def project(self, key_or_id: str) -> Project:
        """The project by key or id. Raises a 404."""
        for project in self.projects.values():
            if key_or_id in {project.key, project.id}:
                return project
        raise _no_project(key_or_id)

    def _versions_with(self, labels: Iterable[str] | None) -> Iterable[list[tuple[float, Issue | None]]]:
        if labels is None:
            return self._versions.values()
        ids = set().union(*(self._ids_by_label.get(label, ()) for label in labels))
        return [self._versions[issue_id] for issue_id in ids]

    def _next_key(self, project: Project) -> str:
        return f"{project.key}-{next(self._numbers[project.key])}"

    def _keep(self, issue: Issue) -> None:
        for label in issue.labels:
            self._ids_by_label.setdefault(label.lower(), set()).add(issue.id)
        versions = self._versions[issue.id]
        versions.append((issue.updated, issue))
        seen = bisect_right(versions, self.clock() - self.search_lag, key=lambda version: version[0])
        del versions[: max(seen - 1, 0)]

    def _tell(self, happening: Happening) -> None:
        for listener in self.listeners:
            listener(happening)


def _no_project(key_or_id: str) -> Problem:
    return Problem(404, [f"No project could be found with key '{key_or_id}'."])
