"""The descriptions of a Jira's issues, in which the findings of a case that has several are listed."""

from collections.abc import Awaitable, Callable
from typing import Any

from remediation.domain.tickets import MemberList
from remediation.trackers.jira.answers import Described, understood
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.jira.issues import checked_id, with_members


class IssueDescriptions:
    """The descriptions of one tracker's issues. `ask` sends a request about an issue."""

    def __init__(self, tracker: str, ask: Callable[[Callable[[JiraClient], Any]], Awaitable[Any]]) -> None:
        self._tracker = tracker
        self._ask = ask

    async def keep_list(self, issue_id: str, members: MemberList, *, known: bool) -> bool:
        """Bring the list up to date. Returns False, and writes nothing, where a person has changed it."""
        checked_id(self._tracker, issue_id)
        answer = await self._ask(lambda client: client.look(f"issue/{issue_id}", fields="description"))
        before = understood(self._tracker, Described, answer).text
        after = with_members(before, members, known=known)
        if after is None:
            return False
        if after != before:
            await self._ask(lambda client: client.edit(issue_id, {"fields": {"description": after}}))
        return True
