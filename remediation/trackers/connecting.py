"""Connections to a tracker: what is sent again, what is never sent again, and how much of an answer is read.

Each request is announced to the meter of the work that it is for (see remediation.outbound.metering).
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import Retry

from remediation.domain.errors import TryLater
from remediation.outbound.answers import LARGEST_ANSWER, too_large
from remediation.outbound.metering import LimitReader, SentRequest, current_meter
from remediation.trackers.threads import Call, current_call

_READS = frozenset({"GET", "HEAD"})
_CHUNK = 65_536
"""Bytes, compressed or not, that are read at once."""


class AnswerTooLarge(requests.RequestException):
    """An answer has more bytes than allowed. The request has been carried out, or refused."""

    def __init__(self, limit: int, status: int) -> None:
        super().__init__("the answer is too large")
        self._limit = limit
        self._status = status

    def for_later(self, system: str, *, wrote: bool) -> TryLater:
        """The error for the caller of `system`; `wrote` is true where the request could write."""
        return too_large(system, self._limit, status=self._status, wrote=wrote)


@dataclass(frozen=True, slots=True)
class LimitedTracker:
    """Whose limits count for the requests of a connection, and how its answers are read."""

    name: str
    reader: LimitReader


class RepeatingAdapter(HTTPAdapter):
    """Tries to connect `attempts` times, and sends a read once more where its connection broke before an answer came.

    A server, or a system in between, may have closed an idle connection that was kept for the next request. urllib3
    notices that before it sends, and dials again; but where the close comes at that moment, or its notice was lost, the
    request breaks. A write is not sent again: nobody knows whether it arrived. Nor is a request whose time ran out.

    The second try has the time that the first one left, and is not made where that is less than half: so both together
    take no longer than one request may. Where the server asks for a wait, the thread does not wait.

    An answer is read to its end in here, within what the current call may receive. Where that call is given up, its
    connections end, and nothing more is sent.

    Where `limited` is given, nothing is sent before the current meter lets it pass, and each answer is noted there.
    """

    def __init__(
        self,
        attempts: int,
        *,
        connections: int = 10,
        clock: Callable[[], float] = time.monotonic,
        limited: LimitedTracker | None = None,
    ) -> None:
        again = attempts - 1
        only_connecting = Retry(
            total=again, connect=again, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False
        )
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=only_connecting)
        self._clock = clock
        self._limited = limited

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make pools whose connections register themselves with the current call."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """The same through a proxy."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request and read the whole answer.

        `timeout` is a pair in seconds, to connect and to answer; without it nothing is sent twice. Raises what
        HTTPAdapter raises (for a read that was sent again, the error of the second try), AnswerTooLarge, and where
        nothing was sent what the meter raises.
        """
        call = current_call()
        answer = self._sent(call, request, *args, **options)
        _read(answer, call.largest_answer if call else LARGEST_ANSWER)
        _require_wanted(call)  # a body that ends with its connection looks complete where we have ended the connection
        return answer

    def _sent(
        self, call: Call | None, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        began = self._clock()
        try:
            return self._metered(call, request, *args, **options)
        except requests.ConnectionError as error:
            left = _left_of(options.get("timeout"), self._clock() - began)
            if request.method not in _READS or left is None or not _broke(error):
                raise
        return self._metered(call, request, *args, **options | {"timeout": left})

    def _metered(
        self, call: Call | None, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send it once, if it is still wanted and there is room for it."""
        _require_wanted(call)
        limited, meter = self._limited, current_meter()
        if limited is None or meter is None:
            return super().send(request, *args, **options)
        sent = SentRequest(request.method or "", urlsplit(request.url or "").path)
        counted = meter.ask(limited.name, sent, limited.reader)
        _require_wanted(call)  # asking may have taken a moment
        answer = super().send(request, *args, **options)
        meter.note(limited.name, counted, limited.reader.said(sent, answer.status_code, answer.headers, time.time()))
        return answer


def _require_wanted(call: Call | None) -> None:
    if call and call.is_given_up:
        raise requests.ConnectionError("nobody waits for this any more")


def _read(answer: requests.Response, limit: int) -> None:
    """Read the body. Raises AnswerTooLarge after little more than the limit, and then closes the connection."""
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > limit:
            answer.close()
            raise AnswerTooLarge(limit, answer.status_code)
    answer._content = bytes(body)  # noqa: SLF001 - requests reads without a limit, or not at all


def _left_of(timeout: object, spent: float) -> tuple[float, float] | None:
    """The time limits for a second try after so many seconds; None where too little is left."""
    match timeout:
        case (int() | float() as connect, int() | float() as read) if spent <= read / 2:
            return connect, read - spent
        case _:
            return None


def _broke(error: requests.ConnectionError) -> bool:
    """Whether the connection was made, and ended without an answer."""
    cause = error.args[0] if error.args else None
    return isinstance(cause.reason if isinstance(cause, MaxRetryError) else cause, ProtocolError)


class _Connection(HTTPConnection):
    """A connection that registers itself with the call that uses it, before the first byte is sent."""

    _known_to: Call | None = None

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        self._tell(connection)
        return connection

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, perhaps on a connection that was made for another call."""
        if self.sock is not None and self._known_to is not current_call():
            self._tell(self.sock)
        super().request(*args, **options)

    def _tell(self, connection: socket.socket) -> None:
        self._known_to = current_call()
        if self._known_to:
            self._known_to.watch(connection)


class _TLSConnection(_Connection, HTTPSConnection):
    """The same with TLS, handshake included."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS = {"http": _Pool, "https": _TLSPool}
