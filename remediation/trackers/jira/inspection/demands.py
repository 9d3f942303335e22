"""What the rules need of Jira: the fields that each rule's ticket sets, by Jira's own ids. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.explain.inspections import Setting, Wanted, tickets_in
from remediation.mapping.reading.positions import Steps

ALWAYS_SET = frozenset({"project", "issuetype", "summary", "description", "labels"})
"""The fields that every issue of ours has; the mark is a label."""

FILLED_BY_JIRA = frozenset({"reporter"})
"""Fields that Jira's screens require, and that Jira sets to our own account where a request has none."""


@dataclass(frozen=True, slots=True)
class IssueDemand:
    """One rule's ticket: its project and type, and everything that it gives to fields, in the file's order.

    `closing` are the fields that it gives when its ticket is closed, and `attaching` is the word that has reports
    attached to it; None for none.
    """

    where: Steps
    project: str
    type: str
    settings: tuple[tuple[str, Setting], ...]
    closing: frozenset[str] = frozenset()
    attaching: Steps | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The fields that some severity sets."""
        return frozenset(name for name, _ in self.settings)

    def always_sets(self, field: str) -> bool:
        """Whether this field has a value whatever the severity."""
        return field in ALWAYS_SET or any(name == field and setting.always for name, setting in self.settings)

    @property
    def begun_with(self) -> frozenset[str]:
        """The fields that every one of its issues has from its beginning."""
        return ALWAYS_SET | FILLED_BY_JIRA | {name for name, setting in self.settings if setting.always}

    def of(self, field: str) -> tuple[Setting, ...]:
        """The values that the rule gives to the field."""
        return tuple(setting for name, setting in self.settings if name == field)


def demands_of(mappings: Mappings, tracker: str) -> tuple[IssueDemand, ...]:
    """What each rule needs in this tracker."""
    return tuple(
        IssueDemand(
            wanted.where,
            wanted.ticket.project,
            wanted.ticket.type,
            tuple(_settings(wanted)),
            frozenset(wanted.ticket.close_fields),
            _attaching(mappings, wanted.where),
        )
        for wanted in tickets_in(mappings, tracker, JiraTicket)
    )


def relating_rules(mappings: Mappings, tracker: str) -> tuple[int, ...]:
    """The numbers of the rules whose tickets in this tracker are told of others."""
    return tuple(number for number, rule in enumerate(mappings.rules) if rule.relate and tracker in rule.tickets)


def _attaching(mappings: Mappings, where: Steps) -> Steps | None:
    """The word that has reports attached to the ticket of this place: only a summary of scans has one."""
    match where:
        case ("districts", str(name), "scan_summary", *_):
            words = mappings.districts[name].scan_summary
            return ("districts", name, "scan_summary", "report") if words and words.report else None
        case _:
            return None


def by_project(demands: Iterable[IssueDemand]) -> dict[str, list[IssueDemand]]:
    """The demands of each project, in the file's order."""
    found: dict[str, list[IssueDemand]] = {}
    for demand in demands:
        found.setdefault(demand.project, []).append(demand)
    return found


def by_type(demands: Sequence[IssueDemand]) -> dict[str, list[IssueDemand]]:
    """The demands of each issue type of one project, in the file's order."""
    found: dict[str, list[IssueDemand]] = {}
    for demand in demands:
        found.setdefault(demand.type, []).append(demand)
    return found


def _settings(wanted: Wanted[JiraTicket]) -> Iterator[tuple[str, Setting]]:
    ticket = wanted.ticket
    for setting in wanted.by_severity("priority", ticket.priority):
        yield "priority", replace(setting, value={"name": setting.value})
    for setting in wanted.by_severity("assignee", ticket.assignee):
        yield "assignee", setting
    for setting in wanted.by_severity("due", ticket.due):
        yield "duedate", setting
    if ticket.security_level:
        yield "security", Setting(wanted.at("security_level"), {"name": ticket.security_level})
    for name, value in ticket.fields.items():
        yield name, Setting(wanted.at("fields", name), value)
