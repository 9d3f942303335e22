"""An incident's row in Redis: what the feed showed last and since when, sealed. Pure.

Sealed is all of it, because a school, a day and an offense are enough for somebody to recognise a student.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing
from remediation.domain.incidents import Incident, Kept, Told
from remediation.sealing import Keyring
from remediation.store.packing import Form, packed, unpacked


class _Times(msgspec.Struct, omit_defaults=True):
    """The times of a row (Unix seconds), which lie beside the incident's fields; an earlier version kept none."""

    at: int | None = None
    gone: int | None = None


class _Key(msgspec.Struct):
    """What lies beside the fields of an incident that was told, in hexadecimal digits; an earlier version kept none."""

    key: str = ""


_INCIDENTS: Final = msgspec.json.Decoder(Incident)
_TIMES: Final = msgspec.json.Decoder(_Times)
_KEYS: Final = msgspec.json.Decoder(_Key)


def name_of(uuid: str) -> str:
    """The name of an incident's row: its uuid, or a digest of it where it is long or has unusual characters."""
    return CaseKey.ref_of("", CaseKind.INCIDENT, uuid).rpartition(":")[2]


def sealed(kept: Kept, feed: str, keyring: Keyring) -> bytes:
    """The row of an incident that this feed (`district/feed`) showed."""
    times = msgspec.to_builtins(_Times(kept.changed_at, kept.deleted_at))
    text = msgspec.json.encode({**msgspec.to_builtins(kept.incident), **times})
    return keyring.seal(packed(text, Form.INCIDENT), identity_of(feed, name_of(kept.incident.uuid)))


def opened(row: bytes, name: str, feed: str, keyring: Keyring) -> Kept:
    """The incident in a row of this name.

    Raises KeyMissing where its data key is not there, and ValueError where it is in a form that this version does not
    know.
    """
    try:
        text = unpacked(keyring.open(row, identity_of(feed, name)))
        times = _TIMES.decode(text)
        return Kept(_INCIDENTS.decode(text), times.at, times.gone)
    except msgspec.DecodeError as error:
        raise ValueError("an incident in a form that this version does not know") from error


def known(row: bytes | None, name: str, feed: str, keyring: Keyring) -> Kept | None:
    """The same; None where there is no row, or none that can be read: then the feed's next word of it is news."""
    try:
        return opened(row, name, feed, keyring) if row is not None else None
    except (KeyMissing, ValueError):
        return None


def sealed_told(told: Told, district: str, keyring: Keyring) -> bytes:
    """The row of what an incident was when its tickets were opened."""
    text = msgspec.json.encode({**msgspec.to_builtins(told.incident), "key": told.key.hex()})
    return keyring.seal(packed(text, Form.INCIDENT), identity_of(district, name_of(told.incident.uuid)))


def known_told(row: bytes | None, name: str, district: str, keyring: Keyring) -> Told | None:
    """What an incident was when its tickets were opened; None where there is no row, or none that can be read."""
    try:
        text = unpacked(keyring.open(row, identity_of(district, name))) if row is not None else b"null"
        return Told(_INCIDENTS.decode(text), bytes.fromhex(_KEYS.decode(text).key))
    except (KeyMissing, ValueError):  # a DecodeError is a ValueError
        return None


def renewed(row: bytes, name: str, feed: str, keyring: Keyring) -> bytes | None:
    """The row under the first data key; None where it is sealed with that, or cannot be read."""
    try:
        return keyring.renewed(row, identity_of(feed, name))
    except KeyMissing:
        return None


def renewed_told(row: bytes, name: str, district: str, keyring: Keyring, new_key: Callable[[], bytes]) -> bytes | None:
    """The same of a row of what was told; one of an earlier version gets a key as well."""
    told = known_told(row, name, district, keyring)
    if told is not None and not told.key:
        return sealed_told(replace(told, key=new_key()), district, keyring)
    return renewed(row, name, district, keyring)


def identity_of(feed: str, name: str) -> str:
    """What an incident's row is sealed for: it opens in no other place."""
    return f"incident/{feed}/{name}"
