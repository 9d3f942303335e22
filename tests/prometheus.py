"""Debian's Prometheus for tests: the machine's own, or one that is unpacked beside it."""

import shutil

import pytest

from tests.debian import laid_out

PACKAGE = "prometheus"


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; skips the test where there is none and none can be had."""
    found = shutil.which(name) or _unpacked(name)
    if found is None:
        pytest.skip(f"needs {name} of Debian's package {PACKAGE}, which is not on this machine and cannot be had")
    return found


def _unpacked(name: str) -> str | None:
    folder = laid_out(PACKAGE)
    path = folder / "usr" / "bin" / name if folder else None
    return str(path) if path and path.exists() else None
