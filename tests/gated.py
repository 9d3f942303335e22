"""Stand-ins of the outside behind gates: before and after each call something may happen, and each deed is told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from remediation.domain.errors import NotFound, StoreUnavailable
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from tests.stand_ins import ManualClock, MemorySource, MemoryTracker

Happening = Callable[[], Awaitable[None]]


class Gates:
    """Every call that leaves a worker passes one gate before it is carried out and one after it.

    At one of them something may happen. A dead worker passes none.
    """

    def __init__(self) -> None:
        self._left = 0
        self._happening: Happening | None = None
        self.dead = False

    def at(self, number: int, happening: Happening) -> None:
        """Let it happen at the gate of this number, counted from 1 and from now on."""
        self._left, self._happening = number, happening

    def clear(self) -> None:
        """Nothing happens any more, and whoever passes is alive."""
        self._happening, self.dead = None, False

    async def pass_by(self) -> None:
        """Raises StoreUnavailable to the dead: they get no further."""
        if self.dead:
            raise StoreUnavailable("test-only: this worker was killed")
        self._left -= 1
        if self._left == 0 and self._happening is not None:
            await self._happening()


@dataclass(frozen=True, slots=True)
class Deed:
    """What a worker has just read or written outside, `verb` being the name of the call.

    `before` is the ticket as it was; `text` the comment or note; `status` what a finding was set to, or was when it was
    read; `fields` what was written besides.
    """

    where: str
    verb: str
    before: Ticket | None = None
    text: str = ""
    status: Status | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


Told = Callable[[Deed], None]


class GatedSource(MemorySource):
    """SchoolScan behind gates. Orders under the name `updated` are met after an update: its reply is lost."""

    def __init__(self, finding: Finding, gates: Gates, told: Told) -> None:
        super().__init__(finding)
        self._gates, self._told = gates, told

    async def finding(self, finding_id: str) -> Finding:
        await self._gates.pass_by()
        try:
            finding = await super().finding(finding_id)
        except NotFound:
            self._told(Deed("lakeside", "finding", status=Status.GONE))
            raise
        self._told(Deed("lakeside", "finding", status=finding.status))
        await self._gates.pass_by()
        return finding

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        await self._gates.pass_by()
        await super().update_finding(finding_id, status, note)
        self._told(Deed("lakeside", "update_finding", text=note, status=status))
        await self._gates.pass_by()
        self.troubles.meet("updated")


class GatedTracker(MemoryTracker):
    """A tracker behind gates, whose search lags. Orders in the past tense are met after the deed: a lost reply."""

    def __init__(self, name: str, clock: ManualClock, gates: Gates, told: Told, *, horizon: float) -> None:
        super().__init__(name, clock, lag=horizon - 1, horizon=horizon)
        self._gates, self._told = gates, told

    async def create(self, draft: Draft) -> Ticket:
        await self._gates.pass_by()
        self.troubles.meet("create")
        ticket = self.keep(draft)
        self._tell("create", ticket.id, draft.follows or "")
        await self._gates.pass_by()
        self.troubles.meet("created")
        return ticket

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        await self._gates.pass_by()
        ticket = await super().read(ticket_id, closed=closed)
        self._tell("read", ticket_id)
        await self._gates.pass_by()
        return ticket

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        await self._gates.pass_by()
        found = await super().find(mark, place)
        self._told(Deed(self.name, "find", fields={"found": [ticket.id for ticket in found]}))
        await self._gates.pass_by()
        return tuple(ticket for ticket in found if ticket.state is not TicketState.GONE)

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        await self._gates.pass_by()
        before = self._as_it_is(ticket_id)
        ticket = await super().resolve(ticket_id, reason, comment, fields)
        self._told(Deed(self.name, "resolve", before, comment))
        await self._gates.pass_by()
        self.troubles.meet("resolved")
        return ticket

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        await self._gates.pass_by()
        before = self._as_it_is(ticket_id)
        ticket = await super().reopen(ticket_id, comment)
        self._told(Deed(self.name, "reopen", before, comment))
        await self._gates.pass_by()
        self.troubles.meet("reopened")
        return ticket

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        await self._gates.pass_by()
        before = self._as_it_is(ticket_id)
        ticket = await super().raise_urgency(ticket_id, fields)
        self._told(Deed(self.name, "raise_urgency", before, fields=fields))
        await self._gates.pass_by()
        self.troubles.meet("raised")
        return ticket

    async def comment(self, ticket_id: str, text: str) -> None:
        await self._gates.pass_by()
        await super().comment(ticket_id, text)
        self._tell("comment", ticket_id, text)
        await self._gates.pass_by()
        self.troubles.meet("commented")

    def present(self, mark: str) -> list[Ticket]:
        """The case's tickets that nobody has deleted, oldest first."""
        return [ticket for ticket in self.of(mark) if ticket.state is not TicketState.GONE]

    def _as_it_is(self, ticket_id: str) -> Ticket | None:
        kept = self.books.get(ticket_id)
        return kept.ticket if kept else None

    def _tell(self, verb: str, ticket_id: str = "", text: str = "") -> None:
        self._told(Deed(self.name, verb, self._as_it_is(ticket_id), text))
