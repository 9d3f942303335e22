"""Counted systems do what those do that they wrap, and every call is timed and counted by what came of it."""

import inspect
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import REGISTRY

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.incidents import IncidentFlaw
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Draft
from remediation.domain.walks import FeedWalk, SchoolYear, Timetable, WalkKind
from remediation.ports import IncidentPage, ListedSource, Tracker, WalkedFeed
from remediation.sources.schoolscan.source import FindingSource
from tests.stand_ins import ManualClock, MemorySource, MemoryTracker, Troubles
from workers.calls import (
    CAUSES,
    CountedFeed,
    CountedSource,
    CountedTracker,
    cause_of,
    counted_feeds,
    counted_sources,
    counted_trackers,
)

DRAFT = Draft("remedy:lakeside:finding:fnd_1", "SEC", "summary", "body")

WHICH = ("test-district", CaseKind.FINDING)


@dataclass
class EmptyFeed:
    """A feed that shows no incidents."""

    name: str
    timetable: Timetable = field(
        default_factory=lambda: Timetable(
            ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), time(2)
        )
    )
    district: str = "test-district"
    account: str = "test-only-account"
    asked: list[tuple[FeedWalk, str]] = field(default_factory=list)
    troubles: Troubles = field(default_factory=Troubles)

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        del in_part
        self.asked.append((walk, version))
        self.troubles.meet("page")
        return IncidentPage((), 1)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("port", "counted"), [(ListedSource, CountedSource), (Tracker, CountedTracker), (WalkedFeed, CountedFeed)]
)
def test_a_counted_system_has_every_method_of_its_port(port: type, counted: type) -> None:
    parts = [vars(part) for part in port.__mro__]
    public = {name: each for part in parts for name, each in part.items() if not name.startswith("_")}
    assert public.keys() == {name for name in vars(counted) if not name.startswith("_")}
    for name, method in public.items():
        if inspect.isfunction(method):
            assert inspect.signature(method) == inspect.signature(getattr(counted, name)), name


async def test_reads_and_writes_are_timed_apart_and_answer_what_they_did() -> None:
    tracker = counted_trackers([MemoryTracker("test-timed", ManualClock())])["test-timed"]
    ticket = await tracker.create(DRAFT)
    assert await tracker.read(ticket.id) == ticket
    await tracker.comment(ticket.id, "words")
    assert value("remedy_call_seconds_count", system="test-timed", kind="write") == 2
    assert value("remedy_call_seconds_count", system="test-timed", kind="read") == 1


async def test_a_district_is_counted_by_the_name_that_its_errors_have() -> None:
    finding = Finding("fnd_1", Status.OPEN, Severity.HIGH)
    source = counted_sources({WHICH: FindingSource("test-district", MemorySource(finding))})[WHICH]
    key = CaseKey(*WHICH, "fnd_1")
    assert await source.subject(key) == subject_of(key, finding)
    assert value("remedy_call_seconds_count", system="schoolscan:test-district", kind="read") == 1


async def test_a_feed_is_counted_by_the_name_that_its_errors_have() -> None:
    memory, system = EmptyFeed("test-district/test-feed"), "incidents:test-district/test-feed"
    feed = counted_feeds({memory.name: memory})[memory.name]
    walk = FeedWalk(WalkKind.POLL, date(2026, 11, 1), date(2026, 11, 8))
    assert await feed.page(walk, "one") == IncidentPage((), 1)
    assert memory.asked == [(walk, "one")]
    assert (feed.name, feed.district, feed.timetable) == (memory.name, memory.district, memory.timetable)
    memory.troubles.once("page", TryLater(system, "no", status=401))
    with pytest.raises(TryLater):
        await feed.page(walk)
    assert value("remedy_call_seconds_count", system=system, kind="read") == 2
    assert value("remedy_call_errors_total", system=system, cause="sign_in") == 1


def test_every_series_of_a_feed_is_there_at_0_before_its_first_page() -> None:
    CountedFeed(EmptyFeed("test-district/test-quiet"))
    labels = [{"outcome": "kept"}, {"outcome": "put_off"}]
    feed = {"feed": "test-district/test-quiet"}
    assert [REGISTRY.get_sample_value("remedy_feed_pages_total", feed | each) for each in labels] == [0.0] * 2
    flaws = [REGISTRY.get_sample_value("remedy_feed_flaws_total", feed | {"flaw": each}) for each in IncidentFlaw]
    assert flaws == [0.0] * len(IncidentFlaw)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TryLater("jira", "no", status=401), "sign_in"),
        (TryLater("jira", "slow", status=429, after=3), "limit"),
        (TryLater("jira", "no answer"), "away"),
        (TryLater("jira", "busy", waiting=Waiting.OURS), "ours"),
        (TryLater("jira", "stale", waiting=Waiting.CHANGED), "changed"),
        (Refused("jira", "no", status=400), "refused"),
        (NotFound("jira", "gone", status=404), "not_found"),
    ],
)
async def test_an_error_is_counted_by_its_cause_and_comes_out_as_it_is(error: OutsideError, cause: str) -> None:
    memory = MemoryTracker("test-failing", ManualClock())
    memory.troubles.once("create", error)
    tracker = CountedTracker(memory)
    before = value("remedy_call_errors_total", system="test-failing", cause=cause)
    with pytest.raises(type(error)) as raised:
        await tracker.create(DRAFT)
    assert raised.value is error
    assert cause_of(error) == cause
    assert value("remedy_call_errors_total", system="test-failing", cause=cause) == before + 1


def test_every_cause_is_there_at_0_before_the_first_error() -> None:
    """Prometheus sees no growth in a series that begins with 1."""
    CountedTracker(MemoryTracker("test-quiet", ManualClock()))
    labels = [{"system": "test-quiet", "cause": cause} for cause in CAUSES]
    assert [REGISTRY.get_sample_value("remedy_call_errors_total", each) for each in labels] == [0.0] * len(CAUSES)
