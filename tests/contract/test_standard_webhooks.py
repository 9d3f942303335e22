"""Deliveries as the library of Standard Webhooks signs them, and ours as it verifies them: both make the same keys.

The library passes over characters that are no base64. A secret with such ones is refused by us, as it is by the
libraries for Go, Rust and Elixir: it would have another key than whoever wrote it thinks.
"""

import base64
import string
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from remediation.deliveries.signatures import SignatureFormat, by_name, sign, verify
from remediation.deliveries.webhook_secrets import standard_key
from remediation.domain.errors import ConfigurationError
from sandbox.schoolscan.signing import signed_headers

BODY = '{"id":"evt_1","type":"finding.critical","data":{"finding_id":"fnd_9d2"}}'
ALPHABET = string.ascii_letters + string.digits + "+/"
KEYS = st.binary(min_size=1, max_size=80)


@st.composite
def whole_secrets(draw: st.DrawFn) -> str:
    """As senders show them: padded, or not."""
    written = base64.b64encode(draw(KEYS)).decode()
    return "whsec_" + (written if draw(st.booleans()) else written.rstrip("="))


def theirs(secret: str) -> bytes | None:
    """The key that the library makes, None where it refuses the secret."""
    try:
        signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(0, UTC), BODY)
    except Exception:  # noqa: BLE001 - it raises whatever comes from below
        return None
    return base64.b64decode(signature.removeprefix("v1,"))


def ours(secret: str) -> bytes | None:
    try:
        headers = sign(BODY.encode(), secret, SignatureFormat.STANDARD, 0, "msg_1")
    except ConfigurationError:
        return None
    return base64.b64decode(headers[-1][1].removeprefix(b"v1,"))


@given(secret=whole_secrets())
def test_what_the_library_signs_verifies(secret: str) -> None:
    now = int(time.time())
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(now, UTC), BODY)
    headers = [
        (b"webhook-id", b"msg_1"),
        (b"webhook-timestamp", str(now).encode()),
        (b"webhook-signature", signature.encode()),
    ]
    for form in (SignatureFormat.STANDARD, SignatureFormat.AUTO):
        assert verify(by_name(headers), BODY.encode(), [secret], form, now).signed_id == "msg_1"


@given(secret=whole_secrets())
def test_what_we_and_the_sandbox_sign_the_library_verifies(secret: str) -> None:
    now = time.time()
    pairs = sign(BODY.encode(), secret, SignatureFormat.STANDARD, now, "msg_1")
    headers = {name.decode(): value.decode() for name, value in pairs}
    assert Webhook(secret).verify(BODY, headers)["id"] == "evt_1"
    assert signed_headers("standard", secret, BODY.encode(), "msg_1", now) == headers
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + " ", headers)


@given(behind=st.text(ALPHABET + "=", max_size=90))
def test_of_letters_of_base64_we_read_what_it_reads_or_refuse_it(behind: str) -> None:
    secret = f"whsec_{behind}"
    key = standard_key(secret)
    assert not key or ours(secret) == theirs(secret)
    if theirs(secret) is None:
        assert not key


@given(behind=st.text(ALPHABET, min_size=1, max_size=90))
def test_all_that_it_reads_without_padding_we_read(behind: str) -> None:
    assert ours(f"whsec_{behind}") == theirs(f"whsec_{behind}")


@pytest.mark.parametrize("odd", ["-", "_", " ", "\n", ".", "="])
def test_a_secret_with_other_characters_inside_is_refused_where_it_reads_another_key(odd: str) -> None:
    behind = "MfKQ9r8GKYqrTwjU" + odd + "PD8ILPZIo2LaLaSw"
    assert theirs(f"whsec_{behind}") is not None
    assert ours(f"whsec_{behind}") is None
