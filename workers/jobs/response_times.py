"""From a delivery's receipt to its effects: how long the first ticket took, and the finding's change of status.

The time of receipt stays in the case's row until a look has ended, so that it survives any crash. A look for another
reason finds none there, and counts for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.domain.actions import ActionName, OpenTicket, SetStatus, Verb
from remediation.look.observing import Snapshot
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.planning import Progress
from remediation.store.cases.todo import AWAITED_STATUS, AWAITED_TICKET, Lease
from workers.metrics import DELIVERY_TO_STATUS, DELIVERY_TO_TICKET

_HISTOGRAMS = {AWAITED_TICKET: DELIVERY_TO_TICKET, AWAITED_STATUS: DELIVERY_TO_STATUS}
for _histogram in _HISTOGRAMS.values():
    for _sender in all_senders():
        _histogram.labels(_sender.name)  # from the start: Prometheus sees no growth in a series that begins with 1


@dataclass(frozen=True, slots=True)
class Responses:
    """What deliveries waited for and has been done: when (Unix seconds), by the field of the row that names it."""

    lease: Lease
    moments: Mapping[str, float]

    def count(self) -> None:
        """Add them to the histograms, once these fields are deleted from the row, so that nothing counts twice."""
        for name, moment in self.moments.items():
            received = self.lease.awaited[name]
            _HISTOGRAMS[name].labels(received.sender).observe(max(0.0, moment - received.at))


def responses(lease: Lease, snapshot: Snapshot, progress: Progress, now: float) -> Responses:
    """What was done for the waiting deliveries, by this look or by one that died before it reported."""
    found = {
        AWAITED_TICKET: _opened_at(lease, progress, now),
        AWAITED_STATUS: _changed_at(lease, snapshot, progress, now),
    }
    return Responses(lease, {name: at for name, at in found.items() if at is not None and name in lease.awaited})


def _opened_at(lease: Lease, progress: Progress, now: float) -> float | None:
    """When the case got its first ticket; now, if a look that died opened it. None if it had one, or has none."""
    record = lease.record
    begun = {name.tracker for name in record.memory.doing if name.verb == Verb.OPEN}
    if record.links.keys() - begun:
        return None
    if begun & progress.tickets.keys():
        return now
    opened = (progress.done_at[action.name] for action in progress.done if isinstance(action, OpenTicket))
    return min(opened, default=None)


def _changed_at(lease: Lease, snapshot: Snapshot, progress: Progress, now: float) -> float | None:
    """When the finding's status was written; now, if a look that died wrote it."""
    changed = (progress.done_at[action.name] for action in progress.done if isinstance(action, SetStatus))
    is_found_changed = ActionName(Verb.PATCH, detail=snapshot.observation.subject.status) in lease.record.memory.doing
    return min(changed, default=now if is_found_changed else None)
