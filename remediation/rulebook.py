"""The rules of mappings.yaml, ready to be asked by whoever observes and acts."""

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

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> MappingsRuling:
        """What the rules say about the subject; the only place where they are matched with one.

        Where no rule takes it, the policy is what the rule of the name `known` says; where the file has no such rule
        (any more), what that `said` when it counted, and where nobody knows that, what `defaults` says.
        """
        rule = self._matcher.rule_for(subject.detail, subject.key.district, at)
        policy = self._policy(subject, rule, known, said)
        return MappingsRuling(self._mappings, subject, at, rule, policy, self._rules.get(policy.rule))

    def _policy(self, subject: Subject, rule: Rule | None, known: str, said: Policy | None) -> Policy:
        """Of a subject that is gone only its id is left, which would be something for a rule that takes everything."""
        if rule is not None and subject.status is not Status.GONE:
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
