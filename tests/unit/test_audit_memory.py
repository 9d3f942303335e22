"""Verifying a trail of millions of lines needs little memory for each, whatever was written out beside it."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import chain

import pytest

from remediation.read_model.audit import about_words, line_json, told_in
from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import AuditKeys, Head, Line, beginning, chained, waiting
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning
from remediation.store.audit.verifying import Bend, BendKind, Verdict, Verifier
from remediation.store.audit.written_out import WrittenOut

AT = 1_790_000_000_000
KEYS = AuditKeys(Keyring.parse(generate_key()))
MOST_BYTES = 40.0
"""For each line, in the trail and as it was written out: 29 bytes, and what arrays have in reserve."""


def trail(count: int) -> Iterator[Line]:
    """A chain of so many lines, each made when it is asked for. The same count makes the same lines."""
    begun = beginning(Beginning.EMPTY, "", AT, KEYS)
    yield from begun.lines
    head = begun.head
    for number in range(count - 1):
        entry = AuditEntry(AuditAct.DECIDED, AT + number, id=f"{number:012x}", case=f"lakeside:finding:fnd_{number}")
        following = chained(head, [waiting(entry, KEYS)], KEYS, AT)
        head = following.head
        yield from following.lines


def peak_of_verifying(count: int) -> int:
    """The most bytes that are held while so many lines are verified against what was written out of them."""
    tracemalloc.start()
    told = WrittenOut()
    verifier = Verifier(KEYS, told)
    for line in trail(count):
        told.add((line.chain, line.number), line.proof)
        verifier.take(line)
    found = verifier.verdict(None)
    assert (found.is_whole, found.stretches[0].last, len(told)) == (True, count, count)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_each_line_more_takes_some_bytes() -> None:
    few, many = 500, 2_000
    assert (peak_of_verifying(many) - peak_of_verifying(few)) / (many - few) < MOST_BYTES


def verdict(lines: Iterator[Line], told: WrittenOut | None = None) -> Verdict:
    verifier = Verifier(KEYS, told)
    for line in lines:
        verifier.take(line)
    return verifier.verdict(None)


def test_a_line_that_says_again_what_one_far_away_says_is_named() -> None:
    lines = list(trail(600))
    head = lines[-1]
    again = chained_again(lines, 7)
    bends = verdict(chain(lines, again)).bends
    assert bends == (Bend(BendKind.REPEATED, AT, head.number + 1),)


def chained_again(lines: list[Line], index: int) -> tuple[Line, ...]:
    """What waited as a line already was chained once more: somebody put it back."""
    entry = lines[index].entry
    return chained(Head.of(lines[-1]), [waiting(entry, KEYS)], KEYS, AT).lines


@pytest.mark.parametrize("order", [1, -1])
def test_what_was_written_out_is_compared_in_any_order_and_more_than_once(order: int) -> None:
    lines = list(trail(700))
    texts = [json.dumps(line_json(line)) for line in [*lines, *lines[300:400]]][::order]
    told, bends = told_in(texts)
    assert (len(told), bends, list(told)) == (700, [], [(AT, number) for number in range(1, 701)])
    for _ in range(2):
        assert verdict(iter(lines), told).is_whole
    assert verdict(iter(lines[:500]), told).bends == (Bend(BendKind.END_CUT, AT, 501, 700),)


def test_a_number_that_was_told_in_two_ways_is_named() -> None:
    told = {"chain": AT, "number": 3, "mac": "00" * 16}
    texts = [
        json.dumps(told),
        json.dumps(told),
        json.dumps(told | {"mac": "11" * 16}),
        json.dumps(told | {"mac": "00"}),
    ]
    _, bends = told_in(texts)
    assert bends == [Bend(BendKind.DIFFERS, AT, 3)] * 2


def test_a_line_about_new_rules_shows_their_digest() -> None:
    assert about_words(AuditEntry(AuditAct.RULES, 1, rules="5f0c6e1d2a3b")) == "mappings.yaml 5f0c6e1d2a3b"


def test_a_line_about_a_stopped_task_shows_which_and_what_it_did() -> None:
    entry = AuditEntry(AuditAct.STOP_TASK, 1, by="bo", piece="Kp3x", choice="replay by ana: --district lakeside")
    assert about_words(entry) == "task Kp3x: replay by ana: --district lakeside"


def reworded(text: str) -> str:
    return text.replace("lakeside:finding:fnd_2", "lakeside:finding:fnd_9")


def test_words_that_were_changed_where_they_were_written_out_are_named() -> None:
    texts = [json.dumps(line_json(line)) for line in trail(6)]
    assert told_in(texts, KEYS)[1] == []
    changed = [reworded(text) for text in texts]
    assert [index + 1 for index in range(6) if changed[index] != texts[index]] == [4]
    assert told_in(changed, KEYS)[1] == [Bend(BendKind.REWORDED, AT, 4)]
    assert told_in(changed[3:], KEYS)[1] == [], "without the line before it nothing proves it"


def test_a_line_without_its_words_or_under_an_unknown_key_is_compared_by_its_proof_alone() -> None:
    told = [line_json(line) for line in trail(6)]
    logged = [json.dumps({name: value for name, value in each.items() if name != "line"}) for each in told]
    assert told_in(logged, KEYS)[1] == []
    other = AuditKeys(Keyring.parse(generate_key()))
    assert told_in([reworded(json.dumps(each)) for each in told], other)[1] == []
