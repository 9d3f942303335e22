"""A drill from its beginning to its end: a marked test finding, its delivery, its tickets, and their closing.

Wherever this process dies, `clean_up` ends what is left: the drill is kept before anything is sent, for 30 days at
most, and one day once it was taken back. Workers close its tickets, since they find the test finding resolved.
"""

from remediation.domain.actions import Verb
from remediation.domain.cases.records import CaseKey, CaseRecord, Link
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.tickets import TicketState
from remediation.operations.stores import OperationStores
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.entries import LookCause
from remediation.store.cases.todo import Todo
from remediation.store.drills import Drill, Drills
from remedy.trigger.outcomes import Outcome, TriggerContext
from remedy.trigger.watching import CaseWatch


class DrillRun:
    """Plays one drill, or ends one that was left. `trackers` are those in which it gets tickets by the rules."""

    def __init__(
        self, context: TriggerContext, key: CaseKey, what: str, trackers: frozenset[str] = frozenset()
    ) -> None:
        self._context = context
        self._key = key
        self._trackers = trackers
        self._stores = context.stores
        self._drills = Drills(context.stores.connection)
        self._watch = CaseWatch(context.stores.connection, key, context.say)
        self.outcome = Outcome(what, key.ref, is_clean=False)

    async def begin(self, finding: Finding) -> None:
        """Keep the test finding: from now on there is something to clean up."""
        await self._watch.begin()
        await self._drills.begin(self._key, finding, self._stores.clock())

    async def take_over(self) -> None:
        """Take over a drill that another command has left: what was told of it until now is no news."""
        await self._watch.begin()

    async def follow(self) -> None:
        """Wait for its tickets. Notes in the outcome what came of it."""
        patience = self._context.patience
        try:
            record = await self._watch.until(lambda each: self._is_open(each) or is_stuck(each), patience)
        except TimeoutError:
            record = await self._watch.record()
            waits = f"; it waits for {record.waits_for}" if record and record.waits_for else ""
            self.outcome.trouble = f"its tickets were not open after {patience:.0f} s{waits}"
        self.outcome.tickets = list(record.links.values()) if record else []
        if record is not None and record.undecided:
            refused = ", ".join(sorted(map(str, record.undecided)))
            self.outcome.trouble = f"refused, and parked: {refused}; remedy parked list says why"

    def _is_open(self, record: CaseRecord | None) -> bool:
        return record is not None and is_open(record) and self._trackers <= record.links.keys()

    async def clean_up(self) -> None:
        """Resolve the test finding, and wait until workers have closed its tickets. May be called again.

        A case at which nobody has looked has no tickets: a later look finds the finding resolved, and opens nothing.
        """
        await self._drills.end(self._key, self._stores.clock())
        if await self._watch.record() is None:
            self.outcome.is_clean = True
            return
        await Todo(self._stores.connection).mark([(self._key, None)], self._stores.clock(), LookCause.PERSON)
        try:
            record = await self._watch.until(lambda each: is_closed(each) or cannot_close(each), self._context.patience)
        except TimeoutError:
            record = await self._watch.record()
        self.outcome.is_clean = is_closed(record)
        self.outcome.tickets = list(record.links.values()) if record else self.outcome.tickets
        self.outcome.left = _left(record)
        if record is not None and self.outcome.is_clean:
            await self._give_up_parked(record)
        if not self.outcome.is_clean:
            self._context.say(_left_words(self.outcome.left))

    async def _give_up_parked(self, record: CaseRecord) -> None:
        """What was refused of a test finding is nobody's decision any more: the audit says who gave it up."""
        audit = self._stores.audit
        for action in sorted(map(str, record.undecided)):
            name = f"{record.key.ref}/{action}"
            entry = audit.entry(AuditAct.DISCARDED, self._context.who, piece=name, choice="trigger")
            await self._stores.parked.discard(name, self._stores.clock(), audit=audit.line(entry))
        await audit.chain()


async def drills_left(stores: OperationStores) -> list[Drill]:
    """The drills that were not taken back, or whose tickets are not all closed."""
    todo, left = Todo(stores.connection), []
    for each in await Drills(stores.connection).listed():
        record = await todo.record(each.key.ref)
        if each.over_at is None or (record is not None and not is_closed(record)):
            left.append(each)
    return left


def is_open(record: CaseRecord) -> bool:
    """Whether the drill's tickets are open, and the finding's status says so."""
    if record.intents or record.memory.doing or not record.links:
        return False
    has_all = record.links.keys() == record.memory.tickets.keys()
    return has_all and record.memory.finding is Status.REVIEWING


def is_stuck(record: CaseRecord | None) -> bool:
    """Whether something was refused, so that no ticket, or not every one, is opened."""
    return record is not None and bool(record.undecided) and not record.memory.doing


def is_closed(record: CaseRecord | None) -> bool:
    """Whether the drill is resolved, and every ticket of it is done.

    A ticket that may have been opened without an answer is none once the case has come to its end: it was searched for.
    """
    if record is None or record.memory.doing or record.memory.finding is not Status.RESOLVED:
        return False
    return not _left(record) and (not record.intents or record.ended is not None)


def cannot_close(record: CaseRecord | None) -> bool:
    """Whether closing a ticket was refused."""
    return record is not None and any(action.verb == Verb.RESOLVE for action in record.undecided)


def _left_words(left: list[Link]) -> str:
    """What is said of tickets that are left, also where the command was interrupted and says nothing else."""
    names = ", ".join(f"{link.ticket_key} in {link.tracker} ({link.url})" for link in left)
    still = f"still open: {names}" if left else "workers are not done with it"
    return f"Not all of it is cleaned up, {still}; remedy trigger --clean-up tries again."


def _left(record: CaseRecord | None) -> list[Link]:
    if record is None:
        return []
    states = record.memory.tickets
    return [link for name, link in record.links.items() if states.get(name) is not TicketState.DONE]
