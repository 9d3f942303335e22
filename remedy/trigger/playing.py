"""Playing one event: a drill with all that belongs to it, or something that SchoolScan really has."""

from collections.abc import Callable
from dataclasses import dataclass, field

from remediation.domain.cases.records import CaseKey, Link
from remediation.domain.findings import Finding
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.standings import Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.deliveries.inbox import DeliveryState
from remedy.parked.selection import Stores
from remedy.reconcile.report import Tally, outcome_lines, outcome_word
from remedy.reconcile.wait import CaseWaiter
from remedy.runtime.failures import ExitCode
from remedy.send import ReceiverAnswer
from remedy.trigger.delivering import Event, Sending, must_run, read_by_workers
from remedy.trigger.drill import DrillRun, drills_left

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PlayOrder:
    """What is to be played. `drill` is the test finding, `key` its case or a real finding's; None for a scan.

    `trackers` are those in which the drill gets tickets by the rules.
    """

    district: str
    event: Event
    sending: Sending
    key: CaseKey | None = None
    drill: Finding | None = None
    trackers: frozenset[str] = frozenset()


@dataclass(slots=True)
class Outcome:
    """What came of it. `left` are tickets of a test that are still open; `is_clean` is None for what is real."""

    what: str
    case: str = ""
    answer: ReceiverAnswer | None = None
    tickets: list[Link] = field(default_factory=list)
    left: list[Link] = field(default_factory=list)
    is_clean: bool | None = None
    is_kept: bool = False
    trouble: str = ""
    code: ExitCode = ExitCode.DONE

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        if self.answer is not None and self.answer.exit_code is not ExitCode.DONE:
            return self.answer.exit_code
        is_bad = self.trouble or (self.is_clean is False and not self.is_kept)
        return ExitCode.FAILED if is_bad and self.code is ExitCode.DONE else self.code


async def play(stores: Stores, order: PlayOrder, *, patience: float, keep: bool, who: str, say: Say) -> Outcome:
    """Play it to its end. Raises ConfigurationError where nobody would do anything, and TryLater without a receiver."""
    await must_run(stores.connection, stores.clock())
    choice = f"trigger {order.event.words}"
    await stores.audit.note(
        stores.audit.entry(AuditAct.SEND, who, piece=order.sending.event_id, choice=choice, count=1)
    )
    if order.drill is not None and order.key is not None:
        run = DrillRun(stores, order.key, patience, say, order.trackers)
        return await _drilled(run, order, order.drill, keep=keep, say=say)
    return await _delivered(stores, order, patience, say)


async def _drilled(run: DrillRun, order: PlayOrder, drill: Finding, *, keep: bool, say: Say) -> Outcome:
    """Whatever ends this, the drill is cleaned up, unless the tickets are to be kept and were opened."""
    outcome, is_kept = Outcome(order.event.words, run.result.key.ref), False
    await run.begin(drill)
    try:
        outcome.answer = await _sent(order.sending, say)
        if outcome.answer.exit_code is ExitCode.DONE:
            await run.follow()
            is_kept = keep and not run.result.trouble
    finally:
        if not is_kept:
            say("Cleaning up: the test finding is resolved, and workers close its tickets.")
            await run.clean_up()
    result = run.result
    outcome.tickets, outcome.left, outcome.trouble = result.tickets, result.left, result.trouble
    outcome.is_clean, outcome.is_kept = result.is_clean, is_kept
    return outcome


async def _delivered(stores: Stores, order: PlayOrder, patience: float, say: Say) -> Outcome:
    """A real finding or scan: its delivery is followed, and for a finding its look."""
    outcome = Outcome(order.event.words, order.key.ref if order.key else "")
    begun = await Timeline(stores.connection).now()
    outcome.answer = await _sent(order.sending, say)
    if outcome.answer.exit_code is not ExitCode.DONE:
        return outcome
    try:
        state = await read_by_workers(stores.connection, order.sending.row, patience)
    except TimeoutError:
        outcome.trouble, outcome.code = f"no worker had read it after {patience:.0f} s", ExitCode.UNREACHABLE
        return outcome
    say(f"The delivery was read: {state}.")
    if state not in {DeliveryState.DONE, DeliveryState.IGNORED}:
        outcome.trouble = f"the delivery is {state}: remedy parked list says why"
    elif order.key is not None:
        await _followed(stores, order.key, begun, patience, outcome, say)
    else:
        say("remedy listen shows what follows from it.")
    return outcome


async def _followed(stores: Stores, key: CaseKey, begun: str, patience: float, outcome: Outcome, say: Say) -> None:
    connection = stores.connection
    waiter = CaseWaiter(Standings(connection), Timeline(connection), begun, patience, stores.clock, say)
    (ended,) = [each async for each in waiter.outcomes([key.ref])]
    for line in list(outcome_lines(ended)) or [f"{ended.ref}: at rest, and nothing was to be done"]:
        say(line)
    tally = Tally()
    tally.add(outcome_word(ended))
    outcome.code = next(iter(tally.codes), ExitCode.DONE)


async def _sent(sending: Sending, say: Say) -> ReceiverAnswer:
    answer = await sending.send()
    say(f"POST {sending.delivery.url} ({sending.event_id}): {answer.status}, {answer.meaning}")
    return answer


async def clean_up_all(stores: Stores, patience: float, who: str, say: Say) -> list[Outcome]:
    """End every drill that was left, each with its line of the audit."""
    outcomes = []
    for drill in await drills_left(stores):
        ref = drill.key.ref
        await stores.audit.note(stores.audit.entry(AuditAct.SEND, who, piece=ref, choice="trigger --clean-up", count=0))
        say(f"{ref}: left by an earlier test")
        run = DrillRun(stores, drill.key, patience, say)
        await run.clean_up()
        result = run.result
        outcomes.append(Outcome(ref, ref, None, result.tickets, result.left, result.is_clean))
    return outcomes
