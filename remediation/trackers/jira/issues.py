"""Jira's issues → our tickets, and our drafts → Jira's JSON. Pure.

Only what is listed in _FIELDS is ever asked for, and the fields that are configured to explain accepted risks: no
summary is read back, and a description only where a list of findings in it is to be brought up to date.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from remediation.domain.cases.records import DISTRICT_NAME, CaseKind, kind_of_ref, ref_of_mark
from remediation.domain.errors import Refused
from remediation.domain.outside_words import ISSUE_ID, ISSUE_KEY
from remediation.domain.tickets import Draft, MemberList, Reason, Risk, Ticket, TicketState, is_as_opened
from remediation.trackers.closings import NOT_SHOWN, named, reason_of, risk_of, word_of
from remediation.trackers.jira.answers import Comment, Found, History, Issue, JiraUser
from remediation.trackers.jira.text import TEXT_LIMIT, length, one_line, wiki
from remediation.trackers.jira.workflow import COMMENT, UNDER_UPDATE, WORKLOG, WorkflowStep, resolution_for
from remediation.trackers.lists import with_list

_FIELDS = (
    *("status", "resolution", "resolutiondate", "labels", "created", "creator", "updated"),
    *("priority", "duedate", "assignee"),
)
FOUND_FIELDS = "labels,created,updated,status"
_ALWAYS_THERE = frozenset({"project", "issuetype", "reporter", "summary", "description", "labels"})
"""The fields that every issue of ours has since it was created; the texts among them are never read back."""
_NOTHING: tuple[object, ...] = (None, "", [], {})
PROPERTY = "remedy.case"
"""The entity property that holds the mark: people tidy up labels, but nobody sees this, and no copy inherits it."""
_MEANT_FOR = "remedy.tracker"
"""The entity property that names the tracker of mappings.yaml by which the issue was opened.

Several trackers may be one Jira: the mark says which case an issue is about, and is the same on the issues of all."""
PROPERTIES = f"{PROPERTY},{_MEANT_FOR}"
"""All that is asked for of an issue's properties, as Jira wants it."""
PUBLIC = "sd.public.comment"
"""The property of a comment by which a service project tells internal ones ({"internal": true}) from public ones."""
OUR_LABEL = "remedy"
"""On every ticket of ours, because JQL cannot ask for labels by their beginning."""

RELATED = "Relates"
"""The one type of link that every Jira is shipped with."""
_BEFORE_CLOSING = timedelta(minutes=10)
"""People often write first why they close an issue, and then close it."""
_MARK = re.compile(r"remedy:[A-Za-z0-9._:-]{1,200}")


def checked_mark(system: str, mark: str) -> str:
    """The mark, if it can stand in a label and in JQL. Raises Refused."""
    if not _MARK.fullmatch(mark):
        raise Refused(system, "this is no correlation mark")
    return mark


def checked_id(system: str, ticket_id: str) -> str:
    """The id, if it can stand in an address. Raises Refused."""
    if not ISSUE_ID.fits(ticket_id):
        raise Refused(system, "this is no issue's id")
    return ticket_id


def mark_of(found: Found) -> str | None:
    """The correlation mark that an issue carries: in its property or else as a label."""
    marks = (found.properties.get(PROPERTY), *found.fields.labels)
    return next((mark for mark in marks if isinstance(mark, str) and _MARK.fullmatch(mark)), None)


def meant_for(found: Found) -> str:
    """The tracker that an issue names; empty where it names none, as issues that an earlier version opened."""
    name = found.properties.get(_MEANT_FOR)
    return name if isinstance(name, str) and DISTRICT_NAME.fullmatch(name) else ""


def carrying(mark: str, found: Sequence[Found]) -> tuple[str, ...]:
    """The ids of the issues that carry exactly this mark: JQL tells no case. Their properties must have been asked for.

    A copy that a person made has the label but not the property: where the ticket itself was found, its copies are not
    meant. Where only labels are left the first one may be the ticket; others are never taken for duplicates of it,
    because anybody can write a label, and duplicates are closed.
    """
    ours = [issue.id for issue in found if issue.properties.get(PROPERTY) == mark]
    labelled = [issue.id for issue in found if mark in issue.fields.labels and mark_of(issue) == mark]
    return tuple(ours or labelled[:1])


def payload_of(draft: Draft, tracker: str) -> dict[str, object]:
    """The body of the one request that creates the issue, its mark as a label and as a property, and our tracker.

    What the rule writes into `fields` goes in as it is; labels there are kept, and what the draft itself says wins.
    """
    written = draft.fields.get("labels")
    labels = (draft.mark, OUR_LABEL, *draft.labels, *(written if isinstance(written, list | tuple) else ()))
    return {
        "fields": {
            **draft.fields,
            "project": {"key": draft.place},
            "issuetype": {"name": draft.type or "Task"},
            "summary": one_line(draft.summary),
            "description": description_of(draft),
            "labels": list(dict.fromkeys(labels)),
        },
        "properties": [{"key": PROPERTY, "value": draft.mark}, {"key": _MEANT_FOR, "value": tracker}],
    }


def description_of(draft: Draft) -> str:
    """The draft's text, and the list of its findings below it."""
    text = wiki(draft.body)
    return (with_members(text, draft.members) if draft.members else None) or text


def with_members(text: str, members: MemberList, *, known: bool = False) -> str | None:
    """A description with this list in it; None where a person has changed the list (see lists.with_list)."""
    return with_list(text, members, lambda whole: length(whole) <= TEXT_LIMIT, known=known, rendered=wiki)


def link_of(draft: Draft) -> dict[str, object] | None:
    """The remote link to the case's own page. Its `globalId` is the mark: sent again, it replaces itself."""
    if not draft.link:
        return None
    return {
        "globalId": draft.mark,
        "application": {"type": "remedy", "name": _system_of(draft.mark)},
        "relationship": "is about",
        "object": {"url": draft.link, "title": one_line(draft.mark)},
    }


def _system_of(mark: str) -> str:
    """The system of the case's own page, as people call it."""
    ref = ref_of_mark(mark)
    return "Incident system" if ref and kind_of_ref(ref) is CaseKind.INCIDENT else "SchoolScan"


def issue_link_of(draft: Draft, issue_id: str) -> dict[str, object] | None:
    """The body of the link between a new issue and the closed issue that it follows; None where it follows none."""
    if draft.follows is None or not ISSUE_ID.fits(draft.follows):
        return None
    return issue_link(draft.follows, issue_id)


def issue_link(inward: str, outward: str) -> dict[str, object]:
    """The body of a link between two issues. Sent again, it is still one link; from the other end, a second one."""
    return {"type": {"name": RELATED}, "inwardIssue": {"id": inward}, "outwardIssue": {"id": outward}}


def transition_of(step: WorkflowStep, closing: "IssueClosing | None", comment: str | None) -> dict[str, object]:
    """The body of the request that takes a step. The comment is markup, the id is text, as Jira shows it."""
    fields = closing.fields_for(step) if closing else {}
    update = {**_comments(comment), **(closing.worklogs_for(step) if closing else {})}
    parts = {"fields": fields, "update": update}
    return {"transition": {"id": step.id}} | {name: part for name, part in parts.items() if part}


def edit_of(fields: Mapping[str, str]) -> dict[str, object]:
    """The body of the request that changes fields."""
    return {"fields": {name: _as_taken(name, value) for name, value in fields.items()}}


def _as_taken(name: str, value: str) -> object:
    return {"name": value} if name == "priority" else value


def _comments(comment: str | None) -> dict[str, object]:
    return {COMMENT: [{"add": {"body": comment}}]} if comment else {}


def values_in(issue: Issue, names: Collection[str]) -> frozenset[str]:
    """Those of the fields that have a value there already. What is only ever added to has none."""
    asked = frozenset(names) - UNDER_UPDATE
    return frozenset(name for name in asked if name in _ALWAYS_THERE or issue.fields.raw.get(name) not in _NOTHING)


@dataclass(frozen=True, slots=True)
class IssueClosing:
    """How an issue is closed: why, what its tracker's resolutions mean, and what else the rule gives.

    `kept` are fields that the issue has already: they are left as they are.
    """

    reason: Reason
    meanings: Mapping[str, Reason]
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)
    kept: frozenset[str] = frozenset()

    def fields_for(self, step: WorkflowStep) -> dict[str, object]:
        """What is sent with a step: only what its screen has, and a resolution only where it is to be done."""
        sent = step.screen - self.kept - UNDER_UPDATE
        given: dict[str, object] = {name: value for name, value in self.fields.items() if name in sent}
        is_wanted = step.to.state is TicketState.DONE or step.resolution_required
        if is_wanted and (resolution := resolution_for(step, self.reason, self.meanings)):
            given["resolution"] = {"id": resolution.id} if resolution.id else {"name": resolution.name}
        return given

    def worklogs_for(self, step: WorkflowStep) -> dict[str, object]:
        """The work that is logged with a step whose screen takes that."""
        worklog = self.fields.get(WORKLOG)
        if WORKLOG not in step.screen or not isinstance(worklog, Mapping):
            return {}
        words = {COMMENT: wiki(str(worklog[COMMENT]))} if COMMENT in worklog else {}
        return {WORKLOG: [{"add": {**worklog, **words}}]}

    @property
    def words_on_the_way(self) -> str | None:
        """The comment for each step that does not reach done yet; Jira drops it in silence where there is no screen."""
        words = self.fields.get(COMMENT)
        return words if isinstance(words, str) else None


@dataclass(frozen=True, slots=True)
class IssueReader:
    """How one tracker's issues are read.

    Its name, where a browser finds them, what its resolutions mean, and which fields explain an accepted risk.
    """

    tracker: str
    address: str
    meanings: Mapping[str, Reason]
    risk_reason: str | None = None
    risk_expiry: str | None = None

    @property
    def fields(self) -> str:
        """The fields that are asked for of an issue, as the API takes them."""
        return self.fields_and(())

    def fields_and(self, more: Collection[str]) -> str:
        """The same, and more fields of which only is asked whether they have a value."""
        asked = sorted(frozenset(more) - _ALWAYS_THERE - UNDER_UPDATE)
        return ",".join(dict.fromkeys((*_FIELDS, *filter(None, (self.risk_reason, self.risk_expiry)), *asked)))

    def url(self, key: str) -> str:
        """The address of an issue for a browser."""
        return f"{self.address}/browse/{key}"

    def ticket(self, issue: Issue) -> Ticket:
        """The ticket that an issue is."""
        state = issue.fields.status.place.state
        closing = _closing_of(issue) if state is TicketState.DONE else None
        done = state is TicketState.DONE
        reason = self._reason(issue) if done else None
        return Ticket(
            tracker=self.tracker,
            id=issue.id,
            key=issue.name,
            url=self.url(issue.name),
            state=state,
            reason=reason,
            mark=mark_of(issue),
            meant_for=meant_for(issue),
            closed_by=closing.author.id if closing and closing.author else None,
            closer=_closer_shown(closing, issue) if closing else None,
            closed_at=closing.created if closing else issue.fields.resolved if done else None,
            created_at=issue.fields.created,
            updated_at=issue.fields.updated,
            version=version_of(issue),
            urgency=_urgency_of(issue),
            risk=self._risk(issue) if reason is Reason.ACCEPTED_RISK else None,
            word=word_of(_resolution_of(issue)),
            place=ISSUE_KEY.of(issue.key).rpartition("-")[0],  # its project now: a key changes when an issue is moved
            opened_by=_opened_by(issue),
        )

    def opened(self, issue_id: str, key: str, mark: str) -> Ticket:
        """The ticket that was just created; nothing was read back."""
        return Ticket(self.tracker, issue_id, key, self.url(key), TicketState.OPEN, mark=mark, meant_for=self.tracker)

    def gone(self, issue_id: str) -> Ticket:
        """The ticket that no longer exists."""
        return Ticket(self.tracker, issue_id, issue_id, self.url(issue_id), TicketState.GONE)

    def _risk(self, issue: Issue) -> Risk:
        raw = issue.fields.raw
        return risk_of(raw.get(self.risk_reason or ""), raw.get(self.risk_expiry or "", NOT_SHOWN))

    def _reason(self, issue: Issue) -> Reason:
        return reason_of(_resolution_of(issue), self.meanings)


def _opened_by(issue: Issue) -> str | None:
    """The account that created it; empty where Jira says that nobody was signed in, None where it says nothing."""
    if issue.fields.creator is not None:
        return issue.fields.creator.id
    return "" if "creator" in issue.fields.raw else None


def _resolution_of(issue: Issue) -> str:
    """The name of its resolution; empty where it has none."""
    return issue.fields.resolution.name if issue.fields.resolution else ""


def opened_as(found: Found) -> str:
    """The issue's key where it is still as it was opened (see TicketChange); empty otherwise."""
    fields = found.fields
    is_active = fields.status is not None and fields.status.place.state.is_active
    return ISSUE_KEY.of(found.key) if is_active and is_as_opened(fields.created, fields.updated) else ""


def version_of(issue: Issue | Found) -> str:
    """A text that changes with every change of an issue, in UTC: Jira shows times in the zone of the account."""
    return issue.fields.updated.isoformat() if issue.fields.updated else ""


def _urgency_of(issue: Issue) -> dict[str, str]:
    """The fields that tell how urgent an issue is, as Jira writes them."""
    priority = issue.fields.priority
    urgency = {"priority": priority.name if priority else "", "duedate": issue.fields.due}
    return {name: value for name, value in urgency.items() if value}


def comments_of_closing(comments: Iterable[Comment], ticket: Ticket, own: str) -> tuple[Comment, ...]:
    """The comments by the person who closed the issue, from about then or later; none where that was us.

    Where nobody knows who closed it, anybody's count but ours. Not those that Jira shows to be for some readers of the
    issue only, nor those of apps. They keep their order.
    """
    since = ticket.closed_at - _BEFORE_CLOSING if ticket.closed_at else None
    return tuple(
        comment
        for comment in comments
        if not comment.visibility
        and comment.public is not False
        and _is_theirs(comment.author, ticket, own)
        and (since is None or comment.created >= since)
    )


def _is_theirs(author: JiraUser | None, ticket: Ticket, own: str) -> bool:
    if author is None or author.id is None or author.is_app:
        return False
    return author.id != own and ticket.closed_by in {None, author.id}


def _closer_shown(closing: History, issue: Issue) -> str | None:
    """How notes name who closed an issue."""
    author, assignee = closing.author, issue.fields.assignee
    if author is None or author.id is None:
        return None
    is_assignee = assignee is not None and assignee.id == author.id
    return named(author.id, login=author.login, is_assignee=is_assignee, is_app=author.is_app)


def closer_name_of(issue: Issue) -> str | None:
    """The display name of the account that made an issue done; None where there is no such account or name."""
    closing = _closing_of(issue) if issue.fields.status.place.state is TicketState.DONE else None
    return (closing.author.shown.strip() or None) if closing and closing.author else None


def _closing_of(issue: Issue) -> History | None:
    """The entry of the changelog that made the issue done.

    Where there is a resolution: the last entry that set it while it changed the status, so that a later step from one
    done status to another (an automatic archiving) does not count. Otherwise the last entry into the present status.
    """
    entries = sorted(issue.changelog.histories if issue.changelog else (), key=lambda entry: entry.created)
    if issue.fields.resolution:
        for entry in reversed(entries):
            if entry.given("status") and entry.given("resolution"):
                return entry
    return next((entry for entry in reversed(entries) if entry.given("status") == issue.fields.status.id), None)
