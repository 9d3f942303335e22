"""What mappings.yaml says about a finding, as the questions that observing and acting ask."""

from datetime import datetime

from remediation.actions import PatchFinding, Why
from remediation.cases import CaseKey
from remediation.findings import Finding, FindingStatus
from remediation.mapping.matching import Matcher
from remediation.mapping.rendering import CommentKind, NoteKind, Occasion, comment_of, draft_of, note_of, place_of
from remediation.mapping.rules import Rule
from remediation.mapping.schema import Mappings
from remediation.tickets import Draft, Ticket

_COMMENTS = {
    Why.FOUND_AGAIN: CommentKind.REOPENED,
    Why.NEW: CommentKind.REOPENED,
    Why.TICKET_REOPENED: CommentKind.REOPENED,
    Why.TICKET_DONE: CommentKind.RESOLVED,
    Why.FINDING_RESOLVED: CommentKind.RESOLVED,
    Why.FINDING_ACCEPTED: CommentKind.ACCEPTED_RISK,
    Why.CONFLICT: CommentKind.CONFLICT,
    Why.DUPLICATE: CommentKind.DUPLICATE,
}


class MappingsRulebook:
    """The rules and texts of one mappings.yaml, compiled once."""

    def __init__(self, mappings: Mappings) -> None:
        self._mappings = mappings
        self._matcher = Matcher(mappings.rules)

    def rule(self, key: CaseKey, finding: Finding, at: datetime) -> Rule | None:
        """The rule that takes this finding at this moment, or None where no rule does."""
        return self._matcher.rule_for(finding, key.district, at)

    def wanted(self, key: CaseKey, finding: Finding, at: datetime) -> tuple[str, ...]:
        """The trackers in which this finding gets a ticket; empty where no rule takes it, or one that wants none."""
        rule = self.rule(key, finding, at)
        return tuple(rule.tickets) if rule else ()

    def rule_name(self, key: CaseKey, finding: Finding, at: datetime) -> str | None:
        """The name of the rule that takes this finding, or None where no rule does."""
        rule = self.rule(key, finding, at)
        return rule.name if rule else None

    def is_unmatched(self, key: CaseKey, finding: Finding, at: datetime) -> bool:
        """Whether no rule takes this finding: a gap, unlike a rule that deliberately wants no ticket."""
        return self.rule(key, finding, at) is None

    def place(self, key: CaseKey, finding: Finding, tracker: str, at: datetime) -> str | None:
        """Where in the tracker its ticket belongs; None where no rule says."""
        rule = self.rule(key, finding, at)
        return place_of(self._mappings, rule, tracker) if rule and tracker in rule.tickets else None

    def draft(self, key: CaseKey, finding: Finding, tracker: str, at: datetime) -> Draft:
        """The ticket to open. Raises LookupError where no rule wants one: ask `wanted` first, for the same moment."""
        rule = self.rule(key, finding, at)
        if rule is None:
            raise LookupError(tracker)
        return draft_of(self._mappings, rule, tracker, key, finding, at)

    def note(
        self, key: CaseKey, finding: Finding, patch: PatchFinding, tickets: tuple[Ticket, ...], at: datetime
    ) -> str:
        """The audit note that goes with a change of the finding's status: which tickets, why, who decided, when."""
        rule = self._rule_name(key, finding, at)
        deciders: dict[str, None] = {}
        if patch.why is Why.TICKET_DONE:
            deciders = dict.fromkeys(ticket.closed_by for ticket in tickets if ticket.closed_by)
            at = max((ticket.closed_at for ticket in tickets if ticket.closed_at), default=at)
        by = ", ".join(deciders) or None
        occasion = Occasion(case=key, at=at, rule=rule, tickets=tickets, reason=patch.reason, by=by)
        return note_of(self._mappings, _note_kind(patch), occasion)

    def comment(self, key: CaseKey, finding: Finding, why: Why, ticket: Ticket, at: datetime) -> str:
        """What a ticket's readers are told. For a duplicate, `ticket` is the one that stays."""
        occasion = Occasion(case=key, at=at, rule=self._rule_name(key, finding, at), tickets=(ticket,))
        return comment_of(self._mappings, _COMMENTS[why], occasion)

    def _rule_name(self, key: CaseKey, finding: Finding, at: datetime) -> str:
        return self.rule_name(key, finding, at) or "none"


def _note_kind(patch: PatchFinding) -> NoteKind:
    if patch.status is FindingStatus.RESOLVED:
        return NoteKind.RESOLVED
    if patch.status is FindingStatus.ACCEPTED_RISK:
        return NoteKind.ACCEPTED_RISK
    return NoteKind.OPENED if patch.why is Why.NEW else NoteKind.REOPENED
