"""ServiceNow's adapter, held to the tracker suite and to what is peculiar to ServiceNow."""

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest

import remediation
from remediation.domain.errors import Refused, TryLater, Waiting
from remediation.domain.ownership import Site
from remediation.domain.tickets import Reason, TicketState
from remediation.ports import Tracker
from sandbox.servicenow.stand_in import INTEGRATION, PERSON
from tests.contract.servicenow_world import SECRET, SecurityWorld, ServiceNowWorld, servicenow_world
from tests.contract.tracker_suite import TrackerContract, mark_of


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


@pytest.fixture
async def tracker(world: ServiceNowWorld) -> AsyncIterator[Tracker]:
    async with world.connected() as tracker:
        yield tracker


class TestServiceNowTracker(TrackerContract):
    """The whole suite."""


class TestSecurityIncidents(TrackerContract):
    """The whole suite with nothing configured but the table."""

    @pytest.fixture
    def world(self) -> Iterator[ServiceNowWorld]:
        with servicenow_world(SecurityWorld) as world:
            yield world


async def test_a_new_record_has_our_fields_and_the_priority_that_servicenow_computes(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    draft = world.draft(mark_of("fnd_1"), summary="A <b>title</b>\nin two lines", body="What\nto do")
    values = world.record(await tracker.create(draft))["values"]
    assert values["short_description"] == "A <b>title</b> in two lines"
    assert values["description"] == "What\nto do"
    assert (values["correlation_id"], values["correlation_display"]) == (mark_of("fnd_1"), "remedy")
    assert (values["impact"], values["urgency"], values["priority"]) == ("1", "2", "2")


GROUP = "287ebd7da9fe198100f92cc8d1d2154e"


async def test_names_are_sent_as_sys_ids(tracker: Tracker, world: ServiceNowWorld) -> None:
    named = {"assignment_group": "Privacy Office", "assigned_to": PERSON.user_name, "caller_id": PERSON.user_name}
    ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), fields={**named, "u_owner": "priya.helpdesk"}))
    values = world.record(ticket)["values"]
    assert [values[name] for name in (*named, "u_owner")] == [GROUP, PERSON.sys_id, PERSON.sys_id, PERSON.sys_id]
    assert ticket.not_kept == ()
    other = await tracker.create(world.draft(mark_of("fnd_2")))
    await tracker.resolve(other.id, Reason.FIXED, "gone", {"caller_id": PERSON.user_name})
    assert world.record(other)["values"]["caller_id"] == PERSON.sys_id


@pytest.mark.parametrize("name", ["Nobody", "Service Desk"])
async def test_a_name_of_none_or_several_opens_nothing(tracker: Tracker, world: ServiceNowWorld, name: str) -> None:
    draft = replace(world.draft(mark_of("fnd_1")), fields={"assignment_group": name})
    with pytest.raises(Refused, match="write the sys_id into the rule's assignment_group"):
        await tracker.create(draft)
    assert world.count(draft.mark) == 0


async def test_a_directory_that_does_not_answer_leaves_no_doubt_about_the_create(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    draft = replace(world.draft(mark_of("fnd_1")), fields={"assignment_group": "Privacy Office"})
    world.fault("reset", path="sys_user_group", times=None)
    with pytest.raises(TryLater) as caught:
        await tracker.create(draft)
    assert (caught.value.ambiguous, world.count(draft.mark)) == (False, 0)


async def test_what_access_rules_drop_of_a_new_record_is_told(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.set(dropped_fields=["assignment_group", "impact", "category"])
    fields = {"assignment_group": GROUP, "impact": "1", "urgency": "1", "category": "software", "work_notes": "x"}
    ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), fields=fields))
    assert ticket.not_kept == ("assignment_group", "impact", "category")


async def test_the_address_of_a_ticket_opens_its_record(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    page = httpx2.get(ticket.url, trust_env=False)
    assert page.status_code == 200
    assert ticket.key in page.text


@pytest.mark.parametrize(("clears", "left"), [(True, ""), (False, "Duplicate")])
async def test_reopening_clears_the_close_code_where_it_can_and_keeps_what_a_person_wrote(
    tracker: Tracker, world: ServiceNowWorld, left: str, *, clears: bool
) -> None:
    world.set(clears_choices=clears)
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.close_as_person(ticket, Reason.DUPLICATE)
    reopened = await tracker.reopen(ticket.id, "Found again")
    values = world.record(ticket)["values"]
    assert (values["close_code"], values["close_notes"]) == (left, "Done by hand")
    assert (reopened.state, reopened.reason, reopened.word) == (TicketState.IN_PROGRESS, None, left)


async def test_a_cancelled_record_is_done_because_it_was_cancelled(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.patch(ticket, state="8")
    cancelled = await tracker.read(ticket.id)
    assert (cancelled.state, cancelled.reason) == (TicketState.DONE, Reason.CANCELLED)
    assert cancelled.closed_by == PERSON.sys_id


async def test_a_code_that_nothing_maps_is_kept_as_it_is(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(own_close_codes=["Own code of this instance"])
    world.patch(ticket, state="6", close_code="Own code of this instance", close_notes="x")
    closed = await tracker.read(ticket.id)
    assert (closed.reason, closed.word) == (Reason.UNKNOWN, "Own code of this instance")


async def test_a_work_note_carries_no_markup(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.comment(ticket.id, "[code]<script>alert(1)</script>[/CODE]\nA & B")
    (written,) = world.comments(ticket)
    assert written == "[\u200bcode]<\u200bscript>alert(1)<\u200b/script>[\u200b/CODE]\nA & B"


async def test_a_comment_and_a_resolution_are_one_look_and_one_patch(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    before = len(world.requests())
    await tracker.comment(ticket.id, "x")
    await tracker.resolve(ticket.id, Reason.FIXED, "x")
    assert [entry["method"] for entry in world.requests()[before:]] == ["GET", "PATCH"] * 2


async def test_pysnow_talks_and_asks_for_no_text_that_people_wrote(tracker: Tracker, world: ServiceNowWorld) -> None:
    draft = world.draft(mark_of("fnd_1"))
    ticket = await tracker.create(draft)
    await tracker.find(draft.mark, draft.place)
    await tracker.resolve(ticket.id, Reason.FIXED, "x")
    await tracker.changes(None, datetime.now(UTC))
    for entry in world.requests():
        (fields,) = parse_qs(entry["query"])["sysparm_fields"]
        assert entry["user_agent"] == "pysnow"
        assert not {"short_description", "description", "close_notes", "comments"} & set(fields.split(","))


async def test_a_list_goes_on_behind_pages_that_access_rules_hide(tracker: Tracker, world: ServiceNowWorld) -> None:
    marks = [mark_of(f"fnd_{number}") for number in range(350)]
    ids = sorted(await asyncio.gather(*(created_id(tracker, world, mark) for mark in marks)), key=order_in(world))
    world.set(hidden=[ticket_id.partition("/")[2] for ticket_id in ids[50:280]])
    seen: list[str] = []
    cursor, more = None, True
    while more:
        page = await tracker.changes(cursor, datetime.now(UTC))
        seen += [change.ticket_id for change in page.changes]
        cursor, more = page.cursor, page.more
    assert seen == ids[:50] + ids[280:]


async def test_an_account_that_lost_its_role_concludes_nothing(tracker: Tracker, world: ServiceNowWorld) -> None:
    """ServiceNow answers it 404 for each record, and lists without rows: only the total tells that there are some."""
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    cursor = (await tracker.changes(None, datetime.now(UTC))).cursor
    world.close_as_person(ticket, Reason.FIXED)
    world.set(hidden_tables=[world.table])
    place = world.draft(mark_of("fnd_1")).place
    for question in (
        tracker.read(ticket.id),
        tracker.find(mark_of("fnd_1"), place),
        tracker.changes(cursor, datetime.now(UTC)),
        tracker.whoami(),
    ):
        with pytest.raises(TryLater, match="lost its role") as caught:
            await question
        assert caught.value.waiting is Waiting.SIGN_IN
    assert await tracker.find(mark_of("fnd_2"), place) == (), "a total of nothing is true whoever asks"
    world.set(hidden_tables=[])
    page = await tracker.changes(cursor, datetime.now(UTC))
    assert ticket.id in {change.ticket_id for change in page.changes}
    assert (await tracker.read(ticket.id)).state is TicketState.DONE


async def test_one_record_that_is_hidden_is_gone_and_no_second_one_is_opened_beside_it(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    other = await tracker.create(world.draft(mark_of("fnd_2")))
    world.set(hidden=[ticket.id.partition("/")[2]])
    assert (await tracker.read(ticket.id)).state is TicketState.GONE
    with pytest.raises(TryLater, match="a record with this mark is not shown to us"):
        await tracker.find(mark_of("fnd_1"), world.draft(mark_of("fnd_1")).place)
    page = await tracker.changes(None, datetime.now(UTC))
    assert [change.ticket_id for change in page.changes] == [other.id]


async def test_changes_of_hidden_records_alone_do_not_hold_up_the_list(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    shown = await tracker.create(world.draft(mark_of("fnd_1")))
    await asyncio.sleep(1.1)
    hidden = await tracker.create(world.draft(mark_of("fnd_2")))
    world.set(hidden=[hidden.id.partition("/")[2]])
    since = json.dumps({"since": world.record(hidden)["values"]["sys_updated_on"]})
    page = await tracker.changes(since, datetime.now(UTC))
    assert (page.changes, page.more) == ((), False)
    world.close_as_person(shown, Reason.FIXED)
    page = await tracker.changes(page.cursor, datetime.now(UTC))
    assert [change.ticket_id for change in page.changes] == [shown.id]


async def test_an_idle_list_stays_where_it_is_and_costs_one_request(tracker: Tracker, world: ServiceNowWorld) -> None:
    await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.changes(None, datetime.now(UTC))
    later = datetime.now(UTC) + timedelta(hours=1)
    idle = tracker.cursor_at(later)
    before = len(world.requests())
    for _ in range(3):
        page = await tracker.changes(idle, later)
        assert (page.changes, page.cursor, page.more) == ((), idle, False)
    assert len(world.requests()) == before + 3


async def test_a_full_page_without_paging_headers_is_not_the_last(tracker: Tracker, world: ServiceNowWorld) -> None:
    marks = [mark_of(f"fnd_{number}") for number in range(150)]
    ids = {await created_id(tracker, world, mark) for mark in marks}
    copies = {await created_id(tracker, world, marks[0]) for _ in range(120)}
    world.set(paging_headers=False)
    seen: set[str] = set()
    cursor, more = None, True
    while more:
        page = await tracker.changes(cursor, datetime.now(UTC))
        seen |= {change.ticket_id for change in page.changes}
        cursor, more = page.cursor, page.more
    assert seen == ids | copies
    assert len(await tracker.find(marks[0], "incident")) == len(copies) + 1


async def created_id(tracker: Tracker, world: ServiceNowWorld, mark: str) -> str:
    return (await tracker.create(world.draft(mark))).id


def order_in(world: ServiceNowWorld) -> Callable[[str], tuple[str, str]]:
    def key(ticket_id: str) -> tuple[str, str]:
        return updated[ticket_id.partition("/")[2]], ticket_id

    records = world.http.get("/_sandbox/records").json()
    updated = {record["values"]["sys_id"]: record["values"]["sys_updated_on"] for record in records}
    return key


async def test_a_finished_list_does_not_come_back_with_all_it_had(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.tables.clock = lambda: datetime.now(UTC) - timedelta(minutes=2)
    await tracker.create(world.draft(mark_of("old")))
    first = await tracker.changes(None, datetime.now(UTC))
    world.tables.clock = lambda: datetime.now(UTC)
    new = await tracker.create(world.draft(mark_of("new")))
    second = await tracker.changes(first.cursor, datetime.now(UTC))
    assert [change.mark for change in first.changes] == [mark_of("old")]
    assert [change.ticket_id for change in second.changes] == [new.id]


async def test_the_horizon_holds_the_longest_call_and_what_servicenow_does_after_it(world: ServiceNowWorld) -> None:
    async with world.connected(search_horizon="1m", read_timeout=2) as tracker:
        assert tracker.search_horizon == timedelta(seconds=60 + 2 * (1 + 2))


async def test_a_bearer_token_signs_in(world: ServiceNowWorld) -> None:
    async with world.connected(auth={"bearer": SECRET}, secret=INTEGRATION.token) as tracker:
        assert await tracker.whoami() == INTEGRATION.user_name
    assert world.requests()[-1]["scheme"] == "Bearer"


async def test_a_security_incident_is_served_by_configuring_its_states(world: ServiceNowWorld) -> None:
    states = {"10": "open", "16": "in_progress", "18": "in_progress", "19": "in_progress", "3": "done", "7": "done"}
    security = {"table": "sn_si_incident", "states": states, "state_reasons": {"7": "cancelled"}}
    async with world.connected(**security, resolve_state="3", reopen_state="16") as tracker:
        ticket = await tracker.create(replace(world.draft(mark_of("fnd_1")), place="sn_si_incident"))
        assert (ticket.key, ticket.state) == ("SIR0010001", TicketState.OPEN)
        assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone")).reason is Reason.FIXED
        assert (await tracker.reopen(ticket.id, "back")).state is TicketState.IN_PROGRESS
        page = await tracker.changes(None, datetime.now(UTC))
        assert [change.ticket_id for change in page.changes] == [ticket.id]


async def test_the_configured_codes_are_the_ones_that_are_written(world: ServiceNowWorld) -> None:
    own = {"close_codes": {"Mended": "fixed", "Risk taken": "accepted_risk"}, "resolve_code": "Mended"}
    world.set(own_close_codes=["Mended", "Risk taken"])
    async with world.connected(**own, resolve_codes={"accepted_risk": "Risk taken"}) as tracker:
        for reason, code in (
            (Reason.FIXED, "Mended"),
            (Reason.ACCEPTED_RISK, "Risk taken"),
            (Reason.DUPLICATE, "Mended"),
        ):
            ticket = await tracker.create(world.draft(mark_of("fnd_1")))
            await tracker.resolve(ticket.id, reason, "over")
            assert world.record(ticket)["values"]["close_code"] == code


def test_one_file_knows_pysnow() -> None:
    root = Path(remediation.__file__).parent.parent
    product = [
        path for room in ("receiver", "remediation", "remedy", "workers") for path in (root / room).rglob("*.py")
    ]
    knowing = [str(path.relative_to(root)) for path in product if imports_pysnow(path)]
    assert knowing == ["remediation/trackers/servicenow/client.py"]


def imports_pysnow(path: Path) -> bool:
    names = [
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    ]
    return any(name.split(".")[0] == "pysnow" for name in names)


async def test_an_instance_is_known_by_its_id_where_our_account_may_read_that(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    assert await tracker.site() == Site(world.address)
    world.set(shown_properties=True, instance_id="0123abcd")
    assert await tracker.site() == Site(world.address, "0123abcd")
    world.fault("status", path=".*/sys_properties", status=405, times=1)
    assert await tracker.site() == Site(world.address)
