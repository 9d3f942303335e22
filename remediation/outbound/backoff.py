"""When to try again. Pure."""

import random

FIRST = 1.0
LONGEST = 900.0
"""Seconds between attempts. A system that is down for days is asked every quarter of an hour, and never given up."""
LONGEST_UNNAMED = 86_400.0
"""The same for what mappings.yaml does not name: only a change of the file ends that wait."""


def delay(attempts: int, asked: float | None, chance: random.Random, longest: float = LONGEST) -> float:
    """Seconds to wait after the given number of attempts; at least what the other side asked for.

    The wait doubles from FIRST to `longest`. Its upper half is random, so that many cases do not come back at once.
    """
    full: float = min(longest, FIRST * 2 ** min(attempts, 20))
    own = full / 2 + chance.random() * full / 2
    return own if asked is None else max(own, asked + chance.random() * min(own, 2.0))
