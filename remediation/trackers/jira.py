"""A Jira Cloud site or Data Center instance as a tracker."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from remediation.errors import NotFound, OutsideError, Refused
from remediation.mapping.schema import JiraTracker
from remediation.tickets import ChangePage, Draft, Reason, Ticket, TicketState
from remediation.trackers.jira_answers import Account, Created, Found, Issue, Page, Transitions, understood
from remediation.trackers.jira_changes import (
    PAGE_SIZE,
    Listing,
    changes_in,
    cursor_from,
    jql_for_mark,
    listing,
    restarted,
)
from remediation.trackers.jira_client import JiraClient
from remediation.trackers.jira_issues import (
    FIELDS,
    FOUND_FIELDS,
    PROPERTY,
    Reading,
    carrying,
    checked_id,
    checked_mark,
    link_of,
    payload_of,
    transition_of,
)
from remediation.trackers.jira_text import wiki
from remediation.trackers.jira_workflow import Explored, Goal, Step, no_way, reopening, resolving
from remediation.trackers.threads import Threads

ResultT = TypeVar("ResultT")

_LINK_SECONDS = 5
"""A link to the case's page is a courtesy: the issue's own link must be remembered soon."""
_MOST_STEPS = 5
_MOST_PAGES = 20
"""Of one mark there are a few issues at most; more pages mean that something is very wrong."""


class Jira:
    """A configured Jira, on the `jira` package in threads. Each request has its own deadline.

    A comment travels inside the last transition where that has a screen: then both happen or neither. A transition
    without a screen drops comments in silence, so there it follows as a request of its own; a crash between the two
    loses the comment rather than writing it twice.
    """

    def __init__(self, name: str, config: JiraTracker, secret: str) -> None:
        self._name = name
        self._config = config
        self._reading = Reading(name, str(config.url).rstrip("/"), config.resolutions)
        self._longest = config.longest_call
        self._threads = Threads(
            name,
            lambda: JiraClient(name, config, secret),
            JiraClient.close,
            size=config.concurrency,
            deadline=self._longest.total_seconds(),
        )

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._name

    @property
    def search_horizon(self) -> timedelta:
        """How long an issue may exist before `find` sees it: the search's lag and the longest that a create takes."""
        return self._config.search_horizon + self._longest

    async def create(self, draft: Draft) -> Ticket:
        """Create an issue with its mark, as a label and a property, in the same request.

        A remote link to the case's page follows in a second one. The issue stands already, and what finds it again is
        in it: so a link that cannot be set is no failure, and nobody must look for a second issue because of it.
        """
        checked_mark(self._name, draft.mark)
        payload = payload_of(draft)
        answer = await self._threads.call(lambda client: client.create(payload))
        created = understood(self._name, Created, answer, wrote=True)
        if link := link_of(draft):
            with suppress(OutsideError, TimeoutError):
                async with asyncio.timeout(_LINK_SECONDS):
                    await self._threads.call(lambda client: client.link(created.id, link))
        return self._reading.opened(created.id, created.key, draft.mark)

    async def read(self, ticket_id: str) -> Ticket:
        """The issue by its id, which survives moves; how it was closed is asked for only where it is done."""
        try:
            return await self._ticket(await self._issue(ticket_id))
        except NotFound:
            return self._reading.gone(ticket_id)

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:  # noqa: ARG002 - Jira searches everywhere
        """Search for the mark in all projects, then read each issue by its id: a search shows old states."""
        found = await self._found(jql_for_mark(checked_mark(self._name, mark)))
        tickets = await asyncio.gather(*(self.read(issue_id) for issue_id in carrying(mark, found)))
        return tuple(ticket for ticket in tickets if ticket.state is not TicketState.GONE)

    async def resolve(self, ticket_id: str, reason: Reason, comment: str) -> Ticket:
        """Walk to a done status, with the resolution that says the reason where a screen takes one."""
        meanings = self._config.resolutions
        return await self._walk(ticket_id, Goal.DONE, resolving(reason, meanings), comment, reason)

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Walk to a status that is not done; the workflow itself clears the resolution."""
        return await self._walk(ticket_id, Goal.ACTIVE, reopening, comment, None)

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a comment."""
        checked_id(self._name, ticket_id)
        markup = wiki(text)
        await self._asked(lambda client: client.comment(ticket_id, markup))

    async def changes(self, cursor: str | None, now: datetime) -> ChangePage:
        """One page of what changed; a page whose token Jira has forgotten starts its list again."""
        place = cursor_from(cursor, now)
        try:
            return await self._changes(listing(place, now, self._config.search_horizon))
        except Refused:
            if not place.token:
                raise
        return await self._changes(listing(restarted(place), now, self._config.search_horizon))

    async def whoami(self) -> str:
        """The account's id."""
        return understood(self._name, Account, await self._threads.call(JiraClient.myself)).id or ""

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._threads.close()

    async def _asked(self, work: Callable[[JiraClient], ResultT]) -> ResultT:
        """The result of asking about an issue.

        Jira also answers 404 to somebody whom it does not know (an expired token), as if the issue were deleted. So
        before a 404 counts, we make sure that we are signed in.
        """
        try:
            return await self._threads.call(work)
        except NotFound:
            await self.whoami()
            raise

    async def _issue(self, ticket_id: str, expand: str | None = None) -> Issue:
        checked_id(self._name, ticket_id)
        answer = await self._asked(lambda client: client.issue(ticket_id, FIELDS, PROPERTY, expand))
        return understood(self._name, Issue, answer)

    async def _ticket(self, issue: Issue) -> Ticket:
        """The ticket that an issue is; the changelog is read only where it is done, for who did it and when."""
        if issue.fields.status.place.state is not TicketState.DONE:
            return self._reading.ticket(issue)
        return self._reading.ticket(await self._issue(issue.id, "changelog"))

    async def _walk(
        self,
        ticket_id: str,
        goal: Goal,
        preference: Callable[[Step], tuple[int, ...]],
        comment: str,
        reason: Reason | None,
    ) -> Ticket:
        """Step by step to a status of the goal, each step chosen from what the workflow allows at that moment."""
        issue = await self._issue(ticket_id)
        place, explored = issue.fields.status.place, Explored()
        if goal.reached(place):
            return await self._ticket(issue)
        for _ in range(_MOST_STEPS):
            explored.note(place.id, await self._steps(issue.id))
            step = explored.next_step(place.id, goal, preference)
            if step is None:
                raise Refused(self._name, no_way(place, goal, explored))
            if goal.reached(step.to):
                await self._arrive(issue.id, step, comment, reason)
                return await self.read(issue.id)
            await self._take(issue.id, step, None, None)
            place = step.to
        raise Refused(self._name, f"{goal.value} is more than {_MOST_STEPS} transitions away")

    async def _arrive(self, issue_id: str, step: Step, comment: str, reason: Reason | None) -> None:
        """The last step, and the comment inside it or else after it."""
        await self._take(issue_id, step, reason, comment if step.has_screen else None)
        if not step.has_screen:
            await self.comment(issue_id, comment)

    async def _take(self, issue_id: str, step: Step, reason: Reason | None, comment: str | None) -> None:
        markup = wiki(comment) if comment else None
        body = transition_of(step, reason, markup, self._config.resolutions)
        await self._asked(lambda client: client.transition(issue_id, body))

    async def _steps(self, issue_id: str) -> tuple[Step, ...]:
        answer = await self._asked(lambda client: client.transitions(issue_id))
        shown = understood(self._name, Transitions, {"transitions": answer})
        return tuple(transition.step for transition in shown.transitions)

    async def _found(self, jql: str) -> Sequence[Found]:
        """Everything that a query finds, page by page."""
        found: list[Found] = []
        at: str | int | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(jql, at)
            found += page.issues
            at = page.next_token or page.following
            if at is None:
                break
        return found

    async def _changes(self, place: Listing) -> ChangePage:
        page = await self._page(place.jql, place.cursor.token or place.cursor.start)
        cursor, more = place.following(page)
        return ChangePage(changes_in(page.issues), cursor, more)

    async def _page(self, jql: str, at: str | int | None) -> Page:
        answer = await self._threads.call(lambda client: client.search(jql, FOUND_FIELDS, PROPERTY, PAGE_SIZE, at))
        return understood(self._name, Page, answer)
