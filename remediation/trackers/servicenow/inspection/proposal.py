"""What a ServiceNow's answers propose for mappings.yaml: words of the tracker, and of tickets in its table. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remediation.domain.tickets import Reason
from remediation.mapping.config.trackers.servicenow_tables import (
    INCIDENT_TABLE,
    KNOWN_TABLES,
    TableWords,
    words_of_table,
)
from remediation.mapping.explain.inspections import choice_of, named_of, shown
from remediation.mapping.reading.checks.values import map_of
from remediation.mapping.reading.positions import Steps
from remediation.mapping.render.templates import is_template
from remediation.mapping.writing.proposals import Gap, Known, Proposal
from remediation.mapping.writing.yaml_text import Block, Entry, is_writable
from remediation.trackers.servicenow.inspection.catalogue import Column
from remediation.trackers.servicenow.inspection.demands import ALWAYS_SET

SURVEYED = ("state", "close_code", "impact", "urgency", "category")
"""Columns whose choices are read whatever the table demands."""

_LEVELS: Mapping[str, Mapping[str, int]] = {
    "impact": {"critical": 1, "high": 2, "medium": 2, "low": 3, "unknown": 2},
    "urgency": {"critical": 1, "high": 1, "medium": 2, "low": 3, "unknown": 2},
}
_OF_US = ("caller_id", "opened_for", "requested_by")
"""Columns for a person that may name our own account: nobody else has asked for the ticket."""
_ANSWERED = frozenset({*ALWAYS_SET, *_LEVELS, "due_date"})
"""Columns that need no answer: we always write them, or the rules' own words do."""
_WORDS_OF_THEIR_OWN = _ANSWERED | {"assignment_group", "assigned_to"}
_HOW = "docs/mappings.md says how, under ServiceNow"


@dataclass(frozen=True, slots=True)
class ServiceNowSurvey:
    """What was read, and what was chosen of it.

    `columns` and `choices` are empty where they are hidden from us. `groups` are the names of groups there are; the one
    that was chosen is `group`, its sys_id and name. `account` is our own user name, empty where it is hidden. `chosen`
    are values of columns, and `risk_columns` those that explain an accepted risk, by their words in mappings.yaml.
    """

    table: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    group: tuple[str, str] | None = None
    account: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    risk_columns: Mapping[str, str] = field(default_factory=dict)

    def may_have(self, column: str) -> bool:
        """Whether the table has this column, as far as we are told."""
        return not self.columns or column in self.columns

    def is_for_us(self, column: str) -> bool:
        """Whether the column can name our own account, whose name is no template."""
        return column in _OF_US and is_writable(self.account) and not is_template(self.account)

    @property
    def open_questions(self) -> tuple[Column, ...]:
        """The mandatory columns that nothing is known for."""
        demanded = (each for each in self.columns.values() if each.demanded and each.name not in _ANSWERED)
        return tuple(
            each
            for each in demanded
            if each.name not in self.chosen and not self.is_for_us(each.name) and len(_offered(self, each.name)) != 1
        )


def servicenow_proposal(tracker: str, survey: ServiceNowSurvey, known_tracker: Known, known_ticket: Known) -> Proposal:
    """The words of the tracker with this name. What a file has already stays."""
    where: Steps = ("trackers", tracker)
    of_tickets: Steps = ("defaults", "tickets", tracker)
    gaps: list[Gap] = []
    risk = [Entry(word, column, needed=True) for word, column in survey.risk_columns.items()]
    words = [
        _table(survey),
        *risk,
        *_states(survey, where, known_tracker, gaps),
        *_codes(survey, where, known_tracker, gaps),
    ]
    ticket = [
        *(Entry(word, dict(levels)) for word, levels in _levels(survey, known_ticket)),
        *_group(survey, known_ticket),
        *_due(survey),
    ]
    ticket += _fields(survey, of_tickets, known_ticket, [each.key for each in ticket if not each.is_off], gaps)
    return Proposal(Block(words), Block(ticket), tuple(gaps))


def _levels(survey: ServiceNowSurvey, known: Known) -> Iterator[tuple[str, Mapping[str, int]]]:
    return ((word, levels) for word, levels in _LEVELS.items() if survey.may_have(word) and word not in known)


def _table(survey: ServiceNowSurvey) -> Entry:
    codes, words = survey.choices.get("close_code", ()), words_of_table(survey.table)
    meanings = {_meaning(code, words) for code in codes}
    says = "" if not codes or Reason.ACCEPTED_RISK in meanings else "none of its close codes accepts a risk yet: "
    return Entry("table", survey.table, f"{says}{_HOW}" if says else "", needed=survey.table != INCIDENT_TABLE)


def _states(survey: ServiceNowSurvey, where: Steps, known: Known, gaps: list[Gap]) -> Iterator[Entry]:
    """What the states of a table of one's own mean, only people know."""
    if survey.table in KNOWN_TABLES or "states" in known:
        return
    values = survey.choices.get("state", ())
    there = f"its values are {named_of(values)}" if values else "its values are hidden from our account"
    says = f"what do the states of {survey.table} mean? {there}; write resolve_state and reopen_state, too: {_HOW}"
    gaps.append(Gap((*where, "states"), says))
    example = dict(zip(values, ("open", "in_progress", "done"), strict=False)) or {"1": "open", "2": "done"}
    yield Entry("states", example, f"SET THIS: {says}", is_off=True)


def _codes(survey: ServiceNowSurvey, where: Steps, known: Known, gaps: list[Gap]) -> Iterator[Entry]:
    """Close codes, where those that are built in are not those that there are."""
    offered = tuple({each.lower(): each for each in survey.choices.get("close_code", ()) if is_writable(each)}.values())
    if not offered or "close_codes" in known or "resolve_code" in known:
        return
    words = words_of_table(survey.table)
    meanings = {code: meaning for code in offered if (meaning := _meaning(code, words))}
    lacking = [code for code in offered if code.lower() not in words.close_codes]
    fixed = [code for code, meaning in meanings.items() if meaning is Reason.FIXED]
    if not fixed:
        says = f"which close code says that a page is mended? There is {named_of(offered)}: {_HOW}"
        gaps.append(Gap((*where, "close_codes"), says))
    if lacking:
        yield _meanings_entry(meanings, [code for code in offered if code not in meanings], is_off=not fixed)
    if not fixed:
        yield Entry("resolve_code", offered[0], "SET THIS, and what it means under close_codes: fixed", is_off=True)
        return
    if words.resolve_code not in offered:
        yield Entry("resolve_code", fixed[0], f"there is {named_of(offered)}", needed=True)
    chosen = _chosen(words, meanings)
    if chosen != {reason.value: code for reason, code in words.resolve_codes.items()}:
        yield Entry("resolve_codes", chosen, "the code that we set for each other reason", needed=True)


def _meanings_entry(meanings: Mapping[str, Reason], open_ones: Sequence[str], *, is_off: bool) -> Entry:
    above = (
        "What each close code means, in place of the built-in list. Give those in comments a meaning, too: fixed,",
        "accepted_risk, false_positive, duplicate, cancelled, not_solved or none. Until then a note on such a ticket",
        "asks what was meant.",
    )
    entries = [Entry(code, meaning.value) for code, meaning in meanings.items()]
    entries += [Entry(code, "fixed", is_off=True) for code in open_ones]
    return Entry("close_codes", Block(entries), above=above, is_off=is_off)


def _meaning(code: str, words: TableWords) -> Reason | None:
    """What the code means by the built-in list of its table, or by that of another one."""
    lists = (words.close_codes, *(words_of_table(table).close_codes for table in KNOWN_TABLES))
    return next((each[code.lower()] for each in lists if code.lower() in each), None)


def _chosen(words: TableWords, meanings: Mapping[str, Reason]) -> dict[str, str]:
    """The code for each reason: one that means it, or the built-in one, or one that says that nothing was mended."""
    by_reason: dict[Reason, str] = {}
    for code, meaning in meanings.items():
        by_reason.setdefault(meaning, code)
    found = {}
    for reason, usual in words.resolve_codes.items():
        is_there = usual in meanings and (meanings[usual] is reason or reason not in by_reason)
        code = usual if is_there else by_reason.get(reason, by_reason.get(Reason.NOT_SOLVED, ""))
        if code:
            found[reason.value] = code
    return found


def _group(survey: ServiceNowSurvey, known: Known) -> Iterator[Entry]:
    if survey.group is not None:
        sys_id, name = survey.group
        yield Entry("assignment_group", sys_id, name, needed=True)
    elif "assignment_group" not in known and survey.may_have("assignment_group"):
        there = f"; there is {named_of(survey.groups)}" if survey.groups else ""
        says = f"the group that gets the tickets, by name or sys_id{there}"
        yield Entry("assignment_group", next(filter(is_writable, survey.groups), "…"), says, is_off=True)


def _due(survey: ServiceNowSurvey) -> Iterator[Entry]:
    if not survey.may_have("due_date"):
        yield Entry("due", None, f"{survey.table} has no due_date", needed=True)


def _fields(
    survey: ServiceNowSurvey, where: Steps, known: Known, set_already: Sequence[str], gaps: list[Gap]
) -> list[Entry]:
    """The mandatory columns: the only value that there is, our own account, or a question."""
    done = {*ALWAYS_SET, *set_already, *map_of(known.get("fields")), *known, *survey.chosen, "due_date"}
    columns = [each for each in survey.columns.values() if each.demanded and each.name not in done]
    entries = [Entry(column, value, needed=True) for column, value in survey.chosen.items()]
    entries += [_mandatory(survey, each, where, gaps) for each in columns]
    above, is_off = ("Columns of a new record, the mandatory ones among them:",), all(each.is_off for each in entries)
    return [Entry("fields", Block(entries), above=above, is_off=is_off, needed=True)] if entries else []


def _mandatory(survey: ServiceNowSurvey, column: Column, where: Steps, gaps: list[Gap]) -> Entry:
    name = column.name
    offered = _offered(survey, name)
    if survey.is_for_us(name):
        return Entry(name, survey.account, "our own account, or somebody who is asked about the tickets", needed=True)
    if len(offered) == 1:
        return Entry(name, offered[0], "the only choice", needed=True)
    there = f"there is {named_of(offered)}" if offered else f"a name or sys_id in {column.reference or 'its table'}"
    says = f"{name} is mandatory; {there}"
    gaps.append(Gap((*where, "fields", name), says))
    return Entry(name, offered[0] if offered else "…", f"SET THIS: {says}", is_off=True)


def _offered(survey: ServiceNowSurvey, column: str) -> list[str]:
    return [each for each in survey.choices.get(column, ()) if is_writable(each) and not is_template(each)]


def column_called(survey: ServiceNowSurvey, name: str) -> str:
    """The column with this name, in any case of letters. Raises ValueError where the table has none, as far as told."""
    column = name.lower()
    if not survey.may_have(column):
        raise ValueError(f"{survey.table} has no column {shown(name)}; {choice_of(survey.columns, name)}")
    return column


def column_value(survey: ServiceNowSurvey, column: str, word: str) -> str:
    """The value that is called so. Raises ValueError where the column has no such value, or a word of its own."""
    if column in _WORDS_OF_THEIR_OWN:
        raise ValueError(f"{column} has a word of its own, or is always set by us: docs/mappings.md has it")
    offered = survey.choices.get(column, ())
    found = next((each for each in offered if each.lower() == word.lower()), None)
    if offered and found is None:
        raise ValueError(f"{column} cannot be {shown(word)}; {choice_of(offered, word)}")
    return found or word
