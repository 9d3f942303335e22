"""The data keys: since when each is known, and whether all running processes have the same."""

from collections.abc import Iterator, Sequence

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble
from remediation.read_model.cases.words import time_words
from remediation.sealing import Keyring
from remediation.store.data_keys import KeyTimes, key_times
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection

_WHAT = "data keys in use"
_DAY = 86_400.0


async def look_at_key_ages(connection: Connection, keyring: Keyring, now: float) -> list[Diagnosis]:
    """The ages of our keys at `now` (Unix seconds), and who has others. Raises StoreUnavailable."""
    times, running = await key_times(connection), await Processes(connection).running(now)
    says = "; ".join(f"{each} {_known(times.get(each), now)}" for each in keyring.key_ids)
    return ordinary(_WHAT, says, *_differing(running, keyring.key_ids))


def _differing(running: Sequence[Process], ours: tuple[str, ...]) -> Iterator[Diagnosis]:
    for each in running:
        if each.key_ids and each.key_ids != ours:
            says = f"{each.id} has {', '.join(each.key_ids)}, and here it is {', '.join(ours)}"
            yield trouble(Code.DATA_KEYS_DIFFER, _WHAT, says)


def _known(times: KeyTimes | None, now: float) -> str:
    if times is None:
        return "was told by no process yet"
    days = int(max(0.0, now - times.since) // _DAY)
    return f"is known since {time_words(times.since)} UTC ({days:,} days)"
