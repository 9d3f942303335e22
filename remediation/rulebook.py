"""The rules of mappings.yaml, compiled for those who observe and act."""

from collections.abc import Mapping
from datetime import datetime

from remediation.domain.identities import NO_IDENTITIES, Identity
from remediation.domain.ownership import Ground
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket
from remediation.mapping.config.policies import policy_of
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of, is_same_address
from remediation.mapping.rules.coverage import Coverage
from remediation.mapping.rules.matching import Matcher
from remediation.rulings import MappingsRuling


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
