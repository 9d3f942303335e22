"""Histories of one case that once ended wrongly: what failed, what people did meanwhile, and how it must end."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.integration.histories import Change, Story
from tests.integration.offices import DRAFT, HORIZON, KEY, Office
from workers.rounds.polls import poll_trackers

OPEN, REVIEWING = Status.OPEN, Status.REVIEWING
RESOLVED, ACCEPTED = Status.RESOLVED, Status.ACCEPTED_RISK
BOTH = ("snow", "jira")


def busy(system: str) -> TryLater:
    return TryLater(system, "busy", status=503)


def lost(system: str) -> TryLater:
    return TryLater(system, "no answer", ambiguous=True)


def no(system: str) -> Refused:
    return Refused(system, "no such transition", status=400)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def story(connection: Connection, keyring: Keyring) -> Story:
    return Story(connection, keyring)


@pytest.fixture
async def opened(story: Story) -> Story:
    """Both tickets are open, and nothing is left to do."""
    await story.look()
    assert (story.status(), await story.is_clean()) == (REVIEWING, True)
    return story


@pytest.fixture
async def solved(opened: Story) -> Story:
    """A person has closed both tickets, and so the finding is resolved."""
    for name in BOTH:
        opened.happen(Change(name, TicketState.DONE))
    await opened.look()
    assert (opened.status(), await opened.is_clean()) == (RESOLVED, True)
    return opened


def states(story: Story) -> dict[str, TicketState]:
    return {name: ticket.state for name in BOTH for ticket in story.books[name].present(KEY.mark)}


async def quiet_from_here(story: Story) -> bool:
    """Whether looking again, polling and waiting write nothing any more."""
    before = story.written()
    await story.look()
    await story.poll()
    await story.later()
    return story.written() == before


# Found again.


async def test_a_finding_found_again_is_never_resolved_by_a_reopening_that_failed(solved: Story) -> None:
    for name in BOTH:
        solved.books[name].troubles.for_good("reopen", busy(name))
    solved.happen(Change("lakeside", OPEN))
    for _ in range(3):
        await solved.look()
        await solved.later()
        assert solved.status() is OPEN
    await solved.rest()
    assert (solved.status(), states(solved)) == (REVIEWING, dict.fromkeys(BOTH, TicketState.OPEN))
    assert await quiet_from_here(solved)


async def test_a_finding_found_again_is_never_resolved_by_a_reopening_that_was_refused(solved: Story) -> None:
    for name in BOTH:
        solved.books[name].troubles.for_good("reopen", no(name))
    solved.happen(Change("lakeside", OPEN))
    await solved.look()
    assert await solved.on_the_list() == ({"reopen:snow", "reopen:jira"},) * 2
    assert await quiet_from_here(solved), "not even our own comment, come back in a poll, says anything"
    assert solved.status() is OPEN


async def test_one_ticket_that_can_be_reopened_is_enough_to_go_on(solved: Story) -> None:
    solved.books["snow"].troubles.for_good("reopen", no("snow"))
    solved.happen(Change("lakeside", OPEN))
    await solved.look()
    assert (solved.status(), states(solved)["jira"]) == (REVIEWING, TicketState.OPEN)
    assert await solved.on_the_list() == ({"reopen:snow"},) * 2
    assert await quiet_from_here(solved)


async def test_a_ticket_closed_once_more_counts_although_another_was_never_reopened(solved: Story) -> None:
    solved.books["snow"].troubles.for_good("reopen", no("snow"))
    solved.happen(Change("lakeside", OPEN))
    await solved.look()
    solved.happen(Change("jira", TicketState.DONE))
    await solved.look()
    assert solved.status() is RESOLVED
    assert await solved.on_the_list() == (set(), set())


async def test_a_note_that_failed_after_a_reopening_is_written_later_and_resolves_nothing(solved: Story) -> None:
    solved.source.troubles.once("update_finding", busy("lakeside"), busy("lakeside"))
    solved.happen(Change("lakeside", OPEN))
    await solved.look()
    await solved.look()
    assert solved.status() is OPEN
    await solved.later()
    assert solved.status() is REVIEWING
    assert states(solved) == dict.fromkeys(BOTH, TicketState.OPEN)


# Solved.


async def test_a_closing_that_was_refused_is_done_when_a_person_asks_again(opened: Story) -> None:
    opened.books["jira"].troubles.once("resolve", no("jira"))
    opened.happen(Change("lakeside", RESOLVED))
    await opened.look()
    await opened.look()
    assert (opened.status(), await opened.on_the_list()) == (RESOLVED, ({"resolve:jira"},) * 2)
    await opened.replay()
    assert (opened.status(), states(opened)) == (RESOLVED, dict.fromkeys(BOTH, TicketState.DONE))
    assert await opened.on_the_list() == (set(), set())
    assert await quiet_from_here(opened)


async def test_a_resolving_whose_reply_was_lost_is_not_taken_for_schoolscans_word(opened: Story) -> None:
    """The person who reopens the ticket contradicts us, and nobody in SchoolScan."""
    for name in BOTH:
        opened.happen(Change(name, TicketState.DONE))
    opened.source.troubles.once("updated", lost("lakeside"))
    await opened.look()
    assert opened.status() is RESOLVED
    opened.happen(Change("jira", TicketState.IN_PROGRESS))
    await opened.look()
    assert (opened.status(), states(opened)["jira"]) == (REVIEWING, TicketState.IN_PROGRESS)
    assert opened.source.updates[-1][2].startswith("ticket_reopened")


async def test_what_a_person_reopens_stays_open_while_another_tracker_is_down(opened: Story) -> None:
    opened.books["snow"].troubles.for_good("read", busy("snow"))
    opened.happen(Change("lakeside", RESOLVED))
    await opened.look()
    assert states(opened)["jira"] is TicketState.DONE
    opened.happen(Change("jira", TicketState.IN_PROGRESS))
    for _ in range(3):
        await opened.look()
    assert (opened.status(), states(opened)["jira"]) == (REVIEWING, TicketState.IN_PROGRESS)
    updates = len(opened.source.updates)
    await opened.rest()
    assert (opened.status(), len(opened.source.updates)) == (REVIEWING, updates)
    assert TicketState.IN_PROGRESS in states(opened).values()


async def test_a_conflict_is_told_once_however_often_its_note_fails(solved: Story) -> None:
    solved.happen(Change("lakeside", ACCEPTED))
    solved.happen(Change("jira", TicketState.IN_PROGRESS))
    solved.source.troubles.for_good("update_finding", busy("lakeside"))
    for _ in range(4):
        await solved.look()
    assert solved.books["jira"].books["id-1"].comments == []
    await solved.rest()
    assert solved.books["jira"].books["id-1"].comments == ["conflict KEY-1"]
    assert (solved.status(), states(solved)["jira"]) == (REVIEWING, TicketState.IN_PROGRESS)


# Opening.


async def test_a_tracker_that_opens_nothing_for_hours_makes_one_note_and_in_the_end_one_ticket(story: Story) -> None:
    story.books["snow"].troubles.for_good("create", TryLater("snow", "slow down", status=429))
    await story.look()
    for _ in range(5):
        await story.later()
    assert [note for _, _, note in story.source.updates] == ["new KEY-1"]
    story.books["snow"].troubles.heal()
    story.source.troubles.once("update_finding", busy("lakeside"))
    await story.later()
    await story.later()
    assert [note for _, _, note in story.source.updates] == ["new KEY-1", "new KEY-1 KEY-1"], "now it names both"
    assert await quiet_from_here(story)


@pytest.mark.parametrize("seconds", [1.0, HORIZON + 1])
async def test_a_ticket_whose_create_had_no_answer_is_closed_when_the_finding_was_solved_meanwhile(
    story: Story, seconds: float
) -> None:
    story.books["jira"].troubles.once("created", lost("jira"))
    await story.look()
    story.clock.pass_by(seconds)
    story.happen(Change("lakeside", RESOLVED))
    await story.look()
    await story.later()
    assert (story.status(), states(story)) == (RESOLVED, dict.fromkeys(BOTH, TicketState.DONE))
    assert await story.is_clean()
    assert (await story.record()).intents == {}


async def test_a_finding_is_not_resolved_while_a_ticket_of_it_may_still_come_to_light(story: Story) -> None:
    story.books["snow"].troubles.once("created", lost("snow"))
    await story.look()
    story.happen(Change("jira", TicketState.DONE))
    await story.look()
    assert story.status() is REVIEWING
    await story.rest()
    assert (story.status(), states(story)["snow"]) == (REVIEWING, TicketState.OPEN)
    story.happen(Change("snow", TicketState.DONE))
    await story.look()
    assert story.status() is RESOLVED


async def test_a_ticket_opened_in_place_of_a_deleted_one_is_not_forgotten_either(opened: Story) -> None:
    opened.happen(Change("snow", TicketState.GONE))
    opened.books["snow"].troubles.once("created", lost("snow"))
    await opened.look()
    opened.happen(Change("lakeside", RESOLVED))
    await opened.look()
    await opened.later()
    assert (opened.status(), states(opened)) == (RESOLVED, dict.fromkeys(BOTH, TicketState.DONE))


async def test_an_opening_that_is_refused_is_tried_once_and_leaves_the_finding_as_it_is(story: Story) -> None:
    for name in BOTH:
        story.books[name].troubles.for_good("create", no(name))
    for _ in range(3):
        await story.look()
    assert (story.status(), story.source.updates) == (OPEN, [])
    assert [story.books[name].troubles.calls.count("create") for name in BOTH] == [1, 1]
    assert await story.on_the_list() == ({"open:snow", "open:jira"},) * 2


# What is parked.


async def test_what_is_parked_stays_on_the_list_for_as_long_as_it_is_parked(story: Story) -> None:
    """A look that has to come back has not settled what is moot, so it may not take anything off the list either."""
    story.books["jira"].troubles.once("create", no("jira"))
    await story.look()
    story.books["snow"].troubles.once("read", busy("snow"))
    story.happen(Change("lakeside", RESOLVED))
    await story.look()
    assert await story.on_the_list() == ({"open:jira"},) * 2
    story.happen(Change("lakeside", OPEN))
    await story.look()
    await story.later()
    assert await story.on_the_list() == ({"open:jira"},) * 2
    await story.replay()
    assert (story.agreement(), await story.on_the_list()) == ("", (set(), set()))


@pytest.mark.parametrize("gate", range(1, 40))
async def test_a_crash_while_parking_is_never_the_end_of_what_is_parked(story: Story, gate: int) -> None:
    story.books["jira"].troubles.for_good("create", no("jira"))
    await story.look_broken_off(gate, killed=True)
    for _ in range(3):
        await story.later()
    in_row, on_list = await story.on_the_list()
    assert in_row == on_list == {"open:jira"}


# Duplicates.


@pytest.fixture
async def doubled(connection: Connection, keyring: Keyring) -> Office:
    """Nothing is linked, and Jira has two tickets of the case. Its search does not lag."""
    office = Office(connection, keyring)
    for _ in range(2):
        office.jira.keep(DRAFT)
    return office


def in_jira(office: Office) -> list[tuple[TicketState, Reason | None]]:
    return [(ticket.state, ticket.reason) for ticket in office.jira.of(KEY.mark)]


@pytest.mark.parametrize("error", [busy("jira"), lost("jira")])
async def test_a_duplicate_whose_closing_failed_once_is_closed_later(doubled: Office, error: OutsideError) -> None:
    doubled.jira.troubles.once("resolve", error)
    await doubled.look()
    assert in_jira(doubled) == [(TicketState.OPEN, None)] * 2
    await doubled.later()
    assert in_jira(doubled) == [(TicketState.OPEN, None), (TicketState.DONE, Reason.DUPLICATE)]
    assert (await doubled.record()).links["jira"].ticket_id == "id-1"
    assert len(doubled.snow.of(KEY.mark)) == 1


async def test_a_duplicate_that_refuses_to_be_closed_stays_parked_until_a_person_decides(doubled: Office) -> None:
    doubled.jira.troubles.for_good("resolve", no("jira"))
    for _ in range(3):
        await doubled.look()
    assert list(await doubled.parked()) == [f"{KEY.ref}/duplicate:jira"]
    assert doubled.jira.troubles.calls.count("resolve") == 1
    assert doubled.status() is REVIEWING


async def test_a_ticket_whose_link_was_never_written_is_found_by_a_poll_even_where_the_finding_is_solved(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring)
    office.source.set_status("fnd_1", RESOLVED)
    await office.look()
    assert "find" not in office.jira.troubles.calls, "a solved finding that has no ticket is no reason to search"
    office.jira.keep(DRAFT)
    await poll_trackers(office.arq_context)
    await office.work()
    assert in_jira(office) == [(TicketState.DONE, Reason.FIXED)]
    assert (await office.record()).intents == {}


# Meanwhile.


async def test_news_during_a_look_that_is_put_off_does_not_wait_for_it(story: Story) -> None:
    story.source.troubles.once("finding", TryLater("lakeside", "slow down", status=503, after=900.0))

    async def news() -> None:
        await story.mark()

    await story.look_and_at(4, news)
    assert story.source.troubles.calls == ["finding"]
    await story.later(0.0)
    assert story.agreement() == ""


async def test_what_a_person_asks_for_again_waits_for_a_tracker_that_does_not_answer(story: Story) -> None:
    """To open without having searched would be to open twice; to change what was not read, to guess."""
    story.books["jira"].troubles.once("create", no("jira"))
    await story.look()
    story.books["jira"].troubles.once("created", lost("jira"))
    await story.replay()
    await story.look()
    story.books["jira"].troubles.for_good("find", busy("jira"))
    await story.later()
    assert len(story.books["jira"].present(KEY.mark)) == 1
    await story.rest()
    assert (story.agreement(), len(story.books["jira"].present(KEY.mark))) == ("", 1)


async def test_a_closing_asked_for_again_waits_for_a_ticket_that_cannot_be_read(opened: Story) -> None:
    opened.books["jira"].troubles.once("resolve", no("jira"))
    opened.happen(Change("lakeside", RESOLVED))
    await opened.look()
    opened.books["jira"].troubles.once("read", busy("jira"))
    with capture_logs() as lines:
        await opened.replay()
        await opened.later()
    assert [line for line in lines if line["event"] == "job_failed"] == []
    assert states(opened) == dict.fromkeys(BOTH, TicketState.DONE)


async def test_a_finding_is_not_resolved_by_a_ticket_that_somebody_deleted(solved: Story) -> None:
    """A person says that the work goes on, in one ticket, and it vanishes: nobody has called the finding fixed."""
    solved.happen(Change("jira", TicketState.IN_PROGRESS))
    await solved.look()
    solved.happen(Change("jira", TicketState.GONE))
    await solved.look()
    assert (solved.status(), states(solved)["jira"]) == (REVIEWING, TicketState.OPEN)


async def test_a_finding_found_again_is_not_resolved_where_nothing_can_be_reopened_or_opened(solved: Story) -> None:
    solved.books["snow"].troubles.for_good("reopen", no("snow"))
    solved.happen(Change("lakeside", OPEN))
    await solved.look()
    solved.happen(Change("jira", TicketState.GONE))
    solved.books["jira"].troubles.for_good("create", no("jira"))
    for _ in range(3):
        await solved.look()
    assert solved.status() is REVIEWING
    assert await solved.on_the_list() == ({"reopen:snow", "open:jira"},) * 2


@pytest.mark.parametrize("word", [RESOLVED, ACCEPTED])
async def test_a_note_that_schoolscan_refuses_does_not_keep_its_own_later_word_from_counting(
    story: Story, word: Status
) -> None:
    story.source.troubles.for_good("update_finding", Refused("lakeside", "the token may only read", status=403))
    await story.look()
    assert await story.on_the_list() == ({"patch:reviewing"},) * 2
    story.happen(Change("lakeside", word))
    await story.look()
    assert (story.status(), states(story)) == (word, dict.fromkeys(BOTH, TicketState.DONE))
    story.source.troubles.heal()
    await story.replay()
    assert (story.status(), await story.on_the_list()) == (word, (set(), set()))


async def test_an_acceptance_that_nobody_had_noticed_counts_though_the_finding_was_found_again(opened: Story) -> None:
    for name in BOTH:
        opened.happen(Change(name, TicketState.DONE, Reason.ACCEPTED_RISK))
    opened.happen(Change("lakeside", OPEN))
    await opened.wipe()
    await opened.rest()
    assert (opened.status(), opened.wrongs) == (ACCEPTED, [])
