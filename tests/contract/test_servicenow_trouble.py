"""What ServiceNow's adapter makes of access rules, policies, limits and answers that are none."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from remediation.domain.errors import BudgetSpent, NotFound, Refused, TryLater, Waiting
from remediation.domain.tickets import Reason, TicketState
from remediation.outbound.metering import metered_by
from remediation.ports import Tracker
from tests.contract.meters import NotingMeter
from tests.contract.servicenow_world import SECRET, ServiceNowWorld, servicenow_world
from tests.contract.tracker_suite import mark_of


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


@pytest.fixture
async def tracker(world: ServiceNowWorld) -> AsyncIterator[Tracker]:
    async with world.connected() as tracker:
        yield tracker


@pytest.mark.parametrize("field", ["correlation_id", "correlation_display"])
async def test_a_mark_that_an_access_rule_drops_is_refused_naming_the_field_and_the_record(
    tracker: Tracker, world: ServiceNowWorld, field: str
) -> None:
    world.set(dropped_fields=[field])
    with pytest.raises(Refused) as caught:
        await tracker.create(world.draft(mark_of("fnd_1")))
    assert f"INC0010001 was created without incident.{field}:" in caught.value.words


async def test_a_work_note_that_an_access_rule_drops_is_refused_naming_the_field(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.comment(ticket.id, "It is worse")
    world.set(dropped_fields=["work_notes"])
    with pytest.raises(Refused, match=r"INC0010001 dropped incident\.work_notes without a word: grant our account"):
        await tracker.comment(ticket.id, "It is worse still")
    assert world.comments(ticket) == ["It is worse"]


async def test_of_a_record_that_hides_its_count_nobody_says_that_it_dropped_a_note(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    world.set(unreadable_fields=["sys_mod_count"])
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.comment(ticket.id, "It is worse")
    assert world.comments(ticket) == ["It is worse"]


@pytest.mark.parametrize("dropped", [["urgency"], ["urgency", "due_date"]])
async def test_an_urgency_that_an_access_rule_drops_is_refused_naming_the_fields(
    tracker: Tracker, world: ServiceNowWorld, dropped: list[str]
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(dropped_fields=dropped)
    with pytest.raises(Refused, match=f"dropped incident.{' and incident.'.join(dropped)} without a word"):
        await tracker.raise_urgency(ticket.id, {"urgency": "1", "due_date": "2030-01-31"})
    world.set(dropped_fields=[])
    assert (await tracker.raise_urgency(ticket.id, {"urgency": "1"})).urgency["urgency"] == "1"


@pytest.mark.parametrize("move", ["resolve", "reopen"])
async def test_a_state_that_an_access_rule_drops_is_refused_naming_the_field(
    tracker: Tracker, world: ServiceNowWorld, move: str
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    if move == "reopen":
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    world.set(dropped_fields=["state", "close_code"] if move == "reopen" else ["state"])
    with pytest.raises(Refused, match=r"INC0010001 kept its state.*incident\.state"):
        await (tracker.reopen(ticket.id, "x") if move == "reopen" else tracker.resolve(ticket.id, Reason.FIXED, "x"))


async def test_a_data_policy_that_says_no_is_refused_with_its_own_words(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(dropped_fields=["close_notes"])
    with pytest.raises(Refused) as caught:
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    policy = "Operation Failed: Data Policy Exception: The following fields are mandatory: Resolution notes"
    assert caught.value.words == f"{policy}; the rule's close_fields can give them"
    assert caught.value.__context__ is None
    assert (caught.value.status, (await tracker.read(ticket.id)).state) == (403, TicketState.OPEN)


async def test_a_close_code_that_the_instance_does_not_have_is_named_as_what_is_missing(world: ServiceNowWorld) -> None:
    own = {"close_codes": {"Mended": "fixed"}, "resolve_code": "Mended", "resolve_codes": {}}
    async with world.connected(**own) as tracker:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        advice = (
            "mandatory: Resolution code; a close code that ServiceNow does not have .* resolve_codes .*check --live"
        )
        with pytest.raises(Refused, match=advice) as caught:
            await tracker.resolve(ticket.id, Reason.FIXED, "gone")
        assert "close_fields" not in caught.value.words
        world.set(mandatory_to_close=["u_cause"])
        with pytest.raises(Refused, match=r"resolve_codes .*; the rule's close_fields can give them"):
            await tracker.resolve(ticket.id, Reason.FIXED, "gone")


async def test_a_closed_record_that_cannot_be_reopened_is_refused_with_its_own_words(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.patch(ticket, state="7", close_code="Duplicate", close_notes="Closed by hand")
    with pytest.raises(Refused, match="the record is closed"):
        await tracker.reopen(ticket.id, "Found again")
    world.set(reopen_closed=True)
    assert (await tracker.reopen(ticket.id, "Found again")).state is TicketState.IN_PROGRESS


async def test_a_result_that_comes_with_an_error_is_no_success(tracker: Tracker, world: ServiceNowWorld) -> None:
    draft = world.draft(mark_of("fnd_1"))
    await tracker.create(draft)
    world.set(mixed_answers=1)
    with pytest.raises(TryLater, match="maximum execution time exceeded"):
        await tracker.find(draft.mark, draft.place)
    assert len(await tracker.find(draft.mark, draft.place)) == 1


@pytest.mark.parametrize("secret", ["test-only-ключ", "test-only\nX-Injected: 1"])
async def test_a_secret_that_no_header_can_hold_is_for_later_and_never_shown(
    world: ServiceNowWorld, secret: str
) -> None:
    async with world.connected(auth={"bearer": SECRET}, secret=secret) as tracker:
        with pytest.raises(TryLater) as caught:
            await tracker.whoami()
    assert "test-only" not in str(caught.value)


async def test_a_rate_limit_says_when_to_come_back(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.set(rate_limit=0)
    with pytest.raises(TryLater, match="Rate limit exceeded") as caught:
        await tracker.create(world.draft(mark_of("fnd_1")))
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 3600


async def test_the_meter_is_asked_before_each_request_and_told_what_its_answer_says(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(rate_limit=4)
    with metered_by(meter := NotingMeter(["busy"])):
        await tracker.comment(ticket.id, "Done")
        with suppress(NotFound):
            await tracker.comment(f"incident/{'0' * 32}", "Done")
        await tracker.read(ticket.id)
        with pytest.raises(TryLater):
            await tracker.read(ticket.id)
    assert set(meter.counted) == {("busy",)}
    assert [each.method for each in meter.asked] == ["GET", "PATCH", "GET", "GET", "GET"]
    assert [(each.limit, each.closed is None) for each in meter.said] == [(4, True)] * 4 + [(4, False)]
    assert {each.scope.startswith("rule-") for each in meter.said} == {True}


async def test_what_has_no_room_is_not_sent(tracker: Tracker, world: ServiceNowWorld) -> None:
    no_room = BudgetSpent("helpdesk", "helpdesk/rule-1", after=60.0, behind=60.0)
    before = len(world.requests())
    with metered_by(NotingMeter(no_room=no_room)), pytest.raises(BudgetSpent):
        await tracker.create(world.draft(mark_of("fnd_1")))
    assert len(world.requests()) == before


async def test_an_error_names_the_request_as_servicenow_does(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.fault("status", status=500, headers={"X-Transaction-ID": "abc123"})
    with pytest.raises(TryLater) as caught:
        await tracker.whoami()
    assert caught.value.request_id == "abc123"


@pytest.mark.parametrize("place", ["", "incident/../sys_user", "incident?x=1", "Incident"])
async def test_a_table_that_is_none_is_refused_before_anything_is_sent(
    tracker: Tracker, world: ServiceNowWorld, place: str
) -> None:
    with pytest.raises(Refused):
        await tracker.find(mark_of("fnd_1"), place)
    assert world.requests() == []


async def test_a_table_that_does_not_exist_is_refused(tracker: Tracker, world: ServiceNowWorld) -> None:
    with pytest.raises(Refused, match="Invalid table"):
        await tracker.create(replace(world.draft(mark_of("fnd_1")), place="u_nothing"))


async def test_a_client_without_a_scope_waits_for_one(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(unscoped=True)
    for attempt in (tracker.read(ticket.id), tracker.comment(ticket.id, "text")):
        with pytest.raises(TryLater, match="unscoped") as caught:
            await attempt
        assert caught.value.waiting is Waiting.SIGN_IN
    world.set(unscoped=False)
    assert (await tracker.read(ticket.id)).id == ticket.id


async def test_a_wrong_address_does_not_make_tickets_gone(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    async with world.connected(address=f"{world.address}/elsewhere") as lost:
        with pytest.raises(TryLater, match="does not represent any resource"):
            await lost.read(ticket.id)


async def test_a_404_that_is_not_servicenows_own_does_not_make_tickets_gone(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.fault("status", status=404)
    with pytest.raises(TryLater):
        await tracker.read(ticket.id)


async def test_a_redirect_is_not_followed(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.fault("status", status=302, headers={"Location": f"{world.address}/login.do"}, times=None)
    with pytest.raises(TryLater):
        await tracker.create(world.draft(mark_of("fnd_1")))
    assert len(world.requests()) == 1


async def test_certificates_that_are_not_there_are_for_later(world: ServiceNowWorld, tmp_path: Path) -> None:
    address = world.address.replace("http://", "https://")
    async with world.connected(address=address, ca_file=tmp_path / "none.pem") as tracker:
        with pytest.raises(TryLater) as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
    assert not caught.value.ambiguous
