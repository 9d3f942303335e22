"""The rules of mappings.yaml, compiled for those who observe and act, and what they say about one subject. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from remediation.domain.actions import SetStatus, Why
from remediation.domain.identities import NO_IDENTITIES, Identity
from remediation.domain.ownership import Ground
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Draft, Ticket, TicketState
from remediation.mapping.config.policies import policy_of
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of, is_same_address
from remediation.mapping.render.occasions import CommentKind, NoteKind, Occasion, comment_of, note_of
from remediation.mapping.render.tickets import closing_fields_of, draft_of, urgency_of
from remediation.mapping.rules.coverage import Coverage, place_of
from remediation.mapping.rules.matching import Matcher

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


@dataclass(frozen=True, slots=True)
class MappingsRuling:
    """The Ruling of one mappings.yaml.

    `rule` takes the subject at the moment `at`, and `counting` is the rule by which its tickets keep in step: the same,
    or where none takes it (any more) the one that did. Both are None where the file has no such rule.
    """

    mappings: Mappings
    subject: Subject
    at: datetime
    rule: Rule | None
    policy: Policy
    counting: Rule | None

    def urgency(self, tracker: str) -> Mapping[str, str]:
        """The fields for the urgency of the subject's ticket; empty where no rule gives any."""
        if self.rule is None or tracker not in self.rule.tickets:
            return {}
        ticket, config = self.rule.tickets[tracker], self.mappings.trackers[tracker]
        return urgency_of(ticket, config, self.subject.detail, self.at)

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        """The fields that the rule sets when we close the ticket there, by the tracker's own names."""
        return closing_fields_of(self.mappings, self.counting, tracker, self.subject.key, self.subject.detail)

    def place(self, tracker: str) -> str | None:
        """The place for its ticket in the tracker; where no rule gives one, its configured place, if any."""
        if self.rule and tracker in self.rule.tickets:
            return place_of(self.mappings, self.rule, tracker)
        config = self.mappings.trackers.get(tracker)
        return config.place if config else None

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        """The ticket to open; `follows` is the closed one whose place it takes.

        Raises LookupError where no rule wants one: ask `policy` first.
        """
        if self.rule is None:
            raise LookupError(tracker)
        return draft_of(self.mappings, self.rule, tracker, self.subject.key, self.subject.detail, self.at, follows)

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        """The audit note that goes with a change of the subject's status: what, which tickets, who, why, when.

        `words` are people's own, scrubbed and cut; they are quoted only where the rule copies them, or demands them.
        """
        policy = self.policy
        done = [ticket for ticket in tickets if ticket.state is TicketState.DONE]
        decided = done if change.why in _DECISIONS else []
        closings = [ticket.closed_at for ticket in decided if ticket.closed_at and change.why is Why.TICKET_DONE]
        deciders = dict.fromkeys(closer for ticket in decided if (closer := ticket.closer or ticket.closed_by))
        occasion = Occasion(
            case=self.subject.key,
            at=max(closings, default=now),
            rule=policy.rule,
            tickets=tickets,
            reason=change.reason,
            by=", ".join(deciders) or None,
            why=change.why,
            status=change.status,
            until=change.until,
            word=", ".join(
                dict.fromkeys(ticket.word for ticket in done if ticket.reason is change.reason and ticket.word)
            ),
            words=words if policy.copies_closing_words or policy.acceptance.reason_required else "",
        )
        usual = NoteKind.KEPT_OPEN if change.why is Why.REASON_CHANGED else NoteKind.REOPENED
        kind = _NOTES.get(change.why) or _BY_STATUS.get(change.status, usual)
        return note_of(self.mappings, kind, occasion)

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        """The comment for a ticket's readers.

        For a duplicate, `ticket` is the one that stays; for a replaced one, the one that follows it.
        """
        policy = self.policy
        if why is Why.FINDING_GONE and not fact:
            fact = "close" if policy.closes_gone else "comment"
        occasion = Occasion(
            case=self.subject.key,
            at=now,
            rule=policy.rule,
            tickets=(ticket,),
            reason=ticket.reason,
            by=ticket.closer or ticket.closed_by,
            why=why,
            status=_status_told(why, self.subject.status, ticket),
            fact=fact,
            until=policy.acceptance.until(ticket),
            word=ticket.word,
        )
        return comment_of(self.mappings, _COMMENTS[why], occasion)


def _status_told(why: Why, status: Status, ticket: Ticket) -> Status:
    """The status of the subject once it is settled: in a conflict, the side that is still open wins."""
    is_open = ticket.state.is_active or status.is_unsolved
    return Status.REVIEWING if why is Why.CONFLICT and is_open else status


class MappingsRulebook:
    """The rules and texts of one mappings.yaml, compiled once.

    `identities` are the file's, by district; texts can be made without their keys.
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

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> MappingsRuling:
        """The ruling on the subject; only here are the rules matched.

        Where no rule takes it, the policy is that of the rule named `known`; where the file has no such rule (any
        more), what that rule `said` when it counted; and where that is not known, what `defaults` say.
        """
        rule = self._matcher.rule_for(subject.detail, subject.key.district, at)
        policy = self._policy(subject, rule, known, said)
        return MappingsRuling(self._mappings, subject, at, rule, policy, self._rules.get(policy.rule))

    def _policy(self, subject: Subject, rule: Rule | None, known: str, said: Policy | None) -> Policy:
        """The policy of the rule that takes the subject, or else of the one that counted before.

        Of a subject that is gone only the id is left, which a rule without conditions would take.
        """
        if rule is not None and subject.status is not Status.GONE:
            return self._policies[rule.name]
        return self._former.get(known) or said or self._without_rule

    @property
    def former_names(self) -> Mapping[str, str]:
        """The former names of trackers, each with the present one."""
        return self._former_names

    def identity(self, district: str) -> Identity | None:
        """The district's identity, where its findings' ids do not last; otherwise None."""
        return self._identities.get(district)

    def names(self, district: str) -> bool:
        """Whether the file has such a district."""
        return district in self._mappings.districts

    def concerns(self, district: str, tracker: str) -> bool:
        """Whether a rule may send findings of this district to this tracker."""
        return self._coverage.reaches(district, tracker)

    def beside(self, tracker: str) -> tuple[str, ...]:
        """The other trackers of the file with the same address."""
        trackers = self._mappings.trackers
        if (config := trackers.get(tracker)) is None:
            return ()
        return tuple(name for name, other in trackers.items() if name != tracker and is_same_address(other, config))

    def ground(self, district: str, ticket: Ticket) -> Ground:
        """Whose tickets the rules open in the place of this ticket, as this district sees it."""
        return self._coverage.ground(district, ticket.tracker, ticket.place)
