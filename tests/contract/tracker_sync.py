"""What every tracker promises to those who keep both sides in step; part of the suite in tracker_suite.py."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from remediation.domain.cases.records import Link
from remediation.domain.errors import NotFound, Refused
from remediation.domain.tickets import MemberList, Reason, Risk, Ticket, TicketState
from remediation.outbound.answers import noting_requests
from remediation.ports import Tracker
from tests.contract.tracker_world import World, mark_of

TWO = MemberList(
    "2 to do",
    ("- fnd_1, critical, to do: https://app.example/f/fnd_1", "- fnd[2]*, high, to do: https://app.example/f/fnd_2"),
)
ONE = MemberList("1 to do, 1 resolved", (TWO.lines[0], "- fnd[2]*, high, resolved"))


async def opened(tracker: Tracker, world: World) -> Ticket:
    return await tracker.create(world.draft(mark_of("fnd_1")))


def elsewhere(key: str) -> Link:
    """A ticket in another tracker."""
    return Link("other", f"incident/{key}", key, f"https://elsewhere.example/{key}")


class TrackerSyncContract:
    """Urgency, accepted risks, closing and continuing."""

    @pytest.mark.parametrize("ends", ["open", "done", "gone"])
    async def test_what_was_done_when_last_seen_reads_as_what_it_is(
        self, tracker: Tracker, world: World, ends: str
    ) -> None:
        ticket = await opened(tracker, world)
        if ends == "done":
            world.close_as_person(ticket, Reason.DUPLICATE)
        if ends == "gone":
            world.delete(ticket)
        assert await tracker.read(ticket.id, closed=True) == await tracker.read(ticket.id)

    async def test_what_was_raised_reads_back_as_it_was_written(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        before = world.writes()
        raised = await tracker.raise_urgency(ticket.id, world.urgent)
        assert world.writes() == before + 1
        assert (raised.id, raised.state, raised.mark) == (ticket.id, TicketState.OPEN, ticket.mark)
        assert {name: raised.urgency[name] for name in world.urgent} == world.urgent
        assert (await tracker.read(ticket.id)).urgency == raised.urgency
        assert world.comments(ticket) == []

    async def test_a_ticket_is_opened_with_the_list_of_its_findings(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), members=TWO))
        text = world.description(ticket)
        assert text.startswith("What to do\n\n")
        assert text.count("https://app.example/f/fnd") == 2
        before = world.writes()
        assert await tracker.keep_list(ticket.id, TWO, known=True) == await tracker.read(ticket.id)
        assert world.writes() == before, "nothing is written that is so already"

    async def test_a_list_is_brought_up_to_date_and_nothing_around_it_changes(
        self, tracker: Tracker, world: World
    ) -> None:
        ticket = await opened(tracker, world)
        await tracker.keep_list(ticket.id, TWO, known=False)
        first = world.description(ticket)
        assert first.startswith("What to do\n\n")
        world.describe_as_person(ticket, f"Priya: ask the school\n{first}\n\nPriya: they know")
        before = world.writes()
        kept = await tracker.keep_list(ticket.id, ONE, known=True)
        assert world.writes() == before + 1
        assert kept == await tracker.read(ticket.id)
        text = world.description(ticket)
        assert text.startswith("Priya: ask the school\nWhat to do\n\n")
        assert text.endswith("\n\nPriya: they know")
        assert text.count("https://app.example/f/fnd") == 1
        assert world.comments(ticket) == []

    @pytest.mark.parametrize("change", ["said", "gone", "cut"])
    async def test_a_list_that_a_person_changed_is_left_alone(
        self, tracker: Tracker, world: World, change: str
    ) -> None:
        ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), members=TWO))
        text = world.description(ticket)
        ends = text.index("End of the findings")
        told = {"said": text.replace("critical", "harmless", 1), "gone": "What to do", "cut": text[:ends]}
        world.describe_as_person(ticket, told[change])
        before = world.writes()
        assert await tracker.keep_list(ticket.id, ONE, known=True) is None
        assert world.writes() == before
        assert world.description(ticket).strip() == told[change].strip()

    async def test_a_list_that_is_too_long_is_cut_and_says_by_how_many(self, tracker: Tracker, world: World) -> None:
        lines = tuple(f"- fnd_{n}, high, to do: https://app.example/findings/fnd_{n}" for n in range(2_000))
        ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), members=MemberList("2000 to do", lines)))
        text = world.description(ticket)
        left_out = 2_000 - text.count("https://app.example/findings/")
        assert 0 < left_out < 2_000
        assert f"… and {left_out} more\n" in text
        assert await tracker.keep_list(ticket.id, TWO, known=True) is not None
        assert "more" not in world.description(ticket)

    async def test_a_deleted_ticket_has_no_list_to_keep(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.delete(ticket)
        with pytest.raises(NotFound):
            await tracker.keep_list(ticket.id, TWO, known=False)

    async def test_raising_one_field_leaves_the_others(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        await tracker.raise_urgency(ticket.id, world.urgent)
        for name in world.urgent:
            raised = await tracker.raise_urgency(ticket.id, {name: world.urgent[name]})
            assert raised.urgency == (await tracker.read(ticket.id)).urgency
            assert {each: raised.urgency[each] for each in world.urgent} == world.urgent

    async def test_a_deleted_ticket_cannot_be_raised(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.delete(ticket)
        with pytest.raises(NotFound):
            await tracker.raise_urgency(ticket.id, world.urgent)

    async def test_an_accepted_risk_says_why_and_until_when(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.accept_as_person(ticket, "Public by law", "2030-01-31")
        read = await tracker.read(ticket.id)
        assert (read.state, read.reason) == (TicketState.DONE, Reason.ACCEPTED_RISK)
        assert read.risk == Risk("Public by law", datetime(2030, 1, 31, 23, 59, 59, tzinfo=UTC))
        assert "Public by law" not in repr(read)
        assert (await tracker.reopen(ticket.id, "back")).risk is None

    async def test_only_an_accepted_risk_has_one(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        assert ticket.risk is None
        world.close_as_person(ticket, Reason.DUPLICATE)
        assert (await tracker.read(ticket.id)).risk is None

    async def test_a_ticket_that_can_be_reopened_is_not_final(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        assert not ticket.final
        assert not (await tracker.resolve(ticket.id, Reason.FIXED, "gone")).final
        assert not (await tracker.reopen(ticket.id, "back")).final

    async def test_what_a_rule_gives_for_closing_is_written(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.demanding(mark_of("fnd_1")))
        resolved = await tracker.resolve(ticket.id, Reason.FIXED, "gone", world.answers)
        assert resolved.state is TicketState.DONE
        written = world.closed_with(ticket)
        assert {name: written[name] for name in world.answers} == world.answers

    async def test_what_the_person_who_closed_it_wrote_is_told_when_it_is_asked_for(
        self, tracker: Tracker, world: World
    ) -> None:
        ticket = await opened(tracker, world)
        world.close_as_person(ticket, Reason.FIXED, "Took the page offline")
        assert await tracker.closing_words(ticket.id) == "Took the page offline"

    async def test_what_we_wrote_ourselves_is_nobodys_words(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        await tracker.comment(ticket.id, "We look at it")
        await tracker.resolve(ticket.id, Reason.FIXED, "SchoolScan no longer sees it.")
        assert await tracker.closing_words(ticket.id) is None

    async def test_who_closed_it_is_named_as_its_people_know_them(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        assert await tracker.closer_name(ticket.id) is None
        world.close_as_person(ticket, Reason.FIXED)
        closed = await tracker.read(ticket.id)
        assert closed.closer == world.closer
        assert await tracker.closer_name(ticket.id) == world.closer_name
        assert world.closer_name not in repr(closed)

    async def test_asking_for_closing_words_writes_nothing(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.close_as_person(ticket, Reason.FIXED, "Took the page offline")
        before = world.writes()
        await tracker.closing_words(ticket.id)
        assert world.writes() == before

    async def test_a_ticket_that_follows_another_is_tied_to_it(self, tracker: Tracker, world: World) -> None:
        old = await opened(tracker, world)
        await tracker.resolve(old.id, Reason.FIXED, "gone")
        new = await tracker.create(replace(world.draft(mark_of("fnd_1")), follows=old.id))
        assert (new.state, new.mark, new.id == old.id) == (TicketState.OPEN, old.mark, False)
        assert world.predecessor(new) == old.id
        assert (await tracker.read(old.id)).state is TicketState.DONE

    async def test_a_ticket_of_another_case_is_told_once_by_its_key_alone(self, tracker: Tracker, world: World) -> None:
        ticket, other = await opened(tracker, world), await tracker.create(world.draft(mark_of("fnd_2")))
        link = Link(tracker.name, other.id, other.key, other.url)
        for _ in range(2):
            await tracker.relate(ticket.id, link, f"See {other.key}.")
        (said,) = world.related(ticket)
        assert said in {other.key, f"See {other.key}."}
        assert ticket.key not in "".join(world.comments(other))
        assert (await tracker.read(ticket.id)).state is (await tracker.read(other.id)).state is TicketState.OPEN

    async def test_a_ticket_elsewhere_is_told_once_too(self, tracker: Tracker, world: World) -> None:
        ticket, others = await opened(tracker, world), (elsewhere("OPS-7"), elsewhere("OPS-71"))
        for other in (*others, *others):
            await tracker.relate(ticket.id, other, f"See {other.ticket_key}.")
        assert len(world.related(ticket)) == 2

    async def test_nothing_can_be_said_on_a_deleted_ticket(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        world.delete(ticket)
        with pytest.raises(Refused):
            await tracker.relate(ticket.id, elsewhere("OPS-7"), "See OPS-7.")

    @pytest.mark.parametrize("follows", ["", "../1", "a^b", "999999"])
    async def test_a_tie_that_cannot_be_made_is_no_failure(self, tracker: Tracker, world: World, follows: str) -> None:
        new = await tracker.create(replace(world.draft(mark_of("fnd_1")), follows=follows))
        assert world.count(mark_of("fnd_1")) == 1
        assert (await tracker.read(new.id)).state is TicketState.OPEN


class TrackerRequestsContract:
    """What every tracker that is somewhere else promises of its requests' ids."""

    async def test_every_write_leaves_the_id_that_the_tracker_gave_to_its_request(
        self, tracker: Tracker, world: World
    ) -> None:
        with noting_requests() as ids:
            ticket = await opened(tracker, world)
            await tracker.comment(ticket.id, "x")
        assert len(ids) == len(set(ids)) == 2
        with noting_requests() as others:
            await tracker.read(ticket.id)
        assert others == []

    async def test_a_refusal_leaves_its_id_as_well(self, tracker: Tracker, world: World) -> None:
        ticket = await opened(tracker, world)
        for method in ("POST", "PATCH"):
            world.fault("status", method=method, status=403, headers={"X-Transaction-ID": "abc-123"})
        with noting_requests() as ids, pytest.raises(Exception, match="403"):
            await tracker.comment(ticket.id, "x")
        assert ids == ["abc-123"]
