"""Verifying by scanning again, whatever dies and whatever people do: none is resolved too early, none is stuck."""

import random
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from remediation import failpoints
from remediation.domain.errors import TryLater
from remediation.domain.findings import ScanStatus
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.failpoints import ON_LOOKS, ON_VERIFICATIONS
from remediation.sealing import Keyring
from remediation.store.keys import LEASE
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY
from tests.integration.test_verifications import BUSY, LOST, VerifyingOffice
from tests.stand_ins import MemoryTracker

STEPS, ENOUGH = 14, 20
POINTS = [point for point in (*ON_LOOKS, *ON_VERIFICATIONS) if point != "request_sent"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield
    failpoints.turn_off()


class History:
    """One history of a finding that is on its page until it is mended for good."""

    def __init__(self, office: VerifyingOffice, seed: int) -> None:
        self.office, self.chance = office, random.Random(seed)  # noqa: S311 - repeatable
        office.scans.there, office.scans.opens = {"fnd_1"}, self.chance.random() < 0.5

    async def round(self, seconds: float) -> None:
        """Time passes: leases of workers that died end, and every round comes."""
        office = self.office
        await office.redis.delete(LEASE + KEY.ref)
        await office.round(seconds)
        await office.context.systems.release(office.clock())
        await office.context.budgets.release(office.clock())
        await office.work()

    def break_something(self) -> None:
        """Let a process die somewhere, and systems be away, or their answers be lost."""
        chance, office = self.chance, self.office
        failpoints.turn_off()
        if chance.random() < 0.5:
            failpoints.turn_on(f"{chance.choice(POINTS)}=raise@{chance.randint(1, 2)}")
        if chance.random() < 0.3:
            busy = TryLater("jira", "busy", status=503)
            office.jira.troubles.once(chance.choice(["reopen", "read", "comment"]), busy)
        if chance.random() < 0.3:
            call = chance.choice(["scan", "scans", "start_scan", "scan_started"])
            office.scans.troubles.once(call, chance.choice([BUSY, LOST]))
        if chance.random() < 0.2:
            call = chance.choice(["finding", "findings_page", "update_finding"])
            office.source.troubles.once(call, chance.choice([BUSY, LOST]))

    def heal(self) -> None:
        """All is well from now on."""
        failpoints.turn_off()
        for each in (self.office.jira, self.office.snow, self.office.source, self.office.scans):
            each.troubles.heal()

    async def touch_tickets(self) -> None:
        """A person opens a ticket again or closes one, or closes all of them."""
        if self.chance.random() < 0.2:
            tracker = self.chance.choice([self.office.snow, self.office.jira])
            self._turn(tracker, closes=tracker.of(KEY.mark)[-1].state is not TicketState.DONE)
            await self.office.mark()
        elif self.chance.random() < 0.1:
            await self.close_all()

    async def close_all(self) -> None:
        for tracker in (self.office.snow, self.office.jira):
            self._turn(tracker, closes=True)
        await self.office.mark()

    def _turn(self, tracker: MemoryTracker, *, closes: bool) -> None:
        self.office.clock.pass_by(5)
        for ticket in tracker.of(KEY.mark):
            if closes and ticket.state is not TicketState.DONE:
                tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
            elif not closes and ticket.state is TicketState.DONE:
                tracker.change(ticket.id, TicketState.OPEN)

    def end_scans(self, likely: float) -> None:
        """Let scans that run end, most of them with a result."""
        scans = self.office.scans
        for name in scans.started():
            if scans.kept[name].status is ScanStatus.RUNNING and self.chance.random() < likely:
                has_result = likely == 1 or self.chance.random() < 0.75
                scans.end(name, ScanStatus.COMPLETED if has_result else ScanStatus.FAILED)


@pytest.mark.parametrize("seed", range(4))
async def test_a_finding_is_never_resolved_while_it_is_there_and_is_once_it_is_gone(
    connection: Connection, keyring: Keyring, seed: int
) -> None:
    office = VerifyingOffice(connection, keyring)
    history = History(office, seed)
    await office.mend()
    for _ in range(STEPS):
        history.break_something()
        await history.touch_tickets()
        history.end_scans(0.4)
        await history.round(history.chance.choice([30, 300, 700, 3_700]))
        assert office.status() is not Status.RESOLVED
    history.heal()
    for _ in range(ENOUGH):
        await history.round(3_700)
        history.end_scans(1)
    assert any(ticket.state.is_active for ticket in office.tickets())
    office.scans.there = set()
    await history.close_all()
    for _ in range(ENOUGH):
        await history.round(3_700)
        history.end_scans(1)
    assert office.status() is Status.RESOLVED
    assert len(office.tickets()) == 2
