"""When to try again. Pure."""

import random

FIRST = 1.0
LONGEST = 900.0
"""Seconds. Something that is down for days is asked every quarter of an hour, and never given up."""


def delay(attempts: int, asked: float | None, chance: random.Random) -> float:
    """Seconds to wait after the given number of earlier attempts; at least what the other side asked for.

    Doubles from FIRST to LONGEST, the upper half of it by chance, so that many do not come back at once.
    """
    full: float = min(LONGEST, FIRST * 2 ** min(attempts, 20))
    own = full / 2 + chance.random() * full / 2
    return own if asked is None else max(own, asked + chance.random() * min(own, 2.0))
