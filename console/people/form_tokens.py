"""The token of a session as its forms have it: written differently in every answer. Pure, but for the chance.

Answers are compressed. Where one has both a secret and words that somebody else has chosen, their length tells, try by
try, what the secret is. So each answer has the token under a mask of its own, and the mask beside it.
"""

import base64
import binascii
import hmac
import secrets


def masked(token: str) -> str:
    """The token for one answer."""
    plain = token.encode()
    mask = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(mask + _mixed(plain, mask)).decode()


def is_masked(sent: str, token: str) -> bool:
    """Whether this is the token under any mask."""
    try:
        both = base64.urlsafe_b64decode(sent.encode())
    except (binascii.Error, ValueError):
        return False
    half = len(both) // 2
    return bool(token) and hmac.compare_digest(_mixed(both[:half], both[half:]), token.encode())


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=False))
