"""A tracker that mappings.yaml does not name for a while: its tickets are unseen; nothing is concluded without them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import Refused, TryLater
from remediation.domain.policy import Acceptance, Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketChange, TicketState
from remediation.sealing import Keyring
from remediation.store.cases.dependents import NOT_NAMED_AFTER, known_trackers, not_named
from remediation.store.cases.entries import Unnamed
from remediation.store.cases.links import Owners
from remediation.store.deliveries.sealed import sealed_under
from remediation.store.keys import CASE, INDEX, TICKETS, TRACKERS
from remediation.store.server.connection import Connection
from remedy.runtime.failures import ExitCode
from tests.integration.offices import DRAFT, HORIZON, KEY, Office
from tests.integration.reconciling import at_work, reconcile, results_in
from tests.stand_ins import MemoryTracker, PlainRulebook
from workers.rounds.polls import poll_trackers
from workers.rounds.upkeep import sweep

OPEN_JIRA = f"{KEY.ref}/open:jira"
ANY = Policy(rule="every-finding", resolve_when=ResolveWhen.ANY)


class Changing(Office):
    """An office whose file names other trackers from one moment to the next."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        super().__init__(connection, keyring)
        self.keyring = keyring

    def names(self, *trackers: MemoryTracker, terms: Policy | None = None, **formerly: str) -> None:
        """From now on the file names these, and a rule wants a ticket in each; `formerly` is what each was called."""
        self.trackers.clear()
        self.trackers.update({each.name: each for each in trackers})
        rulebook = PlainRulebook(*self.trackers, terms=terms)
        rulebook.former_names = {former: name for name, former in formerly.items()}
        self.context = self.context_with(self.keyring, rulebook)

    async def sweep(self) -> list[str]:
        """As a worker does in each round, and then works."""
        self.clock.pass_by(1.0)
        await sweep(self.arq_context)
        return await self.work()

    async def held_up(self) -> list[Unnamed]:
        return [entry for entry in await self.context.timeline.read(KEY.ref) if isinstance(entry, Unnamed)]

    def in_jira(self) -> Ticket:
        (ticket,) = self.jira.of(KEY.mark)
        return ticket

    def in_snow(self) -> Ticket:
        (ticket,) = self.snow.of(KEY.mark)
        return ticket


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Changing:
    return Changing(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_a_finding_is_not_resolved_while_one_of_its_tickets_is_unseen(office: Changing) -> None:
    await office.look()
    office.names(office.snow)
    office.snow.change(office.in_snow().id, TicketState.DONE)
    await office.look()
    assert office.status() is Status.REVIEWING
    assert await office.context.todo.dirty() == 0, "nobody asks again and again for what only the file can end"
    office.names(office.snow, office.jira)
    office.jira.change(office.in_jira().id, TicketState.DONE)
    await office.sweep()
    assert office.status() is Status.RESOLVED


async def test_a_case_says_once_that_it_is_held_up_and_by_which_tracker(office: Changing) -> None:
    await office.look()
    office.names(office.snow)
    await office.look()
    await office.look()
    assert [entry.trackers for entry in await office.held_up()] == [("jira",)]
    assert (await office.record()).unnamed == {"jira"}
    office.names(office.snow, office.jira)
    await office.sweep()
    assert (await office.record()).unnamed == frozenset()
    assert await office.sweep() == [], "it is looked at once"


async def test_reconciling_does_not_take_a_case_that_is_held_up_for_one_in_step(
    office: Changing, capsys: pytest.CaptureFixture[str]
) -> None:
    await office.look()
    office.names(office.snow)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.FAILED
    held, summary = capsys.readouterr().out.splitlines()
    assert held.startswith(f"{KEY.ref}: held up: mappings.yaml does not name jira")
    assert summary == "1 case looked at: 1 held up."
    async with at_work(office):
        assert await reconcile(office, as_json=True) is ExitCode.FAILED
    row, told = results_in(capsys.readouterr().out)
    assert (row["outcome"], row["unnamed"], told["summary"]) == ("held_up", ["jira"], {"cases": 1, "held_up": 1})
    office.names(office.snow, office.jira)
    async with at_work(office):
        assert await reconcile(office) is ExitCode.DONE


async def test_a_risk_that_ends_while_its_ticket_is_unseen_ends_once_that_is_seen_again(office: Changing) -> None:
    terms = Policy(rule="every-finding", acceptance=Acceptance(at_most=timedelta(days=1)))
    office.names(office.jira, terms=terms)
    await office.look()
    office.jira.change(office.in_jira().id, TicketState.DONE, Reason.ACCEPTED_RISK)
    await office.look()
    assert office.status() is Status.ACCEPTED_RISK
    office.names(office.snow, terms=terms)
    await office.later(2 * 86_400.0)
    assert office.status() is Status.ACCEPTED_RISK
    office.names(office.jira, terms=terms)
    await office.sweep()
    assert (office.status(), office.in_jira().state.is_active) == (Status.REVIEWING, True)
    assert len(office.tickets()) == 1


async def test_a_reopening_is_not_undone_while_the_reopened_ticket_is_unseen(office: Changing) -> None:
    office.names(office.snow, office.jira, terms=ANY)
    await office.look()
    for tracker, ticket in ((office.snow, office.in_snow()), (office.jira, office.in_jira())):
        tracker.change(ticket.id, TicketState.DONE)
    await office.look()
    assert office.status() is Status.RESOLVED
    office.jira.change(office.in_jira().id, TicketState.OPEN)
    await office.look()
    assert office.status() is Status.REVIEWING
    office.names(office.snow, terms=ANY)
    await office.look()
    assert office.status() is Status.REVIEWING
    office.names(office.snow, office.jira, terms=ANY)
    await office.sweep()
    assert (office.status(), office.in_jira().state.is_active) == (Status.REVIEWING, True)


async def test_a_create_whose_answer_was_lost_is_no_second_ticket_under_another_name(office: Changing) -> None:
    """The ticket is there, and a search does not show it yet."""
    office.names(office.jira)
    office.jira.lag = HORIZON - 1.0
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.look()
    renamed = office.jira.called("tracker")
    office.names(renamed)
    await office.look()
    await office.later()
    assert (len(renamed.of(KEY.mark)), office.status()) == (1, Status.REVIEWING)


async def test_a_replay_in_a_tracker_that_is_not_named_says_so_and_stays_parked(office: Changing) -> None:
    office.jira.troubles.for_good("create", Refused("jira", "customfield_10010: is required", status=400))
    await office.look()
    office.jira.troubles.heal()
    office.names(office.snow)
    assert await office.context.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    parked = (await office.parked())[OPEN_JIRA]
    assert (parked.system, parked.words) == (
        "mappings.yaml",
        "names no tracker jira: name it again, or where it has a new name, formerly",
    )
    office.names(office.snow, office.jira)
    await office.sweep()
    assert list(await office.parked()) == [OPEN_JIRA]
    assert await office.context.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    assert (await office.parked(), len(office.tickets())) == ({}, 2)


async def test_what_is_parked_and_not_replayed_stays_so_and_holds_up_nothing(office: Changing) -> None:
    """No ticket was ever opened there, so there is nothing that could be missed."""
    office.jira.troubles.for_good("create", Refused("jira", "customfield_10010: is required", status=400))
    await office.look()
    office.names(office.snow)
    office.snow.change(office.in_snow().id, TicketState.DONE)
    await office.look()
    assert (office.status(), list(await office.parked())) == (Status.RESOLVED, [OPEN_JIRA])


async def test_a_renamed_tracker_that_names_its_former_name_goes_on_as_if_nothing_had_happened(
    office: Changing,
) -> None:
    await office.look()
    before = await office.record()
    tracker = office.jira.called("tracker")
    office.names(office.snow, tracker, tracker="jira")
    await office.look()
    record = await office.record()
    assert record.links["tracker"] == replace(before.links["jira"], tracker="tracker")
    assert set(record.links) == set(record.memory.tickets) == {"snow", "tracker"}
    assert (tracker.troubles.calls, len(office.tickets())) == (["site", "read"], 2)
    assert [key async for key in office.redis.scan_iter(f"{INDEX}jira:*")] == [], "nothing of it stays behind"
    office.snow.change(office.in_snow().id, TicketState.DONE)
    await office.look()
    assert office.status() is Status.REVIEWING
    tracker.change(record.links["tracker"].ticket_id, TicketState.DONE)
    await office.look()
    assert office.status() is Status.RESOLVED
    assert (await office.held_up(), (await office.record()).unnamed) == ([], frozenset())


async def test_a_case_that_is_held_up_goes_on_once_the_former_name_is_named(office: Changing) -> None:
    await office.look()
    tracker = office.jira.called("tracker")
    office.names(office.snow)
    await office.look()
    office.names(office.snow, tracker, tracker="jira")
    await office.sweep()
    assert (await office.record()).links.keys() == {"snow", "tracker"}
    assert (await office.record()).unnamed == frozenset()
    assert len(tracker.of(KEY.mark)) == 1


async def test_what_is_parked_in_a_renamed_tracker_is_found_read_and_replayed_under_its_new_name(
    office: Changing,
) -> None:
    office.jira.troubles.for_good("create", Refused("jira", "customfield_10010: is required", status=400))
    await office.look()
    tracker = office.jira.called("tracker")
    office.names(office.snow, tracker, tracker="jira")
    await office.look()
    (item,) = (await office.parked()).values()
    assert (item.name, item.action, item.system) == (f"{KEY.ref}/open:tracker", "open:tracker", "tracker")
    assert item.words == "customfield_10010: is required"
    assert all(each.opens for each in await sealed_under(office.connection, office.keyring))
    assert await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert (await office.parked(), len(tracker.of(KEY.mark))) == ({}, 1)


async def test_a_change_that_a_renamed_tracker_tells_of_concerns_the_case_of_its_ticket(office: Changing) -> None:
    await office.look()
    await poll_trackers(office.arq_context)
    tracker = office.jira.called("tracker")
    (ticket,) = tracker.of(KEY.mark)
    office.names(office.snow, tracker, tracker="jira")
    tracker.change(ticket.id, TicketState.DONE)
    kept = tracker.books[ticket.id]
    kept.ticket = replace(kept.ticket, mark=None)
    office.clock.pass_by(86_400.0)
    owners = Owners(office.context.todo, office.context.rulebook)
    assert await owners.of("tracker", [TicketChange(ticket.id, None)]) == [KEY]
    tracker.troubles.calls.clear()
    await poll_trackers(office.arq_context)
    assert await office.work() == ["look_at_case"]
    assert "read" in tracker.troubles.calls
    assert (await office.record()).links.keys() == {"snow", "tracker"}


async def test_an_unfinished_create_under_a_former_name_is_searched_for_under_the_new_one(office: Changing) -> None:
    office.names(office.jira)
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.look()
    tracker = office.jira.called("tracker")
    office.names(tracker, tracker="jira")
    await office.later()
    assert len(tracker.of(KEY.mark)) == 1
    assert (await office.record()).links.keys() == {"tracker"}
    assert (await office.record()).intents == {}


async def test_a_second_ticket_under_the_new_name_is_closed_as_a_duplicate_once_both_are_one(office: Changing) -> None:
    """The file went without `formerly` for a while, and a search did not show the first ticket: its mark was gone."""
    office.names(office.jira)
    await office.look()
    tracker = office.jira.called("tracker")
    (first,) = tracker.of(KEY.mark)
    kept = tracker.books.pop(first.id)
    tracker.keep(replace(DRAFT, mark="remedy:lakeside:finding:fnd_2"))
    office.names(tracker)
    await office.later()
    await office.look()
    tracker.books[first.id] = kept
    office.names(tracker, tracker="jira")
    await office.look()
    states = [ticket.state for ticket in tracker.of(KEY.mark)]
    assert sorted(states) == [TicketState.DONE, TicketState.OPEN]


async def test_the_metrics_count_the_cases_of_a_tracker_once_no_worker_finds_it_named(office: Changing) -> None:
    await office.look()
    await office.sweep()
    office.names(office.snow)
    assert not_named(await known_trackers(office.connection), office.clock()) == []
    office.clock.pass_by(NOT_NAMED_AFTER + 1.0)
    await office.look()
    await office.sweep()
    (found,) = not_named(await known_trackers(office.connection), office.clock())
    assert (found.name, found.cases, found.held_up) == ("jira", 1, 1)


async def test_of_very_many_tickets_a_sample_tells_how_many_cases_have_one(office: Changing) -> None:
    ask, redis = office.connection.ask, office.redis
    await ask(redis.hset(TRACKERS, "jira-n", "0"))
    await ask(redis.hset(TICKETS + "jira-n", mapping={str(number): f"case-{number}" for number in range(3_000)}))
    for number in range(0, 3_000, 2):
        await ask(redis.hset(f"{CASE}case-{number}", "link:jira-n", "[]"))
    (found,) = await known_trackers(office.connection)
    assert 1_200 < found.cases < 1_800
