"""How much waits in the store, and for how long: the same for every process that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading. Times are Unix seconds, None where there is nothing to tell the time of.

    `due` counts jobs that a worker could take up now: not those that are `running`, not what is put off, and not ids
    that a failed enqueue left in the queue (the first thousand ids are checked; those behind them all count).
    `put_off` are the cases among `dirty` that are not looked at within the next ten seconds. `parked_kinds` tells the
    kinds of what is `parked`, and `parked_accounts` whose it is: a district's, or a tracker's where one has delivered
    it; both of the newest thousand only, while some of an earlier version is in no group yet. `accepted` tells when a
    delivery of each sender was last accepted.
    """

    due: int
    running: int
    unread: int
    oldest_unread: float | None
    dirty: int
    put_off: int
    oldest_dirty: float | None
    parked: int
    last_sweep: float | None
    parked_kinds: Mapping[str, int]
    accepted: Mapping[str, float]
    parked_accounts: Mapping[str, int] = field(default_factory=dict)


async def read_figures(connection: Connection, now: float) -> Figures:
    """The figures at `now` (Unix seconds), in one request. Raises StoreUnavailable."""
    *numbers, kinds, accepted, accounts = await connection.run("figures", int(now * 1000))
    due, running, unread, oldest_unread, dirty, put_off, oldest_dirty, parked, last_sweep = map(int, numbers)
    return Figures(
        due,
        running,
        unread,
        _moment(oldest_unread),
        dirty,
        put_off,
        _moment(oldest_dirty),
        parked,
        _moment(last_sweep),
        parked_kinds={name: int(count) for name, count in _pairs(kinds)},
        accepted={name: int(at) / 1000 for name, at in _pairs(accepted)},
        parked_accounts={name: int(count) for name, count in _pairs(accounts)},
    )


def _moment(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _pairs(flat: Sequence[bytes]) -> list[tuple[str, bytes]]:
    return [(name.decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
