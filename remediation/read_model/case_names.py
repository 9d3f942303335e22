"""The case that a person means: by its reference, its ticket's mark or key, or the id of the finding or incident."""

from collections.abc import Callable
from dataclasses import dataclass

from remediation.domain.cases.records import MARK_PREFIX, CaseKey, CaseKind, key_of_ref, key_written, outside_id
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import former_names_of
from remediation.redaction import terminal
from remediation.store.cases.standings import Standings
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection

_SHAPE = "lakeside:finding:fnd_9d2"


@dataclass(frozen=True, slots=True)
class UnclearName:
    """A text that names no case, or several: `says` tells why, and what would name one, without control characters."""

    says: str
    is_ambiguous: bool = False


async def case_named(text: str, mappings: Callable[[], Mappings], connection: Connection) -> CaseKey | UnclearName:
    """The case's key; for a finding that belongs to another case, that case's.

    `mappings` is called only where the text is no complete reference. Raises StoreUnavailable, and whatever
    `mappings` raises.
    """
    key = await _named(text, mappings, connection)
    if isinstance(key, UnclearName):
        return key
    record = await Todo(connection).record(key.ref)
    return (key_of_ref(record.home) if record else None) or key


async def _named(text: str, mappings: Callable[[], Mappings], connection: Connection) -> CaseKey | UnclearName:
    ref = text.removeprefix(MARK_PREFIX)
    todo = Todo(connection)
    if key := await _key(todo, ref) or key_written(ref):
        return key
    written = mappings()
    names = [*written.trackers, *former_names_of(written.trackers)]
    found = await Standings(connection).refs_of_ticket(ref, names)
    if len(set(found.values())) > 1:
        there = ", ".join(f"{of_case} ({tracker})" for tracker, of_case in sorted(found.items()))
        return UnclearName(f"several cases have a ticket {terminal(text)}: {there}; say which", is_ambiguous=True)
    for of_case in found.values():
        if key := await _key(todo, of_case):
            return key
    return await _incident(ref, written, todo) or await _finding(text, ref, written, todo)


async def _incident(ref: str, mappings: Mappings, todo: Todo) -> CaseKey | None:
    """The known case of an incident by its uuid alone, which is unique across districts."""
    if outside_id(ref) is None:
        return None
    keys = [CaseKey(name, CaseKind.INCIDENT, ref) for name, each in mappings.districts.items() if each.incidents]
    known = [key for key in keys if await todo.is_known(key.ref)]
    return known[0] if len(known) == 1 else None


async def _finding(text: str, ref: str, mappings: Mappings, todo: Todo) -> CaseKey | UnclearName:
    """The case of a finding by its id alone, which one district's may have."""
    is_sound = outside_id(ref) is not None
    if len(mappings.districts) > 1 and is_sound and ":" not in ref:
        return UnclearName(
            f"no ticket {terminal(text)} is known, nor a case of an incident; "
            f"a finding is named with its district: {_SHAPE}"
        )
    key = CaseKey(next(iter(mappings.districts)), CaseKind.FINDING, ref)
    if is_sound and (":" not in ref or await todo.is_known(key.ref)):
        return key
    return UnclearName(f"{terminal(text)} names no case; a case is called {_SHAPE}, for example")


async def _key(todo: Todo, ref: str) -> CaseKey | None:
    try:
        return await todo.key_of(ref)
    except ValueError:
        return None
