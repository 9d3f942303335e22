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

_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_KEY_BYTES = 32
_NONCE_BYTES = 12
"""96 random bits. NIST SP 800-38D allows 2**32 values under one key that way."""
_SEPARATOR = b":"
_FINGERPRINTS = b"remedy/fingerprints"
"""What a key is derived for: no key serves two purposes."""
_SETTING = "DATA_KEYS"


def generate_key() -> str:
    """A new entry for DATA_KEYS, `kid:base64key`. The operating system's randomness cannot be an argument."""
    return f"k{secrets.token_hex(4)}:{base64.b64encode(AESGCM.generate_key(8 * _KEY_BYTES)).decode()}"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The data keys by their ids, in order: the first seals, all open."""

    _ciphers: Mapping[str, AESGCM] = field(repr=False)
    _fingerprint_keys: tuple[bytes, ...] = field(repr=False)
    _keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The keyring that DATA_KEYS spells out: `kid:base64key` entries, separated by commas.

        Raises ConfigurationError, which names entries by their place in the list and never quotes them.
        """
        entries = [_entry(number, part.strip()) for number, part in enumerate(text.split(","), start=1)]
        problems = [entry for entry in entries if isinstance(entry, Problem)]
        pairs = [entry for entry in entries if not isinstance(entry, Problem)]
        problems += _repeats("key id", [kid for kid, _ in pairs]) + _repeats("key", [key for _, key in pairs])
        if problems:
            raise ConfigurationError(problems)
        derived = tuple(hmac.digest(key, _FINGERPRINTS, "sha256") for _, key in pairs)
        return cls({kid: AESGCM(key) for kid, key in pairs}, derived, dict(pairs))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys; the first is the one that seals."""
        return tuple(self._ciphers)

    def derived(self, purpose: str) -> dict[str, bytes]:
        """A key for another use of each data key, by the data keys' ids and in their order (HKDF, RFC 5869).

        Who knows such a key knows neither the data key nor the key for another purpose.
        """
        info = f"remedy {purpose}".encode()
        return {
            kid: HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)
            for kid, key in self._keys.items()
        }

    def seal(self, plaintext: bytes, identity: str) -> bytes:
        """Seal `plaintext` with the first key. It opens only together with the same `identity` (the row's own name)."""
        kid, cipher = next(iter(self._ciphers.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return kid.encode() + _SEPARATOR + nonce + cipher.encrypt(nonce, plaintext, identity.encode())

    def open(self, sealed: bytes, identity: str) -> bytes:
        """The plaintext of `sealed`. Raises KeyMissing where its key is unknown or it does not authenticate."""
        kid, _, rest = sealed.partition(_SEPARATOR)
        cipher = self._ciphers.get(kid.decode("ascii", "replace"))
        if cipher is None:
            raise KeyMissing(f"the data key of a sealed value is not in {_SETTING}")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], identity.encode())
        except (InvalidTag, ValueError):
            raise KeyMissing("a sealed value does not open under its data key") from None

    def fingerprint(self, content: bytes) -> str:
        """64 hexadecimal digits that stand for the content, in clear: who has no data key cannot try what it may be.

        With another first key they are others.
        """
        return hmac.digest(self._fingerprint_keys[0], content, "sha256").hex()

    def fingerprints(self, content: bytes) -> tuple[str, ...]:
        """The fingerprints of the content by each of the keys, in their order: what was filed by one is found by it."""
        return tuple(hmac.digest(key, content, "sha256").hex() for key in self._fingerprint_keys)

    def renewed(self, sealed: bytes, identity: str) -> bytes | None:
        """The same plaintext under the first key; None where that is its key already. Raises what `open` raises."""
        if sealed.partition(_SEPARATOR)[0] == self.key_ids[0].encode():
            return None
        return self.seal(self.open(sealed, identity), identity)


def _entry(number: int, text: str) -> tuple[str, bytes] | Problem:
    kid, colon, encoded = text.partition(":")
    if not colon:
        return Problem(_SETTING, f"entry {number} is not of the form kid:base64key")
    if not _KEY_ID.fullmatch(kid):
        return Problem(
            _SETTING, f"entry {number}: the key id is not 1 to 32 letters, digits, dots, dashes, underscores"
        )
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return Problem(_SETTING, f"entry {number}: the key is not base64")
    if len(key) != _KEY_BYTES:
        return Problem(_SETTING, f"entry {number}: the key has {len(key)} bytes instead of {_KEY_BYTES}")
    return kid, key


def _repeats(what: str, values: Sequence[str] | Sequence[bytes]) -> list[Problem]:
    if len(set(values)) == len(values):
        return []
    return [Problem(_SETTING, f"the same {what} is listed twice")]
