"""What is known of every data key: whether it is there, since when, what is sealed under it, and who has it. No key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remediation.store.data_keys import PROVEN, KeyTimes, Place, key_times, uses_of_keys
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remediation.store.server.rewriting import Rewriting, Shredded


@dataclass(frozen=True, slots=True)
class KeyState:
    """One data key. `role` is `seals`, `opens`, or `missing`: something is under it, and it is not in the list."""

    id: str
    role: str
    times: KeyTimes | None = None
    uses: Mapping[Place, int] = field(default_factory=dict)

    @property
    def needed(self) -> dict[str, int]:
        """What cannot be read any more without the key, by where it is."""
        without = PROVEN | {Place.CURSORS, Place.SESSIONS}
        return {place.value: count for place, count in self.uses.items() if place not in without}

    @property
    def proven(self) -> dict[str, int]:
        """What of the audit could not be proven, or not be read, without the key."""
        return {place.value: count for place, count in self.uses.items() if place in PROVEN}


@dataclass(frozen=True, slots=True)
class KeysState:
    """All data keys, the processes that run, and what was shredded and may still be in Redis's append-only file."""

    keys: Sequence[KeyState]
    processes: Sequence[Process]
    shredded: Shredded
    now: float

    def key(self, key_id: str) -> KeyState:
        """The key of this id, also where nothing is known of it."""
        return next((each for each in self.keys if each.id == key_id), KeyState(key_id, "missing"))

    def without(self, key_id: str) -> list[str]:
        """The running processes that do not have this key, as far as they tell."""
        return [each.id for each in self.processes if each.key_ids and key_id not in each.key_ids]

    def sealing_with(self, key_id: str) -> list[str]:
        """The running processes that seal with this key."""
        return [each.id for each in self.processes if each.key_ids[:1] == (key_id,)]


async def state_of_keys(connection: Connection, key_ids: Sequence[str], now: float) -> KeysState:
    """The state of these keys, the first of which seals, and of those that are missing. Raises StoreUnavailable."""
    uses, times = await uses_of_keys(connection), await key_times(connection)
    missing = sorted(uses.keys() - set(key_ids))
    roles = [(each, "seals" if each == key_ids[0] else "opens") for each in key_ids]
    keys = [
        KeyState(each, role, times.get(each), uses.get(each, {}))
        for each, role in (*roles, *((each, "missing") for each in missing))
    ]
    processes = await Processes(connection).running(now)
    return KeysState(keys, processes, await Rewriting(connection).shredded(), now)


def json_of_keys(state: KeysState) -> dict[str, Any]:
    """The state as an object."""
    shredded = state.shredded
    return {
        "keys": [
            {
                "id": each.id,
                "role": each.role,
                "known_since": each.times.since if each.times else None,
                "sealed_since": each.times.first if each.times else None,
                "sealed": {place.value: count for place, count in sorted(each.uses.items())},
                "processes_without": state.without(each.id),
            }
            for each in state.keys
        ],
        "append_only_file": {
            "shredded": shredded.left,
            "since": shredded.since if shredded.left else None,
            "rewritten_at": shredded.gone_at,
        },
    }
