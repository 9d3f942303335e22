"""An answer of a tracker, before it is interpreted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_REQUEST_IDS = ("Atl-Traceid", "X-Arequestid", "X-Transaction-ID", "X-Request-ID")
"""Headers with the tracker's own id of a request: Jira Cloud's, Jira Data Center's, ServiceNow's, gateways'."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `headers` are looked up without regard to case; `wrote` is true where the request could write."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    wrote: bool

    @property
    def request_id(self) -> str | None:
        """The tracker's own id of the request."""
        return next((value for name in _REQUEST_IDS if (value := self.headers.get(name))), None)
