"""How many deliveries a sender may bring, as people write it: `delivery_limit: {rate: 20/s, burst: 200}`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from remediation.deliveries.events import DeliveryLimit
from remediation.mapping.config.words import Written

_WRITTEN = re.compile(r"([1-9][0-9]{0,5})/([sm])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1)}

_USUAL_BURST = timedelta(seconds=10)
"""Without a word, a sender may catch up at once on what it could have brought in so long."""


def interval_of(value: object) -> timedelta:
    """The time from one delivery to the next at the rate that is written; a timedelta is given back.

    ValueError says what is allowed.
    """
    if isinstance(value, timedelta):
        return value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError("must be a whole number of deliveries a second or a minute: 20/s or 600/m")
    return _UNITS[written[2]] / int(written[1])


Interval = Annotated[timedelta, BeforeValidator(interval_of, json_schema_input_type=str)]


class LimitWords(Written):
    """How many deliveries one sender may bring; those above it are answered 503, and their sender comes again."""

    rate: Interval = Field(description="How many there may be on average.")
    burst: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        strict=True,
        description="How many there may be at once after a quiet time; else what the rate gives in ten seconds.",
    )

    @property
    def limit(self) -> DeliveryLimit:
        """The limit that it stands for."""
        return DeliveryLimit(self.rate.total_seconds(), self.burst or max(1, _USUAL_BURST // self.rate))
