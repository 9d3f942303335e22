"""What people are told of parked work: in groups, piece by piece, and of what became of it. Pure."""

from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from remediation.domain.actions import ActionName
from remediation.store.audit.earlier import ParkedDecided
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.deliveries.parked import MOST_REPLAYS, DecisionOutcome, Parked, ParkedKind
from remediation.store.parked.groups import ParkedCommon
from remediation.store.parked.shapes import common_words

WHY_LEFT: Mapping[DecisionOutcome, str] = {
    DecisionOutcome.TOO_OFTEN: "replayed too often",
    DecisionOutcome.UNNAMED: "its tracker is not named",
}
"""Why a piece stays parked, in a few words."""

Grouping = Literal["error", "system", "action", "district"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """Pieces that have something in common: `name` says what, `words` are those of the newest piece."""

    name: str
    count: int
    words: str
    oldest: datetime
    newest: datetime
    attempts: int


def grouped(items: Iterable[Parked], by: Grouping) -> list[ParkedGroup]:
    """The groups, the largest first. Grouped by error, pieces have the same error, system, and words (ids excepted)."""
    found: dict[tuple[str, str], list[Parked]] = {}
    for item in items:
        words = common_words(item.words) if by == "error" else ""
        found.setdefault((group_name(item, by), words), []).append(item)
    groups = [_group(name, members) for (name, _), members in found.items()]
    return sorted(groups, key=lambda group: (-group.count, group.name))


def group_name(item: Parked | ParkedCommon, by: Grouping) -> str:
    """What a group is called to which this belongs; in brackets where it has no such word."""
    match by:
        case "error":
            return error_text(item)
        case "system":
            return item.system or "(ourselves)"
        case "action":
            return item.action or str(item.kind)
        case "district":
            return item.district or "(none)"


def _group(name: str, members: Sequence[Parked]) -> ParkedGroup:
    newest = max(members, key=lambda item: item.at)
    oldest = min(item.first_at for item in members)
    return ParkedGroup(name, len(members), newest.words, oldest, newest.at, sum(item.attempts for item in members))


def error_text(item: Parked | ParkedCommon) -> str:
    """The error in a few words: its class, its system, and the status."""
    return " ".join(str(part) for part in (item.error, item.system, item.status) if part)


def group_json(group: ParkedGroup) -> dict[str, Any]:
    """A group as an object for programs."""
    return {**asdict(group), "oldest": group.oldest.isoformat(), "newest": group.newest.isoformat()}


def piece_json(item: Parked) -> dict[str, Any]:
    """One piece as an object for programs, without its trace."""
    fields = {**asdict(item), "first_at": item.first_at.isoformat(), "at": item.at.isoformat()}
    del fields["trace"]
    return fields


def piece_facts(item: Parked) -> Iterator[tuple[str, str]]:
    """What there is to say of one piece: names of fields, and what they hold. Without its trace."""
    for field, value in piece_json(item).items():
        if value not in {"", None}:
            yield field, str(value)


def no_trace_words(item: Parked) -> str:
    """Why there is no trace of an error of our own; empty where an outside system refused."""
    return "" if item.system else f"{error_text(item)} was raised on purpose: there is no trace"


async def decisions_in(entries: AsyncIterable[AuditEntry]) -> AsyncIterator[ParkedDecided]:
    """The decisions about parked work among entries of the audit, newest first as these are.

    Each piece that was taken up again or given up has an entry of its own, which names the entry of the decision.
    """
    done: Counter[str] = Counter()
    async for entry in entries:
        if entry.act in {AuditAct.REPLAYED, AuditAct.DISCARDED}:
            done[entry.of] += 1
        elif entry.act in {AuditAct.REPLAY, AuditAct.DISCARD} or (entry.act == AuditAct.RETRY and entry.count):
            at = datetime.fromtimestamp(entry.at / 1000, tz=UTC)
            yield ParkedDecided(
                at, entry.by, entry.act, entry.choice, entry.count or 0, done[entry.id], is_chained=True
            )


def decision_json(decision: ParkedDecided) -> dict[str, object]:
    """A person's decision about parked work as an object for programs."""
    return {
        "at": decision.at.isoformat(),
        "who": decision.who,
        "what": decision.what,
        "choice": decision.choice,
        "count": decision.count,
        "done": decision.done,
        "chained": decision.is_chained,
    }


def why_not_replayed(item: Parked, gone: AbstractSet[str], *, again: bool = False) -> DecisionOutcome | None:
    """Why a piece is not replayed: its tracker is among those that are `gone`, or it came back too often.

    None: it is. `gone` are those that no worker's mappings.yaml names; `again` lifts the limit on replays.
    """
    if item.kind is ParkedKind.ACTION and ActionName.parse(item.action).tracker in gone:
        return DecisionOutcome.UNNAMED
    return DecisionOutcome.TOO_OFTEN if not again and item.replays >= MOST_REPLAYS else None


def left_words(outcome: DecisionOutcome) -> str:
    """What became of a piece that stays as it is, and what would help; empty where it was done."""
    match outcome:
        case DecisionOutcome.DONE:
            return ""
        case DecisionOutcome.MISSING:
            return "not parked"
        case DecisionOutcome.UNNAMED:
            return (
                "left: mappings.yaml does not name its tracker. "
                "Name it again, or under formerly of the tracker that it is now; discard it if it is gone for good"
            )
        case DecisionOutcome.TOO_OFTEN:
            return (
                f"left: replayed {MOST_REPLAYS} times within thirty days and parked again each time. "
                "Mend what keeps it from working"
            )


def minute_words(moment: datetime) -> str:
    """A time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
