"""Finding canaries in bytes, whatever they were written in. Pure."""

import base64
import contextlib
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from remediation.store.packing import Form, packed, unpacked

UNREADABLE = 0
"""Stands for a canary whose number was cut off, or written as nothing that can be read."""

_MOST_UNPACKED = 50_000_000
_DEPTH = 2
"""So many times what is found packed is unpacked again."""

_BEFORE_A_BYTE = rb"(?:%25|[%=: ]|\\+x|\\+u00|&#x|&#)?"
"""What stands before the hexadecimal digits of one byte: of a percent-encoded text, of JSON's escapes, of XML's …"""

_DEFLATED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIPPED = b"\x1f\x8b\x08"


def _packed_as(form: Form, text: str) -> bytes:
    return packed(text.encode(), form)


ENCODINGS: Mapping[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one off": lambda text: base64.b64encode(b"<" + text.encode()),
    "base64, two off": lambda text: base64.b64encode(b"<<" + text.encode()),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"\xff\xff\xff" + text.encode() + b"\xff\xfe"),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "hex": lambda text: text.encode().hex().encode(),
    "upper hex": lambda text: text.encode().hex().upper().encode(),
    "UTF-16 LE": lambda text: text.encode("utf-16-le"),
    "UTF-16 BE": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32-le"),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()).encode(),
    "percent twice": lambda text: "".join(f"%25{byte:02X}" for byte in text.encode()).encode(),
    "JSON escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text).encode(),
    "Python escapes": lambda text: "".join(f"\\x{ord(each):02x}" for each in text).encode(),
    "XML references": lambda text: "".join(f"&#x{ord(each):x};" for each in text).encode(),
    "XML numbers": lambda text: "".join(f"&#{ord(each)};" for each in text).encode(),
    "reversed": lambda text: text[::-1].encode(),
    "deflated": lambda text: zlib.compress(text.encode() * 3),
    "gzipped": lambda text: gzip.compress(text.encode()),
    **{f"packed as {form.name.lower()}": partial(_packed_as, form) for form in Form},
}
"""Every way to write a text that the search sees through; a test holds it to each of them."""


def numbers_in(data: bytes, mark: str) -> set[int]:
    """The numbers of all canaries with this mark in the bytes, UNREADABLE among them where one has no number."""
    return {number for text in _expanded(data, _DEPTH) for number in _written(text, mark)}


def _written(data: bytes, mark: str) -> Iterator[int]:
    lowered, patterns = data.lower(), _patterns(mark)
    whole = list(patterns.plain.finditer(lowered))
    yield from (int(found[1]) for found in whole)
    if lowered.count(mark.encode()) > len(whole):
        yield UNREADABLE
    for pattern, number_of in patterns.others:
        yield from (number_of(found[0], mark) for found in pattern.finditer(lowered))
    if any(each in data for each in patterns.in_base64):
        yield from (_number_in_base64(found[0], mark) for found in patterns.base64.finditer(data))


@dataclass(frozen=True, slots=True)
class _Patterns:
    """What to look for: all but base64 in small letters. `others` have how to read a number out of what was found."""

    plain: re.Pattern[bytes]
    others: tuple[tuple[re.Pattern[bytes], Callable[[bytes, str], int]], ...]
    in_base64: tuple[bytes, ...]
    base64: re.Pattern[bytes]


@lru_cache(maxsize=8)
def _patterns(mark: str) -> _Patterns:
    raw = mark.encode()
    _, *rest = map(_either, raw)
    hexed = rb"[57]a;?" + rb"".join(_BEFORE_A_BYTE + each + rb";?" for each in rest)
    hexed += rb"(?:" + _BEFORE_A_BYTE + rb"(?:2d|3[0-9]);?){2,12}" + _BEFORE_A_BYTE + rb"[57]a"
    counted = rb"".join(rb"&#(?:%d|%d);" % (byte, byte - 32) for byte in raw) + rb"(?:&#(?:45|4[89]|5[0-7]);)+"
    wide = rb"\0{1,3}".join(bytes([byte]) for byte in raw) + rb"(?:\0{1,3}[-0-9])+\0{1,3}z"
    based = tuple(dict.fromkeys(_in_base64(raw)))
    return _Patterns(
        re.compile(raw + rb"-([0-9]+)z"),
        (
            (re.compile(rb"z[0-9]+-" + raw[::-1]), lambda text, mark: int(text[1 : -len(mark) - 1][::-1])),
            (re.compile(wide), lambda text, mark: int(text.replace(b"\0", b"")[len(mark) + 1 : -1])),
            (re.compile(hexed), _number_in_hex),
            (re.compile(counted), _number_in_references),
        ),
        based,
        re.compile(rb"[A-Za-z0-9+/_-]{0,8}(?:" + rb"|".join(map(re.escape, based)) + rb")[A-Za-z0-9+/_=-]{0,80}"),
    )


def _either(byte: int) -> bytes:
    """The hexadecimal digits of a letter, small or large."""
    both = {bytes([byte]).lower().hex(), bytes([byte]).upper().hex()}
    return b"(?:" + "|".join(sorted(both)).encode() + b")"


def _number_in_hex(text: bytes, mark: str) -> int:
    digits = bytes.fromhex(re.sub(_BEFORE_A_BYTE + rb"([0-9a-fA-F]{2});?", rb"\1", text).decode())
    return int(digits[len(mark) + 1 : -1])


def _number_in_references(text: bytes, mark: str) -> int:
    written = bytes(int(each) for each in re.findall(rb"[0-9]+", text))
    return int(written[len(mark) + 1 :])


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What is in the middle of a mark in base64, wherever it begins, in small and large letters and as UTF-16."""
    for word in (raw, raw.upper(), raw.decode().encode("utf-16-le"), raw.decode().encode("utf-16-be")):
        for before in range(3):
            written = base64.b64encode(b"\0" * before + word).rstrip(b"=")
            yield written[-(-before * 8 // 6) : len(written) - (1 if (before + len(word)) % 3 else 0)]


def _number_in_base64(text: bytes, mark: str) -> int:
    standard = text.translate(bytes.maketrans(b"-_", b"+/")).replace(b"=", b"")
    for begin in range(12):
        rest = standard[begin:]
        decoded = base64.b64decode(rest[: len(rest) // 4 * 4] + _completed(rest)).replace(b"\0", b"")
        if found := re.search(rb"(?i)" + mark.encode() + rb"-([0-9]+)z", decoded):
            return int(found[1])
    return UNREADABLE


def _completed(rest: bytes) -> bytes:
    left = rest[len(rest) // 4 * 4 :]
    return left + b"=" * (4 - len(left)) if len(left) > 1 else b""


def _expanded(data: bytes, depth: int) -> Iterator[bytes]:
    """The bytes, and whatever was deflated, compressed or packed in them."""
    yield data
    if not depth:
        return
    for inner in (*_inflated(data), *_our_own(data)):
        yield from _expanded(inner, depth - 1)


def _inflated(data: bytes) -> Iterator[bytes]:
    for begin in (*_DEFLATED, _GZIPPED):
        at = data.find(begin)
        while at >= 0:
            release = zlib.decompressobj(47)  # zlib's header, or gzip's
            with contextlib.suppress(zlib.error):
                yield release.decompress(data[at:], _MOST_UNPACKED)
            at = data.find(begin, at + 1)


def _our_own(data: bytes) -> Iterator[bytes]:
    """A value that the store has packed; also behind a word and a blank, as lines of timelines are."""
    for value in (data, data.partition(b" ")[2]):
        if value[:1] in set(Form):
            with contextlib.suppress(ValueError):
                yield unpacked(value)
