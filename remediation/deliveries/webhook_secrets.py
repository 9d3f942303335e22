"""Webhook secrets as values: their ids, their ends, and the keys that Standard Webhooks derives from them.

Pure. A secret's id is ours (or the name of its variable or file): it may be counted, stored and shown; the secret may
not.
"""

import base64
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

STANDARD_PREFIX = "whsec_"
"""How the secrets of Standard Webhooks begin. Stripe's begin in the same way, and are used as they are."""

_BASE64 = re.compile(r"([A-Za-z0-9+/]*)={0,2}")
_GROUP = 4
"""Base64 comes in groups of four characters; a group of one encodes nothing."""


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """One secret of a sender. From `ends_at` (Unix seconds) on it verifies nothing."""

    id: str
    value: str = field(repr=False)
    ends_at: float = math.inf

    def counts_at(self, now: float) -> bool:
        """Whether it verifies at `now` (Unix seconds)."""
        return now < self.ends_at


def end_of(day: date | None) -> float:
    """The moment (Unix seconds) at which a last day ends in UTC: midnight after it. Infinite for None."""
    if day is None:
        return math.inf
    return datetime.combine(day, time(), UTC).timestamp() + timedelta(days=1).total_seconds()


def standard_key(secret: str) -> bytes | None:
    """The bytes that stand in base64 behind `whsec_`, with or without padding.

    None where the secret does not begin so, or has no base64 there. The libraries of Standard Webhooks for Python and
    PHP skip characters that are not base64, and so get another key than a person expects; those for Go, Rust and Elixir
    refuse such a secret, as this does.
    """
    written = _BASE64.fullmatch(secret.removeprefix(STANDARD_PREFIX)) if secret.startswith(STANDARD_PREFIX) else None
    if written is None or len(written[1]) % _GROUP == 1:
        return None
    return base64.b64decode(written[1] + "=" * (-len(written[1]) % _GROUP))
