"""An incident's row in Redis: what the feed showed last, sealed. Pure.

Sealed is all of it, because a school, a day and an offense are enough for somebody to recognise a student.
"""

from typing import Final

import msgspec

from remediation.domain.cases import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing
from remediation.domain.incidents import Incident
from remediation.sealing import Keyring
from remediation.store.packing import Form, packed, unpacked

_READER: Final = msgspec.json.Decoder(Incident)


def name_of(uuid: str) -> str:
    """The name of an incident's row: its uuid, or a digest of it where it is long or has unusual characters."""
    return CaseKey.ref_of("", CaseKind.INCIDENT, uuid).rpartition(":")[2]


def sealed(incident: Incident, feed: str, keyring: Keyring) -> bytes:
    """The row of an incident that this feed (`district/feed`) showed."""
    return keyring.seal(packed(msgspec.json.encode(incident), Form.INCIDENT), _identity(feed, name_of(incident.uuid)))


def opened(row: bytes, name: str, feed: str, keyring: Keyring) -> Incident:
    """The incident in a row of this name.

    Raises KeyMissing where its data key is not there, and ValueError where it is in a form that this version does not
    know.
    """
    try:
        return _READER.decode(unpacked(keyring.open(row, _identity(feed, name))))
    except msgspec.DecodeError as error:
        raise ValueError("an incident in a form that this version does not know") from error


def known(row: bytes | None, name: str, feed: str, keyring: Keyring) -> Incident | None:
    """The same; None where there is no row, or none that can be read: then the feed's next word of it is news."""
    try:
        return opened(row, name, feed, keyring) if row is not None else None
    except (KeyMissing, ValueError):
        return None


def _identity(feed: str, name: str) -> str:
    return f"incident/{feed}/{name}"
