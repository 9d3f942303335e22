"""Webhook secrets as values: what each is called, until when it counts, and the key that Standard Webhooks makes of it.

Pure. A secret's id is ours (or the name of its variable or file): it may be counted, stored and shown, the secret not.
"""

import base64
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

STANDARD_PREFIX = "whsec_"
"""How the secrets of Standard Webhooks begin; Stripe's begin so, too, and are used as they stand."""

_BASE64 = re.compile(r"([A-Za-z0-9+/]*)={0,2}")
_GROUP = 4
"""Characters of base64 that go together; a rest of one is nothing."""


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """One secret of a sender. At `ends_at` (Unix seconds) and later it verifies nothing any more."""

    id: str
    value: str = field(repr=False)
    ends_at: float = math.inf

    def counts_at(self, now: float) -> bool:
        """Whether it verifies at `now` (Unix seconds)."""
        return now < self.ends_at


def end_of(day: date | None) -> float:
    """The moment (Unix seconds) at which a last day is over in UTC: midnight after it. Never, for none."""
    if day is None:
        return math.inf
    return datetime.combine(day, time(), UTC).timestamp() + timedelta(days=1).total_seconds()


def standard_key(secret: str) -> bytes | None:
    """The bytes behind `whsec_`, with or without padding, as libraries of Standard Webhooks read them.

    None where the secret has not that beginning, or is no base64 after it. Theirs in Python and PHP pass over what is
    no base64, and so come to another key than a person thinks; those in Go, Rust and Elixir refuse it, as this does.
    """
    written = _BASE64.fullmatch(secret.removeprefix(STANDARD_PREFIX)) if secret.startswith(STANDARD_PREFIX) else None
    if written is None or len(written[1]) % _GROUP == 1:
        return None
    return base64.b64decode(written[1] + "=" * (-len(written[1]) % _GROUP))
