"""The Rulebook and the Ruling (see ports) of mappings.yaml: its rules, and what they say about one subject. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.groups import group_of
from remediation.domain.cases.identities import NO_IDENTITIES, Identity
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.cases.relations import Vicinity
from remediation.domain.drills import is_drill, marked_comment, marked_draft
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident
from remediation.domain.ownership import Ground
from remediation.domain.policy import Policy
from remediation.domain.reports import SummaryTerms
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.summaries import ScanSummary
from remediation.domain.tickets import Draft, MemberList, Ticket, TicketState
from remediation.mapping.config.policies import policy_of
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of, is_same_address
from remediation.mapping.render.incidents import change_of
from remediation.mapping.render.occasions import (
    AnyCommentKind,
    CommentKind,
    IncidentCommentKind,
    NoteKind,
    Occasion,
    SummaryCommentKind,
    comment_of,
    note_of,
)
from remediation.mapping.render.tickets import closing_fields_of, draft_of, link_of, members_of, page_of, urgency_of
from remediation.mapping.rules.coverage import Coverage, place_of, summary_rule
from remediation.mapping.rules.matching import Matcher
from remediation.mapping.rules.vicinities import vicinity_of

_NOTES = {
    Why.NEW: NoteKind.OPENED,
    Why.CONFLICT: NoteKind.CONFLICT,
    Why.RISK_STILL_ACCEPTED: NoteKind.STILL_ACCEPTED,
    Why.RISK_EXPIRED: NoteKind.RISK_EXPIRED,
    Why.VERIFYING: NoteKind.VERIFYING,
    Why.STILL_FOUND: NoteKind.STILL_FOUND,
    Why.UNVERIFIED: NoteKind.UNVERIFIED,
}
"""The kind of note by the cause of the change. For other causes the new status decides (_BY_STATUS)."""

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
    Why.VERIFYING: CommentKind.UNVERIFIED,
    Why.STILL_FOUND: CommentKind.STILL_FOUND,
    Why.UNVERIFIED: CommentKind.UNVERIFIED,
    Why.REFUSED: CommentKind.REFUSED,
    Why.CONTINUED: CommentKind.CONTINUED,
}

_INCIDENT_COMMENTS = {
    Why.NEW: IncidentCommentKind.REOPENED,
    Why.FOUND_AGAIN: IncidentCommentKind.REOPENED,
    Why.TICKET_DONE: IncidentCommentKind.OTHER_TICKET_DONE,
    Why.TICKET_REOPENED: IncidentCommentKind.REOPENED,
    Why.FINDING_RESOLVED: IncidentCommentKind.RESOLVED,
    Why.FINDING_ACCEPTED: IncidentCommentKind.ACCEPTED_RISK,
    Why.FINDING_GONE: IncidentCommentKind.DELETED,
    Why.CONFLICT: IncidentCommentKind.CONFLICT,
    Why.DUPLICATE: IncidentCommentKind.DUPLICATE,
    Why.SEVERITY_RAISED: IncidentCommentKind.SEVERITY_RAISED,
    Why.INCIDENT_CHANGED: IncidentCommentKind.CHANGED,
    Why.RULE_CHANGED: IncidentCommentKind.RULE_CHANGED,
    Why.RISK_UNEXPLAINED: IncidentCommentKind.RISK_UNEXPLAINED,
    Why.RISK_STILL_ACCEPTED: IncidentCommentKind.ACCEPTED_RISK,
    Why.RISK_EXPIRED: IncidentCommentKind.RISK_EXPIRED,
    Why.KEPT_OPEN: IncidentCommentKind.KEPT_OPEN,
    Why.REASON_CHANGED: IncidentCommentKind.KEPT_OPEN,
    Why.LEFT_OVER: IncidentCommentKind.LEFT_OVER,
    Why.VERIFYING: IncidentCommentKind.KEPT_OPEN,
    Why.STILL_FOUND: IncidentCommentKind.REOPENED,
    Why.UNVERIFIED: IncidentCommentKind.REOPENED,
    Why.REFUSED: IncidentCommentKind.REFUSED,
    Why.CONTINUED: IncidentCommentKind.CONTINUED,
    Why.RELATED: IncidentCommentKind.RELATED,
}

_SUMMARY_COMMENTS = {
    Why.NEW: SummaryCommentKind.REOPENED,
    Why.FOUND_AGAIN: SummaryCommentKind.REOPENED,
    Why.FINDING_GONE: SummaryCommentKind.SCAN_GONE,
    Why.DUPLICATE: SummaryCommentKind.DUPLICATE,
    Why.LEFT_OVER: SummaryCommentKind.LEFT_OVER,
    Why.REFUSED: SummaryCommentKind.REFUSED,
    Why.CONTINUED: SummaryCommentKind.CONTINUED,
}
"""For other causes a ticket is closed because the summary was (RESOLVED)."""

_OF_SUMMARIES = Policy(kept_open=frozenset())
"""However people close the ticket of a summary: closed is closed."""

_DECISIONS = frozenset({Why.TICKET_DONE, Why.RISK_STILL_ACCEPTED, Why.VERIFYING})
"""The causes with which people decided, by closing tickets."""


_CLOSINGS = frozenset({Why.TICKET_DONE, Why.VERIFYING})
"""Those of them that count from the closing."""


@dataclass(frozen=True, slots=True)
class MappingsRuling:
    """The Ruling of one mappings.yaml.

    `rule` is the rule that matches the subject at the moment `at`. `counting` is the rule of the policy: the same one,
    or the last one that matched where none does (any more). Each is None where the file has no such rule.
    """

    mappings: Mappings
    subject: Subject
    at: datetime
    rule: Rule | None
    policy: Policy
    counting: Rule | None

    @property
    def severity(self) -> Severity:
        """How bad the subject is."""
        return self.subject.severity

    def urgency(self, tracker: str) -> Mapping[str, str]:
        """Returns the fields for the urgency of the subject's ticket; empty where no rule sets any."""
        if self.rule is None or tracker not in self.rule.tickets:
            return {}
        ticket, config = self.rule.tickets[tracker], self.mappings.trackers[tracker]
        return urgency_of(ticket, config, self.subject, self.at)

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        """Returns the fields that the rule sets when we close the ticket, by the tracker's own names."""
        return closing_fields_of(self.mappings, self.counting, tracker, self.subject)

    def place(self, tracker: str) -> str | None:
        """Returns the place for the ticket: the rule's, or else the tracker's configured one; None for none."""
        if self.rule and tracker in self.rule.tickets:
            return place_of(self.mappings, self.rule, tracker)
        config = self.mappings.trackers.get(tracker)
        return config.place if config else None

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        """Returns the ticket to open; `follows` is the closed ticket that it replaces.

        Raises LookupError where no rule wants a ticket: read `policy` first.
        """
        if self.rule is None:
            raise LookupError(tracker)
        draft = draft_of(self.mappings, self.rule, tracker, self.subject, self.at, follows)
        return marked_draft(draft) if is_drill(self.subject.key.id) else draft

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        """Returns the audit note for a change of the subject's status: what, which tickets, who, why and when.

        `words` are people's own, redacted and cut to a length. They are quoted only where the rule is restricted, and
        copies closing words or demands a reason for an accepted risk. Empty for an incident: a feed takes no notes.
        """
        if not self.subject.keeps_status:
            return ""
        policy = self.policy
        done = [ticket for ticket in tickets if ticket.state is TicketState.DONE]
        decided = done if change.why in _DECISIONS else []
        closings = [ticket.closed_at for ticket in decided if ticket.closed_at and change.why in _CLOSINGS]
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
            fact=change.fact,
            word=", ".join(
                dict.fromkeys(ticket.word for ticket in done if ticket.reason is change.reason and ticket.word)
            ),
            words=words if policy.quotes_risks else "",
        )
        usual = NoteKind.KEPT_OPEN if change.why is Why.REASON_CHANGED else NoteKind.REOPENED
        kind = _NOTES.get(change.why) or _BY_STATUS.get(change.status, usual)
        return note_of(self.mappings, kind, occasion)

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        """Returns the comment for a ticket.

        On a duplicate, `ticket` is the one that stays; on a ticket that is replaced, it is the one that follows.
        """
        policy = self.policy
        if why is Why.FINDING_GONE and not fact:
            fact = "close" if policy.closes_gone else "comment"
        if why is Why.INCIDENT_CHANGED:
            fact = self.news
        is_shown = why is Why.STILL_FOUND and isinstance(self.subject.detail, Finding)
        occasion = Occasion(
            case=self.subject.key,
            at=now,
            link=link_of(self.mappings, self.subject) if is_shown else "",
            page=self._page if is_shown else "",
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
        comment = comment_of(self.mappings, _comment_kind(why, self.subject.key.kind), occasion)
        return marked_comment(comment) if is_drill(self.subject.key.id) else comment

    @property
    def _page(self) -> str:
        """Where the finding was found; empty unless the rule is restricted."""
        is_restricted = self.counting is not None and self.counting.detail == "restricted"
        return page_of(self.subject.detail) if is_restricted and isinstance(self.subject.detail, Finding) else ""

    @property
    def member_list(self) -> MemberList | None:
        """Returns what the subject's tickets list: its findings, if several, or a scan's numbers; None for nothing."""
        return members_of(self.mappings, self.subject)

    @property
    def vicinity(self) -> Vicinity | None:
        """Where others find the subject's case, and where those are that it may be related to; None for nowhere."""
        if is_drill(self.subject.key.id):
            return None
        return vicinity_of(self.mappings, self.subject, self.rule, self.at)

    @property
    def news(self) -> str:
        """What readers of its tickets may be told that changed since they were opened; empty where that is nothing."""
        before, now = self.subject.told, self.subject.detail
        if not isinstance(now, Incident) or before is None:
            return ""
        return change_of(
            before.incident, now, restricted=self.counting is not None and self.counting.detail == "restricted"
        )


def _comment_kind(why: Why, kind: CaseKind) -> AnyCommentKind:
    match kind:
        case CaseKind.FINDING:
            return _COMMENTS[why]
        case CaseKind.INCIDENT:
            return _INCIDENT_COMMENTS[why]
        case CaseKind.SUMMARY:
            return _SUMMARY_COMMENTS.get(why, SummaryCommentKind.RESOLVED)
        case _:
            assert_never(kind)


def _status_told(why: Why, status: Status, ticket: Ticket) -> Status:
    """Returns the status that a comment states: in a conflict, `reviewing` where either side is still open."""
    is_open = ticket.state.is_active or status.is_unsolved
    return Status.REVIEWING if why is Why.CONFLICT and is_open else status


class MappingsRulebook:
    """The Rulebook of one mappings.yaml, compiled once.

    `identities` are those of the file, by district. Their keys are secrets, and only `identity` needs them.
    """

    def __init__(self, mappings: Mappings, identities: Mapping[str, Identity] = NO_IDENTITIES) -> None:
        self._mappings = mappings
        self._identities = identities
        self._former_names = former_names_of(mappings.trackers)
        self._matcher = Matcher(mappings.rules)
        self._coverage = Coverage(mappings)
        self._rules = {rule.name: rule for rule in mappings.rules}
        self._grouping = {rule.name: rule for rule in mappings.rules if rule.group_by}
        self._policies = {
            name: policy_of(rule, name, tuple(rule.tickets), rule.detail) for name, rule in self._rules.items()
        }
        self._former = {name: policy.as_former for name, policy in self._policies.items()}
        usual = policy_of(mappings.defaults, "", (), mappings.defaults.detail)
        rules_of_summaries = {name: summary_rule(each.scan_summary) for name, each in mappings.districts.items()}
        self._summaries = {name: rule for name, rule in rules_of_summaries.items() if rule is not None}
        self._without_rule = {CaseKind.FINDING: usual, CaseKind.INCIDENT: replace(usual, closes_gone=True)}

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> MappingsRuling:
        """Returns the ruling on the subject. The rules are matched here and nowhere else.

        Where no rule matches, the policy is that of the rule named `known`; where the file has no such rule (any more),
        it is `said`, the policy of that rule when it counted; and where that is not known, it is that of `defaults`.
        A case of a group keeps the rule that has made it, whatever its findings become, while that rule groups.
        """
        if isinstance(subject.detail, ScanSummary):
            return self._summary_ruling(subject, subject.detail, at)
        former = self._grouping.get(known) if subject.key.is_of_group else None
        rule = former or self._matcher.rule_for(subject, at)
        policy = self._policy(subject, rule, known, said)
        if subject.key.is_of_group or is_drill(subject.key.id):  # a scan of one site says nothing about these
            policy = replace(policy, verifies=False)
        counting = self._rules.get(policy.rule)
        if subject.key.kind is CaseKind.INCIDENT:
            severity = next((each.severity for each in (rule, counting) if each and each.severity), Severity.UNKNOWN)
            subject = replace(subject, severity=severity)
        return MappingsRuling(self._mappings, subject, at, rule, policy, counting)

    def _summary_ruling(self, subject: Subject, summary: ScanSummary, at: datetime) -> MappingsRuling:
        """Returns the ruling on the summary of a scan. It wants tickets only once the scan is completed and counted."""
        rule = self._summaries.get(subject.key.district)
        is_wanted = rule is not None and summary.is_completed and not summary.is_uncounted
        trackers = tuple(rule.tickets) if rule is not None and is_wanted else ()
        written = self._mappings.districts.get(subject.key.district)
        words = written.scan_summary if written is not None else None
        closes, reports = (words.close == "solved", words.report is not None) if words else (False, False)
        policy = replace(_OF_SUMMARIES, trackers=trackers, closes_solved=closes, attaches_reports=reports)
        return MappingsRuling(self._mappings, subject, at, rule, policy, rule)

    def _policy(self, subject: Subject, rule: Rule | None, known: str, said: Policy | None) -> Policy:
        """Returns the policy of the rule that matches the subject, or else of the one that counted before.

        A subject that is gone has only an id, which every rule without conditions matches: there the former one counts.
        """
        if rule is not None and subject.status is not Status.GONE:
            return self._policies[rule.name]
        return self._former.get(known) or said or self._without_rule[subject.key.kind]

    @property
    def former_names(self) -> Mapping[str, str]:
        """The present name of a tracker by each of its former names."""
        return self._former_names

    def summary_terms(self, district: str) -> SummaryTerms | None:
        """Returns how often scans are counted for their summaries, and how reports are made; None for no summaries."""
        named = self._mappings.districts.get(district)
        return named.scan_summary.terms if named and named.scan_summary else None

    def identity(self, district: str) -> Identity | None:
        """Returns how the district's findings are identified by content; None where their ids last."""
        return self._identities.get(district)

    def groups(self, district: str) -> bool:
        """Whether a rule may group findings of this district."""
        districts = (rule.match.district for rule in self._grouping.values())
        return any(named is None or district in named for named in districts)

    def group_of(self, subject: Subject, at: datetime) -> CaseKey | None:
        """Returns the first case of the finding's group; None where its rule does not group, or no rule takes it."""
        if not self._grouping or not isinstance(subject.detail, Finding):
            return None
        rule = self._matcher.rule_for(subject, at)
        if rule is None or not rule.group_by:
            return None
        return group_of(subject.key.district, rule.name, rule.group_by, subject.detail)

    def names(self, district: str) -> bool:
        """Whether the file names the district."""
        return district in self._mappings.districts

    def concerns(self, district: str, tracker: str) -> bool:
        """Whether a rule may open tickets for this district in this tracker."""
        return self._coverage.reaches(district, tracker)

    def former_sites(self, tracker: str) -> frozenset[str]:
        """The sites that the file says the tracker was before."""
        config = self._mappings.trackers.get(tracker)
        return frozenset(config.former_sites) if config else frozenset()

    def beside(self, tracker: str) -> tuple[str, ...]:
        """Returns the other trackers of the file with the same address."""
        trackers = self._mappings.trackers
        if (config := trackers.get(tracker)) is None:
            return ()
        return tuple(name for name, other in trackers.items() if name != tracker and is_same_address(other, config))

    def ground(self, district: str, ticket: Ticket) -> Ground:
        """Returns whose tickets the rules open in the place of this ticket, for this district."""
        return self._coverage.ground(district, ticket.tracker, ticket.place)
