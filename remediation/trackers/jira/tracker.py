"""A Jira Cloud site or Data Center instance as a tracker."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from remediation.domain.cases.records import Link
from remediation.domain.errors import NotFound, OutsideError, Refused
from remediation.domain.outside_words import SITE_ID
from remediation.domain.ownership import Site
from remediation.domain.reports import ReportFile
from remediation.domain.tickets import ChangePage, Draft, MemberList, Reason, Ticket, TicketState
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.config.trackers.tracker_settings import LONGEST_CALL
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.jira.answers import (
    Comment,
    Created,
    Found,
    Issue,
    JiraUser,
    NewestComments,
    Property,
    SearchPage,
    ServerInfo,
    Transitions,
    understood,
)
from remediation.trackers.jira.attachments import IssueAttachments
from remediation.trackers.jira.changes import (
    PAGE_SIZE,
    ChangesRequest,
    changes_in,
    cursor_at,
    cursor_from,
    jql_for_mark,
    listing,
    restarted,
)
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.jira.descriptions import IssueDescriptions
from remediation.trackers.jira.issues import (
    FOUND_FIELDS,
    PROPERTIES,
    PUBLIC,
    IssueClosing,
    IssueReader,
    carrying,
    checked_id,
    checked_mark,
    closer_name_of,
    comments_of_closing,
    edit_of,
    mark_of,
    payload_of,
    transition_of,
    values_in,
)
from remediation.trackers.jira.relations import IssueRelations
from remediation.trackers.jira.text import wiki
from remediation.trackers.jira.views import ProjectViews
from remediation.trackers.jira.workflow import Explored, Goal, WorkflowStep, explained, no_way, reopening, resolving
from remediation.trackers.threads import Threads, answer_of, in_time

ResultT = TypeVar("ResultT")

_MOST_STEPS = 5
_MOST_COMMENTS = 20
"""The number of newer comments behind which the comment of a closing is not searched for."""
_MOST_CANDIDATES = 50
"""The most issues that are read one by one only to see whose they are."""
_MOST_PAGES = 20
"""The most pages: a mark has a few issues at most, so more pages mean that something is very wrong."""


class Jira:
    """A configured Jira, on the `jira` package in threads. Each request has its own deadline, and each call too.

    A comment travels inside the last transition where that has a screen: then both happen or neither. A transition
    without a screen drops comments in silence, and one with a screen is not described to take a comment's properties,
    which make it internal. So there it follows as a request of its own; a crash between the two loses the comment
    rather than writing it twice.
    """

    def __init__(self, name: str, config: JiraTracker, secret: str, *, largest_answer: int = LARGEST_ANSWER) -> None:
        self._name = name
        self._config = config
        self._is_cloud = config.deployment == "cloud"
        self._reading = IssueReader(name, self.address, config.resolutions, config.risk_reason, config.risk_expiry)
        self._longest = config.longest_call
        self._whole_call = LONGEST_CALL.total_seconds()
        self._threads = Threads.configured(name, config, lambda: JiraClient(name, config, secret), largest_answer)
        self._is_internal = config.comments == "internal"
        self._own: str | None = None
        self._views = ProjectViews(name, self._threads)
        self._descriptions = IssueDescriptions(name, self._asked)
        self._attachments = IssueAttachments(name, self._asked)
        self._relations = IssueRelations(name, self.address, self._threads)

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._name

    @property
    def address(self) -> str:
        """The address in mappings.yaml."""
        return str(self._config.url).rstrip("/")

    @property
    def search_horizon(self) -> timedelta:
        """How long an issue may exist before `find` sees it: the search's lag and the longest that a create takes."""
        return self._config.search_horizon + self._longest

    async def create(self, draft: Draft) -> Ticket:
        """Create an issue with its mark, as a label and a property, and with our tracker's name, in the same request.

        A remote link to the case's page follows, and a link to the issue whose place it takes. What finds the issue
        again is in it already: so a link that cannot be set is no failure.
        """
        checked_mark(self._name, draft.mark)
        payload = payload_of(draft, self._name)
        answer = await self._threads.call(lambda client: client.create(payload))
        created = understood(self._name, Created, answer, wrote=True)
        await self._relations.link_new(created.id, draft)
        return self._reading.opened(created.id, created.name, draft.mark)

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        """The issue by its id, which survives moves; how it was closed is asked for only where it is or was done."""
        try:
            async with self._in_time(wrote=False):
                issue = await self._issue(ticket_id, "changelog" if closed else None)
                return self._reading.ticket(issue) if closed else await self._ticket(issue)
        except NotFound:
            self._views.forget()
            return self._reading.gone(ticket_id)

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        """Search for the mark in all projects, then read each issue by its id: a search shows old states.

        Raises Refused where nothing is found and our account may not browse the project `place`: it would otherwise
        open one issue after another that nobody of ours can see.

        Data Center's search knows no properties, so there a copy looks like the ticket until it is read: the oldest
        candidates are, no more than _MOST_CANDIDATES; copies of an issue are younger than it is.
        """
        jql = jql_for_mark(checked_mark(self._name, mark))
        async with self._in_time(wrote=False):
            found = await self._found(jql)
            if place and not found:
                await self._views.check(place)
            ids = carrying(mark, found) if self._is_cloud else [issue.id for issue in found[:_MOST_CANDIDATES]]
            read = await self._those_there(map(self._issue, ids))
            ours = ids if self._is_cloud else carrying(mark, read)
            return tuple(await self._those_there(self._ticket(issue) for issue in read if issue.id in ours))

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        """Walk to a done status, with the resolution that says the reason, and `fields`, where a screen takes them."""
        closing = IssueClosing(reason, self._config.resolutions, fields or {})
        async with self._in_time(wrote=True):
            return await self._walk(ticket_id, Goal.DONE, resolving(reason, closing.meanings), comment, closing)

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Walk to a status that is not done; the workflow itself clears the resolution."""
        async with self._in_time(wrote=True):
            return await self._walk(ticket_id, Goal.ACTIVE, reopening, comment, None)

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """Edit the issue: all of these fields, or none where one is not on the screen for editing."""
        checked_id(self._name, ticket_id)
        body = edit_of(fields)
        async with self._in_time(wrote=True):
            await self._asked(lambda client: client.edit(ticket_id, body))
            return await self._ticket(await self._issue(ticket_id))

    async def keep_list(self, ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        """Edit the description, which is read for that alone. A person's edit within the same moment may be lost."""
        async with self._in_time(wrote=True):
            is_kept = await self._descriptions.keep_list(ticket_id, members, known=known)
            return await self._ticket(await self._issue(ticket_id)) if is_kept else None

    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        """Attach it, and delete what it replaces. A file's name alone tells what it is, so each has one of its own."""
        async with self._in_time(wrote=True):
            await self._attachments.keep(ticket_id, report, await self.accounts())

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a comment, of the kind that the tracker's `comments` says."""
        checked_id(self._name, ticket_id)
        markup, internal = wiki(text), self._is_internal
        await self._asked(lambda client: client.comment(ticket_id, markup, internal=internal))

    async def relate(self, ticket_id: str, other: Link, text: str) -> None:
        """Link the issue with one of this site, or set a remote link to a ticket elsewhere; `text` is not needed."""
        del text
        async with self._in_time(wrote=True):
            await self._relations.relate(ticket_id, other)

    async def closing_words(self, ticket_id: str) -> str | None:
        """The newest comment by the person who closed the issue, from about then or later, that is for every reader."""
        async with self._in_time(wrote=False):
            ticket = await self.read(ticket_id, closed=True)
            self._own = self._own or await self.whoami()
            if ticket.state is not TicketState.DONE or ticket.closed_by == self._own:
                return None
            answer = await self._asked(lambda client: client.comments(ticket_id, _MOST_COMMENTS))
            for comment in comments_of_closing(
                understood(self._name, NewestComments, answer).comments, ticket, self._own
            ):
                if await self._is_public(comment):
                    return comment.body.strip() or None
            return None

    async def closer_name(self, ticket_id: str) -> str | None:
        """The display name of whoever made the issue done."""
        return closer_name_of(await self._issue(ticket_id, "changelog"))

    def cursor_at(self, moment: datetime) -> str:
        """Where a list of changes begins that holds all since `moment`."""
        return cursor_at(moment)

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """None: one list has the issues of all projects, and an issue keeps its id wherever it is moved."""
        del linked
        return ()

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """One page of what changed; a page whose token Jira has forgotten starts its list again."""
        del place
        reached = cursor_from(cursor, now)
        try:
            return await self._changes(listing(reached, now, self._config.search_horizon))
        except Refused:
            if not reached.token:
                raise
        return await self._changes(listing(restarted(reached), now, self._config.search_horizon))

    async def whoami(self) -> str:
        """The account's id."""
        return understood(self._name, JiraUser, await self._threads.call(JiraClient.myself)).id or ""

    async def accounts(self) -> frozenset[str]:
        """Our account, where it is told, and those that mappings.yaml names besides."""
        self._own = self._own or await self.whoami()
        return frozenset(filter(None, (self._own, *self._config.former_accounts)))

    async def site(self) -> Site:
        """The site by its own base address, which everybody may read, and which it has behind every other address."""
        server = understood(self._name, ServerInfo, await self._threads.call(lambda client: client.look("serverInfo")))
        return Site(self.address, SITE_ID.of(server.base.rstrip("/")))

    async def close(self) -> None:
        """Close connections and threads."""
        await self._threads.close()

    async def _asked(self, work: Callable[[JiraClient], ResultT]) -> ResultT:
        """The result of asking about an issue.

        Jira also answers 404 to somebody whom it does not know, as with an expired token: so we make sure that it does.
        """
        try:
            return await self._threads.call(work)
        except NotFound:
            await self.whoami()
            raise

    async def _those_there(self, questions: Iterable[Awaitable[ResultT]]) -> list[ResultT]:
        """The answers to questions about issues, without those about issues that were deleted meanwhile."""
        answers = await asyncio.gather(*map(answer_of, questions))
        for answer in answers:
            if isinstance(answer, OutsideError) and not isinstance(answer, NotFound):
                raise answer
        return [answer for answer in answers if not isinstance(answer, OutsideError)]

    async def _is_public(self, comment: Comment) -> bool:
        """Whether a service project's customers may read it; where Jira does not say so, its property does."""
        if comment.public is not None or not comment.id:
            return comment.public is True
        path = f"comment/{checked_id(self._name, comment.id)}/properties/{PUBLIC}"
        try:
            answer = await self._asked(lambda client: client.look(path))
        except NotFound:
            return True
        return understood(self._name, Property, answer).is_public

    async def _issue(self, ticket_id: str, expand: str | None = None, more: Collection[str] = ()) -> Issue:
        checked_id(self._name, ticket_id)
        fields = self._reading.fields_and(more)
        answer = await self._asked(lambda client: client.issue(ticket_id, fields, PROPERTIES, expand))
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
        preference: Callable[[WorkflowStep], tuple[int, ...]],
        comment: str,
        closing: IssueClosing | None,
    ) -> Ticket:
        """Step by step to a status of the goal, each step chosen from what the workflow allows at that moment."""
        given = closing.fields if closing else {}
        issue = await self._issue(ticket_id, more=given)
        closing = replace(closing, kept=values_in(issue, given)) if closing else None
        place, explored = issue.fields.status.place, Explored()
        if goal.reached(place):
            return await self._ticket(issue)
        for _ in range(_MOST_STEPS):
            explored.note(place.id, await self._steps(issue.id, goal, given))
            step = explored.next_step(place.id, goal, preference)
            if step is None:
                raise Refused(self._name, no_way(place, goal, explored))
            if goal.reached(step.to):
                await self._arrive(issue.id, step, comment, closing)
                return await self.read(issue.id, closed=goal is Goal.DONE)
            words = closing.words_on_the_way if closing and not self._is_internal else None
            await self._take(issue.id, step, closing, words)
            place = step.to
        raise Refused(self._name, f"{goal.value} is more than {_MOST_STEPS} transitions away")

    async def _arrive(self, issue_id: str, step: WorkflowStep, comment: str, closing: IssueClosing | None) -> None:
        """The last step, and the comment inside it or else after it."""
        inside = step.has_screen and not self._is_internal
        await self._take(issue_id, step, closing, comment if inside else None)
        if not inside:
            await self.comment(issue_id, comment)

    async def _take(self, issue_id: str, step: WorkflowStep, closing: IssueClosing | None, comment: str | None) -> None:
        body = transition_of(step, closing, wiki(comment) if comment else None)
        try:
            await self._asked(lambda client: client.transition(issue_id, body))
        except Refused as no:
            if closing is None or no.status != HTTPStatus.BAD_REQUEST:
                raise
            words, request_id = explained(no.words), no.request_id
        else:
            return
        raise Refused(self._name, words, status=HTTPStatus.BAD_REQUEST, request_id=request_id)

    async def _steps(self, issue_id: str, goal: Goal, given: Collection[str]) -> tuple[WorkflowStep, ...]:
        """The steps that can be taken now with these fields; a field that the issue has already is not missing."""
        answer = await self._asked(lambda client: client.transitions(issue_id))
        shown = understood(self._name, Transitions, {"transitions": answer}).transitions
        steps = [each.step.given(given, goal, internal=self._is_internal) for each in shown]
        if missing := {name for step in steps for name, _ in step.missing}:
            there = values_in(await self._issue(issue_id, more=missing), missing)
            steps = [step.given(there, goal, internal=self._is_internal) for step in steps]
        return tuple(steps)

    def _in_time(self, *, wrote: bool) -> AbstractAsyncContextManager[None]:
        return in_time(self._name, self._whole_call, wrote=wrote)

    async def _found(self, jql: str) -> Sequence[Found]:
        """Every issue that a query finds, page by page."""
        found: list[Found] = []
        at: str | int | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(jql, at)
            found += page.issues
            at = page.next_token or page.following
            if at is None:
                break
        return found

    async def _changes(self, place: ChangesRequest) -> ChangePage:
        page = await self._page(place.jql, place.cursor.token or place.cursor.start)
        cursor, more = place.following(page)
        changes = changes_in(await self._with_marks(page.issues))
        return ChangePage(changes, cursor, more, cursor_from(cursor, place.started).since)

    async def _with_marks(self, found: Sequence[Found]) -> Sequence[Found]:
        """The issues that a list named; on Data Center those whose label with the mark is gone are read for theirs.

        A change only says which case to look at, so a label is good enough: the look judges by the property.
        """
        if self._is_cloud:
            return found
        unmarked = [issue.id for issue in found if mark_of(issue) is None][:_MOST_CANDIDATES]
        read = {issue.id: issue for issue in await self._those_there(map(self._issue, unmarked))}
        return [read.get(issue.id, issue) for issue in found]

    async def _page(self, jql: str, at: str | int | None) -> SearchPage:
        answer = await self._threads.call(lambda client: client.search(jql, FOUND_FIELDS, PROPERTIES, PAGE_SIZE, at))
        return understood(self._name, SearchPage, answer)
