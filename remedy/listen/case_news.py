"""What is told of one case, each line once: the case's timeline after the place up to which it is known."""

from remediation.domain.cases.records import CaseKey
from remediation.read_model.live_events import CaseStory, LiveEvent, LiveFilter
from remediation.store.cases.timeline import Timeline


class CaseNews:
    """What is told of a case after a place in its timeline; without a place, from the beginning."""

    def __init__(self, timeline: Timeline, key: CaseKey, place: str = "") -> None:
        self.place = place
        self._timeline = timeline
        self._key = key
        self._story = CaseStory(key)

    async def latest(self, wanted: LiveFilter) -> list[LiveEvent]:
        """What was told since the last call, as far as it is wanted. Raises StoreUnavailable: the next call has it."""
        entries = [each async for each in self._timeline.since(self._key.ref, self.place)]
        self.place = entries[-1].id if entries else self.place
        return list(self._story.events(entries, wanted))
