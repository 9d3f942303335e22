"""Playing one event: a drill with all that belongs to it, or something that SchoolScan really has."""

from dataclasses import dataclass

from remediation.domain.cases.records import CaseKey
from remediation.domain.findings import Finding
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.standings import Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remedy.reconcile.report import Tally, outcome_lines, outcome_word
from remedy.reconcile.wait import CaseWaiter
from remedy.runtime.failures import ExitCode
from remedy.send import ReceiverAnswer
from remedy.trigger.delivering import Event, Sending, must_run, read_by_workers
from remedy.trigger.drill import DrillRun, drills_left
from remedy.trigger.outcomes import Outcome, TriggerContext


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


async def play(context: TriggerContext, order: PlayOrder, *, keep: bool) -> Outcome:
    """Play it to its end. Raises ConfigurationError where nobody would do anything, and TryLater without a receiver."""
    stores = context.stores
    await must_run(stores.connection, stores.clock())
    choice = f"trigger {order.event.words}"
    await stores.audit.note(
        stores.audit.entry(AuditAct.SEND, context.who, piece=order.sending.event_id, choice=choice, count=1)
    )
    if order.drill is not None and order.key is not None:
        run = DrillRun(context, order.key, order.event.words, order.trackers)
        return await _drilled(context, run, order.sending, order.drill, keep=keep)
    return await _delivered(context, order)


async def _drilled(context: TriggerContext, run: DrillRun, sending: Sending, drill: Finding, *, keep: bool) -> Outcome:
    """Whatever ends this, the drill is cleaned up, unless the tickets are to be kept and were opened."""
    outcome = run.outcome
    await run.begin(drill)
    try:
        outcome.answer = await _sent(context, sending)
        if outcome.answer.exit_code is ExitCode.DONE:
            await run.follow()
            outcome.is_kept = keep and not outcome.trouble
    finally:
        if not outcome.is_kept:
            context.say("Cleaning up: the test finding is resolved, and workers close its tickets.")
            await run.clean_up()
    return outcome


async def _delivered(context: TriggerContext, order: PlayOrder) -> Outcome:
    """A real finding or scan: its delivery is followed, and for a finding its look."""
    stores, patience = context.stores, context.patience
    outcome = Outcome(order.event.words, order.key.ref if order.key else "")
    begun = await Timeline(stores.connection).now()
    outcome.answer = await _sent(context, order.sending)
    if outcome.answer.exit_code is not ExitCode.DONE:
        return outcome
    try:
        state = await read_by_workers(Inbox(stores.connection, stores.keyring), order.sending.row, patience)
    except TimeoutError:
        outcome.trouble, outcome.code = f"no worker had read it after {patience:.0f} s", ExitCode.UNREACHABLE
        return outcome
    context.say(f"The delivery was read: {state}.")
    if state not in {DeliveryState.DONE, DeliveryState.IGNORED}:
        outcome.trouble = f"the delivery is {state}: remedy parked list says why"
    elif order.key is not None:
        await _followed(context, order.key, begun, outcome)
    else:
        context.say("remedy listen shows what follows from it.")
    return outcome


async def _followed(context: TriggerContext, key: CaseKey, begun: str, outcome: Outcome) -> None:
    connection, clock = context.stores.connection, context.stores.clock
    waiter = CaseWaiter(Standings(connection), Timeline(connection), begun, context.patience, clock, context.say)
    (ended,) = [each async for each in waiter.outcomes([key.ref])]
    for line in list(outcome_lines(ended)) or [f"{ended.ref}: at rest, and nothing was to be done"]:
        context.say(line)
    tally = Tally()
    tally.add(outcome_word(ended))
    outcome.code = next(iter(tally.codes), ExitCode.DONE)


async def _sent(context: TriggerContext, sending: Sending) -> ReceiverAnswer:
    answer = await sending.send()
    context.say(f"POST {sending.delivery.url} ({sending.event_id}): {answer.status}, {answer.meaning}")
    return answer


async def clean_up_all(context: TriggerContext) -> list[Outcome]:
    """End every drill that was left. Raises ConfigurationError where there is one, and no worker runs."""
    stores = context.stores
    left = await drills_left(stores)
    if left:
        await must_run(stores.connection, stores.clock(), frozenset({"worker"}))
    return [await _ended(context, each.key) for each in left]


async def _ended(context: TriggerContext, key: CaseKey) -> Outcome:
    """End a drill that was left, with a line of the audit."""
    audit = context.stores.audit
    await audit.note(audit.entry(AuditAct.SEND, context.who, piece=key.ref, choice="trigger --clean-up", count=0))
    context.say(f"{key.ref}: left by an earlier test")
    run = DrillRun(context, key, key.ref)
    await run.take_over()
    await run.clean_up()
    return run.outcome
