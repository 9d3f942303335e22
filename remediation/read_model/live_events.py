"""What happens right now, line by line: deliveries, refusals, and what is done about cases. Pure.

Ids, states and counts only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey
from remediation.read_model.cases.words import STANDS_STILL, entry_words, time_words
from remediation.read_model.delivery_list import path_of, refusal_words
from remediation.read_model.wording import count_words, day_words
from remediation.store.cases.entries import Acted, Entry, LookCause, Settled, Triggered, kind_word, moment
from remediation.store.cases.timeline import TimelineEntry
from remediation.store.deliveries.heard import HeardDelivery
from remediation.store.deliveries.refused import RefusalKind, RefusedDeliveries

_STATES = {
    "received": "came in",
    "quarantined": "came in, and cannot be read: quarantined",
    "ignored": "ignored: an event that is no concern of ours",
    "parked": "parked: it could not be read",
    "done": "read",
    "marked": "read: a ticket changed",
    "known": "read: that version of the ticket was known",
    "foreign": "read: a ticket that is not ours",
    "nothing": "read: nothing is to be done",
}
"""What became of a delivery, in words."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One line. `at` is in Unix seconds; `whose` is a district, or the account of a tracker.

    `what` is delivery, refused or case; `ref` is what it is about. `outcome` is one word for programs.
    """

    at: float
    whose: str
    what: str
    ref: str
    says: str
    outcome: str
    more: dict[str, Any]

    @property
    def line(self) -> str:
        """For people."""
        return f"{time_words(self.at)}  {self.whose:<12}  {self.what:<8}  {self.ref}  {self.says}"

    @property
    def shown(self) -> dict[str, Any]:
        """For programs."""
        told = {"at": moment(self.at).isoformat(), "what": self.what, "whose": self.whose}
        return {**told, "ref": self.ref, "outcome": self.outcome, "says": self.says, **self.more}


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Which lines are wanted; empty takes any.

    `sender` is schoolscan, or the name of a tracker: its deliveries, and what they cause.
    """

    district: str = ""
    case: str = ""
    sender: str = ""

    def takes_delivery(self, path: str) -> bool:
        """Whether lines about deliveries of this account are wanted. An account called as its kind stands alone."""
        kind, _, account = path.rpartition("/")
        is_schoolscan = (kind or account) == SCHOOLSCAN.name
        sender, district = (SCHOOLSCAN.name, account) if is_schoolscan else (account, "")
        return not self.case and self.district in {"", district} and self.sender in {"", sender}

    def takes_cause(self, cause: str) -> bool:
        """Whether what a look does is wanted that began because of this."""
        return not self.sender or cause == f"{LookCause.WEBHOOK}:{self.sender}"


def delivery_event(heard: HeardDelivery) -> LiveEvent:
    """A delivery that came in, or was read."""
    sender, _, account = heard.path.partition("/")
    says = f"{_STATES.get(heard.state, heard.state)} ({sender})"
    return LiveEvent(heard.at, account, "delivery", heard.id, says, heard.state, {"account": heard.path})


def refused_events(before: dict[tuple[RefusalKind, str], int], now: Iterable[RefusedDeliveries]) -> Iterator[LiveEvent]:
    """What was refused since `before` was counted (by kind and day), which is brought up to date."""
    for each in now:
        key = each.kind, day_words(each.first)
        fresh = each.count - before.get(key, 0)
        before[key] = each.count
        if fresh > 0:
            yield _refused(each, fresh)


def _refused(each: RefusedDeliveries, fresh: int) -> LiveEvent:
    path = path_of(each)
    says = f"{count_words(fresh, 'delivery', 'deliveries')} answered {each.kind.status}: {refusal_words(each)}"
    more = {"account": path, "status": each.kind.status, "reason": each.kind.reason, "count": fresh}
    return LiveEvent(each.last, each.kind.account, "refused", path, says, "refused", more)


class CaseStory:
    """The story of one case as it goes on: keeps what a line says of the one before it."""

    def __init__(self, key: CaseKey) -> None:
        self._key = key
        self._cause = ""
        self._was_refused = False

    def events(self, entries: Iterable[TimelineEntry], wanted: LiveFilter) -> Iterator[LiveEvent]:
        """A line for each entry that is wanted."""
        for each in entries:
            event = self._event(each.entry)
            if wanted.takes_cause(self._cause):
                yield event

    def _event(self, entry: Entry) -> LiveEvent:
        if isinstance(entry, Triggered):
            self._cause, self._was_refused = entry.cause, False
        elif isinstance(entry, Acted) and entry.outcome == "refused":
            self._was_refused = True
        stands = self._was_refused and isinstance(entry, Settled)
        says = STANDS_STILL if stands else entry_words(entry, self._key.kind)
        word = kind_word(entry)
        outcome = f"{word}:{entry.outcome}" if isinstance(entry, Acted) else word
        more = {"case": self._key.ref, "cause": self._cause, "entry": msgspec.to_builtins(entry)}
        return LiveEvent(entry.at, self._key.district, "case", f"{self._key.kind} {self._key.id}", says, outcome, more)
