"""Sealing: encrypts what is stored in Redis, so that it can be read only with a data key (AES-GCM)."""

import base64
import binascii
import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from remediation.domain.errors import ConfigurationError, KeyMissing, Problem

_LONGEST_KEY_ID = 32
_KEY_ID = re.compile(rf"[A-Za-z0-9_.-]{{1,{_LONGEST_KEY_ID}}}")
_BETWEEN = re.compile(r"\s*[,\n]\s*")
"""What separates two entries."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
"""96 random bits. NIST SP 800-38D allows 2**32 values under one key that way."""
_SEPARATOR = b":"
_FINGERPRINTS = b"remedy/fingerprints"
"""What a key is derived for: no key serves two purposes."""
_SETTING = "DATA_KEYS"
_MAKER = "remedy keys generate"


def generate_key() -> str:
    """A new entry for DATA_KEYS, `kid:base64key`. The operating system's randomness cannot be an argument."""
    return f"k{secrets.token_hex(4)}:{base64.b64encode(AESGCM.generate_key(8 * _KEY_BYTES)).decode()}"


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    """Data keys, and what is made of them."""

    keys: tuple[tuple[str, bytes], ...]
    ciphers: Mapping[str, AESGCM]
    fingerprint_keys: tuple[bytes, ...]
    derived: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Keys for other uses, by what they are for, once they were asked for."""


class Keyring:
    """The data keys by their ids, in order: the first seals, all open.

    All that uses them has one keyring, so that other keys can take their place while it is in use (see `take`).
    """

    __slots__ = ("_keys",)

    def __init__(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        derived = tuple(hmac.digest(key, _FINGERPRINTS, "sha256") for _, key in pairs)
        self._keys = _Keys(tuple(pairs), {kid: AESGCM(key) for kid, key in pairs}, derived)

    @classmethod
    def parse(cls, text: str, setting: str = _SETTING) -> Self:
        """The keyring that DATA_KEYS spells out: `kid:base64key` entries, separated by commas or ends of lines.

        Raises ConfigurationError, which names entries by their place in the list and never quotes them. `setting` is
        where the text is from.
        """
        parts = _BETWEEN.split(text.strip())
        entries = [_entry(number, part, setting) for number, part in enumerate(parts, start=1)]
        problems = [entry for entry in entries if isinstance(entry, Problem)]
        pairs = [entry for entry in entries if not isinstance(entry, Problem)]
        problems += _repeats(pairs, setting)
        if problems:
            raise ConfigurationError(problems)
        return cls(pairs)

    def take(self, other: "Keyring") -> None:
        """Seal and open with the keys of the other keyring from now on."""
        self._keys = other._keys  # noqa: SLF001 - of this class

    def is_as(self, other: "Keyring") -> bool:
        """Whether both have the same keys in the same order."""
        return self._keys.keys == other._keys.keys  # noqa: SLF001 - of this class

    def other_keys_in(self, other: "Keyring") -> tuple[str, ...]:
        """The ids that both have and that name another key there: what is sealed here would not open there."""
        ours, theirs = dict(self._keys.keys), other._keys.keys  # noqa: SLF001 - of this class
        return tuple(kid for kid, key in theirs if ours.get(kid, key) != key)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys; the first is the one that seals."""
        return tuple(self._keys.ciphers)

    def derived(self, purpose: str) -> Mapping[str, bytes]:
        """A key for another use of each data key, by the data keys' ids and in their order (HKDF, RFC 5869).

        Who knows such a key knows neither the data key nor the key for another purpose.
        """
        keys = self._keys
        if purpose not in keys.derived:
            info = f"remedy {purpose}".encode()
            keys.derived[purpose] = {
                kid: HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)
                for kid, key in keys.keys
            }
        return keys.derived[purpose]

    def seal(self, plaintext: bytes, identity: str) -> bytes:
        """Seal `plaintext` with the first key. It opens only together with the same `identity` (the row's own name)."""
        kid, cipher = next(iter(self._keys.ciphers.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return kid.encode() + _SEPARATOR + nonce + cipher.encrypt(nonce, plaintext, identity.encode())

    def open(self, sealed: bytes, identity: str) -> bytes:
        """The plaintext of `sealed`. Raises KeyMissing where its key is unknown or it does not authenticate."""
        kid = key_id_of(sealed)
        cipher = self._keys.ciphers.get(kid)
        if cipher is None:
            raise missing(kid)
        rest = sealed.partition(_SEPARATOR)[2]
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], identity.encode())
        except (InvalidTag, ValueError):
            raise KeyMissing(f"a sealed value does not open under the data key {kid}") from None

    def fingerprint(self, content: bytes) -> str:
        """64 hexadecimal digits that stand for the content, in clear: who has no data key cannot try what it may be.

        With another first key they are others.
        """
        return hmac.digest(self._keys.fingerprint_keys[0], content, "sha256").hex()

    def fingerprints(self, content: bytes) -> tuple[str, ...]:
        """The fingerprints of the content by each of the keys, in their order: what was filed by one is found by it."""
        return tuple(hmac.digest(key, content, "sha256").hex() for key in self._keys.fingerprint_keys)

    def renewed(self, sealed: bytes, identity: str) -> bytes | None:
        """The same plaintext under the first key; None where that is its key already. Raises what `open` raises."""
        if key_id_of(sealed) == self.key_ids[0]:
            return None
        return self.seal(self.open(sealed, identity), identity)


def entries_in(text: str, setting: str = _SETTING) -> dict[str, str]:
    """The entries of a text that spells out a keyring, by their ids and in order. Raises what `parse` raises."""
    ids = Keyring.parse(text, setting).key_ids
    return dict(zip(ids, _BETWEEN.split(text.strip()), strict=True))


def key_id_of(sealed: bytes) -> str:
    """The id of the data key that a value is sealed with; empty where it begins with none: it is then no such value."""
    kid, separator, _ = sealed[: _LONGEST_KEY_ID + 1].partition(_SEPARATOR)
    found = kid.decode("ascii", "replace")
    return found if separator and _KEY_ID.fullmatch(found) else ""


def missing(key_id: str) -> KeyMissing:
    """The error for what is under a data key that is not there. `key_id` is empty where nobody knows which."""
    named = f"the data key {key_id}" if key_id else "the data key"
    return KeyMissing(f"{named} of a sealed value is not in {_SETTING}")


def _entry(number: int, text: str, setting: str) -> tuple[str, bytes] | Problem:
    kid, colon, encoded = text.partition(":")
    if not colon:
        return Problem(setting, f"entry {number} is not of the form kid:base64key, as {_MAKER} prints it")
    if not _KEY_ID.fullmatch(kid):
        return Problem(setting, f"entry {number}: the key id is not 1 to 32 letters, digits, dots, dashes, underscores")
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return Problem(setting, f"entry {number}: the key is not base64, as {_MAKER} prints it")
    if len(key) != _KEY_BYTES:
        message = f"entry {number}: the key has {len(key)} bytes instead of {_KEY_BYTES}: make one with {_MAKER}"
        return Problem(setting, message)
    return kid, key


def _repeats(pairs: Sequence[tuple[str, bytes]], setting: str) -> list[Problem]:
    """One problem where an entry, or else an id or a key, is there twice."""
    if len(set(pairs)) < len(pairs):
        return [Problem(setting, "the same entry is listed twice: take one of them out")]
    by_id, keys = {kid for kid, _ in pairs}, {key for _, key in pairs}
    problems = []
    if len(by_id) < len(pairs):
        problems.append(Problem(setting, "the same key id is listed twice, with two keys: give one of them another id"))
    if len(keys) < len(pairs):
        problems.append(Problem(setting, "the same key is listed twice, under two ids: take one of them out"))
    return problems
