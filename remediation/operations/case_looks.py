"""A person has a case looked at now: what is parked of it is taken up again, and a worker is asked to look."""

from remediation.operations.stores import OperationStores
from remediation.read_model.cases.retries import CaseRetry
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.entries import LookCause
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.parked import MOST_REPLAYS


async def look_again(stores: OperationStores, found: CaseRetry, who: str, *, again: bool = False) -> None:
    """Take up what is parked of the case, and mark it: each with its line of the audit. Raises StoreUnavailable.

    `again` lifts the limit on replays.
    """
    audit, ref, most = stores.audit, found.key.ref, None if again else MOST_REPLAYS
    first = audit.entry(AuditAct.RETRY, who, piece=ref, choice=f"case retry {ref}", count=len(found.taken_up))
    await audit.note(first)
    try:
        for each in found.taken_up:
            line = audit.line(audit.entry(AuditAct.REPLAYED, who, piece=each.name, of=first.id))
            await stores.parked.replay(each.name, stores.clock(), most=most, audit=line)
        await Todo(stores.connection).mark([(found.key, None)], stores.clock(), LookCause.PERSON)
    finally:
        await audit.chain()
