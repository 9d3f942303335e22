"""The lines of a timeline come back as they went, and those that look alike take few bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.store.cases.entries import Acted, Entry, PutOff, Seen, Settled, Triggered, encoded
from remediation.store.cases.timeline import Line, id_at, lines_of, place_of, text_of

AT = 1_800_000_000.0
TOLD_AT = 1_800_000_090_000

times = st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000)
words = st.from_regex(re.compile(r"[a-z:_]{1,20}"), fullmatch=True)
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Triggered, times, words, times),
    st.builds(Seen, times, words, words),
    st.builds(Acted, times, words, st.just("later"), words, request_id=words),
    st.builds(Settled, times, st.none() | times),
    st.builds(PutOff, times, times, words),
)
ids = st.builds("{}-{}".format, st.integers(0, 4_000_000_000_000), st.integers(0, 3))
strange = [
    b"{}",
    b'{"at":"x"}',
    b'{"at":1e3,"b":2}',
    b"7",
    b"",
    b'{"at":5,"b":"\xc3\xa9"}',
    b'{"at":5.0,"n":{"until":6.0}}',
]
numbers = st.integers(-(10**20), 10**20).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
others = st.builds('{{"at":{},"until":{}}}'.format, numbers, numbers).map(str.encode)
wires = entries.map(encoded) | st.tuples(words, st.sampled_from(strange) | others)


def told(lines: list[Line], last: int) -> list[Line]:
    """The same lines, the last so many of which have no id yet."""
    return [("" if at >= len(lines) - last else name, kind, wire) for at, (name, kind, wire) in enumerate(lines)]


@given(st.lists(st.tuples(ids, wires), max_size=12), st.integers(0, 4))
def test_every_entry_comes_back(rows: list[tuple[str, tuple[str, bytes]]], last: int) -> None:
    lines = told([(name, kind, wire) for name, (kind, wire) in rows], last)
    back = lines_of(text_of(lines), TOLD_AT)
    assert [kind for _, kind, _ in back] == [kind for _, kind, _ in lines]
    for (name, _, wire), (name_before, _, wire_before) in zip(back, lines, strict=True):
        assert name == name_before or (name_before == "" and place_of(name) >= (TOLD_AT, 0))
        assert wire == wire_before
    assert len({name for (name, *_), (before, *_) in zip(back, lines, strict=True) if not before}) == min(
        last, len(lines)
    )
    assert lines_of(text_of(back), 0) == back, "nothing is without an id any more"


def test_entries_that_are_told_together_say_it_once() -> None:
    together = [encoded(each) for each in (Triggered(AT, "scan", AT - 0.5), Seen(AT, "open", "high"), Settled(AT))]
    assert text_of([("", *each) for each in together]).splitlines() == [
        b'1800000000000  trigger "cause":"scan","marked_at":-500',
        b'.seen "status":"open","severity":"high"',
        b".settled ",
    ]


@pytest.mark.parametrize(
    ("last_id", "moment", "follows"), [("", 5, "5-0"), ("5-0", 5, "5-1"), ("5-3", 6, "6-0"), ("", 0, "0-0")]
)
def test_ids_of_one_moment_are_numbered(last_id: str, moment: int, follows: str) -> None:
    assert id_at(moment, last_id) == follows
