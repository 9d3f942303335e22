"""When to try again. Pure."""

import random

FIRST = 1.0
LONGEST = 900.0
"""Seconds. Something that is down for days is asked every quarter of an hour, and never given up."""
LONGEST_UNNAMED = 86_400.0
"""The same where mappings.yaml does not name what is waited for: only a change of the file ends that."""


def delay(attempts: int, asked: float | None, chance: random.Random, longest: float = LONGEST) -> float:
    """Seconds to wait after the given number of earlier attempts; at least what the other side asked for.

    Doubles from FIRST to `longest`, the upper half of it by chance, so that many do not come back at once.
    """
    full: float = min(longest, FIRST * 2 ** min(attempts, 20))
    own = full / 2 + chance.random() * full / 2
    return own if asked is None else max(own, asked + chance.random() * min(own, 2.0))
