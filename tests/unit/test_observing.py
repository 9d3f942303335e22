"""Looking at the outside: what is asked, what is left alone, and what a failure of one tracker does to the rest."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Intent, Memory
from remediation.domain.errors import NotFound, Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.ownership import Evidence, Ground, Site, SiteHistory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Draft, Ticket, TicketState
from remediation.look.observing import Snapshot, observe
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.cases.rows import link_of
from tests.action_names import actions_named
from tests.stand_ins import ManualClock, MemorySource, MemoryTracker, PlainRulebook

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
NOW = 1_800_000_000.0
DRAFT = Draft(KEY.mark, "SEC", "summary", "body")
BEFORE, AFTER = (datetime.fromtimestamp(NOW + hours * 3600, UTC) for hours in (-2, 2))


class Scene:
    """One finding, two trackers, and what is kept of the case."""

    def __init__(self, status: Status = Status.OPEN) -> None:
        self.clock = clock = ManualClock(NOW)
        self.source = MemorySource(Finding("fnd_1", status))
        self.jira, self.snow = MemoryTracker("jira", clock), MemoryTracker("snow", clock)
        self.trackers = {"jira": self.jira, "snow": self.snow}
        self.rulebook = PlainRulebook("jira", "snow")
        self.record = CaseRecord(KEY)
        self.sites: dict[str, SiteHistory] = {}

    def linked(self, tracker: MemoryTracker) -> Ticket:
        ticket = tracker.keep(DRAFT)
        self.record = replace(self.record, links={**self.record.links, tracker.name: link_of(ticket)})
        return ticket

    async def look(self, now: float = NOW) -> Snapshot:
        source = FindingSource("lakeside", self.source)
        return await observe(self.record, source, self.trackers, self.rulebook, now, self.sites)

    @property
    def calls(self) -> list[list[str]]:
        return [each.troubles.calls for each in (self.jira, self.snow)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_linked_ticket_is_read_by_its_id_and_not_searched(scene: Scene) -> None:
    ticket = scene.linked(scene.jira)
    seen = (await scene.look()).observation
    assert seen.tickets == {"jira": ticket}
    assert scene.calls == [["read"], ["find"]]


async def test_a_ticket_that_nobody_linked_is_found_by_its_mark(scene: Scene) -> None:
    ticket = scene.snow.keep(DRAFT)
    scene.snow.keep(replace(DRAFT, mark="remedy:lakeside:finding:fnd_2"))
    assert (await scene.look()).observation.tickets == {"snow": ticket}


async def test_of_several_tickets_the_oldest_counts_and_the_active_others_are_duplicates(scene: Scene) -> None:
    oldest, second, third = (scene.jira.keep(DRAFT) for _ in range(3))
    scene.jira.change(second.id, TicketState.DONE)
    seen = (await scene.look()).observation
    assert seen.tickets["jira"] == oldest
    assert seen.duplicates == (third,)


async def test_a_linked_ticket_that_is_gone_is_searched_for_while_the_finding_is_unsolved(scene: Scene) -> None:
    gone = scene.linked(scene.jira)
    other = scene.jira.keep(DRAFT)
    del scene.jira.books[gone.id]
    assert (await scene.look()).observation.tickets == {"jira": other}


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.ACCEPTED_RISK])
async def test_a_solved_finding_has_its_linked_tickets_read_and_nothing_searched(status: Status) -> None:
    scene = Scene(status)
    gone = scene.linked(scene.jira)
    del scene.jira.books[gone.id]
    seen = (await scene.look()).observation
    assert (seen.tickets["jira"].state, list(seen.existing)) == (TicketState.GONE, [])
    assert scene.calls == [["read"], []]


async def test_a_ticket_whose_rule_was_taken_away_is_still_read(scene: Scene) -> None:
    ticket = scene.linked(scene.jira)
    scene.rulebook = PlainRulebook()
    snapshot = await scene.look()
    assert (snapshot.policy.trackers, snapshot.observation.tickets) == ((), {"jira": ticket})
    assert scene.calls == [["read"], []]


async def test_a_gone_ticket_whose_rule_was_taken_away_is_nowhere_to_be_searched(scene: Scene) -> None:
    gone = scene.linked(scene.jira)
    del scene.jira.books[gone.id]
    scene.rulebook = PlainRulebook()
    assert (await scene.look()).observation.tickets == {}
    assert scene.calls == [["read"], []]


async def test_a_tracker_that_is_not_named_any_more_is_neither_wanted_nor_asked_and_its_ticket_is_unseen(
    scene: Scene,
) -> None:
    scene.clock.pass_by(-60.0)
    scene.linked(scene.snow)
    del scene.trackers["snow"]
    snapshot = await scene.look()
    assert (snapshot.policy.trackers, snapshot.observation.tickets, snapshot.failures) == (("jira",), {}, {})
    assert (snapshot.observation.unnamed, snapshot.observation.unseen) == ({"snow"}, {"snow"})


async def test_a_ticket_of_a_tracker_that_has_another_name_now_has_its_time_to_come_to_light(scene: Scene) -> None:
    scene.linked(scene.snow)
    del scene.trackers["snow"]
    failure = (await scene.look()).failures["jira"]
    assert isinstance(failure, TryLater)
    assert failure.after == 10.0


@pytest.mark.parametrize("name", ["open:snow", "comment:snow:conflict", "read:snow"])
async def test_what_is_set_aside_in_a_tracker_that_is_not_named_hides_no_ticket(scene: Scene, name: str) -> None:
    scene.record = replace(scene.record, parked=actions_named(name, "patch:resolved", "look"))
    del scene.trackers["snow"]
    seen = (await scene.look()).observation
    assert (seen.unnamed, seen.unseen) == ({"snow"}, set())


@pytest.mark.parametrize("error", [TryLater("jira", "busy"), Refused("jira", "no", status=403)])
@pytest.mark.parametrize("call", ["find", "read"])
async def test_a_tracker_that_cannot_be_asked_is_unseen_and_the_other_is_seen(
    scene: Scene, error: Exception, call: str
) -> None:
    if call == "read":
        scene.linked(scene.jira)
    ticket = scene.snow.keep(DRAFT)
    scene.jira.troubles.for_good(call, error)
    snapshot = await scene.look()
    assert (snapshot.observation.unseen, snapshot.failures) == ({"jira"}, {"jira": error})
    assert snapshot.observation.tickets == {"snow": ticket}
    assert snapshot.observation.missing(snapshot.policy.trackers) == ()


@pytest.mark.parametrize("error", [TryLater("lakeside", "busy"), NotFound("lakeside", "no such finding")])
async def test_without_the_finding_there_is_nothing_to_see(scene: Scene, error: Exception) -> None:
    scene.source.troubles.once("finding", error)
    with pytest.raises(type(error)):
        await scene.look()
    assert scene.calls == [[], []]


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize(
    ("age", "wait"),
    [
        pytest.param(4, 6, id="wait for the rest of the horizon"),
        pytest.param(0, 10, id="of this moment"),
        pytest.param(-500, 10, id="from a clock that is ahead: no longer than the horizon"),
        pytest.param(10, None, id="as old as the horizon"),
        pytest.param(9_999, None, id="from long ago"),
    ],
)
async def test_a_tracker_is_unseen_while_an_earlier_create_may_still_come_to_light(
    status: Status, age: float, wait: float | None
) -> None:
    """Whatever is made of it, a search from before the horizon proves nothing."""
    scene = Scene(status)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW - age)})
    snapshot = await scene.look()
    failure = snapshot.failures.get("jira")
    assert (failure.after if isinstance(failure, TryLater) else None) == wait
    assert ("jira" in snapshot.observation.unseen) is (wait is not None)


async def test_a_ticket_that_is_found_before_the_horizon_is_seen(scene: Scene) -> None:
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW)})
    ticket = scene.jira.keep(DRAFT)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets, snapshot.failures) == ({"jira": ticket}, {})


@pytest.mark.parametrize("status", list(Status))
async def test_observing_only_reads(status: Status) -> None:
    scene = Scene(status)
    scene.linked(scene.jira)
    await scene.look()
    assert set(scene.jira.troubles.calls + scene.snow.troubles.calls) <= {"read", "find"}
    assert scene.source.troubles.calls == ["finding"]


async def test_beside_an_active_ticket_a_done_one_is_the_one_that_it_follows(scene: Scene) -> None:
    old = scene.jira.keep(DRAFT)
    scene.jira.change(old.id, TicketState.DONE)
    new = scene.jira.keep(DRAFT)
    seen = (await scene.look()).observation
    assert (seen.tickets["jira"], seen.duplicates) == (new, ())


async def test_of_done_tickets_the_last_one_opened_counts(scene: Scene) -> None:
    tickets = [scene.jira.keep(DRAFT) for _ in range(3)]
    done = [scene.jira.change(ticket.id, TicketState.DONE) for ticket in tickets]
    assert (await scene.look()).observation.tickets["jira"] == done[-1]


async def test_where_a_ticket_was_about_to_follow_another_it_is_searched_for_beside_the_linked_one(
    scene: Scene,
) -> None:
    old = scene.linked(scene.jira)
    scene.jira.change(old.id, TicketState.DONE)
    new = scene.jira.keep(DRAFT)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW - 1)})
    assert (await scene.look()).observation.tickets["jira"] == new


async def test_while_one_may_still_come_to_light_nothing_is_concluded_from_the_linked_one(scene: Scene) -> None:
    old = scene.linked(scene.jira)
    scene.jira.change(old.id, TicketState.DONE)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW - 1)})
    assert "jira" in (await scene.look()).observation.unseen
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW - 1_000)})
    assert (await scene.look()).observation.tickets["jira"].id == old.id


async def test_a_finding_that_we_knew_and_that_schoolscan_no_longer_has_is_gone(scene: Scene) -> None:
    ticket = scene.linked(scene.jira)
    scene.source.forget("fnd_1")
    seen = (await scene.look()).observation
    assert (seen.subject.status, seen.tickets) == (Status.GONE, {"jira": ticket})
    scene.record = CaseRecord(KEY, intents={"jira": Intent("jira", 0.0)})
    assert (await scene.look()).observation == seen, "after a wipe a ticket's mark is all that tells of it"
    scene.record = CaseRecord(KEY)
    with pytest.raises(NotFound):
        await scene.look()


@pytest.mark.parametrize("severity", list(Severity))
async def test_urgency_is_worked_out_only_where_the_finding_became_worse(scene: Scene, severity: Severity) -> None:
    scene.rulebook.by_severity = {each: {"priority": each} for each in Severity}
    scene.record = replace(scene.record, memory=Memory(severity=Severity.HIGH))
    scene.source.set_severity("fnd_1", severity)
    urgency = (await scene.look()).observation.urgency
    assert bool(urgency) is (severity is Severity.CRITICAL)


async def test_a_ticket_that_was_done_is_read_as_one_that_is_done(scene: Scene) -> None:
    class Asked(MemoryTracker):
        expected: bool | None = None

        async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
            self.expected = closed
            return await super().read(ticket_id, closed=closed)

    scene.jira = scene.trackers["jira"] = Asked("jira", ManualClock(NOW))
    scene.linked(scene.jira)
    for state in (TicketState.OPEN, TicketState.DONE):
        scene.record = replace(scene.record, memory=Memory(Status.REVIEWING, {"jira": state}))
        await scene.look()
        assert scene.jira.expected is (state is TicketState.DONE)


async def test_of_closed_tickets_the_last_one_counts_also_where_it_is_the_linked_one(scene: Scene) -> None:
    first = scene.jira.keep(DRAFT)
    scene.clock.pass_by(60)
    last = scene.linked(scene.jira)
    for ticket in (first, last):
        scene.jira.change(ticket.id, TicketState.DONE)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW - 3600)})
    assert (await scene.look()).observation.tickets["jira"].id == last.id


@pytest.mark.parametrize("ground", [Ground.NOBODYS, Ground.OTHERS])
async def test_a_mark_that_a_stranger_wrote_elsewhere_is_told_and_keeps_no_ticket_from_being_opened(
    scene: Scene, ground: Ground
) -> None:
    scene.rulebook.grounds["OPS"], scene.jira.finds_everywhere = ground, True
    planted = scene.jira.keep(replace(DRAFT, place="OPS"), by="person")
    scene.source.findings["fnd_1"] = replace(scene.source.findings["fnd_1"], detected_at=AFTER)
    snapshot = await scene.look()
    assert ("jira" in snapshot.observation.tickets, snapshot.failures, snapshot.strangers) == (False, {}, (planted,))
    own = scene.jira.keep(DRAFT)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets["jira"], snapshot.observation.duplicates) == (own, ())


@pytest.mark.parametrize(
    ("detected_at", "by", "place"),
    [
        pytest.param(None, "person", "OPS", id="the finding may be older than this Redis"),
        pytest.param(BEFORE, "person", "OPS", id="the finding is older than this Redis"),
        pytest.param(AFTER, "person", "SEC", id="where the district's own are opened"),
        pytest.param(AFTER, None, "SEC", id="nobody tells who opened it"),
    ],
)
async def test_beside_a_ticket_that_may_have_been_ours_nothing_is_opened(
    scene: Scene, detected_at: datetime | None, by: str | None, place: str
) -> None:
    scene.rulebook.grounds["OPS"], scene.jira.finds_everywhere = Ground.NOBODYS, True
    planted = scene.jira.keep(replace(DRAFT, place=place))
    scene.jira.books[planted.id].ticket = replace(planted, opened_by=by)
    scene.record = replace(scene.record, born=NOW - 3600)
    scene.source.findings["fnd_1"] = replace(scene.source.findings["fnd_1"], detected_at=detected_at)
    snapshot = await scene.look(NOW + 3600)
    assert "nothing is opened beside it" in str(snapshot.failures["jira"])
    assert snapshot.strangers == ()


async def test_a_stranger_is_not_certain_where_the_case_may_be_one_that_was_forgotten() -> None:
    scene = Scene(Status.OPEN)
    scene.rulebook.grounds["OPS"], scene.jira.finds_everywhere = Ground.NOBODYS, True
    planted = scene.jira.keep(replace(DRAFT, place="OPS"))
    scene.jira.books[planted.id].ticket = replace(planted, opened_by="priya")
    found = datetime.fromtimestamp(NOW - 500, UTC)
    scene.source.findings["fnd_1"] = replace(scene.source.findings["fnd_1"], detected_at=found)
    scene.record = replace(scene.record, born=NOW - 3600, forgotten=NOW - 1000)
    assert (await scene.look(NOW + 3600)).strangers != ()
    scene.record = replace(scene.record, forgotten=NOW - 100)
    snapshot = await scene.look(NOW + 3600)
    assert "nothing is opened beside it" in str(snapshot.failures["jira"])


async def test_a_search_counts_only_once_the_horizon_has_passed_since_a_case_was_forgotten() -> None:
    """A create of which only the deleted row knew may come to light until then."""
    scene = Scene(Status.OPEN)
    found = datetime.fromtimestamp(NOW - 500, UTC)
    scene.source.findings["fnd_1"] = replace(scene.source.findings["fnd_1"], detected_at=found)
    scene.record = replace(scene.record, born=NOW - 3600, forgotten=NOW - 1)
    assert scene.jira.search_horizon.total_seconds() > 1
    assert isinstance((await scene.look(NOW)).failures["jira"], TryLater)
    assert (await scene.look(NOW + 3600)).failures == {}


OTHERS = "remedy:lakeside:finding:fnd_2"


def marked_as(scene: Scene, ticket: Ticket, mark: str | None) -> None:
    """Under the number of this ticket there is now one with this mark."""
    scene.jira.books[ticket.id].ticket = replace(ticket, mark=mark)


@pytest.mark.parametrize("status", list(Status))
async def test_a_ticket_with_another_cases_mark_is_not_ours_and_the_search_decides(status: Status) -> None:
    """Also where the finding is solved: its own ticket may wait for somebody."""
    scene = Scene(status)
    marked_as(scene, scene.linked(scene.jira), OTHERS)
    snapshot = await scene.look()
    assert "jira" not in snapshot.observation.tickets
    assert (snapshot.disowned, snapshot.doubts["jira"].evidence) == (("jira",), Evidence.OTHER_MARK)
    own = scene.jira.keep(DRAFT)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets["jira"], snapshot.observation.duplicates) == (own, ())


async def test_where_the_search_for_our_own_ticket_fails_nothing_is_concluded(scene: Scene) -> None:
    marked_as(scene, scene.linked(scene.jira), OTHERS)
    scene.jira.troubles.once("find", TryLater("jira", "busy"))
    snapshot = await scene.look()
    assert (snapshot.observation.unseen, snapshot.doubts) == ({"jira"}, {})


async def test_a_ticket_that_lost_its_mark_is_still_ours_and_told_once(scene: Scene) -> None:
    ticket = scene.linked(scene.jira)
    marked_as(scene, ticket, None)
    snapshot = await scene.look()
    assert snapshot.observation.tickets["jira"].id == ticket.id
    doubt = snapshot.doubts["jira"]
    assert (doubt.evidence, doubt.is_news, snapshot.disowned) == (Evidence.NO_MARK, True, ())
    scene.record = replace(scene.record, links={"jira": replace(doubt.link, unmarked=True)})
    assert not (await scene.look()).doubts["jira"].is_news


async def test_an_unmarked_ticket_that_was_created_at_another_time_is_another(scene: Scene) -> None:
    ticket = scene.linked(scene.jira)
    scene.clock.pass_by(86_400)
    scene.jira.books.clear()
    assert scene.jira.keep(replace(DRAFT, mark="")).id == ticket.id
    snapshot = await scene.look()
    assert ("jira" in snapshot.observation.tickets, snapshot.doubts["jira"].evidence) == (False, Evidence.OTHER_TICKET)


MOVED = SiteHistory(Site("https://new.example"), Site("https://old.example"), NOW)


@pytest.mark.parametrize("mark", [KEY.mark, None])
async def test_a_link_of_another_site_counts_only_where_the_ticket_has_our_mark(scene: Scene, mark: str | None) -> None:
    ticket = scene.linked(scene.jira)
    marked_as(scene, ticket, mark)
    scene.sites = {"jira": MOVED}
    scene.rulebook.sites_given_up = {"https://old.example"}
    snapshot = await scene.look()
    assert ("jira" in snapshot.observation.tickets) is (mark is not None)
    assert [doubt.evidence for doubt in snapshot.doubts.values()] == [Evidence.OTHER_SITE] * (mark is None)
    assert snapshot.sites == {"jira": "https://new.example"}


@pytest.mark.parametrize("mark", [None, OTHERS])
@pytest.mark.parametrize("wanted", [True, False])
async def test_a_ticket_on_another_site_is_unseen_until_the_file_gives_that_sites_tickets_up(
    scene: Scene, mark: str | None, *, wanted: bool
) -> None:
    marked_as(scene, scene.linked(scene.jira), mark)
    scene.rulebook = PlainRulebook(*(("jira",) if wanted else ()))
    scene.sites = {"jira": MOVED}
    snapshot = await scene.look()
    assert (snapshot.observation.unseen, snapshot.doubts) == ({"jira"}, {})
    refusal = snapshot.failures["jira"]
    assert isinstance(refusal, Refused)
    assert "https://old.example" in refusal.words
    assert "https://new.example" in refusal.words
    scene.rulebook.sites_given_up = {"https://old.example"}
    assert not (await scene.look()).failures


@pytest.mark.parametrize("at", [NOW - 9_000.0, NOW + 1.0])
async def test_a_create_on_the_site_before_whose_answer_was_lost_is_unseen(scene: Scene, at: float) -> None:
    scene.record = replace(scene.record, intents={"jira": Intent("jira", at)})
    scene.sites = {"jira": MOVED}
    assert isinstance((await scene.look(NOW + 90_000.0)).failures.get("jira"), Refused) is (at < NOW)


async def test_a_tracker_with_another_address_that_does_not_tell_its_site_is_waited_for(scene: Scene) -> None:
    marked_as(scene, scene.linked(scene.jira), None)
    scene.sites = {"jira": SiteHistory(Site("https://old.example", "old")).untold("https://new.example")}
    assert isinstance((await scene.look()).failures["jira"], TryLater)


@pytest.mark.parametrize("status", [Status.OPEN, Status.RESOLVED])
@pytest.mark.parametrize("error", [None, Refused("jira", "this is no issue's id")])
async def test_a_number_that_means_nothing_on_the_new_site_makes_us_search(
    status: Status, error: Refused | None
) -> None:
    """Also one that only another kind of tracker can have given."""
    scene = Scene(status)
    gone = scene.linked(scene.jira)
    own = scene.jira.keep(DRAFT)
    del scene.jira.books[gone.id]
    scene.sites = {"jira": MOVED}
    if error is not None:
        scene.jira.troubles.once("read", error)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets["jira"], snapshot.disowned) == (own, ("jira",))


async def test_a_tracker_that_is_away_is_unseen_on_whatever_site_it_is(scene: Scene) -> None:
    scene.linked(scene.jira)
    scene.sites = {"jira": MOVED}
    scene.jira.troubles.once("read", TryLater("jira", "busy"))
    assert (await scene.look()).observation.unseen == {"jira"}


async def test_a_ticket_that_a_person_has_marked_is_not_taken_for_the_cases_and_none_is_opened_beside_it(
    scene: Scene,
) -> None:
    stranger = scene.jira.keep(DRAFT, by="person")
    snapshot = await scene.look()
    assert snapshot.observation.tickets == {}
    assert snapshot.observation.unseen == {"jira"}
    refusal = snapshot.failures["jira"]
    assert isinstance(refusal, Refused)
    assert f"{stranger.key} carries this case's mark, and no account of ours opened it" in refusal.words


async def test_beside_the_cases_own_ticket_one_that_a_person_has_marked_is_left_alone(scene: Scene) -> None:
    scene.jira.keep(DRAFT, by="person")
    own = scene.jira.keep(DRAFT)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets, snapshot.observation.duplicates) == ({"jira": own}, ())
    assert not snapshot.failures


async def test_of_a_solved_finding_nothing_is_concluded_from_a_ticket_that_a_person_has_marked(scene: Scene) -> None:
    scene.source.set_status("fnd_1", Status.RESOLVED)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", 0.0)})
    scene.jira.keep(DRAFT, by="person")
    snapshot = await scene.look()
    assert (snapshot.observation.tickets, snapshot.failures) == ({}, {})


async def test_a_ticket_where_only_other_districts_have_theirs_is_not_taken_for_the_cases(scene: Scene) -> None:
    scene.rulebook.grounds["SEC"] = Ground.OTHERS
    scene.jira.keep(DRAFT)
    snapshot = await scene.look()
    assert (snapshot.observation.tickets, set(snapshot.failures)) == ({}, {"jira"})


async def test_a_create_whose_answer_was_lost_is_found_whatever_the_file_says_since(scene: Scene) -> None:
    scene.rulebook.grounds["SEC"] = Ground.OTHERS
    scene.clock.pass_by(1)
    ticket = scene.jira.keep(DRAFT)
    scene.record = replace(scene.record, intents={"jira": Intent("jira", NOW)})
    snapshot = await scene.look(NOW + 60)
    assert snapshot.observation.tickets == {"jira": ticket}


async def test_a_linked_ticket_is_the_cases_whoever_opened_it_and_wherever_it_is(scene: Scene) -> None:
    scene.rulebook.grounds["SEC"] = Ground.OTHERS
    ticket = scene.jira.keep(DRAFT, by="person")
    scene.record = replace(
        scene.record,
        links={"jira": link_of(ticket)},
        intents={"jira": Intent("jira", 0.0)},
    )
    snapshot = await scene.look()
    assert (snapshot.observation.tickets, snapshot.failures) == ({"jira": ticket}, {})


async def test_a_tracker_that_does_not_say_who_we_are_now_is_not_seen(scene: Scene) -> None:
    scene.jira.keep(DRAFT)
    scene.jira.troubles.once("accounts", TryLater("jira", "down", status=503))
    assert set((await scene.look()).failures) == {"jira"}


@pytest.mark.parametrize(("former", "found"), [({"tracker": "jira"}, {"jira"}), ({}, set[str]())])
async def test_a_ticket_that_names_a_former_name_of_its_tracker_is_that_tracker_s(
    scene: Scene, former: dict[str, str], found: set[str]
) -> None:
    """Two trackers are one installation, and both have the same place."""
    scene.rulebook.former_names, scene.rulebook.one_installation = former, ("jira", "snow")
    ticket = scene.jira.keep(DRAFT)
    kept = scene.jira.books[ticket.id]
    kept.ticket = replace(kept.ticket, meant_for="tracker", place="SEC")
    assert set((await scene.look()).observation.tickets) == found
