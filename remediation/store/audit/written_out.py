"""Proofs of lines as they were written out, and which lines say the same again, in little room for each line. Pure."""

from array import array
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import pairwise

from remediation.store.audit.chain import PROOF_BYTES, Place

_PAGE = 256
"""Lines of one chain whose proofs lie together."""

_TOLD, _TAKEN = 1, 2

_DIGEST_BYTES = 8
_BUCKETS = 256


class _Page:
    """Proofs of lines with numbers that follow each other. `marks` says of each whether it is told, and taken."""

    __slots__ = ("marks", "proofs")

    def __init__(self) -> None:
        self.marks = bytearray(_PAGE)
        self.proofs = bytearray(_PAGE * PROOF_BYTES)

    def proof(self, offset: int) -> bytes:
        return bytes(self.proofs[offset * PROOF_BYTES : (offset + 1) * PROOF_BYTES])


class WrittenOut:
    """The proofs by the places of their lines: about 17 bytes for each. One at a time may compare a trail with them."""

    def __init__(self, proofs: Mapping[Place, bytes] | None = None) -> None:
        self._pages: dict[Place, _Page] = {}
        self._count = 0
        for place, proof in (proofs or {}).items():
            self.add(place, proof)

    def __len__(self) -> int:
        """The number of lines."""
        return self._count

    def __iter__(self) -> Iterator[Place]:
        """The places, in order."""
        for (chain, page), found in sorted(self._pages.items()):
            yield from ((chain, page * _PAGE + offset) for offset, mark in enumerate(found.marks) if mark)

    def add(self, place: Place, proof: bytes) -> bool:
        """Add a line. False, and nothing is added, where there is another proof for the place."""
        if len(proof) != PROOF_BYTES:  # no line has such a one: it must differ from the line that is there
            proof = sha256(proof).digest()[:PROOF_BYTES]
        page, offset = self._pages.setdefault(_page_of(place), _Page()), place[1] % _PAGE
        if page.marks[offset]:
            return page.proof(offset) == proof
        page.marks[offset] = _TOLD
        page.proofs[offset * PROOF_BYTES : (offset + 1) * PROOF_BYTES] = proof
        self._count += 1
        return True

    def begin(self) -> None:
        """Another comparison begins: no line is taken yet."""
        for page in self._pages.values():
            page.marks = page.marks.replace(bytes([_TAKEN]), bytes([_TOLD]))

    def take(self, place: Place) -> bytes | None:
        """The proof of the line at this place, which is taken by that; None where there is none (any more)."""
        page, offset = self._pages.get(_page_of(place)), place[1] % _PAGE
        if page is None or page.marks[offset] != _TOLD:
            return None
        page.marks[offset] = _TAKEN
        return page.proof(offset)

    def chains(self) -> list[int]:
        """The chains of which there are lines, in order."""
        return sorted({chain for chain, _ in self._pages})

    def left(self, chain: int, after: int | None = None) -> tuple[int, int] | None:
        """The first and the last number of the chain's lines that nobody took, all or those after one; or None."""
        first = last = None
        for _, page in sorted(key for key in self._pages if key[0] == chain):
            for offset, mark in enumerate(self._pages[chain, page].marks):
                number = page * _PAGE + offset
                if mark == _TOLD and (after is None or number > after):
                    first, last = number if first is None else first, number
        return None if first is None or last is None else (first, last)


def _page_of(place: Place) -> Place:
    chain, number = place
    return chain, number // _PAGE


class Repetitions:
    """Finds texts that came before, by their digests: 12 bytes for each text."""

    def __init__(self) -> None:
        self._digests = [array("Q") for _ in range(_BUCKETS)]
        self._numbers = [array("I") for _ in range(_BUCKETS)]
        self._count = 0

    def note(self, text: bytes) -> None:
        """The next text."""
        digest = sha256(text).digest()
        bucket = digest[_DIGEST_BYTES]
        self._digests[bucket].append(int.from_bytes(digest[:_DIGEST_BYTES]))
        self._numbers[bucket].append(self._count)
        self._count += 1

    def found(self) -> Iterator[int]:
        """The numbers (from 0) of the texts that came before."""
        for digests, numbers in zip(self._digests, self._numbers, strict=True):
            order = sorted(range(len(digests)), key=digests.__getitem__)
            for before, each in pairwise(order):
                if digests[before] == digests[each]:
                    yield numbers[each]
