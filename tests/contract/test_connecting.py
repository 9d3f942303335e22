"""What is tried again on the way to a tracker, and within which time, over real HTTP."""

from collections.abc import Iterator

import httpx2
import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from remediation.trackers.connecting import RepeatingAdapter
from sandbox.wire.server import serve

TIMEOUTS = (1.0, 2.0)
"""Seconds for connecting and for the answer."""


class Clock:
    """Goes on by so many seconds each time that somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def address() -> Iterator[str]:
    with serve(Starlette(routes=[Route("/", lambda _: Response("an answer"), methods=["GET", "POST"])])) as address:
        yield address


@pytest.fixture
def session(clock: Clock) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", RepeatingAdapter(2, clock=clock))
        yield session


def fault(address: str, kind: str, **order: object) -> None:
    httpx2.post(f"{address}/_sandbox/faults", json={"kind": kind, **order}, trust_env=False).raise_for_status()


def sent(address: str) -> int:
    return len(httpx2.get(f"{address}/_sandbox/requests", trust_env=False).json())


@pytest.mark.parametrize(("spent", "count"), [(0.0, 2), (1.0, 2), (1.1, 1), (9.0, 1)])
def test_a_read_is_repeated_only_where_half_its_time_is_left(
    session: requests.Session, clock: Clock, address: str, spent: float, count: int
) -> None:
    fault(address, "hang_up", times=None)
    clock.step = spent
    with pytest.raises(requests.ConnectionError):
        session.get(address, timeout=TIMEOUTS)
    assert sent(address) == count


def test_a_repeated_read_ends_within_the_time_of_one(session: requests.Session, clock: Clock, address: str) -> None:
    fault(address, "hang_up")
    fault(address, "slow", seconds=1.5)
    clock.step = 1.0
    with pytest.raises(requests.RequestException):
        session.get(address, timeout=TIMEOUTS)
    assert session.get(address, timeout=TIMEOUTS).ok


def test_what_has_no_answer_in_time_is_not_repeated(session: requests.Session, address: str) -> None:
    fault(address, "slow", seconds=0.3, times=None)
    with pytest.raises(requests.RequestException):
        session.get(address, timeout=(1.0, 0.1))
    assert sent(address) == 1


def test_what_has_no_limit_is_not_repeated(session: requests.Session, address: str) -> None:
    fault(address, "hang_up")
    with pytest.raises(requests.ConnectionError):
        session.get(address)
    assert sent(address) == 1


def test_a_write_is_never_repeated(session: requests.Session, address: str) -> None:
    fault(address, "hang_up")
    with pytest.raises(requests.ConnectionError):
        session.post(address, timeout=TIMEOUTS)
    assert sent(address) == 1


def test_a_half_answer_is_not_repeated(session: requests.Session, address: str) -> None:
    fault(address, "half")
    with pytest.raises(requests.RequestException):
        session.get(address, timeout=TIMEOUTS)
    assert sent(address) == 1
