"""What changes of mappings.yaml left behind: cases and tickets of which the file does not speak (any more). Reads only.

The store knows its own links; of marked tickets that belong to no case the trackers' lists tell (see Strays).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from remediation.domain.ownership import Ground
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of
from remediation.mapping.rules.coverage import Coverage
from remediation.read_model.rules.gone import RuleGone, rules_gone
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.dependents import districts_heard_of, trackers_heard_of
from remediation.store.cases.links import LinkedCase, linked_cases
from remediation.store.server.connection import Connection
from remedy.mappings.former_tables import UnnamedTable, unnamed_tables
from remedy.mappings.unnamed_trackers import ADVICE, UnnamedTracker, unnamed_trackers
from remedy.reconcile.strays import Strays

MOST_LINKS = 200_000
"""Links that are read: some seconds. Of what is counted by then, there is at least so much."""


class LeftKind(StrEnum):
    """What the file does not have."""

    TRACKER = "tracker"
    DISTRICT = "district"
    TABLE = "table"
    PROJECT = "project"
    """A rule that opens tickets in this project of the tracker; linked ones are there."""
    REACH = "reach"
    """A rule that sends the district's cases to the tracker; linked tickets of its cases are there."""
    RULE = "rule"
    MARK = "mark"
    """A case for tickets that carry the mark of one: nobody takes them for theirs after a loss of Redis."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """How many cases or tickets are left behind for want of one thing of the file.

    `name` is that thing (for MARK and REACH the district), and `tracker` is empty where it is not about one.
    There are `count` of them, or where counting stopped, `at_least` so many. `in_step` says that nobody has to do
    anything for their sake: they are kept in step nevertheless, all was done when they were last looked at, or they may
    be another installation's.
    """

    kind: LeftKind
    name: str
    tracker: str
    count: int
    message: str
    advice: str
    in_step: bool
    at_least: bool = False

    def concerns(self, district: str | None) -> bool:
        """Whether it is about this district, or about what several may have; of None, everything is."""
        return (
            district is None
            or self.name == district
            or self.kind not in {LeftKind.DISTRICT, LeftKind.REACH, LeftKind.MARK}
        )

    @property
    def line(self) -> str:
        """The same for people."""
        counting = " (counting stopped: there are more)" if self.at_least else ""
        return f"{'LEFT' if self.in_step else 'LEFT BEHIND'}: {self.message}{counting}; {self.advice}"

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return asdict(self)


@dataclass(slots=True)
class _Links:
    """Links that lead to where the file does not, as far as they were read. `stopped`: there are more."""

    cases: defaultdict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    """By district that is not named: each case, and whether it is at rest."""
    busy: Counter[str] = field(default_factory=Counter)
    """By tracker: tickets of cases that are not at rest."""
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By tracker and place, where tickets' numbers tell it."""
    beyond: Counter[tuple[str, str]] = field(default_factory=Counter)
    read: int = 0
    stopped: bool = False


async def left_behind(
    connection: Connection, mappings: Mappings, strays: Strays, most: int = MOST_LINKS
) -> list[LeftBehind]:
    """All of it, what is missed first. Reads about `most` links. Raises StoreUnavailable."""
    links = await _links(connection, mappings, most)
    found = [
        *(_of_tracker(each, links) for each in await unnamed_trackers(connection, mappings.trackers)),
        *_of_districts(links),
        *(_of_table(each) for each in await unnamed_tables(connection, mappings.trackers)),
        *_of_strays(strays, mappings, await districts_heard_of(connection)),
        *_of_places(links, mappings),
        *(_of_rule(each) for each in await rules_gone(connection, mappings)),
    ]
    return sorted(found, key=lambda each: each.in_step)


async def _links(connection: Connection, mappings: Mappings, most: int) -> _Links:
    """What links there are to trackers that were ever heard of, and to those of the file."""
    links, coverage, now = _Links(), Coverage(mappings), former_names_of(mappings.trackers)
    for heard in sorted(await trackers_heard_of(connection) | mappings.trackers.keys()):
        tracker = now.get(heard, heard)
        async for page in linked_cases(connection, heard):
            for each in page:
                _count(links, each, tracker, mappings, coverage)
            links.read += len(page)
            if links.read >= most:
                links.stopped = True
                return links
    return links


def _count(links: _Links, each: LinkedCase, tracker: str, mappings: Mappings, coverage: Coverage) -> None:
    links.busy[tracker] += not each.at_rest
    if each.district not in mappings.districts:
        cases = links.cases[each.district]
        cases[each.ref] = each.at_rest and cases.get(each.ref, True)
    elif (config := mappings.trackers.get(tracker)) is None:
        return
    elif not coverage.reaches(each.district, tracker):
        links.beyond[tracker, each.district] += 1
    elif (place := config.place_of_key(each.ticket_key)) and (
        coverage.ground(each.district, tracker, place) is not Ground.OWN
    ):
        links.places[tracker, place] += 1


def _of_tracker(each: UnnamedTracker, links: _Links) -> LeftBehind:
    known, busy = each.known, links.busy[each.known.name]
    at_rest = not (busy or links.stopped or known.held_up > known.cases)
    told = "; all of them were at rest when they were last looked at" if at_rest else ""
    count = max(known.cases, known.held_up)
    return LeftBehind(LeftKind.TRACKER, known.name, known.name, count, f"{each.says}{told}", ADVICE, at_rest)


def _of_districts(links: _Links) -> Iterator[LeftBehind]:
    for district, cases in sorted(links.cases.items()):
        busy = sum(not at_rest for at_rest in cases.values())
        have = by_count(len(cases), "has", "have")
        which = f"{count_words(len(cases), 'case')} of {district}, which the file does not name"
        says = f"{which}, {have} tickets; {busy:,} not at rest"
        advice = f"name {district} again until its tickets are closed, or close them by hand: nobody keeps them in step"
        is_at_rest = not (busy or links.stopped)
        yield LeftBehind(LeftKind.DISTRICT, district, "", len(cases), says, advice, is_at_rest, links.stopped)


def _of_table(each: UnnamedTable) -> LeftBehind:
    said, name = each.inspection, f"{each.says} (of {each.tracker})"
    return LeftBehind(LeftKind.TABLE, each.table, each.tracker, each.count, name, said.advice, each.is_known)


def _of_places(links: _Links, mappings: Mappings) -> Iterator[LeftBehind]:
    for (tracker, district), count in sorted(links.beyond.items()):
        linked = f"{count_words(count, 'linked ticket')} of {district} {by_count(count, 'is', 'are')}"
        says = f"{linked} in {tracker}, to which no rule sends its cases"
        advice = (
            "they are kept in step; after a loss of Redis nobody finds them: let a rule send cases there until then"
        )
        yield LeftBehind(LeftKind.REACH, district, tracker, count, says, advice, in_step=True, at_least=links.stopped)
    for (tracker, place), count in sorted(links.places.items()):
        words = f"the {mappings.trackers[tracker].place_word} {place}"
        linked = f"{count_words(count, 'linked ticket')} {by_count(count, 'is', 'are')}"
        says = f"{linked} in {words} of {tracker}, where no rule opens any for {by_count(count, 'it', 'them')}"
        advice = "they are kept in step where they are; nothing is needed"
        yield LeftBehind(LeftKind.PROJECT, place, tracker, count, says, advice, in_step=True, at_least=links.stopped)


def _of_rule(each: RuleGone) -> LeftBehind:
    says = f"the file has no rule {each.rule}: {each.says}, and what it said goes on counting"
    advice = "run remedy reconcile --all if other rules are to take them, or name it again"
    return LeftBehind(LeftKind.RULE, each.rule, "", each.cases, says, advice, in_step=True)


def _of_strays(strays: Strays, mappings: Mappings, known: frozenset[str]) -> Iterator[LeftBehind]:
    """The tickets by tracker and district. One that was never named here may be another installation's."""
    for (tracker, district), tickets in sorted(strays.tickets.items()):
        carry = by_count(len(tickets), "carries a mark", "carry marks")
        belong = by_count(len(tickets), "belongs", "belong")
        says = f"{count_words(len(tickets), 'ticket')} in {tracker} {carry} of {district} and {belong} to no case here"
        if district in mappings.districts:
            says = f"{says}: no rule sends its cases there"
            advice = f"let one do so again and run remedy reconcile --district {district} --all, or close them by hand"
        else:
            says = f"{says}: the file does not name that district"
            advice = (
                "name it again and run remedy reconcile --all, or close them by hand, unless another remedy has them"
            )
        is_ours = district in mappings.districts or district in known
        yield LeftBehind(
            LeftKind.MARK, district, tracker, len(tickets), says, advice, in_step=not is_ours, at_least=strays.stopped
        )
