"""When which notice is told: decided from what there is, and from what a channel has told. Pure.

A notice is new, then told, then told again after a time while it stands, then over. It must be there, or gone,
for a while first: what comes and goes within minutes is told to nobody. All that is due is one message; where a channel
may send no more within the hour, all of it waits for the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from remediation.mapping.config.notifying import NotifyChannel, WeeklyTime
from remediation.read_model.notifications.notices import Notice, NoticeKey
from remediation.store.notifications.memory import ChannelMemory, KnownNotice

HOUR = 3_600.0

MOST_KNOWN = 500
"""Notices that a channel gets to know of at once; more wait until some are over. What it knows, it knows until then."""

_GROWN = 2
"""How many times as much as was told there must be of something before that is told again."""

_LAPSES_AFTER = 24 * HOUR
"""Seconds after which a try in vain says nothing any more about a channel that has nothing to tell."""

_APART = 84 * HOUR
"""The week's figures are never sent twice within half a week, however the time of them is changed."""

_FIRST_RETRY = 60.0
LONGEST_RETRY = 3_600.0
"""Seconds until a message is tried again that was not taken: the first time, and at most. Twice as long each time."""

_MOST_DOUBLED = 10
"""After so many tries in vain the wait is the longest in any case; what is doubled a thousand times is no number."""


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """What a channel says about when it tells, in seconds."""

    at_most: int
    after: float
    repeat: float

    @classmethod
    def of(cls, channel: NotifyChannel) -> "ChannelTerms":
        """Those of a channel of mappings.yaml."""
        return cls(channel.per_hour, channel.after.total_seconds(), channel.repeat.total_seconds())


@dataclass(frozen=True, slots=True)
class NotificationPlan:
    """What is to be told now, and what is to be remembered whether or not it is told.

    `again` are notices that were told before and stand, or have grown; `over` are those that are gone.
    """

    memory: ChannelMemory
    new: tuple[Notice, ...] = ()
    again: tuple[Notice, ...] = ()
    over: tuple[NoticeKey, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.new or self.again or self.over)

    def told(self, now: float) -> ChannelMemory:
        """What is remembered once the message was taken, at `now` (Unix seconds)."""
        told = {str(each.key): each.count for each in (*self.new, *self.again)}
        over = {str(key) for key in self.over}
        known = {
            key: replace(each, told=now, count=told[key]) if key in told else each
            for key, each in self.memory.known.items()
            if key not in over
        }
        return replace(taken(self.memory, now), known=known)


def notification_plan(
    memory: ChannelMemory,
    notices: Sequence[Notice],
    terms: ChannelTerms,
    now: float,
    still_wanted: Callable[[NoticeKey], bool] = lambda _: True,
) -> NotificationPlan:
    """What to tell of these notices at `now` (Unix seconds).

    `still_wanted` says of the key of a notice that is not there any more whether the channel would tell that kind.
    """
    there = {
        key: notice
        for number, notice in enumerate(notices)
        if (key := str(notice.key)) in memory.known or number < MOST_KNOWN
    }
    known = {**_gone(memory, there, now, still_wanted), **_there(memory, there, now)}
    remembered = _lapsed(replace(memory, known=known), now)
    if not may_send(memory, terms, now):
        return NotificationPlan(remembered)
    new = [notice for key, notice in there.items() if known[key].told is None and now - known[key].first >= terms.after]
    again = [notice for key, notice in there.items() if _is_due_again(known[key], notice, terms, now)]
    over = [key for key, each in known.items() if each.gone is not None and now - each.gone >= terms.after]
    return NotificationPlan(remembered, tuple(new), tuple(again), tuple(map(NoticeKey.parse, over)))


def may_send(memory: ChannelMemory, terms: ChannelTerms, now: float) -> bool:
    """Whether the channel may send a message now: within its limit, and not just after one that was not taken."""
    waits = now < memory.retry_at <= now + LONGEST_RETRY
    return not waits and len(_tries(memory, now)) < terms.at_most


def taken(memory: ChannelMemory, now: float) -> ChannelMemory:
    """What is remembered after a message that was taken."""
    sent = (*_tries(memory, now), now)
    return replace(memory, sent=sent, last=now, failures=0, why="", retry_at=0.0)


def in_vain(memory: ChannelMemory, why: str, now: float) -> ChannelMemory:
    """What is remembered after a message that was not taken, or of which that is not known.

    Each try counts towards the limit, because it may have arrived.
    """
    wait = min(_FIRST_RETRY * 2 ** min(memory.failures, _MOST_DOUBLED), LONGEST_RETRY)
    sent = (*_tries(memory, now), now)
    return replace(memory, sent=sent, failures=memory.failures + 1, why=why, retry_at=now + wait)


def with_week_begun(memory: ChannelMemory, weekly: WeeklyTime | None, now: float) -> ChannelMemory:
    """Sets the first weekly time of a new channel, so that it does not get the week before it existed.

    The same for a channel that gets the figures from now on.
    """
    last = 0.0
    if weekly is not None:
        last = memory.weekly if 0.0 < memory.weekly <= now else weekly.moment_before(now)
    return replace(memory, since=min(memory.since, now), weekly=last)


def weekly_due(memory: ChannelMemory, weekly: WeeklyTime | None, terms: ChannelTerms, now: float) -> float | None:
    """The moment for which the figures of the past week are to be sent at `now` (Unix seconds); None for none.

    Those that were missed are made up for; of several, the last ones.
    """
    if weekly is None or not may_send(memory, terms, now):
        return None
    moment = weekly.moment_before(now)
    return moment if max(memory.since, memory.weekly + _APART) < moment else None


def with_weekly(memory: ChannelMemory, moment: float, now: float) -> ChannelMemory:
    """What is remembered after the figures for this moment were taken, at `now` (Unix seconds)."""
    return replace(taken(memory, now), weekly=moment)


def _tries(memory: ChannelMemory, now: float) -> tuple[float, ...]:
    return tuple(at for at in memory.sent if now - HOUR < at <= now)


def _lapsed(memory: ChannelMemory, now: float) -> ChannelMemory:
    """Forgets failed tries older than a day when no message is waiting."""
    waits = any(each.told is None or each.gone is not None for each in memory.known.values())
    is_past = memory.failures > 0 and memory.retry_at + _LAPSES_AFTER <= now
    return replace(memory, failures=0, why="", retry_at=0.0) if is_past and not waits else memory


def _there(memory: ChannelMemory, there: Mapping[str, Notice], now: float) -> dict[str, KnownNotice]:
    """What is known of the notices that there are. What was told and came back at once was never gone."""
    known = {key: memory.known.get(key, KnownNotice(now)) for key in there}
    return {
        key: replace(each, first=min(each.first, now), told=each.told and min(each.told, now), gone=None)
        for key, each in known.items()
    }


def _gone(
    memory: ChannelMemory, there: Mapping[str, Notice], now: float, still_wanted: Callable[[NoticeKey], bool]
) -> dict[str, KnownNotice]:
    """What is known of notices that are not there any more: only as long as somebody has to be told that."""
    return {
        key: replace(each, gone=min(now if each.gone is None else each.gone, now))
        for key, each in memory.known.items()
        if key not in there and each.told is not None and (parsed := NoticeKey.parse(key)).has_an_end
        if still_wanted(parsed)
    }


def _is_due_again(known: KnownNotice, notice: Notice, terms: ChannelTerms, now: float) -> bool:
    if known.told is None or not notice.key.has_an_end:
        return False
    has_grown = 0 < known.count * _GROWN <= notice.count
    return has_grown or now - known.told >= terms.repeat
