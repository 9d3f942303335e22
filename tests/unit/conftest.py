"""What holds for every unit test: it reaches no network and starts no process."""

import sys
from collections.abc import Iterator

import pytest

# Importing pysnow runs ldconfig and tries IPv6: that comes before the guard is on, whichever test needs it first.
import remediation.trackers.servicenow.client  # noqa: F401
from tests.unit.guard import Guard

GUARD = Guard()
sys.addaudithook(GUARD)  # for good: the interpreter takes no hook back


@pytest.fixture(autouse=True)
def guard() -> Iterator[Guard]:
    """Fails a test that opens a socket or starts a process, even if the test does not notice."""
    GUARD.on = True
    yield GUARD
    GUARD.on = False
    tried, GUARD.tried = GUARD.tried, []
    assert tried == []
