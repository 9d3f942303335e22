"""The remedy command: the composition root of every process.

This file is imported before everything else of the command, so that an unsupported Python prints what to do instead of
failing during an import. So nothing in it needs more than Python 3.6.
"""

import sys

OLDEST, NEWEST = (3, 11), (3, 14)
"""The supported Pythons; `requires-python` in pyproject.toml says the same to pip."""


def unsuitable(version: "tuple[int, int]") -> str:
    """What is wrong with a Python of this version, and what to do; empty where it is supported."""
    if OLDEST <= version <= NEWEST:
        return ""
    oldest, newest, this = (".".join(map(str, each)) for each in (OLDEST, NEWEST, version))
    return (
        f"error: remedy takes Python {oldest} to {newest}, and {sys.executable} is {this}. Install it into a virtual "
        "environment of one of those; in its repository, `make setup` makes one."
    )


_problem = unsuitable(sys.version_info[:2])
if _problem:
    sys.stderr.write(_problem + "\n")
    sys.exit(2)  # as ExitCode.CONFIGURATION
