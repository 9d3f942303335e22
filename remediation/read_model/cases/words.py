"""A case and its timeline in words for people: why it was looked at, what was seen, what was done. Pure.

What a case is about is called by its kind: whoever asks for words says whether it is a finding or an incident.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import assert_never

from remediation.domain.actions import ActionName, Verb, Why
from remediation.domain.cases.records import WHOLE_CASE, CaseKind
from remediation.domain.errors import Waiting
from remediation.domain.ownership import Evidence
from remediation.store.cases.entries import (
    Acted,
    Disagreed,
    Doubted,
    Entry,
    GivenUp,
    LookCause,
    Planned,
    PlannedStep,
    PutOff,
    Seen,
    SetAside,
    Settled,
    TicketSeen,
    Triggered,
    Unnamed,
    UnreadableEntry,
    moment,
)
from remediation.store.systems import SystemTrouble

WHYS: Mapping[Why, str] = {
    Why.NEW: "the finding is new",
    Why.FOUND_AGAIN: "the finding came back",
    Why.TICKET_DONE: "the tickets were closed",
    Why.TICKET_REOPENED: "a ticket was reopened",
    Why.FINDING_RESOLVED: "the finding is resolved",
    Why.FINDING_ACCEPTED: "the risk was accepted",
    Why.FINDING_GONE: "SchoolScan no longer has the finding",
    Why.CONFLICT: "both sides were changed, in ways that disagree",
    Why.DUPLICATE: "there is another ticket for it",
    Why.SEVERITY_RAISED: "the finding is worse than it was",
    Why.EXPERT_REVIEWED: "SchoolScan's experts have reviewed it",
    Why.INCIDENT_CHANGED: "the incident was changed in its system",
    Why.RULE_CHANGED: "another rule takes it, which has no ticket there",
    Why.RISK_UNEXPLAINED: "the ticket accepts the risk without what makes that count",
    Why.RISK_STILL_ACCEPTED: "found again, but its risk is still accepted",
    Why.RISK_EXPIRED: "the accepted risk has expired",
    Why.KEPT_OPEN: "closed for a reason that leaves the finding open",
    Why.REASON_CHANGED: "a ticket is closed in another way than before",
    Why.LEFT_OVER: "the reason of an earlier closing could not be taken away",
    Why.REFUSED: "the tracker refused a change",
    Why.CONTINUED: "a new ticket takes its place",
    Why.LISTED: "what it lists is different now",
    Why.REPORTED: "its compliance report is finished",
    Why.VERIFYING: "a scan of its site is to verify that it is mended",
    Why.STILL_FOUND: "mended, as its tickets said, and still there",
    Why.UNVERIFIED: "no scan could verify that it is mended",
    Why.RELATED: "it is about a site of the same school, and about the same time",
}

_OF_INCIDENTS: Mapping[Why, str] = {
    Why.NEW: "the incident is new",
    Why.FOUND_AGAIN: "the incident is in its feed again",
    Why.FINDING_RESOLVED: "the incident is dealt with",
    Why.FINDING_ACCEPTED: "the incident was accepted as it is",
    Why.FINDING_GONE: "the incident was deleted in its feed",
    Why.CONFLICT: "its tickets, and what was decided about it, disagree",
    Why.SEVERITY_RAISED: "a rule says that the incident is worse than it was",
    Why.EXPERT_REVIEWED: "somebody has reviewed it",
    Why.RISK_STILL_ACCEPTED: "in its feed again, but still accepted as it is",
    Why.KEPT_OPEN: "closed for a reason that leaves the incident open",
}
"""The reasons that are other ones for an incident: nothing scans for it, and its status is our own."""

_OF_SUMMARIES: Mapping[Why, str] = {
    Why.NEW: "the scan is completed",
    Why.FOUND_AGAIN: "SchoolScan has the scan again",
    Why.FINDING_RESOLVED: "nothing is left to do about it",
    Why.FINDING_GONE: "SchoolScan no longer has the scan",
    Why.LISTED: "its numbers are others now",
}
"""The reasons that are other ones for the summary of a scan."""

CAUSES: Mapping[LookCause, str] = {
    LookCause.WEBHOOK: "a webhook came in",
    LookCause.POLL: "the ticket was in the list of changes",
    LookCause.SCAN: "a scan listed it",
    LookCause.BACKFILL: "a backfill found it without a case",
    LookCause.FEED: "its feed showed it changed",
    LookCause.SWEEP: "it had been put off",
    LookCause.APPOINTMENT: "its appointment had come",
    LookCause.PERSON: "somebody asked for it",
    LookCause.RECONCILE: "somebody reconciled",
    LookCause.MAPPINGS: "mappings.yaml names one of its trackers again",
    LookCause.RELATED: "a finding on a site of its school has tickets",
    LookCause.VERIFICATION: "a scan of its site has ended",
    LookCause.AGAIN: "what was done before called for another look",
}

DOUBTS: Mapping[str, str] = {
    Evidence.NO_MARK: "carries no mark of ours (any more): it is taken for this case's by its number alone",
    Evidence.OTHER_MARK: "carries another case's mark: not this case's ticket, which is searched for by its mark",
    Evidence.OTHER_TICKET: "has no mark, and was not created when this case's was: the case's own is searched for",
    Evidence.OTHER_TRACKER: "is the ticket of another tracker on the same installation: this one's own is searched for",
    Evidence.STRANGER: "carries this case's mark, and another account opened it where no ticket of ours is: not taken",
    Evidence.OTHER_SITE: "was linked on another site, and has no mark of ours here: the case's own is searched for",
}

WAITING: Mapping[Waiting, str] = {
    Waiting.SIGN_IN: "our sign-in, or the way there, is refused",
    Waiting.LIMIT: "a limit on its requests is reached",
    Waiting.AWAY: "it does not answer",
    Waiting.UNNAMED: "mappings.yaml does not name it (any more)",
    Waiting.CHANGED: "somebody else was quicker",
    Waiting.BUDGET: "it waits for its turn within our share of the rate limit",
    Waiting.TURN: "more of its findings are left than one look takes",
    Waiting.TOO_LARGE: "its answer is larger than MAX_ANSWER_BYTES, or a page of a feed than 32 MiB",
    Waiting.OURS: "",
}
"""What must end first, in words for people."""

WAITING_MENDS: Mapping[Waiting, str] = {
    Waiting.SIGN_IN: "Renew its token or password, or let us in: the cases go on by themselves.",
    Waiting.UNNAMED: "Name it in mappings.yaml again: its cases go on by themselves. Gone for good? Close its tickets.",
    Waiting.LIMIT: "The cases go on when the limit ends; who else spends it?",
    Waiting.AWAY: "Nothing is lost: the cases go on when it answers.",
}
"""What a person can do where a system is waited for, by the reason; the reasons are those of SystemTrouble."""

STANDS_STILL = "stands still: what is parked is not done until somebody decides about it"
"""Of a case that waits for nothing but a person's decision about parked work."""

_ERRORS = {
    "TryLater": "try later",
    "BudgetSpent": "its limit leaves no room now",
    "Refused": "said no",
    "NotFound": "not found",
}
"""What an error's class means to people; another class is a defect of ours, and is shown by its name."""

_VERBS: Mapping[str, tuple[str, str]] = {
    "open": ("open a ticket in {target}", "opened {ticket} in {target}"),
    "resolve": ("close {ticket} in {target}", "closed {ticket} in {target}"),
    "reopen": ("reopen {ticket} in {target}", "reopened {ticket} in {target}"),
    "raise": ("make {ticket} in {target} more urgent", "made {ticket} in {target} more urgent"),
    "comment": ("comment on {ticket} in {target}", "commented on {ticket} in {target}"),
    "relate": ("tell {ticket} in {target} of one that may belong to it", "told {ticket} in {target} of another ticket"),
    "list": ("update the list in {ticket} in {target}", "updated the list in {ticket} in {target}"),
    "attach": ("attach the report to {ticket} in {target}", "attached the report to {ticket} in {target}"),
    "report": ("have SchoolScan make the report", "had SchoolScan make the report"),
    "duplicate": ("close a duplicate in {target}", "closed a duplicate in {target}"),
    "read": ("read {ticket} in {target}", "read {ticket} in {target}"),
}
"""What an action on a ticket does, and what it has done, by its verb."""

_SET: Mapping[CaseKind, str] = {
    CaseKind.FINDING: "set the finding to {target}",
    CaseKind.INCIDENT: "set the incident to {target} in our own row",
    CaseKind.SUMMARY: "take the summary for {target}",
}
"""What setting a status does, and what it has done. A feed takes nothing back."""


def time_words(at: datetime | float) -> str:
    """A moment to the second, in UTC."""
    return f"{at if isinstance(at, datetime) else moment(at):%Y-%m-%d %H:%M:%S}"


def to_do_words(name: str, kind: CaseKind) -> str:
    """What an action of this name would do about a case of this kind."""
    return _verb(name, kind, 0, "the ticket")


def done_words(acted: Acted, kind: CaseKind) -> str:
    """What an action has done."""
    return _verb(acted.action, kind, 1, acted.ticket or "the ticket")


def _verb(name: str, kind: CaseKind, tense: int, ticket: str) -> str:
    action = ActionName.parse(name)
    target = action.target.replace("_", " ")
    if action.verb == Verb.PATCH and target:
        return _SET[kind].format(target=target)
    if action.verb not in _VERBS or not target:
        return name
    return _VERBS[action.verb][tense].format(target=target, ticket=ticket)


def why_words(why: str, kind: CaseKind) -> str:
    """Why an action is planned."""
    if why not in set(Why):
        return why.replace("_", " ")
    usual = WHYS[Why(why)]
    match kind:
        case CaseKind.FINDING:
            return usual
        case CaseKind.INCIDENT:
            return _OF_INCIDENTS.get(Why(why), usual)
        case CaseKind.SUMMARY:
            return _OF_SUMMARIES.get(Why(why), usual)
        case _:
            assert_never(kind)


def step_words(step: PlannedStep, kind: CaseKind) -> str:
    """One step of a plan, with its reason."""
    detail = f"; {step.detail.replace('_', ' ')}" if step.detail else ""
    return f"{to_do_words(step.action, kind)} ({why_words(step.why, kind)}{detail})"


def cause_words(cause: str) -> str:
    """What caused the look; for a webhook and a poll, also of whom."""
    word, _, whose = cause.partition(":")
    said = CAUSES[LookCause(word)] if word in set(LookCause) else word
    return f"{said}, from {whose}" if whose else said


def ticket_words(ticket: TicketSeen) -> str:
    """A ticket as it was seen."""
    state = f"{ticket.state}, {ticket.reason}" if ticket.reason else ticket.state
    return f"{ticket.key} in {ticket.tracker} {state.replace('_', ' ')}"


def _trouble_words(error: str, status: int | None, request_id: str) -> str:
    """What went wrong, as far as codes say."""
    parts = [
        _ERRORS.get(error, error),
        f"HTTP {status}" if status else "",
        f"request {request_id}" if request_id else "",
    ]
    return ", ".join(filter(None, parts))


def waiting_words(trouble: SystemTrouble) -> str:
    """Why a system is waited for, and since when."""
    status = f" (HTTP {trouble.status})" if trouble.status else ""
    return f"{WAITING[trouble.waiting]}{status} since {time_words(trouble.since)} UTC"


def entry_words(entry: Entry, kind: CaseKind) -> str:
    """An entry of the timeline of a case of this kind as one line, without its time."""
    match entry:
        case Triggered():
            words = f"looked, because {cause_words(entry.cause)}"
        case Seen():
            words = f"saw the {kind} {entry.status.replace('_', ' ')}, {entry.severity}; {_tickets(entry)}"
        case Planned():
            words = "planned: " + ("; ".join(step_words(step, kind) for step in entry.steps) or "nothing")
        case Acted():
            words = _acted(entry, kind)
        case Settled():
            words = "at rest" + (f"; to be looked at again on {time_words(entry.look_at)}" if entry.look_at else "")
        case PutOff():
            words = f"put off until {time_words(entry.until)}{_in_brackets(entry)}"
        case SetAside() | GivenUp():
            words = _set_aside(entry, kind)
        case Doubted() | Unnamed() | UnreadableEntry():
            words = _in_doubt(entry)
        case Disagreed():
            words = f"conflict: {why_words(Why.CONFLICT, kind)}"
        case _:
            assert_never(entry)
    return words


def _set_aside(entry: SetAside | GivenUp, kind: CaseKind) -> str:
    match entry:
        case SetAside():
            return f"the whole case was parked{_in_brackets(entry)}"
        case GivenUp(action=action):
            what = "the whole case" if action == WHOLE_CASE else to_do_words(action, kind)
            return f"given up, as nobody had decided about it for too long: {what}"


def _in_doubt(entry: Doubted | Unnamed | UnreadableEntry) -> str:
    match entry:
        case Doubted():
            return doubt_words(entry)
        case Unnamed(trackers=trackers):
            return f"held up: {unnamed_words(trackers)}"
        case UnreadableEntry():
            return "what was told until then is in a form that this version cannot read; it is kept"


def doubt_words(doubted: Doubted) -> str:
    """Why a linked ticket may not be the case's, and what follows."""
    words = DOUBTS.get(doubted.evidence, doubted.evidence.replace("_", " "))
    return f"{doubted.ticket} in {doubted.tracker} {words}"


def unnamed_words(trackers: Iterable[str]) -> str:
    """What follows from trackers of a case that mappings.yaml does not name."""
    return f"mappings.yaml does not name {', '.join(sorted(trackers))}: nothing is concluded without what is there"


def _tickets(seen: Seen) -> str:
    shown = [*map(ticket_words, seen.tickets), *(f"{name} could not be asked" for name in seen.unseen)]
    return ", ".join(shown) or "no ticket"


def _acted(acted: Acted, kind: CaseKind) -> str:
    match acted.outcome:
        case "done":
            return f"done: {done_words(acted, kind)}"
        case "later":
            return f"not yet: {to_do_words(acted.action, kind)}{_in_brackets(acted)}"
        case "refused":
            return f"refused, and parked: {to_do_words(acted.action, kind)}{_in_brackets(acted)}"


def _in_brackets(entry: Acted | PutOff | SetAside) -> str:
    words = cause_of_wait(entry) if isinstance(entry, PutOff) else _error_words(entry)
    return f" ({words})" if words else ""


def cause_of_wait(entry: PutOff) -> str:
    """Because of which system a case was put off, and what that did, as far as codes say; empty where none is known."""
    why = WAITING[Waiting(entry.waiting)] if entry.waiting in set(Waiting) else ""
    return ", ".join(filter(None, [entry.system, why, _error_words(entry)]))


def _error_words(entry: Acted | PutOff | SetAside) -> str:
    return _trouble_words(entry.error, entry.status, entry.request_id)


def timeline_lines(entries: list[Entry], kind: CaseKind) -> Iterator[str]:
    """The timeline of a case of this kind, oldest first, one line each."""
    return (f"{time_words(at)}  {words}" for at, words in told_words(entries, kind))


def told_words(entries: list[Entry], kind: CaseKind) -> Iterator[tuple[float, str]]:
    """When each entry of a timeline was, and what it says, oldest first.

    A look in which something was refused is not said to have left the case at rest.
    """
    refused = False
    for entry in entries:
        if isinstance(entry, Triggered):
            refused = False
        elif isinstance(entry, Acted) and entry.outcome == "refused":
            refused = True
        words = STANDS_STILL if refused and isinstance(entry, Settled) else entry_words(entry, kind)
        yield entry.at, words
