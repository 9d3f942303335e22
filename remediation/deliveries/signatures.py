"""Whether a delivery is from its sender. Pure: headers, body, secrets, format and time go in, a verdict comes out."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, assert_never

from remediation.deliveries.webhook_secrets import STANDARD_PREFIX, standard_key
from remediation.domain.errors import ConfigurationError, Problem, SignatureInvalid

SCHOOLSCAN_HEADER = "x-schoolscan-signature"
TOLERANCE = 300
"""Seconds that a signed timestamp may lie in the past or in the future."""

_STANDARD_ID = b"webhook-id"
_STANDARD_TIMESTAMP = b"webhook-timestamp"
_STANDARD_SIGNATURE = b"webhook-signature"

_LONGEST_HEADER = 2_048
_MOST_SIGNATURES = 10
_MOST_KEYED = 1_024
"""Secrets for which an HMAC is kept: of hundreds of districts, each with two."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")
"""Printable ASCII without the full stop, which separates the id from the timestamp in the signed content."""
_HEX = re.compile(r"[0-9a-f]{64}|[0-9A-F]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=|[A-Za-z0-9_-]{43}=")
_TIMESTAMPED_PART = re.compile(r"(v[0-9]{1,2})=([\x21-\x7e]{1,128})")
_STANDARD_PART = re.compile(r"(v[0-9]{1,2}[a-z]?),([\x21-\x7e]{1,128})")


class SignatureFormat(StrEnum):
    """How the HMAC-SHA256 is written in the header."""

    HEX = "hex"
    PREFIXED = "prefixed"
    BASE64 = "base64"
    TIMESTAMPED = "timestamped"
    STANDARD = "standard"
    AUTO = "auto"

    @property
    def is_timestamped(self) -> bool:
        """Whether the signature covers a time, so that others cannot send an old delivery again."""
        return self in {SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD}


class Verified(NamedTuple):
    """The delivery is from its sender. `format` is the one that was found, never AUTO.

    `signed_id` is the message id that the signature covers; only STANDARD has one outside the body. `secrets` are the
    indexes of those that signed: during a rotation a sender may sign with the old and the new one.
    """

    format: SignatureFormat
    signed_id: str | None = None
    secrets: tuple[int, ...] = (0,)


class _Claim(NamedTuple):
    """What the headers claim: these digests, over `prefix` and the body."""

    format: SignatureFormat
    digests: tuple[bytes, ...]
    prefix: bytes = b""
    timestamp: int | None = None
    signed_id: str | None = None


Headers = Mapping[bytes, Sequence[bytes]]
"""The values of each header, by its name in lower case: a repeated header has several."""


def by_name(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of the raw pairs that ASGI has, so that each is looked up, and not searched for."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return found


def verify(
    headers: Headers,
    body: bytes,
    secrets: Sequence[str],
    format: SignatureFormat,  # noqa: A002 - the word of mappings.yaml and of the docs
    now: float,
    *,
    header: str = SCHOOLSCAN_HEADER,
) -> Verified:
    """Verify that `body` was signed with one of `secrets` in `format`. Raises SignatureInvalid, without a reason.

    `header` carries the signature in every format but STANDARD, which has headers of its own. `now` is Unix seconds.
    The error has the format that was seen.
    """
    name = header.lower().encode()
    try:
        return _verified(headers, body, secrets, format, now, name)
    except SignatureInvalid as error:
        error.seen = seen_format(headers, name)
        raise


def _verified(
    headers: Headers,
    body: bytes,
    secrets: Sequence[str],
    format: SignatureFormat,  # noqa: A002 - as in verify
    now: float,
    name: bytes,
) -> Verified:
    claim = _claim(headers, format, name)
    if claim.timestamp is not None and not abs(now - claim.timestamp) <= TOLERANCE:
        raise _invalid()
    signers = _signers(claim, body, secrets)
    if not signers:
        raise _invalid()
    return Verified(claim.format, claim.signed_id, signers)


def seen_format(headers: Headers, name: bytes) -> str:
    """Which format a signature seems to have that did not verify: a format's name, or `none`, `several` or `other`."""
    values, is_standard = headers.get(name, ()), _STANDARD_SIGNATURE in headers
    if not values:
        return SignatureFormat.STANDARD.value if is_standard else "none"
    if len(values) > 1 or is_standard:
        return "several"
    shown = values[0][:_LONGEST_HEADER].decode("ascii", "replace")
    found = _format_of(shown)
    return "other" if found is SignatureFormat.HEX and not _HEX.fullmatch(shown) else found.value


def sign(
    body: bytes,
    secret: str,
    format: SignatureFormat,  # noqa: A002 - as in verify
    now: float,
    message_id: str,
    *,
    header: str = SCHOOLSCAN_HEADER,
) -> list[tuple[bytes, bytes]]:
    """The headers, in lower case, with which a sender signs `body`. Only STANDARD uses `message_id`.

    AUTO signs as HEX: after one timestamped delivery, the sender's own without a time would be refused. Raises
    ConfigurationError for a secret that cannot sign.
    """
    keyed = _keyed(secret, format)
    if keyed is None:
        raise ConfigurationError([Problem("secret", f"cannot be used for the signature format {format}")])
    time = str(int(now))
    match format:
        case SignatureFormat.HEX | SignatureFormat.AUTO:
            value = _mac(keyed, body).hex()
        case SignatureFormat.PREFIXED:
            value = f"sha256={_mac(keyed, body).hex()}"
        case SignatureFormat.BASE64:
            value = base64.b64encode(_mac(keyed, body)).decode()
        case SignatureFormat.TIMESTAMPED:
            value = f"t={time},v1={_mac(keyed, f'{time}.'.encode() + body).hex()}"
        case SignatureFormat.STANDARD:
            return _standard_headers(body, keyed, time, message_id)
        case _:
            assert_never(format)
    return [(header.encode(), value.encode())]


def _standard_headers(body: bytes, keyed: hmac.HMAC, time: str, message_id: str) -> list[tuple[bytes, bytes]]:
    digest = _mac(keyed, f"{message_id}.{time}.".encode() + body)
    return [
        (_STANDARD_ID, message_id.encode()),
        (_STANDARD_TIMESTAMP, time.encode()),
        (_STANDARD_SIGNATURE, b"v1," + base64.b64encode(digest)),
    ]


def _invalid() -> SignatureInvalid:
    return SignatureInvalid("the signature does not verify")


def _signers(claim: _Claim, body: bytes, secrets: Sequence[str]) -> tuple[int, ...]:
    """The indexes of the secrets under which a claimed digest is right.

    Every digest is compared under every secret, so that the time taken reveals nothing.
    """
    keyed = [_keyed(secret, claim.format) for secret in secrets]
    content = claim.prefix + body
    return tuple([number for number, mac in enumerate(keyed) if mac and _is_right(claim.digests, _mac(mac, content))])


def _is_right(digests: Sequence[bytes], right: bytes) -> bool:
    matches = [hmac.compare_digest(right, digest) for digest in digests]
    return any(matches)


def _mac(keyed: hmac.HMAC, content: bytes) -> bytes:
    mac = keyed.copy()
    mac.update(content)
    return mac.digest()


@lru_cache(_MOST_KEYED)
def _keyed(secret: str, format: SignatureFormat) -> hmac.HMAC | None:  # noqa: A002 - as in verify
    """An HMAC-SHA256 that has its key and is copied for each delivery; None for a secret that must not be used.

    To set one up takes longer than to digest the body of a delivery.
    """
    key = _key(secret, format)
    return hmac.new(key, digestmod=hashlib.sha256) if key else None


def _key(secret: str, format: SignatureFormat) -> bytes:  # noqa: A002 - as in verify
    """The key that a secret stands for. Empty for a secret that must not be used: everybody knows an empty key.

    Standard Webhooks writes keys in base64 behind `whsec_`; elsewhere (Stripe) such a secret is used as it is.
    """
    if format is SignatureFormat.STANDARD and secret.startswith(STANDARD_PREFIX):
        return standard_key(secret) or b""
    # An environment variable that is not UTF-8 reaches us with its odd bytes as lone surrogates.
    return secret.encode("utf-8", "surrogateescape")


def _claim(headers: Headers, format: SignatureFormat, name: bytes) -> _Claim:  # noqa: A002 - as in verify
    if format is SignatureFormat.STANDARD:
        return _standard_claim(headers)
    if format is not SignatureFormat.AUTO:
        return _READERS[format](_single(headers, name))
    if name not in headers:
        return _standard_claim(headers)
    if _STANDARD_SIGNATURE in headers:
        raise _invalid()
    value = _single(headers, name)
    return _READERS[_format_of(value)](value)


def _format_of(value: str) -> SignatureFormat:
    """Which of the one-header formats the value has; no value is valid in two of them."""
    if value.startswith("t="):
        return SignatureFormat.TIMESTAMPED
    if value.startswith("sha256="):
        return SignatureFormat.PREFIXED
    return SignatureFormat.BASE64 if _BASE64.fullmatch(value) else SignatureFormat.HEX


def _single(headers: Headers, name: bytes) -> str:
    """The value of a header that occurs exactly once, is ASCII, and is no longer than a valid one can be."""
    values = headers.get(name, ())
    if len(values) != 1 or len(values[0]) > _LONGEST_HEADER or not values[0].isascii():
        raise _invalid()
    return values[0].decode("ascii")


def _hex_claim(value: str) -> _Claim:
    return _Claim(SignatureFormat.HEX, (_hex_digest(value),))


def _prefixed_claim(value: str) -> _Claim:
    if not value.startswith("sha256="):
        raise _invalid()
    return _Claim(SignatureFormat.PREFIXED, (_hex_digest(value.removeprefix("sha256=")),))


def _base64_claim(value: str) -> _Claim:
    return _Claim(SignatureFormat.BASE64, (_base64_digest(value),))


def _timestamped_claim(value: str) -> _Claim:
    """`t=<unix>,v1=<hex>[,v1=…]`. Signatures of other versions are ignored."""
    first, *rest = value.split(",")
    if not first.startswith("t="):
        raise _invalid()
    time = _timestamp(first.removeprefix("t="))
    digests = _digests(rest, _TIMESTAMPED_PART, _hex_digest)
    return _Claim(SignatureFormat.TIMESTAMPED, digests, f"{time}.".encode(), timestamp=int(time))


def _standard_claim(headers: Headers) -> _Claim:
    """The triple of Standard Webhooks: `v1,<base64>`, several separated by single blanks."""
    message_id = _single(headers, _STANDARD_ID)
    if not _MESSAGE_ID.fullmatch(message_id):
        raise _invalid()
    time = _timestamp(_single(headers, _STANDARD_TIMESTAMP))
    digests = _digests(_single(headers, _STANDARD_SIGNATURE).split(" "), _STANDARD_PART, _base64_digest)
    prefix = f"{message_id}.{time}.".encode()
    return _Claim(SignatureFormat.STANDARD, digests, prefix, timestamp=int(time), signed_id=message_id)


def _digests(parts: Sequence[str], shape: re.Pattern[str], digest_of: Callable[[str], bytes]) -> tuple[bytes, ...]:
    """The digests of version 1 among at most ten signatures, all of them well formed."""
    if len(parts) > _MOST_SIGNATURES:
        raise _invalid()
    matches = [shape.fullmatch(part) for part in parts]
    if None in matches:
        raise _invalid()
    digests = tuple(digest_of(match[2]) for match in matches if match and match[1] == "v1")
    if not digests:
        raise _invalid()
    return digests


def _timestamp(text: str) -> str:
    if not _TIMESTAMP.fullmatch(text):
        raise _invalid()
    return text


def _hex_digest(text: str) -> bytes:
    """32 bytes from 64 digits in one letter case: `bytes.fromhex` alone would accept white space."""
    if not _HEX.fullmatch(text):
        raise _invalid()
    return bytes.fromhex(text)


def _base64_digest(text: str) -> bytes:
    """32 bytes from 44 characters of the standard or the URL alphabet, written in the one canonical way."""
    digest = _canonical_base64(text.replace("-", "+").replace("_", "/")) if _BASE64.fullmatch(text) else None
    if digest is None:
        raise _invalid()
    return digest


def _canonical_base64(text: str) -> bytes | None:
    """The decoded bytes, or None where encoding them again would not give the same text."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None


_READERS: dict[SignatureFormat, Callable[[str], _Claim]] = {
    SignatureFormat.HEX: _hex_claim,
    SignatureFormat.PREFIXED: _prefixed_claim,
    SignatureFormat.BASE64: _base64_claim,
    SignatureFormat.TIMESTAMPED: _timestamped_claim,
}
