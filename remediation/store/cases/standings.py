"""The standing of cases: at rest, waiting for a look, being looked at, or put off. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.store.keys import APPOINTMENTS, SWEPT
from remediation.store.server.connection import Connection


class Stand(StrEnum):
    """Where a case is. PUT_OFF: it was looked at since it was last marked, and waits for the next try."""

    SETTLED = "settled"
    WAITING = "waiting"
    HELD = "held"
    PUT_OFF = "put_off"


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of a case. `due` (Unix seconds) is when the sweep checks it; `parked` are actions set aside.

    `unnamed` are its trackers that mappings.yaml did not name at the last look: they hold it up.
    """

    ref: str
    stand: Stand
    due: float
    parked: tuple[str, ...]
    unnamed: tuple[str, ...] = ()


class Standings:
    """Reads the standings of cases, and whether any worker runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, refs: Sequence[str]) -> list[Standing]:
        """The standing of each case, in one round trip; for at most some hundreds at once."""
        if not refs:
            return []
        answer = await self._connection.run("standing", *refs)
        parts = [part.decode() for part in answer]
        return [_standing(ref, *parts[4 * i : 4 * i + 4]) for i, ref in enumerate(refs)]

    async def appointments(self, refs: Sequence[str]) -> list[float | None]:
        """The time (Unix seconds) of the appointment of each case, asked for together; None for none."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.zscore(APPOINTMENTS, ref)
        scores = await self._connection.ask(asked.execute()) if refs else []
        return [None if score is None else float(score) / 1000 for score in scores]

    async def anybody_at_work(self) -> bool:
        """Whether a worker has swept within the last seconds."""
        return bool(await self._connection.ask(self._connection.redis.exists(SWEPT)))

    async def refs_of_ticket(self, key: str, trackers: Sequence[str]) -> Mapping[str, str]:
        """The case whose ticket has this key, in small letters or capitals of ASCII, for each tracker that has one."""
        refs = await self._connection.run("cases_of_key", key, *trackers)
        return {name: ref.decode() for name, ref in zip(trackers, refs, strict=True) if ref}


def _standing(ref: str, word: str, due: str, parked: str, unnamed: str) -> Standing:
    trackers = tuple(filter(None, unnamed.split(",")))
    return Standing(ref, Stand(word), float(due) / 1000, tuple(parked.split()), trackers)
