"""The chain of the audit: what waits becomes lines, each of which proves that all before it are as they were. Pure.

A line's proof is an HMAC-SHA256, cut to 128 bits, over the proof of the line before, the beginning of the chain, the
line's number and what it says. The key is derived from a data key; the line names which. So whoever may write to Redis
and has no data key can write no line, change none, and leave none out between two that stay.

A chain is named by when it began (Unix ms). Its first line says why it began, with an id at random, so that no line of
one chain proves anything in another.

What waits to be chained is signed by whoever wrote it. Names of people lie sealed beside a line, which has a digest of
them: they can be deleted, and the chain stays whole.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring, missing
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning, Doubtful, entry_of
from remediation.store.packing import Form, packed, unpacked

PROOF_BYTES = 16
NO_PROOF = bytes(PROOF_BYTES)
"""What the first line of a chain follows."""

_DIGEST_BYTES = 8
_LENGTH_BYTES = 2
_PURPOSE = "audit"
_LONGEST_WITHIN = 4_000


class AuditKeys:
    """The keys that sign, each derived from a data key and named by its id. The first one signs, all verify."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    @property
    def _keys(self) -> Mapping[str, bytes]:
        """The keys of now: other data keys may take the place of these at any time."""
        return self._keyring.derived(_PURPOSE)

    @property
    def first(self) -> str:
        """The id of the key that signs."""
        return next(iter(self._keys))

    def knows(self, key: str) -> bool:
        """Whether what is signed with this key can be verified."""
        return key in self._keys

    def proof(self, key: str, purpose: str, *parts: bytes) -> bytes:
        """The proof of these parts under a key. Raises KeyMissing where it is not known (any more)."""
        if (secret := self._keys.get(key)) is None:
            raise missing(key)
        mac = hmac.new(secret, digestmod=sha256)
        for part in (purpose.encode(), *parts):
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.digest()[:PROOF_BYTES]

    def digest(self, purpose: str, text: str) -> str:
        """What stands for a text in a line: made with the first key, so that nobody without a key can try texts."""
        return self._digest(self.first, purpose, text) if text else ""

    def is_digest_of(self, digest: str, purpose: str, text: str) -> bool:
        """Whether this digest stands for the text, by one of the keys that there are."""
        return any(hmac.compare_digest(self._digest(key, purpose, text), digest) for key in self._keys)

    def _digest(self, key: str, purpose: str, text: str) -> str:
        return self.proof(key, purpose, text.encode())[:_DIGEST_BYTES].hex()

    def seal(self, names: str, entry: AuditEntry) -> bytes:
        """Names of people, sealed for the entry's line."""
        return self._keyring.seal(names.encode(), f"audit:{entry.id}") if names else b""

    def open(self, sealed: bytes, entry: AuditEntry) -> str:
        """The names that are sealed beside a line; a sentence in brackets where they cannot be opened."""
        if not sealed:
            return ""
        try:
            return self._keyring.open(sealed, f"audit:{entry.id}").decode(errors="replace")
        except KeyMissing:
            return "(sealed with a data key that is not in DATA_KEYS)"


Place = tuple[int, int]
"""Where a line stands: when its chain began (Unix ms), and its number there."""


def place_text(place: Place) -> str:
    """The place as the id of an entry of the stream; these are in the order of the places."""
    return f"{place[0]}-{place[1]}"


def place_in(text: str) -> Place:
    """The place that an id of the stream names. Raises ValueError where it is none."""
    chain, _, number = text.partition("-")
    return int(chain), int(number)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chain. `wire` is the entry as JSON, `sealed` the names of people beside it."""

    chain: int
    number: int
    key: str
    proof: bytes
    wire: bytes
    sealed: bytes = field(default=b"", repr=False)

    @property
    def place(self) -> str:
        """Where the line stands in the stream: its id there."""
        return place_text((self.chain, self.number))

    @property
    def entry(self) -> AuditEntry:
        """What the line says; an empty entry where it is of another shape."""
        return entry_of(self.wire) or AuditEntry("", 0, "")

    @property
    def kept(self) -> bytes:
        """The line as it rests in Redis; its place is the id there."""
        length = len(self.sealed).to_bytes(_LENGTH_BYTES, "big")
        return self.key.encode() + b":" + self.proof + length + self.sealed + packed(self.wire, Form.AUDIT)


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of all, kept apart from the trail: so that its end cannot be cut off unnoticed."""

    chain: int
    number: int
    key: str
    proof: bytes

    @classmethod
    def of(cls, line: Line) -> "Head":
        """The head after this line."""
        return cls(line.chain, line.number, line.key, line.proof)

    def kept(self, keys: AuditKeys) -> bytes:
        """The head as it rests in Redis: signed itself. Its key must be known."""
        return b"%d:%d:%s:%s:%s" % (
            *(self.chain, self.number, self.key.encode(), self.proof.hex().encode()),
            self._signature(keys).hex().encode(),
        )

    def _signature(self, keys: AuditKeys) -> bytes:
        return keys.proof(self.key, "head", b"%d" % self.chain, b"%d" % self.number, self.proof)


def head_in(kept: bytes) -> Head:
    """The head as it was kept, whoever wrote it. Raises ValueError where it is of another shape."""
    chain, number, key, proof, _ = kept.decode("ascii").split(":")
    return Head(int(chain), int(number), key, bytes.fromhex(proof))


def is_ours(kept: bytes, head: Head, keys: AuditKeys) -> bool:
    """Whether the head that was kept is signed by us. Its key must be known."""
    return hmac.compare_digest(head.kept(keys), kept)


def line_in(place: str, kept: bytes) -> Line:
    """The line at this place as it was kept. Raises ValueError where it is in no form that this version knows."""
    chain, number = place_in(place)
    key, colon, rest = kept.partition(b":")
    begin = PROOF_BYTES + _LENGTH_BYTES
    if not colon or len(rest) < begin:
        raise ValueError("no line of the audit")
    end = begin + int.from_bytes(rest[PROOF_BYTES:begin], "big")
    wire = unpacked(rest[end:])
    return Line(chain, number, key.decode("ascii", "replace"), rest[:PROOF_BYTES], wire, rest[begin:end])


def proof_of(keys: AuditKeys, key: str, before: bytes, line: Line) -> bytes:
    """What the proof of a line must be that follows this one. The key must be known."""
    return keys.proof(key, "line", before, b"%d" % line.chain, b"%d" % line.number, line.wire)


def waiting(entry: AuditEntry, keys: AuditKeys, names: str = "") -> bytes:
    """An entry as it waits to be chained, signed, with the names of people sealed."""
    if names:
        entry = replace(entry, people=keys.digest("people", names))
    key, wire, sealed = keys.first, entry.wire, keys.seal(names, entry)
    return key.encode() + b":" + keys.proof(key, "waiting", wire, sealed) + wire + b"\n" + sealed


@dataclass(frozen=True, slots=True)
class _Waited:
    wire: bytes
    sealed: bytes = b""


def _waited(kept: bytes, keys: AuditKeys, now: int) -> _Waited:
    """What waited, if it is proven to be ours; otherwise an entry that says that it is not."""
    name, _, rest = kept.partition(b":")
    key, proof = name.decode("ascii", "replace"), rest[:PROOF_BYTES]
    wire, _, sealed = rest[PROOF_BYTES:].partition(b"\n")
    if not keys.knows(key):
        within = wire[:_LONGEST_WITHIN].decode(errors="replace")
        return _Waited(_doubtful(kept, Doubtful.KEY_MISSING, now, within), sealed)
    if not hmac.compare_digest(keys.proof(key, "waiting", wire, sealed), proof) or entry_of(wire) is None:
        return _Waited(_doubtful(kept, Doubtful.FORGED, now))
    return _Waited(wire, sealed)


def _doubtful(kept: bytes, why: Doubtful, now: int, within: str = "") -> bytes:
    """What stands in the trail for it: its digest, and where its key may be one of ours, what it says."""
    return AuditEntry(AuditAct.DOUBTFUL, now, fact=why, before=sha256(kept).hexdigest(), within=within).wire


def is_waiting_for_another(kept: bytes, keys: AuditKeys) -> bool:
    """Whether what waits was signed with a data key that is not known here: another process may know it."""
    return not keys.knows(kept.partition(b":")[0].decode("ascii", "replace"))


@dataclass(frozen=True, slots=True)
class Chained:
    """Lines to be added, in order, and the head after them."""

    lines: tuple[Line, ...]
    head: Head


def chained(head: Head, kept: Iterable[bytes], keys: AuditKeys, now: int) -> Chained:
    """What waited, as the lines after `head`; `now` is in Unix ms."""
    return _following(head, [_waited(each, keys, now) for each in kept], keys)


def trimmed(head: Head, first: Line, before: bytes, now: int, keys: AuditKeys) -> Chained:
    """The line that says that the trail begins with the line `first`; `before` is the proof of the one before it."""
    entry = AuditEntry(AuditAct.TRIMMED, now, chain=first.chain, first=first.number, before=before.hex())
    return _following(head, [_Waited(entry.wire)], keys)


def beginning(why: Beginning, after: str, now: int, keys: AuditKeys) -> Chained:
    """The first line of a new chain. `after` is the place of the last line in the trail, whatever chain that is of."""
    last = place_in(after)[0] if after else 0
    chain = max(now, last + 1)
    return _following(
        Head(chain, 0, keys.first, NO_PROOF),
        [_Waited(AuditEntry(AuditAct.BEGAN, now, fact=why, after=after).wire)],
        keys,
    )


def _following(head: Head, waited: Iterable[_Waited], keys: AuditKeys) -> Chained:
    lines: list[Line] = []
    key = keys.first
    for each in waited:
        line = Line(head.chain, head.number + 1, key, NO_PROOF, each.wire, each.sealed)
        line = replace(line, proof=proof_of(keys, key, head.proof, line))
        head = Head.of(line)
        lines.append(line)
    return Chained(tuple(lines), head)
