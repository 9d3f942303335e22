"""Deletes a target, piece by piece: each piece goes in one step, together with its line in the audit.

Whoever is killed runs it again: what is gone is gone, and the rest is found by what is left of it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remediation.domain.errors import StoreRefuses
from remediation.operations.purging.survey import PurgeSurvey
from remediation.operations.stores import OperationStores
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.names import AuditNames
from remediation.store.cases.forgetting import NO_TRACES, CaseForgetting, ForgetOutcome, Traces
from remediation.store.deliveries.concerned import DeliverySearch
from remediation.store.deliveries.parked import DecisionOutcome
from remediation.store.districts import DistrictForgetting

HELD_FOR = 30.0
"""Seconds for which cases are tried again that workers look at: a look takes some, a dead worker's lease eight."""
PAUSE = 0.5
_ROUNDS = 3
"""How often what was written meanwhile is looked for."""


@dataclass(slots=True)
class PurgeResult:
    """What was deleted: entries by kind, deliveries, lines of the audit without names now, and what could not be.

    `held` are cases that a worker looked at all the time. `names_refused`: Redis does not let us take names out.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rest: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    deliveries: int = 0
    names: int = 0
    held: list[str] = field(default_factory=list)
    names_refused: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """One order to delete. `advance` is told of each case that is done; `sleep` waits for so many seconds."""

    stores: OperationStores
    who: str
    choice: str
    advance: Callable[[], object] = lambda: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def carry_out(self, found: PurgeSurvey) -> PurgeResult:
        """Delete all that was found. Raises StoreUnavailable."""
        audit, deleted = self.stores.audit, PurgeResult()
        begun = await audit.note(audit.entry(AuditAct.PURGE, self.who, choice=self.choice, count=len(found.refs)))
        try:
            await self._deliveries(found, begun, deleted)  # first: a worker that reads one marks its case again
            await self._cases(found.refs, found.traces, begun, deleted)
            await self._left_over(found, begun, deleted)
            if found.target.is_district and not deleted.held:
                await self._rest(found, begun, deleted)
            await audit.chain()  # names may be in lines that wait
            await self._names(found, deleted)
        finally:
            await audit.chain()
        return deleted

    async def _cases(
        self, refs: Sequence[str], traces: Mapping[str, Traces], begun: AuditEntry, deleted: PurgeResult
    ) -> None:
        """Delete cases, in this order. Those that workers look at are tried again for a while."""
        left, waited = list(refs), 0.0
        while left:
            held = []
            for ref in left:
                if await self._case(ref, traces.get(ref, NO_TRACES), begun, deleted):
                    self.advance()
                else:
                    held.append(ref)
            left = held
            if waited >= HELD_FOR:
                break
            if left:
                await self.sleep(PAUSE)
                waited += PAUSE
        deleted.held += left

    async def _case(self, ref: str, traces: Traces, begun: AuditEntry, deleted: PurgeResult) -> bool:
        """Delete a case, the findings that belong to it first. False: a worker looks at one of them."""
        for member, finding in (await CaseForgetting(self.stores.connection).kin(ref)).members:
            if not await self._forget(member, NO_TRACES, begun, deleted, home=ref, finding=finding):
                return False
        return await self._forget(ref, traces, begun, deleted)

    async def _forget(
        self, ref: str, traces: Traces, begun: AuditEntry, deleted: PurgeResult, *, home: str = "", finding: str = ""
    ) -> bool:
        line = self._line(AuditAct.PURGED, begun, case=ref)
        forgetting = CaseForgetting(self.stores.connection)
        done = await forgetting.forget(ref, traces=traces, audit=line, home=home, finding=finding)
        deleted.counts.update(done.counts)
        deleted.cases += "rows" in done.counts
        return done.outcome in {ForgetOutcome.FORGOTTEN, ForgetOutcome.UNKNOWN}

    async def _left_over(self, found: PurgeSurvey, begun: AuditEntry, deleted: PurgeResult) -> None:
        """What was written while the cases went: cases that came back, and what no row leads to."""
        forgetting, districts = CaseForgetting(self.stores.connection), DistrictForgetting(self.stores.connection)
        target = found.target
        for _ in range(_ROUNDS):
            traces = await forgetting.traces(target.has)
            refs = {*traces, *(await districts.cases(target.district) if target.is_district else ())}
            refs -= set(deleted.held)
            if not refs:
                break
            await self._cases(sorted(refs), traces, begun, deleted)
        meant = [target.district] if target.is_district else target.refs
        if astray := await forgetting.forget_tickets(meant):
            deleted.counts["tickets"] += astray

    async def _deliveries(self, found: PurgeSurvey, begun: AuditEntry, deleted: PurgeResult) -> None:
        search = DeliverySearch(self.stores.connection, self.stores.keyring)
        for delivery in found.deliveries.waiting:
            line = self._line(AuditAct.DISCARDED, begun, piece=f"delivery/{delivery}")
            deleted.deliveries += await search.discard(delivery, line)
        for delivery in found.deliveries.set_aside:
            line = self._line(AuditAct.DISCARDED, begun, piece=f"delivery/{delivery}")
            outcome = await self.stores.parked.discard(f"delivery/{delivery}", self.stores.clock(), audit=line)
            deleted.deliveries += outcome is DecisionOutcome.DONE

    async def _rest(self, found: PurgeSurvey, begun: AuditEntry, deleted: PurgeResult) -> None:
        districts, name = DistrictForgetting(self.stores.connection), found.target.district
        line = self._line(AuditAct.PURGED, begun, piece=name)
        deleted.rest.update(await districts.forget(name, await districts.scans(name), line))

    async def _names(self, found: PurgeSurvey, deleted: PurgeResult) -> None:
        names = AuditNames(self.stores.connection)
        if not (await names.lines_about(found.target.has)).with_names:
            return
        try:
            deleted.names = await names.delete(found.target.has)
        except StoreRefuses:
            deleted.names_refused = True

    def _line(self, act: AuditAct, begun: AuditEntry, *, case: str = "", piece: str = "") -> bytes:
        entry = self.stores.audit.entry(act, self.who, piece=piece, of=begun.id)
        return self.stores.audit.line(replace(entry, case=case))


def summed(counts: Mapping[str, int], rest: Mapping[str, int]) -> dict[str, int]:
    """Entries by kind, of cases and of the district together."""
    return dict(sorted((Counter(counts) + Counter(rest)).items()))
