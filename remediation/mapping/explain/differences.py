"""What a change of mappings.yaml would change, one by one and all together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.mapping.config.routing import TEXTS, Routing, TicketWords, comparable
from remediation.mapping.config.trackers.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Change:
    """One value that would change: `rule`, `reopen`, `tickets.jira` or `tickets.jira.priority`.

    None stands for a missing value: no rule, no ticket in this tracker, no such field.
    """

    what: str
    before: object
    after: object

    @property
    def is_text(self) -> bool:
        """Whether its values are texts, which contain details of the finding or incident."""
        return self.what.rpartition(".")[2] in TEXTS


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that would change for one finding or incident; empty for most."""

    kind: CaseKind
    id: str
    rules: tuple[str | None, str | None]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A value before and after, and the number of findings or incidents for which it changes so."""

    before: object
    after: object
    count: int


@dataclass(frozen=True, slots=True)
class DifferenceGroup:
    """Those for which the same things change, all of one kind.

    `values` has every pair of each thing that is no text, most first.
    """

    kind: CaseKind
    rules: tuple[str | None, str | None]
    what: tuple[str, ...]
    ids: tuple[str, ...]
    values: tuple[tuple[str, tuple[Pair, ...]], ...]


_Same = tuple[CaseKind, tuple[str | None, str | None], tuple[str, ...]]
"""What all members of a group have in common: kind, rules, and what changes."""


def difference(key: CaseKey, before: Routing, after: Routing) -> Difference:
    """Everything that would change for the subject of this case."""
    return Difference(key.kind, key.id, (before.rule, after.rule), tuple(_changes(before, after)))


def grouped(differences: Iterable[Difference]) -> tuple[DifferenceGroup, ...]:
    """Those that change, by what changes, the largest group first."""
    groups: dict[_Same, list[Difference]] = {}
    for each in differences:
        if each.changes:
            what = tuple(change.what for change in each.changes)
            groups.setdefault((each.kind, each.rules, what), []).append(each)
    found = [_group(same, members) for same, members in groups.items()]
    return tuple(sorted(found, key=lambda group: -len(group.ids)))


def _changes(before: Routing, after: Routing) -> Iterator[Change]:
    if before.rule != after.rule:
        yield Change("rule", before.rule, after.rule)
    for choice in sorted(before.choices.keys() & after.choices.keys()):
        if before.choices[choice] != after.choices[choice]:
            yield Change(choice, before.choices[choice], after.choices[choice])
    for tracker in sorted(before.tickets.keys() | after.tickets.keys()):
        old, new = before.tickets.get(tracker), after.tickets.get(tracker)
        if old is None or new is None:
            yield Change(f"tickets.{tracker}", _place(old), _place(new))
            continue
        for word in sorted(old.keys() | new.keys()):
            if comparable(old.get(word)) != comparable(new.get(word)):
                yield Change(f"tickets.{tracker}.{word}", old.get(word), new.get(word))


def _place(ticket: TicketWords | None) -> object:
    """The value that stands for a whole ticket: its place."""
    words = [kind.tracker.place_word for kind in KINDS.values()]
    return next((ticket[word] for word in words if word in ticket), None) if ticket else None


def _group(same: _Same, members: list[Difference]) -> DifferenceGroup:
    kind, rules, what = same
    kept = [word for number, word in enumerate(what) if not members[0].changes[number].is_text]
    values = tuple((word, _pairs(word, members)) for word in kept)
    return DifferenceGroup(kind, rules, what, tuple(each.id for each in members), values)


def _pairs(what: str, members: list[Difference]) -> tuple[Pair, ...]:
    changes = [change for each in members for change in each.changes if change.what == what]
    counts = Counter(repr((comparable(change.before), comparable(change.after))) for change in changes)
    samples = {repr((comparable(change.before), comparable(change.after))): change for change in changes}
    return tuple(Pair(samples[key].before, samples[key].after, count) for key, count in counts.most_common())
