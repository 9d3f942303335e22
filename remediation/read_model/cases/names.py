"""The case that a person means: by its reference, its ticket's mark or key, or the id of the finding or incident."""

from collections.abc import Callable
from dataclasses import dataclass

from remediation.domain.cases.records import MARK_PREFIX, CaseKey, CaseKind, key_of_ref, key_written, outside_id
from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of
from remediation.redaction import terminal
from remediation.store.cases.dependents import districts_heard_of, trackers_heard_of
from remediation.store.cases.lists import CaseLists
from remediation.store.cases.standings import Standings
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection

_SHAPE = "lakeside:finding:fnd_9d2"


@dataclass(frozen=True, slots=True)
class UnclearName:
    """A text that names no case, or several: `says` tells why, and what would name one, without control characters."""

    says: str
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _NamedPlaces:
    """The names of all districts, of those with a feed of incidents, and of all trackers, former names included."""

    districts: tuple[str, ...]
    with_feeds: tuple[str, ...]
    trackers: tuple[str, ...]

    def of(self, districts: frozenset[str] | None) -> "_NamedPlaces":
        """The same with these districts alone; None for all."""
        if districts is None:
            return self
        own, with_feeds = (tuple(filter(districts.__contains__, each)) for each in (self.districts, self.with_feeds))
        return _NamedPlaces(own, with_feeds, self.trackers)


async def case_named(
    text: str, mappings: Callable[[], Mappings], connection: Connection, districts: frozenset[str] | None = None
) -> CaseKey | UnclearName:
    """The case's key; for a finding that belongs to another case, that case's.

    Where `districts` are given, it is as if there were no case of another one, nor such a district.

    `mappings` is called only where the text is no complete reference. Where it raises ConfigurationError, the names
    that the store remembers count instead. Raises StoreUnavailable.
    """
    key = await _named(text, mappings, connection, districts)
    if isinstance(key, UnclearName):
        return key
    record = await Todo(connection).record(key.ref)
    return (key_of_ref(record.home) if record else None) or key


async def _named(
    text: str, mappings: Callable[[], Mappings], connection: Connection, districts: frozenset[str] | None
) -> CaseKey | UnclearName:
    ref = text.removeprefix(MARK_PREFIX)
    todo = Todo(connection)
    if key := await _key(todo, ref) or key_written(ref):
        return key if _is_of(districts, key.ref) else _nothing_called(text)
    names = (await _names(mappings, connection)).of(districts)
    tickets = await Standings(connection).refs_of_ticket(ref, names.trackers)
    found = {tracker: of_case for tracker, of_case in tickets.items() if _is_of(districts, of_case)}
    if len(set(found.values())) > 1:
        there = ", ".join(f"{of_case} ({tracker})" for tracker, of_case in sorted(found.items()))
        return UnclearName(f"several cases have a ticket {terminal(text)}: {there}; say which", is_ambiguous=True)
    for of_case in found.values():
        if key := await _key(todo, of_case):
            return key
    return await _incident(ref, names, todo) or await _finding(text, ref, names, todo)


async def _names(mappings: Callable[[], Mappings], connection: Connection) -> _NamedPlaces:
    """Those of mappings.yaml; where it cannot be used, those that it ever named."""
    try:
        written = mappings()
    except ConfigurationError:
        listed = await CaseLists(connection).words()
        districts = tuple(sorted(listed.districts | await districts_heard_of(connection)))
        known = listed.trackers | await trackers_heard_of(connection)
        return _NamedPlaces(districts, districts, tuple(sorted(known)))
    with_feeds = tuple(name for name, each in written.districts.items() if each.incidents)
    trackers = (*written.trackers, *former_names_of(written.trackers))
    return _NamedPlaces(tuple(written.districts), with_feeds, trackers)


async def _incident(ref: str, names: _NamedPlaces, todo: Todo) -> CaseKey | None:
    """The known case of an incident by its uuid alone, which is unique across districts."""
    if outside_id(ref) is None:
        return None
    keys = [CaseKey(name, CaseKind.INCIDENT, ref) for name in names.with_feeds]
    known = [key for key in keys if await todo.is_known(key.ref)]
    return known[0] if len(known) == 1 else None


async def _finding(text: str, ref: str, names: _NamedPlaces, todo: Todo) -> CaseKey | UnclearName:
    """The case of a finding by its id alone, which one district's may have."""
    is_sound = outside_id(ref) is not None
    if len(names.districts) != 1 and is_sound and ":" not in ref:
        return UnclearName(
            f"no ticket {terminal(text)} is known, nor a case of an incident; "
            f"a finding is named with its district: {_SHAPE}"
        )
    keys = [CaseKey(name, CaseKind.FINDING, ref) for name in names.districts] if is_sound else []
    if ":" in ref:
        keys = [key for key in keys if await todo.is_known(key.ref)]
    if len(keys) == 1:
        return keys[0]
    return _nothing_called(text)


def _nothing_called(text: str) -> UnclearName:
    return UnclearName(f"{terminal(text)} names no case; a case is called {_SHAPE}, for example")


def _is_of(districts: frozenset[str] | None, ref: str) -> bool:
    return districts is None or ref.partition(":")[0] in districts


async def _key(todo: Todo, ref: str) -> CaseKey | None:
    try:
        return await todo.key_of(ref)
    except ValueError:
        return None
