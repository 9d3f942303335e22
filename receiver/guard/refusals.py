"""What the server refuses before any application sees it: the answer, the counter, and a log line."""

from collections.abc import Callable, Iterable
from enum import Enum
from http import HTTPStatus

import structlog

from receiver.limits import RETRY_AFTER
from receiver.metrics import HTTP_REFUSALS, Sampled

logger = structlog.get_logger()


class Refusal(Enum):
    """Why a request was refused; a value is the status and the word for metrics and logs."""

    GARBLED = (400, "garbled")
    SLOW = (408, "headers_slow")
    LENGTH = (413, "length")
    URL = (414, "url")
    HEADERS = (431, "headers")
    TRAILERS = (431, "trailers")
    CROWDED = (503, "connections")
    BODIES = (503, "bodies")
    STOPPING = (503, "stopping")

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason

    def answer(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The complete answer, after which the connection ends. `headers` are those that every answer has."""
        phrase = HTTPStatus(self.status).phrase.encode()
        lines = [b"HTTP/1.1 %d %b" % (self.status, phrase), *(b"%b: %b" % pair for pair in headers)]
        lines += [b"content-type: text/plain; charset=utf-8", b"content-length: %d" % (len(phrase) + 1)]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(b"retry-after: %d" % RETRY_AFTER)
        return b"\r\n".join([*lines, b"connection: close", b"", phrase + b"\n"])


class Refusals:
    """Counts refusals and logs them rarely: they may come ten thousand times a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._sampled = Sampled(clock)
        for each in Refusal:
            HTTP_REFUSALS.labels(str(each.status), each.reason)  # starting at 0 lets the first increment show in a rate

    def note(self, refusal: Refusal) -> None:
        """Count one more."""
        HTTP_REFUSALS.labels(str(refusal.status), refusal.reason).inc()
        if count := self._sampled.count(refusal.reason):
            logger.warning("requests_refused", status=refusal.status, reason=refusal.reason, count=count)
