"""What waits in the store and for how long, what was set aside, and whether our keys open it."""

from collections.abc import Iterator
from typing import get_args

from remediation.deliveries.events import SCHOOLSCAN
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble, well
from remediation.read_model.cases.words import WAITING_MENDS, time_words, waiting_words
from remediation.read_model.status.levels import LONG_QUEUE, SILENT_SECONDS, UNREAD_SECONDS, WAITING_SECONDS
from remediation.read_model.wording import by_count, count_words, span_words
from remediation.sealing import Keyring
from remediation.store.budgets.learned import Access, BudgetFigures, Budgets
from remediation.store.deliveries.inbox import MostKept
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.sealed import SealedUnder, feeds_not_renewed, sealed_under
from remediation.store.deliveries.set_aside import KeptAside, what_is_kept
from remediation.store.figures import Figures, read_figures
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems, SystemTrouble

ROOM_SECONDS = 7 * 86_400
"""For how long it is told that something was deleted to make room."""

_MOST_ACCOUNTS = 5


async def look_at_work(connection: Connection, now: float) -> list[Diagnosis]:
    """Ages and counts at `now` (Unix seconds). Raises StoreUnavailable."""
    figures = await read_figures(connection, now)
    troubles = await Systems(connection).in_trouble()
    return [
        _unread(figures, now),
        _cases(figures, now),
        _queue(figures),
        *_parked(figures),
        *_limits(await what_is_kept(connection), now),
        *_senders(figures, now),
        *map(_waited_for, troubles),
        *map(_budget, await Budgets(connection).figures(now)),
    ]


async def look_at_seals(connection: Connection, keyring: Keyring) -> list[Diagnosis]:
    """Whether what rests in the store can be opened. Raises StoreUnavailable."""
    found = await sealed_under(connection, keyring)
    count = sum(each.count for each in found)
    former = await _former_keys(connection, keyring, found) if len(keyring.key_ids) > 1 else ""
    return ordinary("sealed data", f"{count} looked at, and our keys open them{former}", *_seals(found))


async def _former_keys(connection: Connection, keyring: Keyring, found: list[SealedUnder]) -> str:
    """What is still sealed with other keys than the first, in words: who wants to retire one must know."""
    uses = [f"{each.count} with {each.key_id}" for each in found if each.key_id in keyring.key_ids[1:]]
    uses += [
        f"incidents of {feed} are sealed anew within a day" for feed in await feeds_not_renewed(connection, keyring)
    ]
    return f"; {'; '.join(uses)}" if uses else f"; with {keyring.key_ids[0]} alone"


def _seals(found: list[SealedUnder]) -> Iterator[Diagnosis]:
    for each in found:
        if each.opens is None:
            says = f"{each.count} sealed with {each.key_id}, which is not in DATA_KEYS"
            yield trouble(Code.DATA_KEY_FOREIGN, "sealed data", says)
        elif not each.opens:
            says = f"{each.count} sealed with another key than the {each.key_id} in DATA_KEYS"
            yield trouble(Code.DATA_KEY_WRONG, "sealed data", says)


def _unread(figures: Figures, now: float) -> Diagnosis:
    what, age = "unread deliveries", now - (figures.oldest_unread or now)
    if age > UNREAD_SECONDS:
        says = f"{figures.unread:,}; the oldest waits for {span_words(age)}"
        return trouble(Code.DELIVERIES_UNREAD, what, says)
    return well(what, f"{figures.unread:,}")


def _cases(figures: Figures, now: float) -> Diagnosis:
    what, age = "cases that wait", now - (figures.oldest_dirty or now)
    says = f"{figures.dirty:,}, {figures.put_off:,} of them put off"
    if age > WAITING_SECONDS:
        return trouble(Code.CASES_WAITING, what, f"{says}; the oldest waits for {span_words(age)}")
    return well(what, says)


def _budget(budget: BudgetFigures) -> Diagnosis:
    what, waiting = f"limit of {budget.system}", _waiting_words(budget.waiting)
    if not budget.limit:
        return well(what, f"it told none and refuses for now ({budget.access}), {waiting}")
    unit = f"{budget.access}s left" if budget.access in get_args(Access) else f"requests left ({budget.access})"
    return well(what, f"{budget.left:,} of {budget.limit:,} {unit}, {waiting}")


def _waiting_words(count: int) -> str:
    return f"{count_words(count, 'case')} {by_count(count, 'waits for its', 'wait for their')} turn"


def _queue(figures: Figures) -> Diagnosis:
    says = f"{figures.due:,} due, {figures.running:,} in hand"
    return trouble(Code.QUEUE_LONG, "queue", says) if figures.due >= LONG_QUEUE else well("queue", says)


def _parked(figures: Figures) -> Iterator[Diagnosis]:
    unreadable = figures.parked_kinds.get(ParkedKind.QUARANTINED, 0)
    others = {kind: count for kind, count in figures.parked_kinds.items() if kind != ParkedKind.QUARANTINED}
    if others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        says = f"{figures.parked - unreadable:,}: {kinds}"
        yield trouble(Code.PARKED, "parked", f"{says}; {_whose(figures)}")
    if unreadable:
        yield trouble(
            Code.QUARANTINED, "quarantined", f"{count_words(unreadable, 'delivery', 'deliveries')} that nobody can read"
        )
    if not figures.parked_kinds:
        yield well("parked", "nothing")


def _limits(kept: list[KeptAside], now: float) -> Iterator[Diagnosis]:
    """What somebody with a stolen webhook secret can bring, where it has reached its limit."""
    for each in kept:
        if each.kind == "quarantined" and each.count >= MostKept().quarantined:
            says = f"{each.count:,} of {each.account}: more are not accepted"
            yield trouble(Code.QUARANTINE_FULL, "quarantine", says)
        if each.last is not None and now - each.last < ROOM_SECONDS:
            says = f"{each.made_room:,} of {each.account} were deleted, the last at {time_words(each.last)} UTC"
            yield trouble(Code.NOT_FOUND_FULL, "findings that do not exist", says)


def _whose(figures: Figures) -> str:
    """Whose what is parked is, quarantined deliveries among it; a few, those with the most of it first."""
    most = sorted(figures.parked_accounts.items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(f"{count:,} of {name or 'nobody known'}" for name, count in most[:_MOST_ACCOUNTS])
    return f"{named} and {len(most) - _MOST_ACCOUNTS} more" if len(most) > _MOST_ACCOUNTS else named


def _senders(figures: Figures, now: float) -> Iterator[Diagnosis]:
    if not figures.accepted:
        yield well("last delivery", "none was ever accepted")
    for sender, at in sorted(figures.accepted.items()):
        what, says = f"last delivery of {sender}", f"{time_words(at)} UTC"
        is_silent = sender == SCHOOLSCAN.name and now - at > SILENT_SECONDS
        yield trouble(Code.DELIVERIES_SILENT, what, says) if is_silent else well(what, says)


def _waited_for(each: SystemTrouble) -> Diagnosis:
    """A system for which the workers have to wait, whatever it answers to us here and now."""
    cases = (
        f"{count_words(each.cases, 'case')} {by_count(each.cases, 'waits', 'wait')} for it"
        if each.cases
        else "no case waits for it yet"
    )
    says = f"{waiting_words(each)}; {cases}"
    return trouble(Code.SYSTEM_WAITED_FOR, f"waiting for {each.system}", says, WAITING_MENDS[each.waiting])
