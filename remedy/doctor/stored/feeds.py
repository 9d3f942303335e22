"""How far each feed of incidents was read, and what it waits for."""

from remediation.mapping.config.schema import Mappings
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.cases.words import time_words
from remediation.read_model.incidents import timetables_of, walk_words
from remediation.read_model.status.levels import OVERDUE_SECONDS, UNSWEPT_SECONDS
from remediation.read_model.wording import count_words, span_words
from remediation.store.incidents.feeds import Feeds, FeedState
from remediation.store.server.connection import Connection


async def look_at_feeds(connection: Connection, mappings: Mappings, now: float) -> list[Diagnosis]:
    """A result for each feed that the file names, at `now` (Unix seconds). Raises StoreUnavailable."""
    states = Feeds(connection)
    return [
        _judged(feed, await states.state(feed), await states.kept(feed), timetable.every.total_seconds(), now)
        for feed, timetable in timetables_of(mappings).items()
    ]


def _judged(feed: str, state: FeedState, kept: int, every: float, now: float) -> Diagnosis:
    what, says = f"reading {feed}", f"{_words(state)}, {count_words(kept, 'incident')} kept; {walk_words(state)}"
    since = state.polled_at or state.known_at or now
    if now - since - every > OVERDUE_SECONDS:
        return trouble(Code.FEED_UNREAD, what, f"{says}; due since {span_words(now - since - every)}")
    if state.swept_at is None or now - state.swept_at > UNSWEPT_SECONDS:
        return trouble(Code.FEED_UNSWEPT, what, says)
    return well(what, says)


def _words(state: FeedState) -> str:
    polled = f"last read {time_words(state.polled_at)} UTC" if state.polled_at else "never read"
    swept = f"its year {time_words(state.swept_at)} UTC" if state.swept_at else "its year never (since Redis began)"
    return f"{polled}, {swept}"
