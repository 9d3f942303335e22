"""How long reconciling waits for a case. Pure: the caller passes the time (Unix seconds)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from remediation.store.cases.standings import Stand, Standing

Systems = tuple[str, ...]
"""The names of the systems for which a case waits; none where they are not known."""


class _Hold(NamedTuple):
    """The systems that hold a case up, and when (Unix seconds) it is looked at again."""

    systems: Systems
    due: float


@dataclass(slots=True)
class Patience:
    """When to stop waiting: after `longest` seconds without any news, whatever may come later.

    Cases that were put off wait for systems. For each system the wait ends after the same time, counted from when the
    first of its cases is to be looked at again, and anew whenever one of them has come to rest. So a system that stays
    away is waited for at the same time as the others, not after them. The system that put a case off last counts.
    """

    longest: float
    moved_at: float
    _holds: dict[str, _Hold] = field(default_factory=dict)
    _quiet_since: dict[Systems, float] = field(default_factory=dict)

    def is_put_off_anew(self, standing: Standing) -> bool:
        """Whether a case was put off since the last report: each look that puts it off makes it due at another time.

        Also true where only its next look has come nearer, which does no harm.
        """
        hold = self._holds.get(standing.ref)
        return standing.stand is Stand.PUT_OFF and (hold is None or hold.due != standing.due)

    def put_off(self, standing: Standing, systems: Systems, now: float) -> None:
        """A case was put off by these systems.

        Only the first time is news: a system that is away puts it off again and again.
        """
        before = self._holds.get(standing.ref)
        self._holds[standing.ref] = _Hold(systems, standing.due)
        self._quiet_since.setdefault(systems, max(now, standing.due))
        if before is None:
            self.moved_at = now
        elif before.systems != systems:
            self._forget_idle([before.systems])

    def settled(self, refs: Iterable[str], now: float) -> None:
        """These cases have come to rest."""
        given = tuple(refs)
        if given:
            self.moved_at = now
        let_through = {self._holds.pop(ref).systems for ref in given if ref in self._holds}
        self._quiet_since.update(dict.fromkeys(let_through, now))
        self._forget_idle(let_through)

    def is_over(self, standing: Standing, now: float) -> bool:
        """Whether the wait for this case is over. A case that is being looked at will have news."""
        hold = self._holds.get(standing.ref)
        is_idle = now - self.moved_at > self.longest
        if hold is None or standing.stand is Stand.WAITING:
            return is_idle
        return standing.stand is Stand.PUT_OFF and (is_idle or now - self._quiet_since[hold.systems] > self.longest)

    def _forget_idle(self, given: Iterable[Systems]) -> None:
        """The systems that hold up no case any more: if one does later, its time begins anew."""
        for systems in set(given) - {hold.systems for hold in self._holds.values()}:
            del self._quiet_since[systems]
