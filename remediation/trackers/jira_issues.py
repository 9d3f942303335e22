"""Jira's issues → our tickets, and our drafts → Jira's JSON. Pure.

Only what is listed in FIELDS is ever asked for: no summary, description or comment is read back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remediation.errors import Refused
from remediation.tickets import Draft, Reason, Ticket, TicketState
from remediation.trackers.jira_answers import Found, History, Issue
from remediation.trackers.jira_text import one_line, wiki
from remediation.trackers.jira_workflow import Step, resolution_for

FIELDS = "status,resolution,resolutiondate,labels,created,updated"
FOUND_FIELDS = "labels,updated"
PROPERTY = "remedy.case"
"""The entity property that holds the mark: people tidy up labels, but nobody sees this, and no copy inherits it."""
OUR_LABEL = "remedy"
"""On every ticket of ours, because JQL cannot ask for labels by their beginning."""

_MARK = re.compile(r"remedy:[A-Za-z0-9._:-]{1,200}")
_ISSUE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked_mark(system: str, mark: str) -> str:
    """The mark, if it can stand in a label and in JQL. Raises Refused."""
    if not _MARK.fullmatch(mark):
        raise Refused(system, "this is no correlation mark")
    return mark


def checked_id(system: str, ticket_id: str) -> str:
    """The id, if it can stand in an address. Raises Refused."""
    if not _ISSUE_ID.fullmatch(ticket_id):
        raise Refused(system, "this is no issue's id")
    return ticket_id


def mark_of(found: Found) -> str | None:
    """The correlation mark that an issue carries: in its property or else as a label."""
    marks = (found.properties.get(PROPERTY), *found.fields.labels)
    return next((mark for mark in marks if isinstance(mark, str) and _MARK.fullmatch(mark)), None)


def carrying(mark: str, found: Sequence[Found]) -> tuple[str, ...]:
    """The ids of the issues that carry exactly this mark: JQL tells no case.

    A copy that a person made has the label but not the property: where the ticket itself was found, its copies are not
    meant.
    """
    ours = [issue.id for issue in found if issue.properties.get(PROPERTY) == mark]
    return tuple(ours or [issue.id for issue in found if mark in issue.fields.labels and mark_of(issue) == mark])


def payload_of(draft: Draft) -> dict[str, object]:
    """The body of the one request that creates the issue, its mark as a label and as a property.

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
            "description": wiki(draft.body),
            "labels": list(dict.fromkeys(labels)),
        },
        "properties": [{"key": PROPERTY, "value": draft.mark}],
    }


def link_of(draft: Draft) -> dict[str, object] | None:
    """The remote link to the case's own page. Its `globalId` is the mark: sent again, it replaces itself."""
    if not draft.link:
        return None
    return {
        "globalId": draft.mark,
        "application": {"type": "remedy", "name": "SchoolScan"},
        "relationship": "is about",
        "object": {"url": draft.link, "title": one_line(draft.mark)},
    }


def transition_of(step: Step, reason: Reason | None, comment: str | None, meanings: Mapping[str, Reason]) -> object:
    """The body of the request that takes a step. The comment is markup, the id is text, as Jira shows it."""
    resolution = resolution_for(step, reason, meanings) if reason else None
    body: dict[str, object] = {"transition": {"id": step.id}}
    if resolution:
        body["fields"] = {"resolution": {"id": resolution.id} if resolution.id else {"name": resolution.name}}
    if comment:
        body["update"] = {"comment": [{"add": {"body": comment}}]}
    return body


@dataclass(frozen=True, slots=True)
class Reading:
    """How one tracker's issues are read: its name, where a browser finds them, and what its resolutions mean."""

    tracker: str
    address: str
    meanings: Mapping[str, Reason]

    def url(self, key: str) -> str:
        """The address of an issue for a browser."""
        return f"{self.address}/browse/{key}"

    def ticket(self, issue: Issue) -> Ticket:
        """The ticket that an issue is."""
        state = issue.fields.status.place.state
        closing = closing_of(issue) if state is TicketState.DONE else None
        done = state is TicketState.DONE
        return Ticket(
            tracker=self.tracker,
            id=issue.id,
            key=issue.key,
            url=self.url(issue.key),
            state=state,
            reason=self._reason(issue) if done else None,
            mark=mark_of(issue),
            closed_by=closing.author.id if closing and closing.author else None,
            closed_at=closing.created if closing else issue.fields.resolved if done else None,
            created_at=issue.fields.created,
            updated_at=issue.fields.updated,
            version=version_of(issue),
        )

    def opened(self, issue_id: str, key: str, mark: str) -> Ticket:
        """The ticket that was just created; nothing was read back."""
        return Ticket(self.tracker, issue_id, key, self.url(key), TicketState.OPEN, mark=mark)

    def gone(self, issue_id: str) -> Ticket:
        """The ticket that no longer exists."""
        return Ticket(self.tracker, issue_id, issue_id, self.url(issue_id), TicketState.GONE)

    def _reason(self, issue: Issue) -> Reason:
        resolution = issue.fields.resolution
        return self.meanings.get(resolution.name.lower(), Reason.UNKNOWN) if resolution else Reason.UNKNOWN


def version_of(issue: Issue | Found) -> str:
    """What changes with every change of an issue."""
    return issue.fields.updated.isoformat() if issue.fields.updated else ""


def closing_of(issue: Issue) -> History | None:
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
