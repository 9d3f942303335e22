"""The files on a Jira's issues: the compliance report of a scan, of which an issue has one."""

from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from remediation.domain.reports import Attached, ReportFile, is_attached, superseded
from remediation.trackers.jira.answers import JiraUser, Sent, objects, understood
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.jira.issues import checked_id

_FILES: Final = "attachment"


class _File(Sent):
    """A file on an issue. Who attached it is missing where that account was deleted."""

    id: str
    name: str = Field(default="", alias="filename", repr=False)
    author: JiraUser | None = None
    created: str = ""


class _FileFields(Sent):
    files: Annotated[tuple[_File, ...], BeforeValidator(objects)] = Field(default=(), alias=_FILES)


class _IssueWithFiles(Sent):
    """An issue of which only the files were asked for."""

    fields: _FileFields


class IssueAttachments:
    """The files on one tracker's issues. `ask` sends a request about an issue."""

    def __init__(self, tracker: str, ask: Callable[[Callable[[JiraClient], Any]], Awaitable[Any]]) -> None:
        self._tracker = tracker
        self._ask = ask

    async def keep(self, issue_id: str, report: ReportFile, accounts: Collection[str]) -> None:
        """Attach the report where it is not there, and then delete what it replaces.

        What is there is asked for once more after that: an earlier request, to which no answer came, may have arrived
        meanwhile. Nothing is deleted before its replacement is there.
        """
        files = await self._files(issue_id)
        if not is_attached(report, files):
            await self._ask(lambda client: client.attach(issue_id, report.name, report.content))
            files = await self._files(issue_id)
        for each in superseded(report, files, accounts):
            await self._detach(each.id)

    async def _files(self, issue_id: str) -> list[Attached]:
        checked_id(self._tracker, issue_id)
        answer = await self._ask(lambda client: client.look(f"issue/{issue_id}", fields=_FILES))
        found = sorted(understood(self._tracker, _IssueWithFiles, answer).fields.files, key=lambda each: each.created)
        return [Attached(each.id, each.name, (each.author and each.author.id) or "") for each in found]

    async def _detach(self, attachment_id: str) -> None:
        checked_id(self._tracker, attachment_id)
        await self._ask(lambda client: client.detach(attachment_id))
