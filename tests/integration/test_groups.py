"""Findings that a rule groups are one case: one ticket in each tracker, until it is closed; then come the next ones."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from remediation import failpoints
from remediation.domain.cases.groups import GroupField, group_of, numbered
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.errors import TryLater
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import MemberList, Reason, Ticket, TicketState
from remediation.read_model.audit import about_words
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.keys import SCAN
from remediation.store.server.connection import Connection
from tests.examples import examples
from tests.integration.offices import KEY, Office
from tests.integration.reconciling import foreseen, reconcile
from tests.stand_ins import PlainRulebook
from workers.jobs.cases import look_at_case
from workers.jobs.scans import page_scan

BEGAN = datetime.fromtimestamp(1_799_990_000, tz=UTC)
"""Before the clock of these tests begins."""

FIRST = Finding("fnd_1", Status.OPEN, Severity.MEDIUM, DomainType.DIRECT_PII, scan_id="scn_1", detected_at=BEGAN)
GROUP = group_of("lakeside", "grouping", [GroupField.DOMAIN_TYPE], FIRST) or KEY
NEXT = numbered(GROUP, 2)


def finding(number: int, **changes: object) -> Finding:
    return replace(FIRST, id=f"fnd_{number}", detected_at=BEGAN + timedelta(seconds=number), **changes)  # type: ignore[arg-type]


def own(number: int) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}")


class GroupRoom(Office):
    """An office whose rule groups findings by domain type, with one tracker."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.rules = PlainRulebook("jira")
        self.rules.grouped_by = (GroupField.DOMAIN_TYPE,)
        super().__init__(connection, keyring, rulebook=self.rules)
        self.source.findings = {}

    def find(self, *numbers: int, **changes: object) -> None:
        self.source.findings |= {f"fnd_{each}": finding(each, **changes) for each in numbers}

    async def told_of(self, *numbers: int) -> list[str]:
        await self.context.todo.mark([(own(each), None) for each in numbers], self.clock())
        return await self.work()

    async def found(self, *numbers: int) -> None:
        self.find(*numbers)
        await self.told_of(*numbers)

    async def look_at(self, *cases: CaseKey) -> None:
        await self.context.todo.mark([(key, None) for key in cases or (GROUP,)], self.clock())
        await self.work()

    async def scanned(self) -> None:
        listing = ["id", "scn_1", "state", "listing", "cursor", ""]
        await self.connection.ask(self.redis.hset(f"{SCAN}lakeside:scan:scn_1", items=listing))
        await page_scan(self.arq_context, "lakeside:scan:scn_1")
        await self.work()

    async def wiped(self) -> None:
        """Redis is lost, and so much time goes by that searches count."""
        await self.redis.flushall()
        await self.connection.begin(self.clock())
        self.clock.pass_by(60)

    def tickets(self) -> list[Ticket]:
        return [kept.ticket for kept in self.jira.books.values()]

    def active(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets() if ticket.state.is_active]

    def marks(self) -> list[str | None]:
        return [ticket.mark for ticket in self.tickets()]

    def list_of(self, number: int) -> str:
        """The text of a ticket, in which its list is."""
        return [*self.jira.books.values()][number].description

    def close(self, reason: Reason = Reason.FIXED) -> None:
        for ticket in self.active():
            self.jira.change(ticket.id, TicketState.DONE, reason, by="person-1")

    def statuses(self) -> list[Status]:
        return [each.status for each in self.source.findings.values()]

    async def case(self, key: CaseKey = GROUP) -> CaseRecord:
        return await self.record(key)


@pytest.fixture
async def room(connection: Connection, keyring: Keyring) -> GroupRoom:
    await connection.begin(0.001)
    return GroupRoom(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_a_scan_of_many_findings_gives_one_ticket_with_a_list_of_them(room: GroupRoom) -> None:
    room.find(*range(1, 21))
    await room.scanned()
    assert room.marks() == [GROUP.mark]
    assert set(room.statuses()) == {Status.REVIEWING}
    assert all(f"- fnd_{each}, medium" in room.list_of(0) for each in range(1, 21))
    assert len(room.source.updates) == 20


async def test_findings_join_while_the_ticket_is_open_and_its_list_is_written_once(room: GroupRoom) -> None:
    await room.found(1)
    room.find(2, 3, 4)
    await room.scanned()
    assert room.marks() == [GROUP.mark]
    assert "- fnd_4, medium" in room.list_of(0)
    assert room.statuses() == [Status.REVIEWING] * 4
    assert (await room.case()).joined == {f"fnd_{each}": True for each in range(1, 5)}


async def test_a_finding_of_another_kind_has_another_ticket(room: GroupRoom) -> None:
    room.find(2, domain_type=DomainType.METADATA)
    await room.found(1)
    await room.told_of(2)
    assert len(set(room.marks())) == 2


async def test_closing_the_ticket_resolves_every_finding_with_one_note_each(room: GroupRoom) -> None:
    await room.found(1, 2, 3)
    room.close()
    await room.look_at()
    assert room.statuses() == [Status.RESOLVED] * 3
    assert len(room.source.updates) == 6
    assert len(room.tickets()) == 1


async def test_a_finding_that_is_solved_in_schoolscan_is_ticked_off_and_the_last_one_closes_the_ticket(
    room: GroupRoom,
) -> None:
    await room.found(1, 2)
    room.source.set_status("fnd_1", Status.RESOLVED)
    await room.told_of(1)
    assert "- fnd_1, medium, True" in room.list_of(0)
    assert len(room.active()) == 1
    room.source.set_status("fnd_2", Status.RESOLVED)
    await room.told_of(2)
    assert room.active() == []


async def test_a_finding_that_is_deleted_here_goes_from_the_list_also_where_one_is_left(room: GroupRoom) -> None:
    await room.found(1, 2, 3)
    for number, left in ((3, {1, 2}), (2, {1})):
        await CaseForgetting(room.connection).forget(own(number).ref)
        await room.look_at(GROUP)
        assert {each for each in (1, 2, 3) if f"- fnd_{each}, " in room.list_of(0)} == left
    before = len(room.jira.troubles.calls)
    await room.look_at(GROUP)
    assert "keep_list" not in room.jira.troubles.calls[before:]


async def test_a_finding_that_comes_back_is_in_the_list_again(room: GroupRoom) -> None:
    await room.found(1, 2)
    room.source.set_status("fnd_1", Status.RESOLVED)
    await room.told_of(1)
    room.source.set_status("fnd_1", Status.OPEN)
    await room.told_of(1)
    assert "- fnd_1, medium, False" in room.list_of(0)
    assert room.statuses() == [Status.REVIEWING] * 2
    assert room.marks() == [GROUP.mark]


async def test_new_findings_after_the_closing_get_the_next_ticket_of_the_group(room: GroupRoom) -> None:
    await room.found(1, 2)
    room.close()
    await room.look_at()
    await room.found(3)
    await room.found(4)
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert [ticket.state.is_active for ticket in room.tickets()] == [False, True]
    assert room.statuses() == [Status.RESOLVED, Status.RESOLVED, Status.REVIEWING, Status.REVIEWING]
    assert set((await room.case(NEXT)).members) == {"fnd_3", "fnd_4"}
    assert set((await room.case()).members) == {"fnd_1", "fnd_2"}


async def test_a_finding_that_comes_before_the_closing_is_seen_is_not_resolved_by_it(room: GroupRoom) -> None:
    await room.found(1, 2)
    room.close()
    await room.found(3)
    await room.look_at(GROUP, NEXT)
    assert room.statuses() == [Status.RESOLVED, Status.RESOLVED, Status.REVIEWING]
    assert room.marks() == [GROUP.mark, NEXT.mark]


async def test_a_finding_that_no_list_had_when_a_worker_died_and_the_ticket_was_closed_is_not_resolved_by_it(
    room: GroupRoom,
) -> None:
    await room.found(1, 2)
    failpoints.turn_on("members_let_in=raise@1")
    try:
        await room.found(3)
    finally:
        failpoints.turn_off()
    room.close()
    await room.later()
    await room.later()
    assert room.statuses() == [Status.RESOLVED, Status.RESOLVED, Status.REVIEWING]
    assert room.marks() == [GROUP.mark, NEXT.mark]


async def test_a_finding_whose_list_comes_just_after_the_closing_is_not_resolved_by_it(
    room: GroupRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.found(1, 2)
    keep_list = room.jira.keep_list

    async def closed_just_before(ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        room.close()
        return await keep_list(ticket_id, members, known=known)

    monkeypatch.setattr(room.jira, "keep_list", closed_just_before)
    await room.found(3)
    monkeypatch.undo()
    await room.later()
    await room.later()
    assert room.statuses() == [Status.RESOLVED, Status.RESOLVED, Status.REVIEWING]
    assert room.marks() == [GROUP.mark, NEXT.mark]


async def test_a_finding_has_its_status_set_once_the_list_has_it(room: GroupRoom) -> None:
    await room.found(1, 2)
    room.jira.troubles.once("keep_list", TryLater("jira", "busy", status=503))
    await room.found(3)
    assert room.statuses() == [Status.REVIEWING, Status.REVIEWING, Status.OPEN]
    assert (await room.case()).unlisted == {"fnd_3"}
    await room.later()
    assert room.statuses() == [Status.REVIEWING] * 3
    assert (await room.case()).unlisted == frozenset()


async def test_a_finding_that_was_reviewed_before_it_is_listed_belongs_to_the_ticket_that_lists_it(
    room: GroupRoom,
) -> None:
    await room.found(1, 2)
    room.find(3, status=Status.REVIEWING)
    await room.told_of(3)
    assert (await room.case()).unlisted == frozenset()
    room.close()
    await room.look_at()
    assert room.statuses() == [Status.RESOLVED] * 3


async def test_a_finding_of_a_closed_ticket_that_is_found_again_brings_that_ticket_back(room: GroupRoom) -> None:
    await room.found(1, 2)
    room.close()
    await room.look_at()
    await room.found(3)
    room.source.set_status("fnd_1", Status.OPEN)
    await room.told_of(1)
    assert len(room.active()) == 2
    assert room.marks() == [GROUP.mark, NEXT.mark]


async def test_a_third_ticket_follows_a_second_one_that_was_closed(room: GroupRoom) -> None:
    for number in (1, 2, 3):
        await room.found(number)
        room.close()
        await room.look_at(numbered(GROUP, number))
    assert room.marks() == [numbered(GROUP, number).mark for number in (1, 2, 3)]
    assert set(room.statuses()) == {Status.RESOLVED}


async def test_a_ticket_that_is_closed_before_every_status_is_set_resolves_all_the_same(room: GroupRoom) -> None:
    room.find(*range(1, 31))
    await room.context.todo.mark([(own(each), None) for each in range(1, 31)], room.clock())
    for number in range(1, 31):
        await look_at_case(room.arq_context, own(number).ref)
    await look_at_case(room.arq_context, GROUP.ref)  # opens the ticket, and sets as many as one look does
    assert room.statuses().count(Status.OPEN) == 5
    room.close()
    await room.look_at()
    await room.look_at()
    assert set(room.statuses()) == {Status.RESOLVED}
    assert len(room.tickets()) == 1
    assert room.active() == []


async def test_all_workers_at_once_open_one_ticket(room: GroupRoom) -> None:
    room.find(*range(1, 11))
    await room.context.todo.mark([(own(each), None) for each in range(1, 11)], room.clock())
    refs = [own(each).ref for each in range(1, 11)]
    await asyncio.gather(*(look_at_case(room.arq_context, ref) for ref in [*refs, *[GROUP.ref] * 3, *refs]))
    await asyncio.gather(*(look_at_case(room.arq_context, GROUP.ref) for _ in range(3)))
    await room.work()
    assert room.marks() == [GROUP.mark]
    assert set(room.statuses()) == {Status.REVIEWING}


async def test_a_lost_store_finds_the_open_ticket_again_whatever_its_number_is(room: GroupRoom) -> None:
    await room.found(1)
    room.close()
    await room.look_at()
    await room.found(2, 3)
    await room.wiped()
    room.find(4)
    await room.told_of(2, 3, 4)
    await room.look_at(GROUP, NEXT)
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert set((await room.case(NEXT)).members) == {"fnd_2", "fnd_3", "fnd_4"}
    assert room.statuses() == [Status.RESOLVED, *[Status.REVIEWING] * 3]


async def test_a_ticket_that_was_closed_just_before_the_store_was_lost_still_resolves_its_findings(
    room: GroupRoom,
) -> None:
    await room.found(1)
    room.close()
    await room.look_at()
    await room.found(2, 3)
    changed = datetime.fromtimestamp(room.clock(), tz=UTC)
    room.source.findings = {name: replace(each, updated_at=changed) for name, each in room.source.findings.items()}
    room.clock.pass_by(60)
    room.close()
    await room.wiped()
    await room.told_of(2, 3)
    await room.look_at(GROUP, NEXT)
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert set(room.statuses()) == {Status.RESOLVED}


async def test_a_finding_that_has_a_ticket_of_its_own_keeps_it(room: GroupRoom) -> None:
    room.rules.grouped_by = ()
    await room.found(1)
    room.rules.grouped_by = (GroupField.DOMAIN_TYPE,)
    await room.found(2)
    await room.told_of(1)
    assert room.marks() == [own(1).mark, GROUP.mark]


async def test_its_own_ticket_is_found_again_after_a_loss_of_the_store(room: GroupRoom) -> None:
    room.rules.grouped_by = ()
    await room.found(1)
    room.rules.grouped_by = (GroupField.DOMAIN_TYPE,)
    await room.wiped()
    await room.scanned()
    assert room.marks() == [own(1).mark]


async def test_no_finding_joins_while_the_tracker_of_the_ticket_is_away(room: GroupRoom) -> None:
    await room.found(1)
    room.close()
    room.jira.troubles.for_good("read", TryLater("jira", "away"))
    await room.found(2)
    assert (await room.case()).waiting == {"fnd_2"}
    assert room.statuses() == [Status.REVIEWING, Status.OPEN]
    room.jira.troubles.heal()
    room.clock.pass_by(3600)
    await room.look_at()
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert room.statuses() == [Status.RESOLVED, Status.REVIEWING]


async def test_a_finding_named_while_it_moves_on_is_in_one_case_only(room: GroupRoom) -> None:
    await room.found(1)
    room.close()
    await room.look_at()
    room.find(2)
    todo = room.context.todo
    await todo.mark([(own(2), None)], room.clock())
    await look_at_case(room.arq_context, own(2).ref)  # joins the first case
    await todo.mark([(own(2), None)], room.clock())
    stale = await todo.take(own(2).ref, room.clock())
    assert stale is not None
    await look_at_case(room.arq_context, GROUP.ref)  # moves it on
    assert await todo.join(stale, GROUP, room.clock())
    await room.work()
    assert set((await room.case()).members) == {"fnd_1"}
    assert set((await room.case(NEXT)).members) == {"fnd_2"}
    assert (await room.record(own(2))).home == NEXT.ref


@pytest.mark.parametrize("point", ["observed", "intent_written", "reply_received", "link_written", "finding_patched"])
async def test_a_worker_that_dies_anywhere_opens_no_second_ticket_and_writes_no_second_note(
    room: GroupRoom, point: str
) -> None:
    failpoints.turn_on(f"{point}=raise@2")
    try:
        await room.found(1, 2)
        for _ in range(3):
            await room.later()
        room.close()
        await room.found(3)
        for _ in range(3):
            await room.later()
    finally:
        failpoints.turn_off()
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert room.statuses() == [Status.RESOLVED, Status.RESOLVED, Status.REVIEWING]
    assert len(room.source.updates) == 5


async def test_a_worker_that_dies_after_findings_have_moved_on_leaves_nothing_undone(
    room: GroupRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.found(1)
    room.close()
    run = room.connection.run

    async def dies_after(script: str, *args: str | bytes | int) -> object:
        answer = await run(script, *args)
        if script == "move_members":
            monkeypatch.undo()
            raise failpoints.FailpointReached(script)
        return answer

    monkeypatch.setattr(room.connection, "run", dies_after)
    await room.found(2)
    await room.later()
    assert room.marks() == [GROUP.mark, NEXT.mark]
    assert room.statuses() == [Status.RESOLVED, Status.REVIEWING]


async def test_the_audit_says_which_findings_joined_a_case_and_which_moved_on(room: GroupRoom) -> None:
    await room.found(1)
    room.close()
    await room.found(2)
    await room.context.trail.chain(room.clock())
    said = [line.entry async for line in room.context.trail.lines()]
    told = [
        (each.act, each.case, each.piece, each.count, [did.action for did in each.did])
        for each in said
        if each.act in {AuditAct.JOINED, AuditAct.MOVED_ON}
    ]
    assert told == [
        ("joined", GROUP.ref, "", 1, [own(1).ref]),
        ("moved_on", GROUP.ref, NEXT.ref, 1, [own(2).ref]),
        ("joined", NEXT.ref, "", 1, [own(2).ref]),
    ]
    assert (
        about_words(next(each for each in said if each.act == AuditAct.MOVED_ON))
        == f"moved on to {NEXT.ref}: {own(2).ref}"
    )


# Reconciling.


async def test_a_dry_run_shows_one_ticket_for_all_new_findings_of_a_group(room: GroupRoom) -> None:
    room.find(1, 2, 3)
    forecasts = await foreseen(room)
    assert {ref: [step.action for step in each.steps] for ref, each in forecasts.items()} == {
        GROUP.ref: ["open:jira", "patch:reviewing"]
    }


async def test_a_dry_run_shows_the_next_ticket_where_the_last_one_was_closed(room: GroupRoom) -> None:
    await room.found(1)
    room.close()
    await room.look_at()
    room.find(2)
    steps = {ref: [step.action for step in each.steps] for ref, each in (await foreseen(room)).items()}
    assert [actions for actions in steps.values() if actions] == [["open:jira", "patch:reviewing"]]


# Any order of things.


@settings(examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["found", "solved", "again"]), st.integers(1, 3)),
            st.tuples(st.sampled_from(["closed", "closed unseen", "scanned", "crowd", "later", "wiped"]), st.just(0)),
        ),
        max_size=9,
    )
)
async def test_whatever_happens_every_unsolved_finding_is_in_one_open_ticket_in_the_end(
    connection: Connection, keyring: Keyring, story: list[tuple[str, int]]
) -> None:
    await connection.redis.flushall()
    await connection.begin(0.001)
    room = GroupRoom(connection, keyring)
    for what, number in story:
        await _happens(room, what, number)
    for _ in range(3):
        await reconcile(room, wait=False)
        await room.work()
        await room.later()
    unsolved = {name for name, each in room.source.findings.items() if not each.status.is_solved}
    assert {each for each in room.statuses() if not each.is_solved} <= {Status.REVIEWING}
    active = {ticket.mark for ticket in room.active()}
    assert len(active) == len(room.active()), "one ticket for each case"
    homes = {name: (await room.record(CaseKey("lakeside", CaseKind.FINDING, name))).home for name in unsolved}
    assert {f"remedy:{home}" for home in homes.values()} <= active
    assert await room.parked() == {}


async def _happens(room: GroupRoom, what: str, number: int) -> None:
    name = f"fnd_{number}"
    match what:
        case "found" if name not in room.source.findings:
            await room.found(number)
        case "solved" if name in room.source.findings:
            room.source.set_status(name, Status.RESOLVED)
            await room.told_of(number)
        case "again" if name in room.source.findings:
            room.source.set_status(name, Status.OPEN)
            await room.told_of(number)
        case "closed":
            room.close()
            await room.look_at(*(numbered(GROUP, each) for each in (1, 2, 3)))
        case "closed unseen":
            room.close()
        case "scanned":
            await room.scanned()
        case "crowd":
            refs = [own(each).ref for each in (1, 2, 3)]
            await room.context.todo.mark(
                [(own(each), None) for each in (1, 2, 3) if f"fnd_{each}" in room.source.findings], room.clock()
            )
            await asyncio.gather(*(look_at_case(room.arq_context, ref) for ref in (*refs, GROUP.ref, NEXT.ref, *refs)))
            await room.work()
        case "wiped":
            await room.wiped()
        case _:
            await room.later()
