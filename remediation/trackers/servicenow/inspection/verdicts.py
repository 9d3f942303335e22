"""What ServiceNow's answers mean for mappings.yaml: the table, its columns, choices, people, our mark. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.mapping.explain.inspections import (
    Inspection,
    Setting,
    choice_of,
    right,
    shown,
    unanswered,
    untold,
    wrong,
)
from remediation.mapping.reading.positions import Steps
from remediation.trackers.servicenow.inspection.catalogue import Column
from remediation.trackers.servicenow.inspection.demands import WRITTEN, ColumnChoice, RecordDemand
from remediation.trackers.servicenow.records import OURS, Record, text_of
from remediation.trackers.servicenow.references import called, is_sys_id, noun_of

_MARK = ("correlation_id", "correlation_display")
_LEAST_ID = "0" * 32
_UNREADABLE = "grant our account read access to {}, or look yourself"


def table_verdict(where: Steps, table: str, answer: Sequence[Record] | OutsideError) -> Inspection:
    """Whether the table is there and we may read it."""
    at = (*where, "table")
    match answer:
        case NotFound() | Refused(status=HTTPStatus.BAD_REQUEST):
            return wrong(at, f"there is no table {table} ({answer})", "write the table's name, not its label")
        case Refused(status=HTTPStatus.FORBIDDEN):
            return wrong(at, f"our account may not read {table} ({answer})", f"grant it read access to {table}")
        case OutsideError():
            return unanswered(at, f"whether there is a table {table}", answer)
        case _:
            return right(at, f"our account reads {table}")


def view_verdict(where: Steps, table: str, error: OutsideError) -> Inspection:
    """What it means that our account could not be shown a record of ours."""
    at = (*where, "table")
    if isinstance(error, TryLater) and error.waiting is Waiting.SIGN_IN:
        return wrong(at, f"our account does not see our own records ({error})", f"grant it read access to {table}")
    return unanswered(at, f"whether our account sees our own records in {table}", error)


def mark_verdict(where: Steps, table: str, ours: Sequence[Record], any_row: Sequence[Record]) -> Inspection:
    """Whether we see the mark by which our records are found again.

    A record of ours shows that it can be written as well; another one only that it can be read.
    """
    at = (*where, "table")
    advice = "grant our account read and write access to both"
    for record in (*ours, *any_row):
        hidden = [f"{table}.{name}" for name in _MARK if name not in record]
        if hidden:
            return wrong(at, f"our account does not see {' and '.join(hidden)}, our correlation mark", advice)
    if any(not text_of(record, "correlation_id") for record in ours):
        return wrong(at, f"records of ours show no {table}.correlation_id, our correlation mark", advice)
    if ours:
        return right(at, f"our mark is written to {table}, and seen there")
    told = "is seen, but whether it is written" if any_row else "is seen and written"
    message = f"whether our correlation mark {told}, without a record of ours in {table}"
    return untold(at, message, "the first one that is opened is checked for it")


def column_verdicts(
    where: Steps,
    table: str,
    demands: Sequence[RecordDemand],
    columns: Mapping[str, Column] | OutsideError,
    read: Sequence[tuple[str, Setting]] = (),
) -> Iterator[Inspection]:
    """Whether each column that we write or read exists (ServiceNow ignores others), and each mandatory one is written.

    `read` are those that the tracker's own words name.
    """
    if isinstance(columns, OutsideError) or not columns:
        error = columns if isinstance(columns, OutsideError) else None
        yield _unreadable((*where, "table"), f"which columns {table} has", "sys_dictionary and sys_db_object", error)
        return
    for name in sorted(WRITTEN - columns.keys()):
        message = f"{table} has no column {name}, which we write"
        yield wrong((*where, "table"), message, "write the name of a table that extends task, and has it")
    for name, setting in read:
        yield _column(table, name, setting, columns)
    for demand in demands:
        for name, setting in (*demand.settings, *demand.closing):
            yield _column(table, name, setting, columns)
        for column in columns.values():
            if column.demanded:
                yield _mandatory(table, demand, column.name)


def sampled_verdicts(table: str, settings: Iterable[tuple[str, Setting]], record: Record) -> Iterator[Inspection]:
    """Where the dictionary cannot be read: which of the columns a record shows."""
    for name, setting in settings:
        if name in record:
            yield right(setting.where, f"{table} has a column {name}")
        else:
            advice = "compare it with the table's columns; ServiceNow ignores what it does not know"
            message = f"{table} shows no column {shown(name)}: it does not exist, or our account may not see it"
            yield wrong(setting.where, message, advice)


def choice_verdicts(
    table: str, choices: Sequence[ColumnChoice], offered: Mapping[str, tuple[str, ...]] | OutsideError
) -> Iterator[Inspection]:
    """Whether states, codes and whatever else has a list of choices are on it."""
    for choice in choices:
        known = () if isinstance(offered, OutsideError) else offered.get(choice.column, ())
        if known:
            yield _choice(table, choice, known)
        elif choice.column in WRITTEN:
            question = f"whether {choice.column} {shown(choice.value)} exists"
            error = offered if isinstance(offered, OutsideError) else None
            yield _unreadable(choice.where, question, "sys_choice", error)


def reference_verdict(table: str, setting: Setting, rows: Sequence[Record] | OutsideError) -> Inspection:
    """Whether what a rule names is there, active, and the only one of that name."""
    noun, value = noun_of(table), str(setting.value)
    name = shown(value)
    if isinstance(rows, OutsideError):
        return unanswered(setting.where, f"whether there is a {noun} {name}", rows)
    found = rows if is_sys_id(value) else called(table, value, rows)
    if not found:
        advice = f"write its sys_id; if it exists, grant our account read access to {table}"
        return wrong(setting.where, f"there is no {noun} {name} that our account can see", advice)
    if len(found) > 1:
        return wrong(setting.where, f"{len(found)} {noun}s are called {name}", "write the sys_id of the one you mean")
    if text_of(found[0], "active") == "false":
        return wrong(setting.where, f"the {noun} {name} is not active", "write one that is")
    return right(setting.where, f"there is a {noun} {name}")


@dataclass(frozen=True, slots=True)
class Right:
    """A right that our queries need: a query that needs nothing else, and what ServiceNow calls it."""

    query: str
    name: str


def rights_for(mark: str, since: str) -> tuple[Right, ...]:
    """What our queries for a mark and for changes need, each by itself."""
    return (
        Right(f"correlation_id={mark}", "query_match on correlation_id"),
        Right(f"correlation_display={OURS}", "query_match on correlation_display"),
        Right(f"sys_updated_on>={since}", "query_range on sys_updated_on"),
        Right(f"sys_id>{_LEAST_ID}", "query_range on sys_id"),
        Right("ORDERBYsys_created_on^ORDERBYnumber", "ordering by sys_created_on and number"),
        Right("ORDERBYsys_updated_on^ORDERBYsys_id", "ordering by sys_updated_on and sys_id"),
    )


def query_verdict(
    where: Steps, table: str, what: str, error: OutsideError | None, missing: Sequence[str]
) -> Inspection:
    """Whether one of our queries is answered; `missing` are the rights that it was refused for, by itself."""
    at = (*where, "table")
    if error is None:
        return right(at, f"{table} answers our query for {what}")
    if not isinstance(error, Refused):
        return unanswered(at, f"whether {table} answers our query for {what}", error)
    needed = ", ".join(missing) or "what the query compares"
    return wrong(at, f"our account may not query {table} for {what} ({error})", f"grant it on {table}: {needed}")


def time_verdict(where: Steps, table: str, *, later: bool, earlier: bool) -> Inspection:
    """Whether a time in a query means what records show: one of ours must be found from its time on, and up to it."""
    if later and earlier:
        return right((*where, "auth"), f"times in queries on {table} are those that its records show")
    message = f"times in our queries on {table} are read in another zone than its records show: changes would be missed"
    return wrong((*where, "auth"), message, "set the time zone of our account in ServiceNow to GMT/UTC")


def _column(table: str, name: str, setting: Setting, columns: Mapping[str, Column]) -> Inspection:
    if name in columns:
        return right(setting.where, f"{table} has a column {name}")
    message = f"{table} has no column {shown(name)}, and ServiceNow ignores what it does not know; "
    return wrong(setting.where, message + choice_of(columns, name))


def _mandatory(table: str, demand: RecordDemand, name: str) -> Inspection:
    if demand.always_sets(name):
        return right(demand.where, f"{table}.{name}, which is mandatory, is set")
    partly = next((setting for column, setting in demand.settings if column == name), None)
    if partly:
        message = f"{table}.{name} is mandatory, and not every severity of this rule sets it"
        return wrong(partly.where, message, "name every severity")
    message = f"{table}.{name} is mandatory, and this rule does not set it"
    return wrong(demand.where, message, f"write {name} under fields")


def _choice(table: str, choice: ColumnChoice, known: Sequence[str]) -> Inspection:
    value = shown(choice.value)
    there = {each.lower() for each in known} if choice.folded else set(known)
    if choice.value in there:
        return right(choice.where, f"{table}.{choice.column} can be {value}")
    return wrong(choice.where, f"{table}.{choice.column} cannot be '{value}'; {choice_of(known, choice.value)}")


def _unreadable(where: Steps, question: str, tables: str, error: OutsideError | None) -> Inspection:
    """A table that answers with nothing hides its rows: an instance without any is none."""
    if error is not None and not isinstance(error, Refused):
        return unanswered(where, question, error)
    return untold(where, f"{question}: {tables} cannot be read", _UNREADABLE.format(tables))
