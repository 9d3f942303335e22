"""How a sender of webhooks may sign with HMAC-SHA256: the five formats that are in use."""

import base64
import hashlib
import hmac
from typing import Literal

SignatureForm = Literal["hex", "prefixed", "base64", "timestamped", "standard"]
HEADER = "X-SchoolScan-Signature"


def signed_headers(form: SignatureForm, secret: str, body: bytes, event_id: str, now: float) -> dict[str, str]:
    """The headers that prove who sent the body. A `whsec_` secret of the standard format is base64, padded or not."""
    moment = str(int(now))
    match form:
        case "hex":
            return {HEADER: _digest(secret.encode(), body).hex()}
        case "prefixed":
            return {HEADER: f"sha256={_digest(secret.encode(), body).hex()}"}
        case "base64":
            return {HEADER: base64.b64encode(_digest(secret.encode(), body)).decode()}
        case "timestamped":
            digest = _digest(secret.encode(), moment.encode() + b"." + body)
            return {HEADER: f"t={moment},v1={digest.hex()}"}
        case "standard":
            digest = _digest(_standard_key(secret), f"{event_id}.{moment}.".encode() + body)
            signature = f"v1,{base64.b64encode(digest).decode()}"
            return {"webhook-id": event_id, "webhook-timestamp": moment, "webhook-signature": signature}


def _standard_key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_") + "==") if secret.startswith("whsec_") else secret.encode()


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()
