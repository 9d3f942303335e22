"""JSON that could be understood in two ways, or that hurts a parser, is not understood."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import Unreadable
from remediation.strict_json import DEEPEST, Repeated, parse

trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(tree=trees, ascii_only=st.booleans())
def test_what_was_written_is_read(tree: object, *, ascii_only: bool) -> None:
    assert parse(json.dumps(tree, ensure_ascii=ascii_only).encode()) == tree


@given(noise=st.binary(max_size=200) | st.text(alphabet='[]{}",:\\0aeu ', max_size=60).map(str.encode))
def test_noise_is_read_or_unreadable_and_nothing_else(noise: bytes) -> None:
    try:
        parse(noise)
    except Unreadable as error:
        assert str(error) in {  # noqa: PT017 - most noise is unreadable, some is not, and both are right
            "the body is not JSON",
            "the body is not UTF-8",
            "the body is nested too deeply",
            "the body has a number that JSON does not know",
        }


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"\\x"', "not JSON"),
        (b"01", "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('"é"'.encode("latin-1"), "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"NaN", "number"),
        (b'{"a":[-Infinity]}', "number"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b"[" * 100_000 + b'"', "too deep"),
    ],
)
def test_bodies_that_are_not_strict_json_are_unreadable(body: bytes, phrase: str) -> None:
    with pytest.raises(Unreadable, match=phrase):
        parse(body)


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST)
    assert parse(b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST)


def test_brackets_inside_of_strings_do_not_count() -> None:
    assert parse(b'["' + b"[{" * 1_000 + b'\\"' + b"[" * 1_000 + b'"]')


def test_a_repeated_key_is_ambiguous_and_its_neighbours_are_not() -> None:
    assert parse(b'{"a":1,"\\u0061":1,"b":{"c":2,"c":3,"d":4}}') == {
        "a": Repeated.KEY,
        "b": {"c": Repeated.KEY, "d": 4},
    }


def test_odd_numbers_and_surrogates_do_no_harm() -> None:
    digits = "9" * 10_000
    assert parse(f'[{digits}, -{digits}, 1e999, 0.5, "\\ud800", 123456789012345678]'.encode()) == [
        digits,
        f"-{digits}",
        "1e999",
        0.5,
        "\ud800",
        123456789012345678,
    ]


@pytest.mark.parametrize("piece", [b'"', b'\\"', b'"\\', b"[", b"[]", b"{", b'""', b'"",', b"1,"])
def test_a_hostile_body_of_the_largest_size_is_read_in_no_time(piece: bytes) -> None:
    body = b"[" + piece * (262_144 // len(piece))
    started = time.process_time()
    with pytest.raises(Unreadable):
        parse(body)
    assert time.process_time() - started < 2
