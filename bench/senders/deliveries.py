"""Signed deliveries as bytes on the wire, 1.3 KB of body each, no two alike."""

import hashlib
import hmac
import json
from urllib.parse import urlsplit

from sandbox.secrets import DISTRICT, ENVIRONMENT

PATH = f"/webhooks/schoolscan/{DISTRICT}"
SECRET = ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]
BODY_BYTES = 1_300
_PLACE = "#"


class Deliveries:
    """`finding.critical` events, signed with a time, as HTTP/1.1 requests to the receiver at `address`.

    They are built while sending: a repeat would be stored only once, and so would measure something else. `run` goes
    into every id, so that two runs have none in common.
    """

    def __init__(self, address: str, run: str) -> None:
        self._head = (
            f"POST {PATH} HTTP/1.1\r\nhost: {urlsplit(address).netloc}\r\ncontent-type: application/json\r\n"
            "x-schoolscan-signature: t="
        ).encode()
        self._run = run
        self._number = 0
        self._before, self._after = (part.encode() for part in _template().split(_PLACE))

    def body(self) -> bytes:
        """The next event."""
        self._number += 1
        return b"%bevt_%b_%09d%b" % (self._before, self._run.encode(), self._number, self._after)

    def request(self, now: float) -> bytes:
        """The next event as a whole request, signed at `now` (Unix seconds)."""
        body, moment = self.body(), b"%d" % now
        digest = hmac.digest(SECRET.encode(), moment + b"." + body, hashlib.sha256).hex().encode()
        return b"%b%b,v1=%b\r\ncontent-length: %d\r\n\r\n%b" % (self._head, moment, digest, len(body), body)


def _template() -> str:
    """An event as SchoolScan might send it, with a place for its id."""
    data = {
        "finding_id": "fnd_bench",
        "scan_id": "scan_bench",
        "severity": "critical",
        "domain_type": "direct_pii",
        "status": "open",
        "title": "Sample finding",
        "url": "https://www.lakeside.example/sample/page.html",
        "evidence": "",
    }
    event = {"id": _PLACE, "type": "finding.critical", "created_at": "2026-04-15T14:02:00Z", "data": data}
    data["evidence"] = "sample " * ((BODY_BYTES - len(json.dumps(event)) - 20) // 7)
    return json.dumps(event)
