"""Pages of cases: what the lists tell, with the tickets that each case has; and which filters can be meant at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from remediation.domain.cases.records import CaseRecord
from remediation.mapping.config.suggestions import did_you_mean, listed
from remediation.mapping.config.words import duration_text
from remediation.redaction import terminal
from remediation.store.cases.entries import moment
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor, ListedCase
from remediation.store.server.connection import Connection

MOST_CASES = 500
"""Cases of one page: some hundredths of a second of Redis."""

_NO_WORD = "''"

NOT_COMPLETE = (
    "the workers have not yet listed all cases that an earlier version wrote: some may be missing here. "
    "Where it does not end, see cases_not_listed in the workers' log"
)
"""What is said of a page that is not complete."""

STATE_WORDS: Mapping[CaseState, str] = {
    CaseState.DIRTY: "waits for a look",
    CaseState.PUT_OFF: "put off",
    CaseState.AT_REST: "at rest",
    CaseState.PARKED: "parked",
    CaseState.CONFLICT: "conflict",
}
"""What a state is called."""


def states_words(states: Collection[CaseState]) -> str:
    """What the states of a case are called together: one with something parked is not said to be at rest."""
    left_out = {CaseState.AT_REST} if CaseState.PARKED in states else set()
    return ", ".join(STATE_WORDS[state] for state in states if state not in left_out)


_NEXT: Mapping[CaseState, str] = {
    CaseState.PARKED: "decide about what is parked",
    CaseState.CONFLICT: "settle on which side is right",
    CaseState.PUT_OFF: "nothing: it is looked at again by itself",
    CaseState.DIRTY: "nothing: a worker looks at it",
    CaseState.AT_REST: "nothing",
}
"""What somebody has to do, by the state; the first that a case has counts."""


def next_words(states: Collection[CaseState]) -> str:
    """What somebody has to do about a case in these states."""
    return next(words for state, words in _NEXT.items() if state in states)


@dataclass(frozen=True, slots=True)
class ShownTicket:
    """A ticket of a case: what people call it, in which tracker, and its state at the last look, empty before one.

    `url` is its address as its link keeps it.
    """

    tracker: str
    key: str
    state: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case as a list of cases shows it. `finding` is the finding's status at the last look, empty before one."""

    listed: ListedCase
    finding: str
    tickets: tuple[ShownTicket, ...]

    @property
    def cursor(self) -> ListCursor:
        """Where a page begins that goes on after this case."""
        return self.listed.cursor


@dataclass(frozen=True, slots=True)
class ShownPage:
    """Some cases, newest change first; the other fields are those of CasePage."""

    cases: tuple[ShownCase, ...]
    cursor: ListCursor | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class CaseAge:
    """When cases changed last, as people ask for it: within a span, or not for one. None takes any."""

    changed_within: timedelta | None = None
    unchanged_for: timedelta | None = None

    def of(self, wanted: CaseFilter, now: float) -> CaseFilter:
        """The filter for cases of this age at a moment (Unix seconds). What was before 1970 is then."""
        starts = None if self.changed_within is None else max(0.0, now - self.changed_within.total_seconds())
        ends = None if self.unchanged_for is None else max(0.0, now - self.unchanged_for.total_seconds())
        return replace(wanted, changed_from=starts, changed_until=ends)


def span_text(span: timedelta | None) -> str:
    """A span as it would be asked for; empty for none."""
    return "" if span is None else duration_text(span)


async def case_page(lists: CaseLists, wanted: CaseFilter, limit: int, after: ListCursor | None = None) -> ShownPage:
    """A page of at most `limit` cases. Raises StoreUnavailable.

    The tickets are read after the list: of a case that changes in between, they are newer than what the list told.
    """
    page = await lists.page(wanted, limit, after)
    records = await lists.records([each.ref for each in page.cases])
    cases = tuple(_shown(case, records.get(case.ref)) for case in page.cases)
    return ShownPage(cases, page.cursor, page.is_complete)


def _shown(case: ListedCase, record: CaseRecord | None) -> ShownCase:
    if record is None:
        return ShownCase(case, "", ())
    states = record.memory.tickets
    tickets = (
        ShownTicket(name, link.ticket_key, states.get(name, ""), link.url)
        for name, link in sorted(record.links.items())
    )
    return ShownCase(case, record.memory.finding or "", tuple(tickets))


def shown_ticket_words(ticket: ShownTicket) -> str:
    """A ticket of a case in a few words."""
    state = f", {ticket.state.replace('_', ' ')}" if ticket.state else ""
    return f"{ticket.key} in {ticket.tracker}{state}"


def shown_json(case: ShownCase) -> dict[str, Any]:
    """A case of a page for programs. Times are ISO 8601."""
    return {
        "case": case.listed.ref,
        "district": case.listed.district,
        "states": [str(each) for each in case.listed.states],
        "finding": case.finding or None,
        "severity": case.listed.severity or None,
        "rule": case.listed.rule or None,
        "tickets": {each.tracker: {"key": each.key, "state": each.state or None} for each in case.tickets},
        "changed_at": moment(case.listed.changed_at).isoformat(),
        "cursor": str(case.cursor),
    }


ROW_COLUMNS = ("case", "district", "states", "finding", "severity", "rule", "tickets", "changed_at")
"""What a row of a file with cases has."""


def shown_row(case: ShownCase) -> dict[str, Any]:
    """A case of a page as a row of a file, by ROW_COLUMNS."""
    shown = shown_json(case)
    return {name: shown[name] for name in ROW_COLUMNS} | {
        "tickets": [shown_ticket_words(each) for each in case.tickets]
    }


@dataclass(frozen=True, slots=True)
class FilterNames:
    """The names of districts, rules and trackers that can be asked for: those of mappings.yaml, or of known cases."""

    districts: Collection[str]
    rules: Collection[str]
    trackers: Collection[str]


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name that nothing has: `kind` says of what it would be, `known` has those that there are."""

    kind: str
    name: str
    known: Collection[str]

    @property
    def says(self) -> str:
        """For people: what there is, and which of it may have been meant."""
        there = f"there is {listed(self.known)}{did_you_mean(self.name, self.known)}"
        return f"there is no {self.kind} {terminal(self.name) or _NO_WORD}; {there}"


async def names_of_cases(connection: Connection) -> FilterNames:
    """The names of the cases that there are: also of a rule or a tracker that mappings.yaml names no more."""
    words = await CaseLists(connection).words()
    return FilterNames(words.districts, words.rules, words.trackers)


def unknown_names(wanted: CaseFilter, *known: FilterNames) -> list[UnknownName]:
    """What is asked for by a name that nothing has. Pure."""
    asked = (
        ("district", wanted.district, [name for each in known for name in each.districts]),
        ("tracker", wanted.tracker, [name for each in known for name in each.trackers]),
        ("rule", wanted.rule, [name for each in known for name in each.rules]),
    )
    unknown = [(kind, name, names) for kind, name, names in asked if name is not None and name not in names]
    return [UnknownName(kind, name, set(names)) for kind, name, names in unknown]
