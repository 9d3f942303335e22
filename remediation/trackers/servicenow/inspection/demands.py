"""What the rules and the tracker's own words need of ServiceNow: columns, choices, people. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remediation.domain.status import Severity
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.servicenow import ServiceNowTicket, ServiceNowTracker
from remediation.mapping.explain.inspections import Setting, Wanted, tickets_in
from remediation.mapping.reading.positions import Steps
from remediation.mapping.render.templates import is_template
from remediation.trackers.servicenow.references import REFERENCES

ALWAYS_SET = frozenset({"short_description", "description", "correlation_id", "correlation_display"})
"""The columns that every record of ours has."""

WRITTEN = ALWAYS_SET | {"state", "close_code", "close_notes", "work_notes"}
"""Every column that is written by us whatever the rules say."""


@dataclass(frozen=True, slots=True)
class RecordDemand:
    """One rule's record: everything that it gives to columns, in the file's order; `closing` is given at the end."""

    where: Steps
    settings: tuple[tuple[str, Setting], ...]
    closing: tuple[tuple[str, Setting], ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """The columns that some severity sets, or that are set in closing."""
        return frozenset(name for name, _ in (*self.settings, *self.closing))

    def always_sets(self, column: str) -> bool:
        """Whether this column has a value whatever the severity."""
        return column in ALWAYS_SET or any(name == column and setting.always for name, setting in self.settings)

    def named(self, references: Mapping[str, str]) -> Iterator[tuple[str, Setting]]:
        """Every group, user or other record that is named, each with the table that it is looked up in."""
        for column, setting in (*self.settings, *self.closing):
            if column in references and isinstance(setting.value, str) and not is_template(setting.value):
                yield references[column], setting


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A value that must be one of a column's choices. `folded`: it is compared without regard to case."""

    where: Steps
    column: str
    value: str
    folded: bool = False


def demands_of(mappings: Mappings, tracker: str) -> tuple[RecordDemand, ...]:
    """What each rule needs in this tracker."""
    return tuple(
        RecordDemand(wanted.where, tuple(_settings(wanted)), tuple(_closing(wanted)))
        for wanted in tickets_in(mappings, tracker, ServiceNowTicket)
    )


def risk_settings(where: Steps, config: ServiceNowTracker) -> tuple[tuple[str, Setting], ...]:
    """The columns that explain an accepted risk, each at the word that names it."""
    words = (("risk_reason", config.risk_reason), ("risk_expiry", config.risk_expiry))
    return tuple((column, Setting((*where, word), column)) for word, column in words if column)


def choices_of(where: Steps, config: ServiceNowTracker, demands: tuple[RecordDemand, ...]) -> tuple[ColumnChoice, ...]:
    """Every state and code that we write, those that the file itself gives a meaning, and what rules choose."""
    return (*_written(where, config), *_given_a_meaning(where, config), *_ruled(demands))


def _settings(wanted: Wanted[ServiceNowTicket]) -> Iterator[tuple[str, Setting]]:
    ticket = wanted.ticket
    words: Mapping[str, Mapping[Severity, object] | None] = {
        "impact": ticket.impact,
        "urgency": ticket.urgency,
        "assignment_group": ticket.assignment_group,
        "assigned_to": ticket.assigned_to,
        "due": ticket.due,
    }
    for word, values in words.items():
        for setting in wanted.by_severity(word, values):
            yield "due_date" if word == "due" else word, setting
    for column, value in ticket.fields.items():
        yield column, Setting(wanted.at("fields", column), value)


def _closing(wanted: Wanted[ServiceNowTicket]) -> Iterator[tuple[str, Setting]]:
    for column, value in wanted.ticket.close_fields.items():
        yield column, Setting(wanted.at("close_fields", column), value)


def _written(where: Steps, config: ServiceNowTracker) -> Iterator[ColumnChoice]:
    yield ColumnChoice((*where, "resolve_state"), "state", config.resolve_state)
    yield ColumnChoice((*where, "reopen_state"), "state", config.reopen_state)
    yield ColumnChoice((*where, "resolve_code"), "close_code", config.resolve_code)
    for reason, code in config.resolve_codes.items():
        yield ColumnChoice((*where, "resolve_codes", reason.value), "close_code", code)


def _given_a_meaning(where: Steps, config: ServiceNowTracker) -> Iterator[ColumnChoice]:
    """The states and codes that the file itself writes; the built-in lists have more than any one instance."""
    for word, meanings in (("states", config.states), ("state_reasons", config.state_reasons)):
        if word in config.model_fields_set:
            for state in meanings:
                yield ColumnChoice((*where, word, state), "state", state)
    if "final_states" in config.model_fields_set:
        for number, state in enumerate(config.final_states):
            yield ColumnChoice((*where, "final_states", number), "state", state)
    if "close_codes" in config.model_fields_set:
        for code in config.close_codes:
            yield ColumnChoice((*where, "close_codes", code), "close_code", code, folded=True)


def _ruled(demands: tuple[RecordDemand, ...]) -> Iterator[ColumnChoice]:
    for demand in demands:
        for column, setting in (*demand.settings, *demand.closing):
            if isinstance(setting.value, str) and column not in REFERENCES and not is_template(setting.value):
                yield ColumnChoice(setting.where, column, setting.value)
