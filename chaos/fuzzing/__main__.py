"""`python -m chaos.fuzzing <target> <arguments of libFuzzer>`: plays what a coverage-guided fuzzer makes up.

The only module that knows atheris, which tests do not need: scripts/fuzzer.sh installs it.
"""

import importlib
import logging
import sys

import atheris
import structlog

OURS = ["receiver", "remediation"]
"""Whose branches guide it."""


def main() -> None:
    """Does not come back: libFuzzer ends the process, with an exit code other than 0 where something was found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with atheris.instrument_imports(include=OURS):
        target = importlib.import_module("chaos.fuzzing.targets").TARGETS[sys.argv[1]]

    def played(data: bytes) -> None:
        target.play(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], played)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
