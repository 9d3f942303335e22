"""Where a piece of work comes from, for people who search logs and traces. Pure."""

import re
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,36}")
"""The ids that proxies and gateways make: 16 to 36 hexadecimal digits and hyphens. No name and no shorter number fits.
"""

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""A traceparent of W3C Trace Context, version 00."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that brought a delivery, by its id, and the trace of it, as a traceparent. Either may be empty."""

    request_id: str = ""
    trace: str = ""

    @classmethod
    def parse(cls, request_id: str, trace: str = "") -> "Origin":
        """The values that were stored or sent, where they are well-formed; others count as absent."""
        return cls(request_id if is_request_id(request_id) else "", trace if _TRACE.fullmatch(trace) else "")


NOWHERE = Origin()
"""The origin of work that no request caused: a sweep, an appointment, a person at the command line."""


def is_request_id(text: str) -> bool:
    """Whether the text has the form of a request id."""
    return _REQUEST_ID.fullmatch(text) is not None
