"""What somebody has chosen in the console, by its names, until they have confirmed what is to be done with it.

What came meanwhile is not in it. It is kept for a quarter of an hour, and can be begun once, by who has made it.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from remediation.store.deliveries.inbox import milliseconds
from remediation.store.keys import SELECTION
from remediation.store.server.connection import Connection

MOST_NAMES = 1_000
"""Things of one selection."""

LIFETIME = timedelta(minutes=15)

_MOST_SELECTIONS = 100
"""Selections of all people together; the newest are kept. A thousand names take some 60 KB."""

TASK_LIFETIME = timedelta(days=1)
_MOST_TASKS = 200


class SelectedAct(StrEnum):
    """What is to be done with each thing: the first two with parked pieces, the others with cases."""

    REPLAY = "replay"
    DISCARD = "discard"
    RETRY = "retry"
    PURGE = "purge"

    @property
    def is_of_cases(self) -> bool:
        """Whether the names are references of cases; otherwise they are names of parked pieces."""
        return self in {SelectedAct.RETRY, SelectedAct.PURGE}

    @property
    def most(self) -> int:
        """How many things one selection may have. Each case that is deleted is looked for in all of Redis."""
        return 25 if self is SelectedAct.PURGE else MOST_NAMES


@dataclass(frozen=True, slots=True)
class FrozenSelection:
    """What is to be done, with which things, in this order; `total` is how many there were when it was made.

    `choice` is the filter in words (codes and ids), `who` the login of who made it, `at` when (Unix seconds).
    """

    act: SelectedAct
    who: str
    choice: str
    names: tuple[str, ...]
    total: int
    at: float = 0.0
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def is_cut(self) -> bool:
        """Whether there were more things than a selection may have."""
        return self.total > len(self.names)


class Selections:
    """The selections that wait to be confirmed. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def freeze(
        self, act: SelectedAct, who: str, choice: str, names: Sequence[str], now: float, total: int = 0
    ) -> str:
        """Keep the first of the names, each once, as many as a selection may have. Returns the id of the selection.

        `total` is how many there are where `names` are not all of them.
        """
        each = tuple(dict.fromkeys(names))
        made = FrozenSelection(act, who, choice, each[: act.most], max(total, len(each)), now)
        limits = (milliseconds(LIFETIME), _MOST_SELECTIONS)
        fields = [part for pair in _fields(made).items() for part in pair]
        await self._connection.run("freeze_selection", made.id, int(now * 1000), *limits, *fields)
        return made.id

    async def made_by(self, selection: str, who: str) -> FrozenSelection | None:
        """What this person has chosen; None where it is over, begun, or another person's."""
        row = await self._connection.ask(self._connection.redis.hgetall(SELECTION + selection))
        return None if b"used" in row else _selection(selection, row, who)

    async def use(self, selection: str, who: str, now: float) -> FrozenSelection | None:
        """Begin what this person has chosen: there is a task of the same id from now on, and nobody can begin it again.

        None where it is over, begun already, or another person's.
        """
        limits = (milliseconds(TASK_LIFETIME), _MOST_TASKS)
        args = (selection, who, secrets.token_hex(8), int(now * 1000), *limits)
        flat = await self._connection.run("use_selection", *args)
        return _selection(selection, dict(zip(flat[::2], flat[1::2], strict=True)), who)


def _fields(made: FrozenSelection) -> dict[str, str | int]:
    return {
        "act": made.act,
        "who": made.who,
        "choice": made.choice,
        "names": json.dumps(made.names),
        "count": len(made.names),
        "total": made.total,
    }


def _selection(selection: str, row: Mapping[bytes, Any], who: str) -> FrozenSelection | None:
    known = {name.decode(): value.decode() for name, value in row.items()}
    if known.get("who") != who or known["act"] not in set(SelectedAct):
        return None
    return FrozenSelection(
        SelectedAct(known["act"]),
        known["who"],
        known["choice"],
        tuple(json.loads(known["names"])),
        int(known["total"]),
        int(known["at"]) / 1000,
        selection,
    )
