"""What reading a feed now would change: its pages are read here, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remediation.domain.incidents import Decided, Kept
from remediation.domain.walks import FeedWalk, Timetable
from remediation.ports import WalkedFeed
from remediation.rulebook import MappingsRulebook
from remedy.incidents.stores import IncidentStores
from remedy.reconcile.report import Screen
from remedy.runtime.assembly import open_outside
from workers.selection import incident_cases


@dataclass(slots=True)
class Rehearsal:
    """What the pages of a feed have: `since` and `until` are days. Every incident is counted once.

    `deleted` are those of the new and the changed ones that the feed says are deleted; `cases` is how many cases would
    be looked at. `flaws` counts what could not be read, by what it was.
    """

    feed: str
    since: str
    until: str
    pages: int = 0
    incidents: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    cases: int = 0
    flaws: Counter[str] = field(default_factory=Counter)


async def rehearsed(stores: IncidentStores, screen: Screen, *, sweep: bool) -> list[Rehearsal]:
    """Read the pages of each feed that is meant. Raises TryLater or Refused where one cannot be read."""
    rulebook = MappingsRulebook(stores.loaded.mappings)
    async with open_outside(stores.loaded) as outside:
        return [
            await _rehearsed(stores, screen, rulebook, outside.feeds[name], timetable, sweep=sweep)
            for name, timetable in stores.timetables.items()
        ]


async def _rehearsed(
    stores: IncidentStores,
    screen: Screen,
    rulebook: MappingsRulebook,
    feed: WalkedFeed,
    timetable: Timetable,
    *,
    sweep: bool,
) -> Rehearsal:
    state = await stores.states.state(feed.name)
    at = datetime.fromtimestamp(stores.clock(), UTC)
    polled = datetime.fromtimestamp(state.polled_at, UTC) if state.polled_at else None
    walk = timetable.sweep(at) if sweep or state.swept_at is None else timetable.poll(at, polled)
    seen, names = Rehearsal(feed.name, walk.since.isoformat(), walk.until.isoformat()), set[str]()
    following: object = walk
    while isinstance(following, FeedWalk):
        walk = following
        page = await feed.page(walk)
        fresh = [each for each in page.incidents if each.uuid not in names]
        names.update(each.uuid for each in fresh)
        seen.pages, seen.incidents = max(seen.pages, walk.page), len(names)
        seen.flaws.update({flaw.value: count for flaw, count in page.flaws.items()})
        await _compare(stores, rulebook, feed, seen, await stores.records.changed(feed.name, fresh, stores.clock()))
        screen.say(f"{feed.name}: page {walk.page} of {page.pages}")
        following = walk.after(page.pages)
    return seen


async def _compare(
    stores: IncidentStores, rulebook: MappingsRulebook, feed: WalkedFeed, seen: Rehearsal, changed: Sequence[Kept]
) -> None:
    """Count these new or changed incidents."""
    known = await stores.records.kept(feed.name, [each.incident.uuid for each in changed])
    seen.changed += known
    seen.new += len(changed) - known
    seen.deleted += sum(bool(each.incident.is_deleted) for each in changed)
    decided = [Decided(each.incident) for each in changed]
    cases = incident_cases(rulebook, feed.district, feed.timetable.zone, decided, stores.clock())
    wanted = {case.ref for case in cases if case.is_wanted}
    seen.cases += len(wanted | await stores.records.with_case([case.ref for case in cases]))
