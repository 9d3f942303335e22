"""Links from an issue to a ticket of another case: an issue link on this site, a remote link to anywhere else."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from remediation.domain.cases.records import Link
from remediation.domain.errors import NotFound, Refused, TryLater
from remediation.domain.tickets import Draft
from remediation.trackers.jira.answers import Sent, objects, understood
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.jira.issues import checked_id, issue_link, issue_link_of, link_of
from remediation.trackers.jira.text import one_line
from remediation.trackers.threads import Threads, answer_of

_LINKS: Final = "issuelinks"
_LINK_SECONDS = 3
"""Seconds for the links of a new issue, which are optional: it must be stored soon."""
_LONGEST_GLOBAL_ID = 255
_ENDS = ("inwardIssue", "outwardIssue")


class _LinkFields(Sent):
    """The links of an issue, as far as our account may see the issues at their other ends."""

    links: Annotated[tuple[dict[str, Any], ...], BeforeValidator(objects)] = Field(default=(), alias=_LINKS)


class _LinkedIssue(Sent):
    """An issue of which only the links were asked for."""

    fields: _LinkFields

    def has_link_to(self, issue_id: str) -> bool:
        """Whether it is linked with this issue, by whatever type and in whatever direction."""
        ends = [each.get(end) for each in self.fields.links for end in _ENDS]
        return any(isinstance(end, dict) and end.get("id") == issue_id for end in ends)


class IssueRelations:
    """The links of one site; `address` is the site's, which several trackers may have."""

    def __init__(self, system: str, address: str, threads: Threads[JiraClient]) -> None:
        self._system = system
        self._address = address
        self._threads = threads

    async def link_new(self, issue_id: str, draft: Draft) -> None:
        """Link a new issue to the case's page and to the issue that it follows, both at once, if that can be soon."""
        page, before = link_of(draft), issue_link_of(draft, issue_id)
        works = [lambda client: client.link(issue_id, page)] if page else []
        works += [lambda client: client.relate(before)] if before else []
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINK_SECONDS):
                await asyncio.gather(*(answer_of(self._threads.call(work)) for work in works))

    async def relate(self, issue_id: str, other: Link) -> None:
        """Link the issue with another one of this site, unless anybody has done so; or else set a remote link.

        Jira says 404 where links are switched off, or their type was deleted, and 401 for a permission that we lack:
        Refused is raised where we are signed in all the same.
        """
        checked_id(self._system, issue_id)
        try:
            await self._link(issue_id, other)
        except NotFound as no:
            words, status, request_id = no.words, no.status, no.request_id
        except TryLater as later:
            if later.status != HTTPStatus.UNAUTHORIZED:
                raise
            await self._threads.call(JiraClient.myself)
            words, status, request_id = later.words, later.status, later.request_id
        else:
            return
        raise Refused(self._system, words, status=status, request_id=request_id)

    async def _link(self, issue_id: str, other: Link) -> None:
        if other.tracker != self._system and not other.url.startswith(f"{self._address}/"):
            page = remote_link_of(other)
            await self._threads.call(lambda client: client.link(issue_id, page))
            return
        checked_id(self._system, other.ticket_id)
        answer = await self._threads.call(lambda client: client.look(f"issue/{issue_id}", fields=_LINKS))
        if not understood(self._system, _LinkedIssue, answer).has_link_to(other.ticket_id):
            body = issue_link(other.ticket_id, issue_id)
            await self._threads.call(lambda client: client.relate(body))


def remote_link_of(other: Link) -> dict[str, object]:
    """The remote link to a ticket elsewhere: its key and address, nothing more. Sent again, it replaces itself."""
    return {
        "globalId": other.url[:_LONGEST_GLOBAL_ID],
        "application": {"type": "remedy", "name": "remedy"},
        "relationship": "relates to",
        "object": {"url": other.url, "title": one_line(other.ticket_key)},
    }
