"""What must come of it when people, SchoolScan and time have had their say: the table once more, as a judge reads it.

Written from the table and the rules' words alone, and not with the planner's help. It says which ends are right, not
which steps lead there; where the table leaves two answers open, both are right here, with the reason beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState

OPEN, REVIEWING = Status.OPEN, Status.REVIEWING
RESOLVED, ACCEPTED = Status.RESOLVED, Status.ACCEPTED_RISK
GONE = Status.GONE
SOLVED = {RESOLVED, ACCEPTED}

PERSON = "person-1"
"""Who closes a ticket when it is not us."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How the outside is at one moment: the finding, and the case's ticket in each tracker that has one.

    `lost` is the earliest end of an acceptance whose ticket was deleted, where no ticket accepts the risk now. `chosen`
    names the trackers whose ticket we closed and a person gave another reason since; `blurred` those of them where that
    was before we can have seen how we had closed it, and those that a person closed while we were about to.
    """

    status: Status
    tickets: Mapping[str, Ticket]
    at: datetime
    lost: datetime | None = None
    chosen: frozenset[str] = frozenset()
    blurred: frozenset[str] = frozenset()

    @property
    def active(self) -> set[str]:
        return {name for name, ticket in self.tickets.items() if ticket.state is not TicketState.DONE}

    @property
    def done(self) -> set[str]:
        return self.tickets.keys() - self.active

    @property
    def is_lost_over(self) -> bool:
        """Whether an acceptance has ended whose ticket was deleted."""
        return self.lost is not None and self.lost <= self.at

    def missing(self, policy: Policy) -> set[str]:
        return set(policy.trackers) - self.tickets.keys()


def end_of(ticket: Ticket, policy: Policy) -> datetime | None:
    """When the risk that this ticket accepts is no longer accepted: the earlier of its own end and the rule's."""
    ends = [ticket.risk.until] if ticket.risk is not None and ticket.risk.until is not None else []
    if policy.acceptance.at_most is not None and ticket.closed_at is not None:
        ends.append(ticket.closed_at + policy.acceptance.at_most)
    return min(ends, default=None)


def says_enough(ticket: Ticket, policy: Policy, at: datetime) -> bool:
    """Whether an acceptance has the reason and the end that the rule demands, and has not ended before it began."""
    end = end_of(ticket, policy)
    if (end is not None and end <= at) or _is_unread(ticket):
        return False
    has_reason = ticket.risk is not None and bool(ticket.risk.reason)
    return (has_reason or not policy.acceptance.reason_required) and (
        end is not None or not policy.acceptance.expiry_required
    )


def _is_unread(ticket: Ticket) -> bool:
    """Whether it has an end that nobody can read."""
    return ticket.risk is not None and ticket.risk.is_unread


def verdicts(tickets: Iterable[Ticket], policy: Policy, at: datetime) -> set[Status]:
    """What closing these tickets may make of their finding.

    One ticket has one meaning. Where several disagree the table says nothing, so each of their meanings is right.
    """
    return {_meaning(ticket, policy, at) for ticket in tickets}


def _meaning(ticket: Ticket, policy: Policy, at: datetime) -> Status:
    if ticket.reason is Reason.ACCEPTED_RISK:
        return ACCEPTED if says_enough(ticket, policy, at) else REVIEWING
    return REVIEWING if ticket.reason in policy.kept_open else RESOLVED


def accepted_by_people(ticket: Ticket) -> bool:
    """Whether a person closed it with the decision to live with it; what we closed repeats SchoolScan's decision."""
    return ticket.state is TicketState.DONE and ticket.reason is Reason.ACCEPTED_RISK and ticket.closed_by == PERSON


def has_ended(ticket: Ticket, policy: Policy, at: datetime) -> bool:
    """Whether it accepts a risk no longer."""
    end = end_of(ticket, policy)
    return ticket.reason is Reason.ACCEPTED_RISK and end is not None and end <= at


def disagreement(now: Picture, policy: Policy) -> str:
    """In what way both sides do not agree, whatever has happened; empty where they do."""
    active, missing = sorted(now.active), sorted(now.missing(policy))
    words = f"{now.status}, active in {active}, none in {missing}"
    if now.status in SOLVED:
        return words if active else _overdue(now, policy)
    if now.status in {GONE, Status.UNKNOWN}:
        return ""  # where its tickets are to be closed, a person may have reopened one; of the unknown nothing is said
    waits = not missing and not active and REVIEWING in verdicts(now.tickets.values(), policy, now.at)
    if waits:  # for more words from a person; where SchoolScan refused the note that says so, it still says `open`
        return ""
    return "" if now.status is REVIEWING and active and not missing else words


def _overdue(now: Picture, policy: Policy) -> str:
    """Whether an acceptance has ended and nobody has come back to it.

    Looked at only where every ticket was closed so by a person. Whether `at_most` also counts from our own closing,
    when the decision is SchoolScan's, the rules do not say; nor what of two tickets of which one says fixed.
    """
    if now.status is not ACCEPTED or not now.tickets:
        return ""
    if not all(accepted_by_people(ticket) for ticket in now.tickets.values()):
        return ""
    ended = sorted(name for name, ticket in now.tickets.items() if has_ended(ticket, policy, now.at))
    return f"the acceptance in {ended} has ended" if ended else ""


def surprise(before: Picture | None, changed: Picture, after: Picture, policy: Policy) -> str:
    """In what way `after` is not what the table says.

    `before` is the last agreement (None: the case is new), `changed` what the outside made of it before anybody looked,
    and `after` how it is at rest, with no other change in between.
    """
    right = _ends(before, changed, policy)
    if after.status not in right:
        return f"{_words(before)} became {_words(changed)} and ended as {_words(after)}, not in {sorted(right)}"
    wrong = _wrong_tickets(before, changed, after, policy)
    return f"{_words(before)} became {_words(changed)} and ended as {_words(after)}: {wrong}" if wrong else ""


def counts_late(before: Picture | None, changed: Picture, after: Picture, policy: Policy) -> bool:
    """Whether a closing that nobody could see at first explains the end: seen late, it looks like the last word."""
    since = _closed_since(before, changed) if before is not None else changed.done
    return after.status in verdicts((changed.tickets[name] for name in since), policy, changed.at)


def _words(picture: Picture | None) -> str:
    if picture is None:
        return "nothing"
    tickets = [f"{name} {ticket.state} {ticket.reason or ''}" for name, ticket in picture.tickets.items()]
    return f"({', '.join([picture.status, *tickets])})"


def _ends(before: Picture | None, changed: Picture, policy: Policy) -> set[Status]:
    match changed.status:
        case Status.OPEN:
            if before is not None and before.status is OPEN:  # SchoolScan refused our note: nothing has changed there
                return {OPEN} | _waiting(before, changed, policy)
            return _found_again(before, changed, policy)
        case Status.REVIEWING:
            return _waiting(before, changed, policy)
        case Status.RESOLVED | Status.ACCEPTED_RISK as status:
            return _solved(before, changed, policy, status)
        case status:
            return {status}


def _found_again(before: Picture | None, changed: Picture, policy: Policy) -> set[Status]:
    """`Still open` wins, unless what was found again is a risk that somebody accepted."""
    if before is None or changed.active or not changed.tickets:
        return {REVIEWING}
    if before.status is RESOLVED and not _closed_since(before, changed):
        return {REVIEWING}
    tickets = changed.tickets.values()
    people = all(accepted_by_people(ticket) for ticket in tickets)
    stands = ACCEPTED in verdicts(tickets, policy, changed.at)
    if before.status is ACCEPTED:
        ended = any(has_ended(ticket, policy, changed.at) for ticket in tickets)
        same = _closed_since(before, changed) == set() and not changed.missing(policy)
        lacks = any(accepted_by_people(each) and not says_enough(each, policy, changed.at) for each in tickets)
        if same and not ended and all(ticket.reason is Reason.ACCEPTED_RISK for ticket in tickets):
            # SchoolScan's own decision, beside one of a person that lacks what the rule demands: both rows fit.
            return {ACCEPTED, REVIEWING} if lacks else {ACCEPTED}
        # Deleted, closed once more, closed as fixed, or ended by a rule's longest time that SchoolScan's own decision
        # may not know: there are reasons for both.
        return {REVIEWING} if ended and people else {ACCEPTED, REVIEWING}
    # Accepted and found again at once: "still open wins" and "not reopened by being found again" both fit.
    return {ACCEPTED, REVIEWING} if stands else {REVIEWING}


def _waiting(before: Picture | None, changed: Picture, policy: Policy) -> set[Status]:
    """Unchanged, unless it was solved or gone."""
    if before is None or before.status in SOLVED:
        return {REVIEWING}
    tickets, since = changed.tickets, _closed_since(before, changed)
    decided = verdicts((tickets[name] for name in since), policy, changed.at)
    decided |= verdicts((tickets[name] for name in changed.done), policy, changed.at) if since else set()
    if before.status is GONE:
        return {REVIEWING} | decided  # closed while the finding was not there: before or after it came back?
    if not since or (changed.active and policy.resolve_when is ResolveWhen.ALL and not changed.missing(policy)):
        return {REVIEWING}
    if changed.missing(policy):
        return {REVIEWING} | decided  # two rows fit: "deleted: open a new one", and "done"
    is_sure = not changed.active or any(_is_sure(name, before, changed, policy) for name in since)
    return decided if is_sure else {REVIEWING} | decided


def _is_sure(name: str, before: Picture, changed: Picture, policy: Policy) -> bool:
    """Whether anybody who looks now and then can see that a closing is new: it was active, or did not say enough."""
    old = before.tickets.get(name)
    if old is None or name in before.active:
        return True
    asked = accepted_by_people(old) and REVIEWING in verdicts([old], policy, before.at)
    return asked and old.closed_at == changed.tickets[name].closed_at


def _solved(before: Picture | None, changed: Picture, policy: Policy, status: Status) -> set[Status]:
    """SchoolScan's word, or ours, stands, unless somebody has reopened a ticket or the acceptance has ended."""
    if before is not None and _reopened(before, changed):
        return {REVIEWING}
    ended = {name for name, ticket in changed.tickets.items() if has_ended(ticket, policy, changed.at)}
    anew = set[Status]()
    if before is not None and (others := decided_anew(before, changed)):
        anew = verdicts((changed.tickets[name] for name in changed.done), policy, changed.at)
        if all(before.tickets[name].reason in policy.kept_open for name in others):
            anew = (anew - {REVIEWING}) | {status}  # what decided nothing takes no decision back; ours decide nothing
        if all(_is_wordless(before.tickets[name]) for name in others):
            anew |= {status}
        if not any(_meaning(before.tickets[name], policy, before.at) is status for name in others):
            anew |= {status}  # other tickets or SchoolScan decided: a reason that did not decide takes nothing back
        if others <= changed.blurred:  # our own word, or a person's? There are trackers with few words
            anew |= {status, *verdicts((changed.tickets[name] for name in others), policy, changed.at)}
    if before is not None and _completed(before, changed, policy):  # a reason that was changed before counts only now
        anew |= {status, *verdicts((changed.tickets[name] for name in changed.done), policy, changed.at)}
    if status is ACCEPTED and changed.is_lost_over:  # or SchoolScan's own word, or one of which the store was wiped
        return anew | {ACCEPTED, REVIEWING}
    if status is not ACCEPTED or not ended:
        return anew or {status}
    people = all(accepted_by_people(ticket) for ticket in changed.tickets.values())
    sure = people and before is not None and before.status is ACCEPTED and not _closed_since(before, changed)
    return anew | (
        {REVIEWING} if sure else {ACCEPTED, REVIEWING}
    )  # accepted anew, or in part, or by SchoolScan's own word


def _closed_since(before: Picture, changed: Picture) -> set[str]:
    """Those that were closed since, or closed otherwise than before: the risk's reason was filled in, say."""
    facts = {name: _closing_of(ticket) for name, ticket in before.tickets.items()}
    return {name for name in changed.done if facts.get(name) != _closing_of(changed.tickets[name])}


def _closing_of(ticket: Ticket) -> tuple[object, ...]:
    """What makes one closing another. Of two words that nothing maps each is a reason of its own."""
    return ticket.id, ticket.reason, ticket.word, ticket.closed_at, ticket.risk


def decided_anew(before: Picture | None, changed: Picture) -> set[str]:
    """Those that were done, and are done for another reason, or without their end, while SchoolScan says the same.

    The end of an acceptance says something only of a finding that is accepted.
    """
    if before is None or before.status is not changed.status:
        return set()
    both = {name: (before.tickets[name], changed.tickets[name]) for name in before.done & changed.done}
    return {
        name
        for name, (old, new) in both.items()
        if old.id == new.id
        and (
            (old.reason, old.word) != (new.reason, new.word)
            or (changed.status is ACCEPTED and _is_of_people(name, before, changed) and _has_lost_its_end(old, new))
        )
    }


def _completed(before: Picture, changed: Picture, policy: Policy) -> set[str]:
    """Those whose acceptance lacked what the rule demands, or had ended, and says enough now."""
    both = {name: (before.tickets[name], changed.tickets[name]) for name in before.done & changed.done}
    return {
        name
        for name, (old, new) in both.items()
        if old.id == new.id
        and accepted_by_people(old)
        and accepted_by_people(new)
        and says_enough(new, policy, changed.at)
        and not says_enough(old, policy, before.at)
    }


def _is_wordless(ticket: Ticket) -> bool:
    """Whether we may have closed it with no word, so that a later one may be its tracker's own, or a person's."""
    return ticket.closed_by != PERSON and ticket.reason is Reason.NONE


def _is_of_people(name: str, before: Picture, changed: Picture) -> bool:
    """Whether people said before and say now why this ticket is done: its end says nothing of what we closed."""
    return all(name in each.chosen or each.tickets[name].closed_by == PERSON for each in (before, changed))


def _has_lost_its_end(old: Ticket, new: Ticket) -> bool:
    """Whether the end of what was accepted is emptied, or nobody can read it any more."""
    if new.reason is not Reason.ACCEPTED_RISK or new.risk is None or new.risk.until is not None:
        return False
    return not _is_unread(old) if _is_unread(new) else old.risk is not None and old.risk.until is not None


def _reopened(before: Picture, changed: Picture) -> set[str]:
    return before.done & changed.active


def _wrong_tickets(before: Picture | None, changed: Picture, after: Picture, policy: Policy) -> str:
    """Which tickets were touched without a reason, or not touched with one."""
    if after.status is GONE:
        due = changed.active if policy.closes_gone and before is not None and before.status is not GONE else set()
        due = due - before.done if before is not None else due  # "close them" and "still open wins" both fit
        closed = changed.active & after.done
        if closed and not policy.closes_gone:
            return f"closed {sorted(closed)}"
        return f"{sorted(due - closed)} left open" if due - closed else ""
    if after.status is not REVIEWING or before is None or before.status is GONE:
        return ""
    may_rest = set[str]()
    if changed.status in SOLVED and not _reopened(before, changed):  # an acceptance has ended
        may_rest = {name for name in changed.done if not has_ended(changed.tickets[name], policy, changed.at)}
        if decided_anew(before, changed):  # "ended" and "an end that has passed is asked about" both fit
            may_rest = changed.done
        due = changed.tickets.keys() - may_rest
    elif changed.status is OPEN or (changed.status is REVIEWING and before.status in SOLVED):
        may_rest = {name for name in changed.done if changed.tickets[name].reason is Reason.ACCEPTED_RISK}
        may_rest = may_rest if changed.status is OPEN else set()
        due = changed.tickets.keys() - may_rest
    else:
        due = changed.active
    late = {name for name in changed.done if has_ended(changed.tickets[name], policy, after.at)}
    if idle := due - after.active:
        return f"{sorted(idle)} not worked on"
    if touched := (changed.done - due - may_rest - late) & after.active:
        return f"{sorted(touched)} opened again"
    return _followed(changed, after, policy)


def _followed(changed: Picture, after: Picture, policy: Policy) -> str:
    """Whether each ticket was opened again, or followed by a new one, as the rule says; never both ways at once."""
    for name in changed.tickets.keys() & after.active:
        old, new = changed.tickets[name], after.tickets[name]
        if old.state is TicketState.DONE and (old.id == new.id) != reopens(old, policy, changed.at):
            return f"{name} {'reopened' if old.id == new.id else 'followed'} against the rule"
        if old.state is not TicketState.DONE and old.id != new.id:
            return f"{name} replaced"
    return ""


def reopens(ticket: Ticket, policy: Policy, at: datetime) -> bool:
    """Whether a done ticket is to be opened again, and not to be followed by a new one."""
    if ticket.final or ticket.closed_at is None:
        return False
    return (at - ticket.closed_at).total_seconds() < policy.reopen_within.total_seconds()
