"""The chain of the audit: every way to bend it shows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import (
    NO_PROOF,
    AuditKeys,
    Head,
    Line,
    beginning,
    chained,
    head_in,
    is_ours,
    line_in,
    trimmed,
    waiting,
)
from remediation.store.audit.entries import AuditAct, AuditedAction, AuditEntry, Beginning
from remediation.store.audit.verifying import BendKind, Verdict, Verifier, WholePart, whole_parts
from remediation.store.audit.written_out import WrittenOut

AT = 1_790_000_000_000
KEYRING = Keyring.parse(generate_key())
KEYS, OTHERS = AuditKeys(KEYRING), AuditKeys(Keyring.parse(generate_key()))


def entry(number: int) -> AuditEntry:
    did = (AuditedAction("open:jira", f"SEC-{number}", "new"), AuditedAction("patch:reviewing", why="new"))
    return AuditEntry(AuditAct.DECIDED, AT + number, case=f"lakeside:finding:fnd_{number}", did=did, rule="severe")


def chain_of(count: int, keys: AuditKeys = KEYS, at: int = AT, after: str = "") -> list[Line]:
    """A chain of a first line and so many more."""
    begun = beginning(Beginning.EMPTY, after, at, keys)
    return [*begun.lines, *chained(begun.head, [waiting(entry(n), keys) for n in range(count)], keys, at).lines]


LINES = chain_of(9)


def verdict(lines: Sequence[Line], head: Head | BendKind | None = None, keys: AuditKeys = KEYS) -> Verdict:
    """What is found in these lines; the head is that of all ten unless another one is given."""
    verifier = Verifier(keys)
    for line in lines:
        verifier.take(line_in(line.place, line.kept))
    return verifier.verdict(head or Head.of(LINES[-1]))


def kinds(found: Verdict) -> list[BendKind]:
    return [bend.kind for bend in found.bends]


def test_what_was_chained_is_whole_from_its_first_line_to_its_last() -> None:
    found = verdict(LINES)
    assert found.is_whole
    assert list(whole_parts(found)) == [WholePart(AT, 1, 10)]
    assert found.stretches[0].why == Beginning.EMPTY


def changed(lines: list[Line]) -> list[Line]:
    return [*lines[:4], replace(lines[4], wire=entry(99).wire), *lines[5:]]


def renumbered(lines: list[Line]) -> list[Line]:
    """A line less, and those after it moved up, so that no number is missing."""
    return [*lines[:4], *(replace(line, number=line.number - 1) for line in lines[5:])]


def inserted(lines: list[Line]) -> list[Line]:
    """A line more, with the proof of another, and those after it moved down."""
    more = replace(lines[4], wire=entry(99).wire)
    return [*lines[:4], more, *(replace(line, number=line.number + 1) for line in lines[4:])]


def reordered(lines: list[Line]) -> list[Line]:
    fifth, sixth = lines[4], lines[5]
    return [*lines[:4], replace(sixth, number=5), replace(fifth, number=6), *lines[6:]]


def under_another_key(lines: list[Line]) -> list[Line]:
    """A line by somebody who has a key of the same name."""
    (forged,) = chained(Head.of(lines[3]), [waiting(entry(99), OTHERS)], OTHERS, AT).lines
    return [*lines[:4], replace(forged, key=KEYS.first), *lines[5:]]


def of_an_earlier_chain(lines: list[Line]) -> list[Line]:
    earlier = chain_of(9, at=AT - 1_000)
    return [*lines[:4], replace(earlier[4], chain=AT), *lines[5:]]


@pytest.mark.parametrize(
    ("bent", "expected"),
    [
        (changed, [BendKind.CHANGED]),
        (lambda lines: [*lines[:4], *lines[5:]], [BendKind.MISSING]),
        (renumbered, [BendKind.CHANGED]),
        (inserted, [BendKind.CHANGED]),
        (reordered, [BendKind.CHANGED]),
        (under_another_key, [BendKind.CHANGED]),
        (of_an_earlier_chain, [BendKind.CHANGED]),
        (lambda lines: lines[:-2], [BendKind.END_CUT]),
        (lambda lines: lines[3:], [BendKind.BEGINNING_CUT]),
        (lambda _lines: [], [BendKind.DELETED]),
    ],
    ids=[
        *("changed", "removed", "removed and renumbered", "inserted", "reordered", "another key", "an earlier chain"),
        *("end cut", "beginning cut", "deleted"),
    ],
)
def test_a_bend_shows(bent: Callable[[list[Line]], list[Line]], expected: list[BendKind]) -> None:
    found = verdict(bent(LINES))
    assert not found.is_whole
    assert set(expected) <= set(kinds(found))


def test_a_bend_leaves_the_rest_whole() -> None:
    assert list(whole_parts(verdict(changed(LINES)))) == [WholePart(AT, 1, 4), WholePart(AT, 6, 10)]


def test_a_line_that_was_written_twice_shows() -> None:
    """Somebody has copied what waited, before it was chained."""
    begun = beginning(Beginning.EMPTY, "", AT, KEYS)
    kept = waiting(entry(1), KEYS)
    twice = chained(begun.head, [kept, waiting(entry(2), KEYS), kept], KEYS, AT)
    assert kinds(verdict([*begun.lines, *twice.lines], twice.head)) == [BendKind.REPEATED]


def test_a_line_that_somebody_without_a_key_had_chained_shows() -> None:
    begun = beginning(Beginning.EMPTY, "", AT, KEYS)
    forged = waiting(entry(1), OTHERS).replace(OTHERS.first.encode(), KEYS.first.encode(), 1)
    more = chained(begun.head, [forged, b"nonsense", b""], KEYS, AT)
    found = verdict([*begun.lines, *more.lines], more.head)
    assert kinds(found) == [BendKind.FORGED]
    assert b"fnd_1" not in more.lines[0].wire


def test_what_waited_under_a_key_that_is_not_known_is_kept_and_told() -> None:
    begun = beginning(Beginning.EMPTY, "", AT, KEYS)
    more = chained(begun.head, [waiting(entry(1), OTHERS)], KEYS, AT)
    found = verdict([*begun.lines, *more.lines], more.head)
    assert (found.is_whole, found.doubted) == (True, 1)
    assert "fnd_1" in more.lines[0].entry.within


def test_a_head_that_is_set_back_shows() -> None:
    assert kinds(verdict(LINES, Head.of(LINES[5]))) == [BendKind.HEAD_BEHIND]


def test_a_head_that_somebody_else_has_written_is_not_ours() -> None:
    head = Head.of(LINES[-1])
    assert is_ours(head.kept(KEYS), head_in(head.kept(KEYS)), KEYS)
    forged = head.kept(KEYS).replace(b":10:", b":09:")
    assert not is_ours(forged, head_in(forged), KEYS)


def test_lines_that_were_deleted_with_their_time_are_no_bend() -> None:
    """The line that says so stands at the end; without it, the beginning is cut off."""
    cut = trimmed(Head.of(LINES[-1]), LINES[4], LINES[3].proof, AT, KEYS)
    assert verdict([*LINES[4:], *cut.lines], cut.head).is_whole
    assert kinds(verdict([*LINES[5:], *cut.lines], cut.head)) == [BendKind.BEGINNING_CUT]
    changed_first = [replace(LINES[4], wire=entry(9).wire), *LINES[5:], *cut.lines]
    assert kinds(verdict(changed_first, cut.head)) == [BendKind.CHANGED]


def test_a_whole_earlier_chain_may_be_deleted_with_its_time() -> None:
    second = chain_of(2, at=AT + 1_000, after=LINES[-1].place)
    cut = trimmed(Head.of(second[-1]), second[0], NO_PROOF, AT, KEYS)
    assert verdict([*second, *cut.lines], cut.head).is_whole


def test_a_new_chain_goes_on_after_the_last_line_of_the_one_before() -> None:
    second = chain_of(2, at=AT + 1_000, after=LINES[-1].place)
    found = verdict([*LINES, *second], Head.of(second[-1]))
    assert (found.is_whole, len(found.stretches)) == (True, 2)
    assert kinds(verdict([*LINES[:-1], *second], Head.of(second[-1]))) == [BendKind.END_CUT]


def test_a_chain_that_begins_because_the_head_was_gone_is_told() -> None:
    begun = beginning(Beginning.HEAD_MISSING, LINES[-1].place, AT, KEYS)
    assert begun.lines[0].chain == AT + 1  # after the last one, whatever the clock says
    assert kinds(verdict([*LINES, *begun.lines], begun.head)) == [BendKind.BROKEN_OFF]


def test_lines_under_a_retired_key_cannot_be_proven_and_are_counted() -> None:
    text = generate_key()
    second = AuditKeys(Keyring.parse(text))
    after = chained(Head.of(LINES[-1]), [waiting(entry(20), second)], second, AT)
    found = verdict([*LINES, *after.lines], after.head, second)
    assert (found.bends, found.is_whole, found.unknown_keys) == ((), False, {KEYS.first: 10})


def test_what_was_written_out_shows_an_end_that_was_cut_with_its_head() -> None:
    told = WrittenOut({(line.chain, line.number): line.proof for line in LINES})
    verifier = Verifier(KEYS, told)
    for line in LINES[:7]:
        verifier.take(line)
    assert kinds(verifier.verdict(Head.of(LINES[6]))) == [BendKind.END_CUT]


def test_what_was_written_out_shows_that_redis_was_wiped() -> None:
    verifier = Verifier(KEYS, WrittenOut({(line.chain, line.number): line.proof for line in LINES}))
    another = chain_of(2, at=AT + 5_000)
    for line in another:
        verifier.take(line)
    (bend,) = verifier.verdict(Head.of(another[-1])).bends
    assert (bend.kind, bend.chain, bend.number, bend.until) == (BendKind.WIPED, AT, 1, 10)


def test_two_different_lines_of_one_number_show() -> None:
    verifier = Verifier(KEYS, WrittenOut({(AT, 3): b"x" * 16}))
    for line in LINES:
        verifier.take(line)
    assert kinds(verifier.verdict(Head.of(LINES[-1]))) == [BendKind.DIFFERS]


def test_names_of_people_rest_sealed_and_have_a_digest_in_the_line() -> None:
    begun = beginning(Beginning.EMPTY, "", AT, KEYS)
    (line,) = chained(begun.head, [waiting(entry(1), KEYS, "priya.patel")], KEYS, AT).lines
    line = line_in(line.place, line.kept)
    assert b"priya" not in line.kept
    assert b"priya" not in line.wire
    assert KEYS.open(line.sealed, line.entry) == "priya.patel"
    assert KEYS.is_digest_of(line.entry.people, "people", "priya.patel")
    assert verdict([*begun.lines, replace(line, sealed=b"")], Head.of(line)).is_whole  # they can be deleted
