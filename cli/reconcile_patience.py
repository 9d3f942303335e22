"""How long reconciling waits for a case. Pure: whoever asks tells the time (Unix seconds)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from remediation.store.standings import Stand, Standing

Systems = tuple[str, ...]
"""The names of the systems that a case waits for; none where nothing tells."""


@dataclass(slots=True)
class Patience:
    """When to stop waiting: after `longest` seconds without any news, whatever may come later.

    Cases that were put off wait for systems, and our patience with these ends earlier than that while others go on: it
    begins when the first of them is to be looked at again, and anew whenever one of them has come to rest. So a system
    that stays down is waited for beside the others and not after them. `held_up_by` has the systems, by reference.
    """

    longest: float
    moved_at: float
    held_up_by: dict[str, Systems] = field(default_factory=dict)
    _quiet_since: dict[Systems, float] = field(default_factory=dict)

    def put_off(self, standing: Standing, systems: Systems, now: float) -> None:
        """A case was put off, by these systems, for the first time since we wait."""
        self.held_up_by[standing.ref] = systems
        self._quiet_since.setdefault(systems, max(now, standing.due))
        self.moved_at = now

    def settled(self, refs: Iterable[str], now: float) -> None:
        """These cases have come to rest."""
        given = tuple(refs)
        if given:
            self.moved_at = now
        let_through = {self.held_up_by.pop(ref) for ref in given if ref in self.held_up_by}
        self._quiet_since.update(dict.fromkeys(let_through, now))
        for systems in let_through - set(self.held_up_by.values()):
            del self._quiet_since[systems]

    def is_over(self, standing: Standing, now: float) -> bool:
        """Whether we wait for this case no longer. One that is being looked at again is about to have news."""
        systems = self.held_up_by.get(standing.ref)
        is_idle = now - self.moved_at > self.longest
        if systems is None or standing.stand is Stand.WAITING:
            return is_idle
        return standing.stand is Stand.PUT_OFF and (is_idle or now - self._quiet_since[systems] > self.longest)
