"""The rules of one mappings.yaml as people are shown them, each with the districts of which it may take something."""

from dataclasses import dataclass
from pathlib import Path

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import Loaded, digest_of, loaded_of, text_of_file
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.reading.webhook_secrets import end_warnings
from remediation.mapping.rules.coverage import Kinds, kinds_of, place_of
from remediation.read_model.rules.conditions import condition_lines


@dataclass(frozen=True, slots=True)
class TicketInFile:
    """A ticket that a rule makes: in which tracker, of which kind, and in which project or table."""

    tracker: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class RuleInFile:
    """A rule, by its number and its line in the file. `districts` are those of which it may take something."""

    number: int
    line: int
    name: str
    kind: CaseKind
    match: Match
    severity: str
    group_by: tuple[str, ...]
    is_restricted: bool
    tickets: tuple[TicketInFile, ...]
    districts: frozenset[str]

    def conditions(self, districts: frozenset[str] | None) -> tuple[str, ...]:
        """Its conditions in words, for whoever may know of these districts; None for all."""
        return condition_lines(self.match, self.kind, districts)


@dataclass(frozen=True, slots=True)
class RulesInFile:
    """All rules, in order, and what is probably not meant in the file. It takes long for many districts."""

    loaded: Loaded
    rules: tuple[RuleInFile, ...]
    warnings: tuple[Problem, ...]

    def visible(self, districts: frozenset[str] | None) -> tuple[RuleInFile, ...]:
        """Those that may take something of these districts; None for all."""
        return self.rules if districts is None else tuple(each for each in self.rules if each.districts & districts)


def rules_in_file(loaded: Loaded, now: float) -> RulesInFile:
    """The rules of this file, with its warnings at `now` (Unix seconds)."""
    kinds = kinds_of(loaded.mappings)
    rules = tuple(_rule(loaded, kinds, number, rule) for number, rule in enumerate(loaded.mappings.rules))
    return RulesInFile(loaded, rules, (*warnings_of(loaded), *end_warnings(loaded, now)))


def changed_file(loaded: Loaded) -> tuple[Problem, ...] | None:
    """What is wrong with the file as it is now, where it is another than this one; None where it is the same.

    Empty where the other one can be used, as processes will within seconds. Reads the file.
    """
    try:
        text = text_of_file(Path(loaded.where))
        if digest_of(text) == loaded.digest:
            return None
        loaded_of(text, loaded.where)
    except ConfigurationError as error:
        return error.problems
    return ()


def _rule(loaded: Loaded, kinds: Kinds, number: int, rule: Rule) -> RuleInFile:
    mappings, may = loaded.mappings, kinds.reach(rule).may
    return RuleInFile(
        number + 1,
        loaded.positions.place(("rules", number)).line,
        rule.name,
        rule.kind,
        rule.match,
        rule.severity or "",
        tuple(rule.group_by or ()),
        rule.detail == "restricted",
        tuple(_ticket(mappings, rule, tracker) for tracker in rule.tickets),
        frozenset(name for name in mappings.districts if may & kinds.having("district", [name])),
    )


def _ticket(mappings: Mappings, rule: Rule, tracker: str) -> TicketInFile:
    kind = mappings.trackers[tracker].sender.name
    return TicketInFile(tracker, kind, place_of(mappings, rule, tracker) or "")
