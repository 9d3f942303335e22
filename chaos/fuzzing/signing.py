"""Headers that are made of parts of good signatures and of anything else, and what is promised of their verdict."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

from chaos.fuzzing.script import Script
from remediation.deliveries.signatures import SCHOOLSCAN_HEADER, TOLERANCE, SignatureFormat, Verified, by_name, verify
from remediation.domain.errors import SignatureInvalid

NOW = 1_800_000_000
SECRETS = ("test-only-one", "test-only-two", "whsec_" + base64.b64encode(b"test-only-three").decode(), "whsec_x", "")
ONE_HEADER = SCHOOLSCAN_HEADER.encode()
_ID, _TIME, _SIGNATURE = b"webhook-id", b"webhook-timestamp", b"webhook-signature"
_NAMES = (
    ONE_HEADER,
    _ID,
    _TIME,
    _SIGNATURE,
    ONE_HEADER.upper(),
    b"x-hub-signature",
    b"content-type",
    b"x-remedy-signature",
)
_TIMES = (NOW, NOW - TOLERANCE, NOW + TOLERANCE, NOW - TOLERANCE - 1, NOW + TOLERANCE + 1, 0)
_MESSAGE = b"msg_1"
_MOST_HEADERS, _MOST_PARTS = 8, 14


def play(data: bytes) -> SignatureFormat | None:
    """One delivery; returns the format in which it was verified, if it was.

    Raises AssertionError where a promise is broken, and whatever verify() must not raise.
    """
    script = Script(data)
    format_ = script.one_of(tuple(SignatureFormat))
    secrets = tuple(script.one_of(SECRETS) for _ in range(script.number(4)))
    count = script.number(_MOST_HEADERS)
    body = script.literal(40)
    headers = [header(script, body) for _ in range(count)]
    try:
        verified = verify(by_name(headers), body, secrets, format_, NOW)
    except SignatureInvalid:
        return None
    assert format_ in {verified.format, SignatureFormat.AUTO}
    assert is_signed(headers, body, [secrets[number] for number in verified.secrets], verified)
    assert verify(by_name(headers), body, secrets, verified.format, NOW) == verified
    assert is_refused(headers, body + b"x", secrets, format_)
    assert is_refused([*headers, *headers], body, secrets, format_)
    assert is_refused(headers, body, ["test-only-another"], format_)
    return verified.format


def header(script: Script, body: bytes) -> tuple[bytes, bytes]:
    """One header: a name, and a value of some parts."""
    name = script.one_of(_NAMES)
    return name, b"".join(_part(script, body) for _ in range(1 + script.number(_MOST_PARTS)))


def _part(script: Script, body: bytes) -> bytes:
    """What good signatures are made of, or anything."""
    moment, secret = str(script.one_of(_TIMES)).encode(), script.one_of(SECRETS).encode() or b"test-only-none"
    number = script.number(len(_PARTS) + 2)
    match number - len(_PARTS):
        case 0:
            return script.literal()
        case 1:
            return script.one_of(_MARKS)
        case _:
            return _PARTS[number](secret, moment, body)


def _bare(secret: bytes, _moment: bytes, body: bytes) -> bytes:
    return digest(secret, body)


def _timed(secret: bytes, moment: bytes, body: bytes) -> bytes:
    return digest(secret, moment + b"." + body).hex().encode()


def _named(secret: bytes, moment: bytes, body: bytes) -> bytes:
    return base64.b64encode(digest(_standard_key(secret), b"%b.%b.%b" % (_MESSAGE, moment, body)))


_MARKS = (b",", b" ", b"v1=", b",v1=", b"v1,", b" v1,", b"sha256=", b"v0=", b"=", b"v1a,", b"t=")
_PARTS: Sequence[Callable[[bytes, bytes, bytes], bytes]] = (
    lambda *_: _MESSAGE,
    lambda _, moment, __: moment,
    lambda *said: _bare(*said).hex().encode(),
    lambda *said: _bare(*said).hex().upper().encode(),
    lambda *said: base64.b64encode(_bare(*said)),
    lambda *said: base64.urlsafe_b64encode(_bare(*said)),
    lambda *said: b"sha256=" + _bare(*said).hex().encode(),
    _timed,
    lambda *said: b"t=" + said[1] + b",v1=" + _timed(*said),
    _named,
    lambda *said: b"v1," + _named(*said),
)
"""Made of a secret, a time and the body."""


def is_signed(headers: Sequence[tuple[bytes, bytes]], body: bytes, secrets: Sequence[str], verified: Verified) -> bool:
    """Worked out again, and in another way: each of the secrets has a digest over the body in the right header."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    standard, moment = verified.format is SignatureFormat.STANDARD, b""
    (value,) = found[_SIGNATURE if standard else ONE_HEADER]
    prefix = b""
    if standard:
        (moment,), (message,) = found[_TIME], found[_ID]
        prefix = b"%b.%b." % (message, moment)
        assert verified.signed_id == message.decode()
    elif verified.format is SignatureFormat.TIMESTAMPED:
        moment = value.partition(b",")[0].removeprefix(b"t=")
        prefix = moment + b"."
    if moment:
        assert abs(int(moment) - NOW) <= TOLERANCE
    keys = [_standard_key(each.encode()) if standard else each.encode() for each in secrets]
    return bool(keys) and all(_has_digest(value, key, prefix + body) for key in keys)


def _has_digest(value: bytes, key: bytes, content: bytes) -> bool:
    assert key, "an empty key is one that everybody knows"
    right = digest(key, content)
    digits, standard, for_urls = right.hex().encode(), base64.b64encode(right), base64.urlsafe_b64encode(right)
    return any(each in value for each in (digits, digits.upper(), standard, for_urls))


def is_refused(
    headers: Sequence[tuple[bytes, bytes]], body: bytes, secrets: Sequence[str], format_: SignatureFormat
) -> bool:
    """Whether verify() does not take it."""
    try:
        verify(by_name(headers), body, secrets, format_, NOW)
    except SignatureInvalid:
        return True
    return False


def digest(key: bytes, content: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, content, hashlib.sha256)


def _standard_key(secret: bytes) -> bytes:
    """The bytes behind `whsec_` of the secrets above."""
    if not secret.startswith(b"whsec_"):
        return secret
    return base64.b64decode(secret.removeprefix(b"whsec_") + b"==") if secret != b"whsec_x" else b"test-only-none"
