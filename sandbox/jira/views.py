"""The sandbox's Jira as JSON and as a page: how issues, changes, comments and transitions are shown."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from sandbox.jira.adf import document_of
from sandbox.jira.state import Account, AttachedFile, Change, Comment, History, Issue
from sandbox.jira.workflow import (
    CATEGORIES,
    FIELD_NAMES,
    PRIORITIES,
    RESOLUTIONS,
    SECURITY_LEVELS,
    UNDER_UPDATE,
    Project,
    Status,
    Transition,
)

Json = dict[str, object]

_SCHEMA_TYPES = {"resolution": "resolution", "priority": "priority", "security": "securitylevel", "reporter": "user"}
"""What kind of value a field holds, where that is no text."""


def when(at: float | None) -> str | None:
    """A time as Jira writes it: milliseconds, and an offset without a colon."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


@dataclass(frozen=True, slots=True)
class View:
    """How one API shows things: its address, its version (2 or 3), and whether it is Cloud's."""

    base: str
    version: str
    is_cloud: bool

    def url(self, path: str) -> str:
        """The address of something in this API."""
        return f"{self.base}/rest/api/{self.version}/{path}"

    def text(self, text: object) -> object:
        """A text: as it is in version 2, as a document in version 3."""
        return document_of(text) if isinstance(text, str) and self.version == "3" else text

    def account(self, account: Account) -> Json:
        """A user: an account id on Cloud, a name and a key on Data Center."""
        name: Json = {"displayName": account.name.title(), "active": True, "timeZone": account.zone}
        if self.is_cloud:
            return {"accountId": account.account_id, "accountType": account.kind, "emailAddress": account.email, **name}
        return {"name": account.name, "key": account.account_id, "emailAddress": account.email, **name}

    def status(self, status: Status) -> Json:
        """A status with its category."""
        number, name = CATEGORIES[status.category]
        category = {"id": number, "key": status.category, "colorName": "default", "name": name}
        return {
            "self": self.url(f"status/{status.id}"),
            "id": status.id,
            "name": status.name,
            "statusCategory": category,
        }

    def project(self, project: Project) -> Json:
        """A project."""
        named = {"id": project.id, "key": project.key, "name": project.name}
        return {"self": self.url(f"project/{project.id}"), **named, "projectTypeKey": "software"}

    def reference(self, issue: Issue) -> Json:
        """An issue's id, key and address."""
        return {"id": issue.id, "key": issue.key, "self": self.url(f"issue/{issue.id}")}

    def issue(
        self,
        issue: Issue,
        fields: Collection[str],
        properties: Collection[str] = (),
        *,
        changelog: bool = False,
    ) -> Json:
        """An issue with the fields and properties that were asked for (`*all` for every one)."""
        every = self._fields(issue)
        shown = {name: value for name, value in every.items() if "*all" in fields or name in fields}
        found = {key: value for key, value in issue.properties.items() if key in properties or "*all" in properties}
        answer: Json = {"expand": "", **self.reference(issue)}
        answer |= {"fields": shown} if fields else {}
        answer |= {"properties": found} if properties else {}
        answer |= {"changelog": self.changelog(issue.histories)} if changelog else {}
        return answer

    def changelog(self, histories: Sequence[History]) -> Json:
        """The changelog inside an issue: Cloud shows the latest 100, newest first; Data Center all, oldest first."""
        entries = list(reversed(histories))[:100] if self.is_cloud else list(histories)
        shown = [self._history(history) for history in entries]
        return {"startAt": 0, "maxResults": len(shown), "total": len(histories), "histories": shown}

    def comment(self, comment: Comment, issue: Issue) -> Json:
        """A comment. Only Cloud says beside it whether customers may read it; its properties have to be asked for."""
        shown: Json = {
            "self": self.url(f"issue/{issue.id}/comment/{comment.id}"),
            "id": comment.id,
            "author": self.account(comment.author),
            "body": self.text(comment.body),
            "created": when(comment.at),
            "updated": when(comment.at),
        }
        shown |= {"jsdPublic": not comment.is_internal} if self.is_cloud else {}
        return shown | ({"visibility": dict(comment.visibility)} if comment.visibility else {})

    def file(self, file: AttachedFile) -> Json:
        """A file on an issue, without what is in it."""
        return {
            "self": self.url(f"attachment/{file.id}"),
            "id": file.id,
            "filename": file.name,
            "author": self.account(file.author),
            "created": when(file.at),
            "size": len(file.content),
            "mimeType": "application/octet-stream",
            "content": self.url(f"attachment/content/{file.id}"),
        }

    def transition(self, step: Transition, *, fields: bool) -> Json:
        """A transition; the fields of its screen where they are asked for. A comment is never among them."""
        shown: Json = {"id": step.id, "name": step.name, "to": self.status(step.to)}
        if self.is_cloud:
            shown |= {"hasScreen": step.screen is not None, "isGlobal": not step.sources, "isAvailable": True}
        if fields:
            screen = step.screen or {}
            shown["fields"] = {name: self.field(name, required=required) for name, required in screen.items()}
        return shown

    def field(self, name: str, *, required: bool) -> Json:
        """What a screen says of a field."""
        shown: Json = {
            "required": required,
            "name": FIELD_NAMES[name],
            "key": name,
            "fieldId": name,
            "hasDefaultValue": False,
            "operations": ["add"] if name in UNDER_UPDATE else ["set"],
            "schema": {"type": _SCHEMA_TYPES.get(name, "string")},
        }
        choices = {"resolution": RESOLUTIONS, "priority": PRIORITIES, "security": SECURITY_LEVELS}.get(name)
        if choices:
            shown["allowedValues"] = [{"id": key, "name": choice} for key, choice in choices.items()]
        return shown

    def change(self, change: Change) -> Json:
        """One field's change."""
        shown: Json = {
            "field": change.field,
            "fieldtype": "custom" if change.field.startswith("customfield") else "jira",
            "from": change.before[0],
            "fromString": change.before[1],
            "to": change.after[0],
            "toString": change.after[1],
        }
        return {**shown, "fieldId": change.field} if self.is_cloud else shown

    def _history(self, history: History) -> Json:
        return {
            "id": history.id,
            "author": self.account(history.author),
            "created": when(history.at),
            "items": [self.change(change) for change in history.changes],
        }

    def _fields(self, issue: Issue) -> Json:
        comments = [self.comment(comment, issue) for comment in issue.comments]
        resolution = issue.resolution and {"id": issue.resolution[0], "name": issue.resolution[1]}
        return {
            **_EMPTY_FIELDS,
            **issue.fields,
            "description": self.text(issue.fields.get("description")),
            "labels": list(issue.labels),
            "project": self.project(issue.project),
            "issuetype": {"id": issue.type_id, "name": issue.type_name, "subtask": False},
            "status": self.status(issue.status),
            "resolution": resolution,
            "resolutiondate": when(issue.resolved_at),
            "created": when(issue.created),
            "updated": when(issue.updated),
            "reporter": self.account(issue.reporter),
            "creator": self.account(issue.reporter),
            "issuelinks": [
                {"type": {"name": kind}, f"{end}Issue": {"id": other}} for end, kind, other in issue.related
            ],
            "attachment": [self.file(each) for each in issue.files],
            "comment": {"comments": comments, "startAt": 0, "maxResults": len(comments), "total": len(comments)},
        }


_EMPTY_FIELDS = MappingProxyType({name: None for name in FIELD_NAMES if name.startswith("customfield_")})
"""The site's own fields are null on every issue that has them and on which nobody has filled them in."""
