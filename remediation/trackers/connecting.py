"""What is tried again by itself on the way to a tracker, and what never is."""

import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import Retry

_READS = frozenset({"GET", "HEAD"})


class RepeatingAdapter(HTTPAdapter):
    """Tries to connect `attempts` times, and repeats a read once whose connection broke before there was an answer.

    A server, or something in between, may have closed a connection that we kept for the next request. urllib3 sees
    that before it sends, and dials anew; but where the close comes just then, or was never told to us, the request
    breaks. A write is not repeated: nobody knows whether it arrived. Nor is what had no answer in time.

    The repetition has what the broken read left of its time, and there is none where that is less than half: so both
    together take no longer than one request may. A wait that the server asks for is not slept in a thread.
    """

    def __init__(self, attempts: int, *, connections: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        again = attempts - 1
        only_connecting = Retry(
            total=again, connect=again, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False
        )
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=only_connecting)
        self._clock = clock

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """The answer. `timeout` is a pair in seconds, for connecting and for the answer; without, nothing is repeated.

        Raises what HTTPAdapter raises: of a read that was repeated, what became of the repetition.
        """
        began = self._clock()
        try:
            return super().send(request, *args, **options)
        except requests.ConnectionError as error:
            left = _left_of(options.get("timeout"), self._clock() - began)
            if request.method not in _READS or left is None or not _broke(error):
                raise
        return super().send(request, *args, **options | {"timeout": left})


def _left_of(timeout: object, spent: float) -> tuple[float, float] | None:
    """The limits for a repetition after so many seconds; None where it is not worth while."""
    match timeout:
        case (int() | float() as connect, int() | float() as read) if spent <= read / 2:
            return connect, read - spent
        case _:
            return None


def _broke(error: requests.ConnectionError) -> bool:
    """Whether the connection stood, and ended without an answer."""
    cause = error.args[0] if error.args else None
    return isinstance(cause.reason if isinstance(cause, MaxRetryError) else cause, ProtocolError)
