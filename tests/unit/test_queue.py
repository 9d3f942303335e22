"""The wire between receiver and worker: what is written is read, what is not ours is harmless, and order is urgency."""

import json
from datetime import timedelta

import pytest
from arq.jobs import deserialize_job_raw
from arq.utils import ms_to_datetime
from hypothesis import example, given
from hypothesis import strategies as st

from remediation.domain.status import Severity
from remediation.queue import BAND_MS, JOB_LIFETIME, UPKEEP_QUEUE, WORK_QUEUE, Band, Job, band_of, decode, encode
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
HALF_A_JOB = st.fixed_dictionaries({}, optional=dict.fromkeys("tfake", JSON) | {"et": JSON})
NEVER: dict[str, object] = {"t": None, "f": Job.UNREADABLE, "a": [], "k": {}, "et": 0}


@given(st.sampled_from(Job), st.lists(st.text(), max_size=3), st.integers(0, 4_000_000_000_000))
def test_a_job_is_read_as_it_was_written(name: Job, arguments: list[str], at: int) -> None:
    job: dict[str, object] = {"t": None, "f": name, "a": arguments, "k": {}, "et": at}
    assert decode(encode(job)) == job


@given(
    st.one_of(st.binary(max_size=200), JSON.map(json.dumps).map(str.encode), HALF_A_JOB.map(json.dumps).map(str.encode))
)
@example(b"[" * 3_000)
@example(b'{"t":null,"f":"x","a":' + b"[" * 3_000)
@example(b'{"t":null,"f":"x","a":[],"k":{},"et":1e999}')
@example(b'{"t":"soon","f":"look_at_case","a":["x"],"k":{},"et":1}')
@example(b'{"t":7,"f":"look_at_case","a":["x"],"k":{},"et":1}')
@example(b'{"t":null,"f":"look_at_case","a":["x"],"k":{},"et":99999999999999999999}')
@example(b'{"t":null,"f":"look_at_case","a":["x"],"k":{},"et":-99999999999999999999}')
@example(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01t\x94Ns.")
def test_no_bytes_whatever_make_reading_fail_here_or_in_arq(wire: bytes) -> None:
    """What raises in arq between reading a job and running it ends the whole worker, and again after each restart."""
    name, _, keywords, tries, at = deserialize_job_raw(wire, deserializer=decode)
    assert isinstance(name, str)
    assert all(isinstance(word, str) for word in keywords)
    assert not tries, "we count attempts ourselves"
    assert ms_to_datetime(at) is not None


@pytest.mark.parametrize("wire", [b"", b"{}", b"null", b"[]", b'"x"', b'{"f":"look_at_case"}', b"\x80\x04N."])
def test_what_cannot_be_read_becomes_a_job_that_says_so(wire: bytes) -> None:
    assert decode(wire) == NEVER


def test_a_result_with_an_exception_can_be_written_without_its_words() -> None:
    """The queue keeps what its own failures were; none of ours holds more than its class."""
    wire = encode({"s": False, "r": ValueError("ZZPII-canary")})
    assert json.loads(wire) == {"s": False, "r": "ValueError"}


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_its_band(severity: Severity) -> None:
    assert band_of(severity).name == severity.name


def test_worse_is_more_urgent_and_a_delivery_most_of_all() -> None:
    worst_first = [Severity.CRITICAL, Severity.HIGH, Severity.UNKNOWN, Severity.MEDIUM, Severity.LOW]
    bands = [band_of(severity) for severity in worst_first]
    assert bands == sorted(bands, reverse=True)
    assert max(Band) is Band.DELIVERY


def test_bands_never_mix_as_long_as_a_job_lives() -> None:
    assert timedelta(milliseconds=BAND_MS) > JOB_LIFETIME > FINGERPRINT_LIFETIME


def test_crons_have_a_queue_of_their_own() -> None:
    assert WORK_QUEUE != UPKEEP_QUEUE


def test_names_that_have_shipped_stay() -> None:
    assert [str(job) for job in Job] == [
        "read_delivery",
        "look_at_case",
        "page_scan",
        "answer_question",
        "unreadable_job",
    ]
