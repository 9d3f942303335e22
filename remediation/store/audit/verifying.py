"""Whether the trail is as it was written: from where to where it is whole, and each place where it is bent. Pure."""

import hmac
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate

from remediation.store.audit.chain import NO_PROOF, AuditKeys, Head, Line, Place, place_in, proof_of
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning, Doubtful
from remediation.store.audit.written_out import Repetitions, WrittenOut

MOST_BENDS = 100
"""Bends that are told; of a trail that is bent everywhere, the rest says nothing more."""


class BendKind(StrEnum):
    """In which way the trail is not as it was written."""

    CHANGED = "changed"
    """The line's proof does not hold: it, or its number, was changed, or it was written under another key."""
    MISSING = "missing"
    """Lines between two others are missing."""
    REPEATED = "repeated"
    """The line says again what an earlier one says: it was written into the trail twice."""
    UNREADABLE = "unreadable"
    BEGINNING_CUT = "beginning_cut"
    END_CUT = "end_cut"
    DELETED = "deleted"
    """The head is there, and no line at all."""
    HEAD_MISSING = "head_missing"
    HEAD_UNPROVEN = "head_unproven"
    HEAD_BEHIND = "head_behind"
    BROKEN_OFF = "broken_off"
    """A new chain begins because there was no proven end to go on from: the one before may have had more lines."""
    FORGED = "forged"
    """Something waited to be chained that was not ours."""
    DIFFERS = "differs"
    """What was written out has another line with this number."""
    REWORDED = "reworded"
    """What was written out has other words beside the proof than were signed: that copy was changed."""
    WIPED = "wiped"
    """What was written out has a chain of which the trail has nothing."""


@dataclass(frozen=True, slots=True)
class Bend:
    """A bend at the line of this number, or from there to `until`."""

    kind: BendKind
    chain: int
    number: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of one chain without a gap, from the first to the last. Times are in Unix ms.

    `why` is how the chain began; empty where its first line is not there (any more).
    """

    chain: int
    first: int
    last: int
    from_ms: int
    to_ms: int
    why: str = ""

    def up_to(self, line: Line, entry: AuditEntry) -> "Stretch":
        """The stretch with its next line."""
        return replace(self, last=line.number, to_ms=max(self.to_ms, entry.at))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. It is whole where there is no bend and no key is missing."""

    stretches: tuple[Stretch, ...]
    bends: tuple[Bend, ...]
    doubted: int = 0
    """Lines for what waited under a key that was not known to whoever chained it."""

    keys: Mapping[str, int] = field(default_factory=dict)
    """How many lines are signed under each data key."""
    unknown_keys: Mapping[str, int] = field(default_factory=dict)
    """Those of them that are not known: these lines cannot be proven."""

    @property
    def is_whole(self) -> bool:
        """Whether every line is proven to be there and as it was written."""
        return not self.bends and not self.unknown_keys


class Verifier:
    """Takes the lines of a trail in order, then the head. `told` are proofs of lines as they were written out.

    It keeps some bytes for each line, of which there may be millions.
    """

    def __init__(self, keys: AuditKeys, told: WrittenOut | None = None) -> None:
        self._keys = keys
        self._told = WrittenOut() if told is None else told
        self._told.begin()
        self._bends: list[Bend] = []
        self._stretches: list[Stretch] = []
        self._last: Line | None = None
        self._repetitions = Repetitions()
        self._openings: dict[Place, Line] = {}
        self._begins: dict[Place, bytes] = {}
        self._doubted = 0
        self._chains: set[int] = set()
        self._counts: Counter[str] = Counter()

    def take_unreadable(self, chain: int, number: int) -> None:
        """What stands at this place is no line that this version can read."""
        self._bend(BendKind.UNREADABLE, chain, number)

    def take(self, line: Line) -> None:
        """The next line."""
        entry, last = line.entry, self._last
        is_new = last is None or last.chain != line.chain
        is_next = last is not None and not is_new and line.number == last.number + 1
        if is_new:
            self._begin(line, entry)
        elif last is not None and not is_next:
            self._bend(BendKind.MISSING, line.chain, last.number + 1, line.number - 1)
        elif last is not None:
            self._prove(last.proof, line)
        if is_next and self._stretches:
            self._stretches[-1] = self._stretches[-1].up_to(line, entry)
        else:
            self._stretches.append(self._stretch(line, entry))
        self._counts[line.key] += 1
        self._note(line, entry)
        self._compare(line)
        self._last = line

    def verdict(self, head: Head | BendKind | None) -> Verdict:
        """After the last line: `head` is the head that was read after it, or how it is bent, or None where all is new.

        A head whose key is not known counts with what it says.
        """
        for place, line in self._openings.items():
            before = self._begins.get(place)
            if before is None:
                self._bend(BendKind.BEGINNING_CUT, *place)
            else:
                self._prove(before, line)
        if isinstance(head, BendKind):
            chain, number = (self._last.chain, self._last.number) if self._last else (0, 0)
            self._bend(head, chain, number)
        elif head is not None:
            self._end(head)
        self._end_of_told()
        for place in self._places(self._repetitions.found()):
            self._bend(BendKind.REPEATED, *place)
        bends = sorted(dict.fromkeys(self._bends), key=lambda bend: (bend.chain, bend.number))
        unknown = {key: count for key, count in self._counts.items() if not self._keys.knows(key)}
        stretches, told = tuple(self._stretches), tuple(bends[:MOST_BENDS])
        return Verdict(stretches, told, self._doubted, dict(self._counts), unknown)

    def _begin(self, line: Line, entry: AuditEntry) -> None:
        """The first line of a chain that is there."""
        self._chains.add(line.chain)
        if line.number != 1:
            self._openings[line.chain, line.number] = line
            return
        self._prove(NO_PROOF, line)
        if entry.act != AuditAct.BEGAN:
            return  # its proof does not hold either
        last = self._last
        if last is not None and entry.after != last.place:
            number = place_in(entry.after)[1] if entry.after else 0
            self._bend(BendKind.END_CUT, last.chain, last.number + 1, number)
        if entry.fact not in {Beginning.EMPTY, Beginning.IN_USE}:
            self._bend(BendKind.BROKEN_OFF, line.chain, line.number)

    @staticmethod
    def _stretch(line: Line, entry: AuditEntry) -> Stretch:
        why = entry.fact if entry.act == AuditAct.BEGAN and line.number == 1 else ""
        return Stretch(line.chain, line.number, line.number, entry.at, entry.at, why)

    def _prove(self, before: bytes, line: Line) -> None:
        if self._keys.knows(line.key) and not hmac.compare_digest(
            proof_of(self._keys, line.key, before, line), line.proof
        ):
            self._bend(BendKind.CHANGED, line.chain, line.number)

    def _note(self, line: Line, entry: AuditEntry) -> None:
        """What a line says about others."""
        if entry.act == AuditAct.TRIMMED and len(entry.before) == 2 * len(NO_PROOF):
            self._begins[entry.chain, entry.first] = bytes.fromhex(entry.before)
        if entry.act == AuditAct.DOUBTFUL:
            self._doubted += entry.fact == Doubtful.KEY_MISSING
            if entry.fact == Doubtful.FORGED:
                self._bend(BendKind.FORGED, line.chain, line.number)
        self._repetitions.note(line.wire)

    def _compare(self, line: Line) -> None:
        told = self._told.take((line.chain, line.number))
        if told is not None and told != line.proof:
            self._bend(BendKind.DIFFERS, line.chain, line.number)

    def _end(self, head: Head) -> None:
        last = self._last
        if last is None:
            self._bend(BendKind.DELETED, head.chain, 1, head.number)
        elif last.chain != head.chain:
            kind = BendKind.END_CUT if head.chain > last.chain else BendKind.HEAD_BEHIND
            self._bend(kind, head.chain, 1, head.number)
        elif last.number < head.number:
            self._bend(BendKind.END_CUT, last.chain, last.number + 1, head.number)
        elif last.number > head.number:
            self._bend(BendKind.HEAD_BEHIND, last.chain, head.number)
        elif last.proof != head.proof:
            self._bend(BendKind.CHANGED, last.chain, last.number)

    def _end_of_told(self) -> None:
        """What was written out and is not in the trail: deleted with its time, or by somebody."""
        for chain in self._told.chains():
            first, left = self._first_kept, self._told.left(chain)
            if left is None or (first is not None and (chain, left[1]) < first and first in self._begins):
                continue
            if chain not in self._chains:
                self._bend(BendKind.WIPED, chain, *left)
                continue
            last = next(stretch.last for stretch in reversed(self._stretches) if stretch.chain == chain)
            if beyond := self._told.left(chain, last):
                self._bend(BendKind.END_CUT, chain, *beyond)

    def _places(self, counts: Iterable[int]) -> Iterator[Place]:
        """The places of the lines that were taken after so many others."""
        ends = list(accumulate(stretch.last - stretch.first + 1 for stretch in self._stretches))
        for count in counts:
            at = bisect_right(ends, count)
            stretch = self._stretches[at]
            yield stretch.chain, stretch.last - (ends[at] - 1 - count)

    @property
    def _first_kept(self) -> Place | None:
        return (self._stretches[0].chain, self._stretches[0].first) if self._stretches else None

    def _bend(self, kind: BendKind, chain: int, number: int, until: int = 0) -> None:
        if len(self._bends) < 100 * MOST_BENDS:
            self._bends.append(Bend(kind, chain, number, until))


@dataclass(frozen=True, slots=True)
class WholePart:
    """Lines of one chain that are all there and as they were written, as far as their keys are known."""

    chain: int
    first: int
    last: int


def whole_parts(verdict: Verdict) -> Iterator[WholePart]:
    """From where to where the trail is whole: its stretches, parted at each line that is bent."""
    for stretch in verdict.stretches:
        in_trail = (bend for bend in verdict.bends if bend.kind is not BendKind.REWORDED)
        bent = {bend.number for bend in in_trail if bend.chain == stretch.chain}
        begin = stretch.first
        for number in [*sorted(each for each in bent if stretch.first <= each <= stretch.last), stretch.last + 1]:
            if number > begin:
                yield WholePart(stretch.chain, begin, number - 1)
            begin = number + 1
