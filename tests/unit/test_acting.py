"""Carrying out a plan; above all, that a case never gets a second ticket, wherever we are cut off (P2)."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    Plan,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Why,
)
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Intent, Link, Memory
from remediation.domain.errors import LeaseLost, OutsideError, Refused, StoreUnavailable, TryLater
from remediation.domain.findings import Finding
from remediation.domain.ownership import Doubt, Evidence
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from remediation.look.executing import Executor
from remediation.look.observing import Snapshot, observe
from remediation.planning import Observation, Progress, plan, remembered
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.cases.rows import link_of
from tests.action_names import action_named, actions_named
from tests.examples import examples
from tests.stand_ins import ManualClock, MemoryLinks, MemorySource, MemoryTracker, PlainRulebook

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
HORIZON = 10.0
SLOWEST_STEP = 1.5
"""The horizon covers the lag and a create of two such steps: from writing the intent to the tracker's keeping it."""

DRAFT = Draft(KEY.mark, "SEC", "summary", "body")
OPEN_JIRA = OpenTicket("jira", Why.NEW)
REVIEWING = SetStatus(Status.REVIEWING, Why.NEW)


@dataclass
class Scene:
    """One case with two trackers."""

    clock: ManualClock = field(default_factory=ManualClock)
    status: Status = Status.OPEN
    lag: float = 0.0
    intents: dict[str, Intent] = field(default_factory=dict)
    known_links: dict[str, Link] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    duplicates: tuple[Ticket, ...] = ()
    doubts: dict[str, Doubt] = field(default_factory=dict)
    keeps_status: bool = True

    def __post_init__(self) -> None:
        self.source = MemorySource(Finding("fnd_1", self.status))
        self.jira = MemoryTracker("jira", self.clock, lag=self.lag, horizon=HORIZON)
        self.snow = MemoryTracker("snow", self.clock, lag=self.lag, horizon=HORIZON)
        self.links = MemoryLinks()

    def there(self, tracker: MemoryTracker, state: TicketState = TicketState.OPEN, *, link: bool = True) -> Ticket:
        ticket = tracker.keep(DRAFT)
        ticket = tracker.change(ticket.id, state, Reason.FIXED if state is TicketState.DONE else None)
        self.tickets[tracker.name] = ticket
        if link:
            self.known_links[tracker.name] = link_of(ticket)
        return ticket

    async def act(self, *actions: Action) -> Progress:
        record = CaseRecord(KEY, links=self.known_links, intents=self.intents)
        subject = replace(subject_of(KEY, Finding("fnd_1", self.status)), keeps_status=self.keeps_status)
        seen = Observation(subject, self.tickets, duplicates=self.duplicates)
        at = datetime.fromtimestamp(self.clock(), tz=UTC)
        ruling = PlainRulebook("snow", "jira").ruling(seen.subject, at)
        snapshot = Snapshot(seen, ruling, Policy(trackers=("snow", "jira")), at, doubts=self.doubts)
        return await self.executor(record, snapshot).carry_out(actions)

    def executor(self, record: CaseRecord, snapshot: Snapshot) -> Executor:
        trackers = {"jira": self.jira, "snow": self.snow}
        return Executor(record, snapshot, FindingSource("lakeside", self.source), trackers, self.links, self.clock)


@pytest.fixture
def scene() -> Scene:
    return Scene()


# Opening exactly one ticket.

AMBIGUOUS = TryLater("jira", "no answer", ambiguous=True)
BUSY = TryLater("jira", "busy", after=7.0, status=429)
NO = Refused("jira", "customfield_1 is required", status=400)


@dataclass(frozen=True)
class Opening:
    """A row of the table: the intent's age and the tracker's answer go in; tickets, writes and intent come out.

    An intent that may still come to light never gets here: observing sees to that.
    """

    case: str
    age: float | None
    error: OutsideError | None
    tickets: int
    log: tuple[str, ...]
    intent_kept: bool
    after: float | None = None


OPENINGS = [
    Opening("no intent: open and link", None, None, 1, ("intend:jira", "link:jira"), intent_kept=False),
    Opening("an intent as old as the horizon: open", 10, None, 1, ("intend:jira", "link:jira"), intent_kept=False),
    Opening("an intent from long ago: open", 9_999, None, 1, ("intend:jira", "link:jira"), intent_kept=False),
    Opening("it may exist: keep the intent", None, AMBIGUOUS, 0, ("intend:jira",), intent_kept=True, after=10),
    Opening("turned away: forget it", None, BUSY, 0, ("intend:jira", "unlink:jira"), intent_kept=False, after=7),
    Opening("refused: forget it", None, NO, 0, ("intend:jira", "unlink:jira"), intent_kept=False),
    Opening("old, and again it may exist", 10, AMBIGUOUS, 0, ("intend:jira",), intent_kept=True, after=10),
    Opening("old, and turned away", 10, BUSY, 0, ("intend:jira", "unlink:jira"), intent_kept=False, after=7),
]


@pytest.mark.parametrize("row", OPENINGS, ids=lambda row: row.case)
async def test_opening_goes_by_the_table(row: Opening) -> None:
    scene = Scene()
    if row.age is not None:
        at = scene.clock() - row.age
        scene.intents = {"jira": Intent("jira", at)}
        scene.links.intents = {"jira": at}
    if row.error is not None:
        scene.jira.troubles.once("create", row.error)
    progress = await scene.act(OPEN_JIRA)
    assert len(scene.jira.of(KEY.mark)) == row.tickets
    assert tuple(scene.links.log) == row.log
    assert ("jira" in scene.links.intents) is row.intent_kept
    assert ("jira" in scene.links.links) is (row.tickets == 1)
    later = progress.later.get(OPEN_JIRA.name)
    assert (later.after if later else None) == row.after
    assert (OPEN_JIRA in progress.done) is (row.tickets == 1)
    assert (OPEN_JIRA.name in progress.refused) is (row.error is NO)


async def test_an_intent_is_written_at_the_moment_before_the_request(scene: Scene) -> None:
    scene.jira.troubles.once("create", AMBIGUOUS)
    await scene.act(OPEN_JIRA)
    assert scene.links.intents == {"jira": scene.clock()}


async def test_a_longer_wait_that_the_tracker_asks_for_outweighs_the_horizon(scene: Scene) -> None:
    scene.jira.troubles.once("create", TryLater("jira", "down", after=60.0, ambiguous=True))
    assert (await scene.act(OPEN_JIRA)).later[action_named("open:jira")].after == 60.0


async def test_nothing_is_sent_when_the_intent_cannot_be_written(scene: Scene) -> None:
    scene.links.lost = True
    with pytest.raises(LeaseLost):
        await scene.act(OPEN_JIRA)
    assert scene.jira.troubles.calls == []


async def test_a_lease_lost_during_the_create_leaves_the_intent_for_the_next_holder(scene: Scene) -> None:
    class LosesLease(MemoryTracker):
        async def create(self, draft: Draft) -> Ticket:
            scene.links.lost = True
            return await super().create(draft)

    scene.jira = LosesLease("jira", scene.clock, horizon=HORIZON)
    with pytest.raises(LeaseLost):
        await scene.act(OPEN_JIRA)
    assert (list(scene.links.intents), scene.links.links) == (["jira"], {})
    assert len(scene.jira.of(KEY.mark)) == 1


# The other actions.


async def test_tickets_come_first_and_the_note_names_them_all(scene: Scene) -> None:
    progress = await scene.act(REVIEWING, OpenTicket("snow", Why.NEW), OPEN_JIRA)
    assert scene.source.updates == [("fnd_1", Status.REVIEWING, "new KEY-1 KEY-1")]
    memory = remembered(progress, Memory(), Observation(subject_of(KEY, Finding("fnd_1"))), Policy(), frozenset(), 0.0)
    assert memory.finding is Status.REVIEWING
    assert memory.tickets == {"snow": TicketState.OPEN, "jira": TicketState.OPEN}


async def test_a_finding_is_not_put_in_review_when_no_ticket_could_be_opened(scene: Scene) -> None:
    scene.jira.troubles.for_good("create", NO)
    scene.snow.troubles.for_good("create", BUSY)
    progress = await scene.act(OpenTicket("snow", Why.NEW), OPEN_JIRA, REVIEWING)
    assert scene.source.updates == []
    assert (frozenset(progress.later), frozenset(progress.refused)) == (
        actions_named("open:snow"),
        actions_named("open:jira"),
    )


async def test_one_tracker_that_refuses_does_not_stop_the_other(scene: Scene) -> None:
    scene.jira.troubles.for_good("create", NO)
    progress = await scene.act(OpenTicket("snow", Why.NEW), OPEN_JIRA, REVIEWING)
    assert [str(action.name) for action in progress.done] == ["open:snow", "patch:reviewing"]
    assert progress.refused == {action_named("open:jira"): NO}


async def test_every_action_has_its_effect() -> None:
    scene = Scene()
    jira, snow = scene.there(scene.jira), scene.there(scene.snow, TicketState.DONE)
    twin = scene.jira.keep(DRAFT)
    scene.duplicates = (twin,)
    actions: Plan = (
        ResolveTicket("jira", Reason.FIXED, Why.FINDING_RESOLVED),
        ReopenTicket("snow", Why.FOUND_AGAIN),
        CloseDuplicate("jira", twin.id),
    )
    progress = await scene.act(*actions)
    assert set(progress.done) == set(actions)
    assert scene.jira.books[jira.id].ticket.state is TicketState.DONE
    assert scene.jira.books[jira.id].comments == ["finding_resolved KEY-1"]
    assert scene.snow.books[snow.id].ticket.state is TicketState.OPEN
    closed = scene.jira.books[twin.id]
    assert (closed.ticket.reason, closed.comments) == (Reason.DUPLICATE, ["duplicate KEY-1"])
    assert progress.tickets["snow"].state is TicketState.OPEN


async def test_a_comment_comes_last_and_changes_no_state(scene: Scene) -> None:
    ticket = scene.there(scene.jira, TicketState.IN_PROGRESS)
    await scene.act(CommentOnTicket("jira", Why.CONFLICT), SetStatus(Status.REVIEWING, Why.CONFLICT))
    kept = scene.jira.books[ticket.id]
    assert (kept.ticket.state, kept.comments) == (TicketState.IN_PROGRESS, ["conflict KEY-1"])


@pytest.mark.parametrize(
    ("action", "call"),
    [
        (ResolveTicket("jira", Reason.FIXED, Why.FINDING_RESOLVED), "resolve"),
        (ReopenTicket("jira", Why.FOUND_AGAIN), "reopen"),
    ],
)
async def test_a_ticket_that_refuses_to_change_is_told_in_a_comment(scene: Scene, action: Action, call: str) -> None:
    state = TicketState.OPEN if call == "resolve" else TicketState.DONE
    ticket = scene.there(scene.jira, state)
    scene.jira.troubles.for_good(call, NO)
    progress = await scene.act(action)
    assert progress.refused == {action.name: NO}
    assert len(scene.jira.books[ticket.id].comments) == 1


@pytest.mark.parametrize("error", [NO, BUSY])
async def test_a_comment_that_explains_a_refusal_may_fail_too(scene: Scene, error: OutsideError) -> None:
    scene.there(scene.jira)
    scene.jira.troubles.for_good("resolve", NO)
    scene.jira.troubles.for_good("comment", error)
    progress = await scene.act(ResolveTicket("jira", Reason.FIXED, Why.FINDING_RESOLVED))
    assert (frozenset(progress.refused), progress.later) == (actions_named("resolve:jira"), {})


@pytest.mark.parametrize("error", [NO, BUSY])
async def test_what_did_not_happen_is_not_told(scene: Scene, error: OutsideError) -> None:
    ticket = scene.there(scene.jira, TicketState.IN_PROGRESS)
    scene.source.troubles.for_good("update_finding", error)
    await scene.act(CommentOnTicket("jira", Why.CONFLICT), SetStatus(Status.REVIEWING, Why.CONFLICT))
    assert not any(comment.startswith("conflict") for comment in scene.jira.books[ticket.id].comments)


@pytest.mark.parametrize(("keeps_status", "says"), [(True, "SchoolScan's answer is no"), (False, "no key")])
async def test_of_a_status_that_is_refused_a_ticket_is_told_whose_answer_it_is(
    *, keeps_status: bool, says: str
) -> None:
    scene = Scene(keeps_status=keeps_status)
    ticket = scene.there(scene.jira)
    scene.source.troubles.once("update_finding", Refused("incidents:lakeside", "no key"))
    await scene.act(REVIEWING)
    assert scene.jira.books[ticket.id].comments == [f"refused {ticket.key} patch reviewing: {says}"]


async def test_a_patch_that_fails_leaves_the_tickets_done(scene: Scene) -> None:
    scene.source.troubles.once("update_finding", TryLater("lakeside", "busy"))
    progress = await scene.act(OPEN_JIRA, REVIEWING)
    assert (list(progress.later), progress.status) == ([action_named("patch:reviewing")], Status.OPEN)
    assert len(scene.jira.of(KEY.mark)) == 1


async def test_what_a_search_found_is_linked_and_its_intent_forgotten(scene: Scene) -> None:
    ticket = scene.there(scene.jira, link=False)
    scene.links.intents = {"jira": 1.0}
    await scene.act()
    assert (scene.links.links["jira"].ticket_id, scene.links.intents) == (ticket.id, {})


async def test_a_link_that_is_right_is_not_written_again(scene: Scene) -> None:
    scene.there(scene.jira)
    await scene.act()
    assert scene.links.log == []


async def test_a_link_to_a_ticket_that_is_gone_is_forgotten(scene: Scene) -> None:
    ticket = scene.there(scene.jira)
    scene.tickets["jira"] = Ticket("jira", ticket.id, ticket.key, ticket.url, TicketState.GONE)
    await scene.act()
    assert scene.links.log == ["unlink:jira"]


@pytest.mark.parametrize(
    ("link", "is_written"),
    [
        (lambda link: link, 0),
        pytest.param(lambda link: replace(link, created=None), 1, id="made by an earlier version"),
        pytest.param(lambda link: replace(link, unmarked=True), 1, id="the mark is back"),
    ],
)
async def test_a_link_tells_when_its_ticket_was_created_and_whether_it_has_a_mark(
    scene: Scene, link: Callable[[Link], Link], is_written: int
) -> None:
    ticket = scene.there(scene.jira)
    scene.known_links["jira"] = link(scene.known_links["jira"])
    await scene.act()
    assert scene.links.log == ["link:jira"] * is_written
    assert scene.links.links.get("jira", link_of(ticket)) == link_of(ticket)


async def test_a_link_to_another_cases_ticket_goes_before_anything_is_done(scene: Scene) -> None:
    scene.there(scene.jira)
    stranger = scene.known_links["jira"]
    scene.doubts = {"jira": Doubt(stranger, Evidence.OTHER_MARK)}
    del scene.tickets["jira"]
    await scene.act(OPEN_JIRA)
    assert scene.links.log == ["disown:jira", "intend:jira", "link:jira"]
    assert scene.links.links["jira"].ticket_id != stranger.ticket_id


async def test_until_the_cases_own_ticket_is_linked_instead_the_next_look_must_search_for_it(scene: Scene) -> None:
    scene.there(scene.jira)
    scene.doubts = {"jira": Doubt(scene.known_links["jira"], Evidence.OTHER_MARK)}
    own = scene.there(scene.jira, link=False)
    scene.duplicates = (scene.there(scene.jira, link=False),)
    scene.tickets["jira"] = own
    scene.jira.troubles.for_good("resolve", BUSY)
    await scene.act(CloseDuplicate("jira", scene.duplicates[0].id))
    assert (scene.links.log, scene.links.intents) == (["disown:jira"], {"jira": 0.0})
    scene.duplicates = ()
    await scene.act()
    assert scene.links.log == ["disown:jira", "disown:jira", "link:jira"]
    assert (scene.links.links["jira"].ticket_id, scene.links.intents) == (own.id, {})


@pytest.mark.parametrize("error", [LeaseLost("x"), StoreUnavailable("ConnectionError"), RuntimeError("test-only")])
async def test_when_one_action_ends_the_work_the_others_end_with_it(scene: Scene, error: Exception) -> None:
    """Whoever lost the lease writes nothing more: not in the background either."""

    class Slow(MemoryTracker):
        async def create(self, draft: Draft) -> Ticket:
            await asyncio.sleep(0.05)
            return await super().create(draft)

    class Failing(MemoryLinks):
        async def intend(self, tracker: str, now: float, place: str = "") -> None:
            if tracker == "jira":
                raise error
            await super().intend(tracker, now, place)

    scene.snow, scene.links = Slow("snow", scene.clock), Failing()
    with pytest.raises(type(error)):
        await scene.act(OpenTicket("snow", Why.NEW), OPEN_JIRA)
    await asyncio.sleep(0.1)
    assert scene.snow.of(KEY.mark) == []


# P2 as a property: any crash, anywhere, and any number of looks.


class Crash(BaseException):
    """The process dies here."""


class CrashingLinks(MemoryLinks):
    """Dies before or after a write, as the crash plan says."""

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__()
        self._step = step

    def _write(self, what: str) -> None:
        self._step()
        super()._write(what)


class CrashingTracker(MemoryTracker):
    """Dies before or after the request is carried out; may also lose the answer of a create."""

    step: Callable[[], None]
    loses: Callable[[], bool]

    async def create(self, draft: Draft) -> Ticket:
        self.step()
        ticket = await super().create(draft)
        self.step()
        if self.loses():
            raise TryLater(self.name, "the answer was lost", ambiguous=True)
        return ticket

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        found = await super().find(mark, place)
        self.step()
        return found


class History:
    """Looks at one case, each of which may die at any step and takes any time at each."""

    def __init__(self, lag: float, crashes: list[int], losses: list[bool], pauses: list[float]) -> None:
        self.clock = ManualClock()
        self._crashes, self._losses, self._pauses = iter(crashes), iter(losses), iter(pauses)
        self._until_crash = -1
        self.source = MemorySource(Finding("fnd_1", Status.OPEN))
        self.tracker = CrashingTracker("jira", self.clock, lag=lag, horizon=HORIZON)
        self.tracker.step, self.tracker.loses = self.step, lambda: next(self._losses, False)
        self.links = CrashingLinks(self.step)

    def step(self) -> None:
        self.clock.pass_by(next(self._pauses, 0.1))
        self._until_crash -= 1
        if self._until_crash == 0:
            raise Crash

    async def look(self) -> None:
        self._until_crash = next(self._crashes, -1)
        intents = {name: Intent(name, at) for name, at in self.links.intents.items()}
        record = CaseRecord(KEY, links=dict(self.links.links), intents=intents)
        trackers: Mapping[str, MemoryTracker] = {"jira": self.tracker}
        rulebook = PlainRulebook("jira")
        snapshot = await observe(record, FindingSource("lakeside", self.source), trackers, rulebook, self.clock())
        self.step()
        actions = plan(snapshot.observation, snapshot.policy, record, snapshot.at)
        executor = Executor(record, snapshot, FindingSource("lakeside", self.source), trackers, self.links, self.clock)
        await executor.carry_out(actions)


@examples(400)
@given(
    lag=st.floats(0, HORIZON - 2 * SLOWEST_STEP),
    crashes=st.lists(st.integers(-1, 7), max_size=6),
    losses=st.lists(st.booleans(), max_size=4),
    pauses=st.lists(st.floats(0, SLOWEST_STEP), max_size=30),
    waits=st.lists(st.floats(0, 2 * HORIZON), min_size=1, max_size=8),
)
async def test_no_crash_anywhere_and_no_lag_makes_a_second_ticket(
    lag: float, crashes: list[int], losses: list[bool], pauses: list[float], waits: list[float]
) -> None:
    history = History(lag, crashes, losses, pauses)
    for wait in waits:
        with contextlib.suppress(Crash):
            await history.look()
        history.clock.pass_by(wait)
    for _ in range(len(crashes) + len(losses) + 1):  # in the end, looks that nothing disturbs
        with contextlib.suppress(Crash):
            await history.look()
        history.clock.pass_by(HORIZON)
    await history.look()
    assert len(history.tracker.of(KEY.mark)) == 1
    assert list(history.links.links) == ["jira"]
    assert history.links.intents == {}
