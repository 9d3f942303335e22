"""Packed texts come back as they went, and what is none is refused."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.store.packing import Form, packed, unpacked


@given(st.binary(max_size=5_000), st.sampled_from(Form))
def test_every_text_comes_back(text: bytes, form: Form) -> None:
    assert unpacked(packed(text, form)) == text


def test_what_a_timeline_usually_says_takes_few_bytes() -> None:
    assert len(packed(b'.seen "status":"open","severity":"critical"\n', Form.TIMELINE)) < 10


@pytest.mark.parametrize(
    "kept",
    [b"", b"\x02abc", packed(b"settled", Form.TIMELINE)[:-1], b"\x01\xff\xff\xff", zlib.compress(b"settled")],
)
def test_what_is_not_packed_so_is_refused(kept: bytes) -> None:
    with pytest.raises(ValueError, match="packed"):
        unpacked(kept)


def test_a_text_beyond_all_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        unpacked(packed(b"a" * 1_000_001, Form.TIMELINE))
