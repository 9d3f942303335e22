"""What mappings.yaml says about a finding, as the questions that observing and acting ask."""

from collections.abc import Mapping
from datetime import datetime

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases import CaseKey
from remediation.domain.findings import Finding
from remediation.domain.identities import NO_IDENTITIES, Identity
from remediation.domain.ownership import Ground
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.tickets import Draft, Ticket, TicketState
from remediation.mapping.config.policies import policy_of
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of, is_same_address
from remediation.mapping.render.fields import urgency_of
from remediation.mapping.render.occasions import CommentKind, NoteKind, Occasion, comment_of, note_of
from remediation.mapping.render.tickets import closing_fields_of, draft_of
from remediation.mapping.rules.coverage import Coverage
from remediation.mapping.rules.matching import Matcher
from remediation.mapping.rules.places import place_of
from remediation.ports import Telling

_NOTES = {
    Why.NEW: NoteKind.OPENED,
    Why.CONFLICT: NoteKind.CONFLICT,
    Why.RISK_STILL_ACCEPTED: NoteKind.STILL_ACCEPTED,
    Why.RISK_EXPIRED: NoteKind.RISK_EXPIRED,
}
"""What moved us decides the words, and otherwise the status that a finding gets."""

_BY_STATUS = {Status.RESOLVED: NoteKind.RESOLVED, Status.ACCEPTED_RISK: NoteKind.ACCEPTED_RISK}

_COMMENTS = {
    Why.NEW: CommentKind.REOPENED,
    Why.FOUND_AGAIN: CommentKind.REOPENED,
    Why.TICKET_DONE: CommentKind.OTHER_TICKET_DONE,
    Why.TICKET_REOPENED: CommentKind.REOPENED,
    Why.FINDING_RESOLVED: CommentKind.RESOLVED,
    Why.FINDING_ACCEPTED: CommentKind.ACCEPTED_RISK,
    Why.FINDING_GONE: CommentKind.FINDING_GONE,
    Why.CONFLICT: CommentKind.CONFLICT,
    Why.DUPLICATE: CommentKind.DUPLICATE,
    Why.SEVERITY_RAISED: CommentKind.SEVERITY_RAISED,
    Why.EXPERT_REVIEWED: CommentKind.EXPERT_REVIEWED,
    Why.RISK_UNEXPLAINED: CommentKind.RISK_UNEXPLAINED,
    Why.RISK_STILL_ACCEPTED: CommentKind.ACCEPTED_RISK,
    Why.RISK_EXPIRED: CommentKind.RISK_EXPIRED,
    Why.KEPT_OPEN: CommentKind.KEPT_OPEN,
    Why.REASON_CHANGED: CommentKind.KEPT_OPEN,
    Why.LEFT_OVER: CommentKind.LEFT_OVER,
    Why.REFUSED: CommentKind.REFUSED,
    Why.CONTINUED: CommentKind.CONTINUED,
}

_DECISIONS = frozenset({Why.TICKET_DONE, Why.RISK_STILL_ACCEPTED})
"""Where people decided, by closing tickets."""


class MappingsRulebook:
    """The rules and texts of one mappings.yaml, compiled once.

    `identities` are those that the file asks for, by district; whoever only words texts can do without their keys.
    """

    def __init__(self, mappings: Mappings, identities: Mapping[str, Identity] = NO_IDENTITIES) -> None:
        self._mappings = mappings
        self._identities = identities
        self._former_names = former_names_of(mappings.trackers)
        self._matcher = Matcher(mappings.rules)
        self._coverage = Coverage(mappings)
        self._rules = {rule.name: rule for rule in mappings.rules}
        self._policies = {name: policy_of(rule, name, tuple(rule.tickets)) for name, rule in self._rules.items()}
        self._former = {name: policy.as_former for name, policy in self._policies.items()}
        self._without_rule = policy_of(mappings.defaults, "", ())

    def rule(self, key: CaseKey, finding: Finding, at: datetime) -> Rule | None:
        """The rule that takes this finding at this moment, or None where no rule does."""
        return self._matcher.rule_for(finding, key.district, at)

    def policy(
        self, key: CaseKey, finding: Finding, at: datetime, known: str = "", said: Policy | None = None
    ) -> Policy:
        """What counts for this finding; where no rule takes it, what the one of the name `known` says.

        Where the file has no such rule (any more), that is what it `said` when it counted, and where nobody knows that,
        what `defaults` says. Of a finding that is gone only its id is left, which would be something for a rule that
        takes everything.
        """
        rule = None if finding.status is Status.GONE else self.rule(key, finding, at)
        if rule is not None:
            return self._policies[rule.name]
        return self._former.get(known) or said or self._without_rule

    @property
    def former_names(self) -> Mapping[str, str]:
        """The names that trackers had before, each with the one that it has now."""
        return self._former_names

    def identity(self, district: str) -> Identity | None:
        """How the district's findings are told apart where their ids do not last; None where they do."""
        return self._identities.get(district)

    def names(self, district: str) -> bool:
        """Whether the file has such a district."""
        return district in self._mappings.districts

    def concerns(self, district: str, tracker: str) -> bool:
        """Whether a rule may send findings of this district to this tracker."""
        return self._coverage.reaches(district, tracker)

    def beside(self, tracker: str) -> tuple[str, ...]:
        """The other trackers of the file that have the same address."""
        trackers = self._mappings.trackers
        if (config := trackers.get(tracker)) is None:
            return ()
        return tuple(name for name, other in trackers.items() if name != tracker and is_same_address(other, config))

    def ground(self, district: str, ticket: Ticket) -> Ground:
        """Whose tickets the rules open where this ticket is, as this district sees it."""
        return self._coverage.ground(district, ticket.tracker, ticket.place)

    def urgency(self, key: CaseKey, finding: Finding, tracker: str, at: datetime) -> Mapping[str, str]:
        """How urgent the finding's ticket is to be; empty where no rule says."""
        rule = self.rule(key, finding, at)
        if rule is None or tracker not in rule.tickets:
            return {}
        return urgency_of(rule.tickets[tracker], self._mappings.trackers[tracker], finding, at)

    def closing_fields(self, telling: Telling, tracker: str) -> Mapping[str, object]:
        """What the rule sets when we close the ticket there, by the tracker's own names."""
        rule = self._rules.get(telling.policy.rule)
        return closing_fields_of(self._mappings, rule, tracker, telling.key, telling.finding)

    def place(self, key: CaseKey, finding: Finding, tracker: str, at: datetime) -> str | None:
        """Where in the tracker its ticket belongs; where no rule says, anywhere that the tracker may have it."""
        rule = self.rule(key, finding, at)
        if rule and tracker in rule.tickets:
            return place_of(self._mappings, rule, tracker)
        config = self._mappings.trackers.get(tracker)
        return config.place if config else None

    def draft(self, key: CaseKey, finding: Finding, tracker: str, at: datetime, follows: Ticket | None = None) -> Draft:
        """The ticket to open; `follows` is the closed one whose place it takes.

        Raises LookupError where no rule wants one: ask `policy` first, for the same moment.
        """
        rule = self.rule(key, finding, at)
        if rule is None:
            raise LookupError(tracker)
        return draft_of(self._mappings, rule, tracker, key, finding, at, follows)

    def note(self, telling: Telling, patch: SetStatus, tickets: tuple[Ticket, ...], words: str = "") -> str:
        """The audit note that goes with a change of the finding's status: what, which tickets, who, why, when.

        `words` are people's own, scrubbed and cut; they are quoted only where the rule copies them, or demands them.
        """
        policy = telling.policy
        done = [ticket for ticket in tickets if ticket.state is TicketState.DONE]
        decided = done if patch.why in _DECISIONS else []
        closings = [ticket.closed_at for ticket in decided if ticket.closed_at and patch.why is Why.TICKET_DONE]
        deciders = dict.fromkeys(closer for ticket in decided if (closer := ticket.closer or ticket.closed_by))
        occasion = Occasion(
            case=telling.key,
            at=max(closings, default=telling.at),
            rule=policy.rule,
            tickets=tickets,
            reason=patch.reason,
            by=", ".join(deciders) or None,
            why=patch.why,
            status=patch.status,
            until=patch.until,
            word=", ".join(
                dict.fromkeys(ticket.word for ticket in done if ticket.reason is patch.reason and ticket.word)
            ),
            words=words if policy.copies_closing_words or policy.acceptance.reason_required else "",
        )
        usual = NoteKind.KEPT_OPEN if patch.why is Why.REASON_CHANGED else NoteKind.REOPENED
        kind = _NOTES.get(patch.why) or _BY_STATUS.get(patch.status, usual)
        return note_of(self._mappings, kind, occasion)

    def comment(self, telling: Telling, why: Why, ticket: Ticket, fact: str = "") -> str:
        """What a ticket's readers are told.

        For a duplicate, `ticket` is the one that stays; for one that is continued, the one that follows it.
        """
        policy = telling.policy
        if why is Why.FINDING_GONE and not fact:
            fact = "close" if policy.closes_gone else "comment"
        occasion = Occasion(
            case=telling.key,
            at=telling.at,
            rule=policy.rule,
            tickets=(ticket,),
            reason=ticket.reason,
            by=ticket.closer or ticket.closed_by,
            why=why,
            status=_status_told(why, telling.finding, ticket),
            fact=fact,
            until=policy.acceptance.until(ticket),
            word=ticket.word,
        )
        return comment_of(self._mappings, _COMMENTS[why], occasion)


def _status_told(why: Why, finding: Finding, ticket: Ticket) -> Status:
    """Where the finding stands once it is settled: in a conflict, what is still open wins."""
    is_open = ticket.state.is_active or finding.status.is_unsolved
    return Status.REVIEWING if why is Why.CONFLICT and is_open else finding.status
