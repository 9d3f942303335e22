"""Deliveries as people are told of them: those that were accepted, and beside them what was refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.cases.entries import moment
from remediation.store.deliveries.listing import ListedDelivery
from remediation.store.deliveries.refused import RefusedDeliveries

REASONS = {
    "signature": "its signature does not verify",
    "unknown_district": "no district has this address",
    "unknown_tracker": "no tracker with a webhook has this address",
    "BodyTooLarge": "its body is larger than MAX_BODY_BYTES",
    "BodyTooSlow": "its body did not come within BODY_DEADLINE",
    "MediaTypeRefused": "it is not JSON in UTF-8",
    "OverLimit": "the account's delivery limit is used up",
    "QuarantineFull": "as many as are kept of this account cannot be read",
    "FirstLooksFull": "as many cases as are kept of this account wait for their first look",
    "StoreUnavailable": "Redis did not take it",
    "StoreRefuses": "Redis did not take it",
    "OutOfTime": "the receiver was stopping",
}
"""Why a delivery was refused, by the reason in metrics and logs; other reasons are words of HTTP."""

_SEEN = {
    "none": "it had none",
    "several": "it had several",
    "other": "it is in no known format",
    "untimed": "it holds, and has no signed time, which others of the account had",
}


ACCEPTED_COLUMNS = ("at", "account", "state", "delivery", "request_id")
REFUSED_COLUMNS = ("at", "account", "state", "status", "reason", "seen", "count", "first")
"""The columns of the two kinds of rows, for tables."""


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery that was accepted, or those of one kind and day that were refused. `at` is in Unix seconds."""

    at: float
    state: str
    path: str
    says: str
    shown: dict[str, Any]


def delivery_lines(
    accepted: Iterable[ListedDelivery], refused: Iterable[RefusedDeliveries], limit: int
) -> list[DeliveryLine]:
    """The newest `limit` of both, newest first."""
    lines = [*map(_accepted_line, accepted), *map(_refused_line, refused)]
    return sorted(lines, key=lambda line: -line.at)[:limit]


def _accepted_line(each: ListedDelivery) -> DeliveryLine:
    request = f", request {each.request_id}" if each.request_id else ""
    return DeliveryLine(each.at, each.state, each.path, f"{each.id}{request}", accepted_row(each))


def accepted_row(each: ListedDelivery) -> dict[str, Any]:
    """A delivery that was accepted, for programs, with ACCEPTED_COLUMNS."""
    return {
        "at": moment(each.at).isoformat(),
        "account": each.path,
        "state": each.state,
        "delivery": each.id,
        "request_id": each.request_id or None,
    }


def _refused_line(each: RefusedDeliveries) -> DeliveryLine:
    times = f"{count_words(each.count, 'time')} since {time_words(each.first)}" if each.count > 1 else "once"
    says = f"{each.kind.status}, {refusal_words(each)}; {times}"
    return DeliveryLine(each.last, "refused", path_of(each), says, refused_row(each))


def refused_row(each: RefusedDeliveries) -> dict[str, Any]:
    """Deliveries of one kind and day that were refused, for programs, with REFUSED_COLUMNS."""
    return {
        "at": moment(each.last).isoformat(),
        "account": path_of(each),
        "state": "refused",
        "status": each.kind.status,
        "reason": each.kind.reason,
        "seen": each.kind.seen or None,
        "count": each.count,
        "first": moment(each.first).isoformat(),
    }


def path_of(each: RefusedDeliveries) -> str:
    """Whose the deliveries claimed to be; `unknown` where their address is nobody's."""
    kind = each.kind
    return kind.account if kind.sender == kind.account else f"{kind.sender}/{kind.account}"


def refusal_words(each: RefusedDeliveries) -> str:
    """Why they were refused, and what their signature looked like."""
    seen = each.kind.seen
    looked = f" ({_SEEN.get(seen, f'it looks like {seen}')})" if seen else ""
    return f"{REASONS.get(each.kind.reason, each.kind.reason.replace('_', ' '))}{looked}"
