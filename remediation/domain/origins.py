"""Where a piece of work comes from, as far as a person who searches logs and traces needs to know. Pure."""

import re
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,36}")
"""What proxies and gateways make: 16 to 36 hexadecimal digits and hyphens. No name fits, nor a shorter number."""

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""A traceparent of W3C Trace Context, version 00."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that brought a delivery, by its id, and the trace of it, as a traceparent. Either may be empty."""

    request_id: str = ""
    trace: str = ""

    @classmethod
    def parse(cls, request_id: str, trace: str = "") -> "Origin":
        """What was stored or sent, as far as it has the form; anything else counts as absent."""
        return cls(request_id if is_request_id(request_id) else "", trace if _TRACE.fullmatch(trace) else "")


NOWHERE = Origin()
"""What nobody sent us: a sweep, an appointment, a person at the command line."""


def is_request_id(text: str) -> bool:
    """Whether it has the form of a request id, whoever made it."""
    return _REQUEST_ID.fullmatch(text) is not None
