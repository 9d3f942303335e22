"""Python's garbage collector, told what need not be looked at again and again."""

import gc

_YOUNG = 10_000
"""New objects after which the youngest are looked at. Python's own number is 700: about ten deliveries."""


def leave_alone_what_stays() -> None:
    """Once a process is ready: collect what its start has left, and never look again at what is there now.

    Nearly all of it lives as long as the process. What becomes garbage of it is still freed at once, except for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
