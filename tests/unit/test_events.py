"""A delivery's words become one of our events, whatever the vendor's spelling, or the delivery is unreadable."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.events import (
    Event,
    EventKind,
    FindingNoticed,
    ScanCompleted,
    ScanStarted,
    UnknownEvent,
    delivery_id,
    read_schoolscan,
)
from remediation.domain.errors import Unreadable

SAMPLES = Path(__file__).parent.parent / "payloads" / "schoolscan"
CRITICAL = EventKind.FINDING_CRITICAL


def read(tree: object) -> Event:
    event = read_schoolscan(json.dumps(tree).encode())
    assert not isinstance(event, UnknownEvent)
    return event


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("finding-critical", FindingNoticed("evt_01", CRITICAL, "fnd_9d2")),
        (
            "finding-expert-reviewed",
            FindingNoticed("evt_02", EventKind.FINDING_EXPERT_REVIEWED, "fnd_9d2"),
        ),
        ("scan-started", ScanStarted("evt_03", "scan_2k9x4f")),
        ("scan-completed", ScanCompleted("evt_04", "scan_2k9x4f")),
        ("finding-critical-standard", FindingNoticed(None, CRITICAL, "fnd_9d3")),
        ("finding-critical-flat", FindingNoticed(None, CRITICAL, "941")),
    ],
)
def test_a_stored_sample_says_what_happened(name: str, event: Event) -> None:
    assert read_schoolscan((SAMPLES / f"{name}.json").read_bytes()) == event


@pytest.mark.parametrize(
    "rest",
    [
        {"data": {"finding_id": "f1"}},
        {"data": {"finding": {"id": "f1"}}},
        {"data": {"id": "f1"}},
        {"data": {"finding_id": "f1", "id": "other"}},
        {"data": {"finding_id": None, "finding": None, "id": "f1"}},
        {"data": {}, "finding_id": "f1"},
        {"data": [], "finding_id": "f1"},
        {"finding_id": "f1"},
        {"finding": {"id": "f1"}},
        {"finding": {"id": "f1"}, "data": {"finding": "what"}},
    ],
)
@pytest.mark.parametrize("word", ["type", "event"])
def test_a_finding_is_found_in_every_accepted_place(word: str, rest: dict[str, object]) -> None:
    assert read({word: "finding.critical", "id": "e1", **rest}) == FindingNoticed("e1", CRITICAL, "f1")


@pytest.mark.parametrize(
    "rest",
    [
        {"data": {"scan_id": "s1"}},
        {"data": {"scan": {"id": "s1"}}},
        {"data": {"id": "s1"}},
        {"data": None, "scan_id": "s1"},
        {"scan_id": "s1"},
        {"scan": {"id": "s1"}},
    ],
)
def test_a_scan_is_found_in_every_accepted_place(rest: dict[str, object]) -> None:
    assert read({"type": "scan.started", "id": "e1", **rest}) == ScanStarted("e1", "s1")
    assert read({"type": "scan.completed", "id": "e1", **rest}) == ScanCompleted("e1", "s1")


@pytest.mark.parametrize(
    "rest",
    [
        {"data": {"scan_id": "s1"}},
        {"data": {"scan": {"id": "s1"}}},
        {"data": {"finding": {"scan_id": "s1"}}},
        {"scan_id": "s1"},
        {"scan": {"id": "s1"}},
        {"finding": {"scan_id": "s1"}},
    ],
)
def test_the_scan_of_a_finding_is_found_in_every_accepted_place(rest: dict[str, object]) -> None:
    """An event id that is the scan's own is none of the event's."""
    event = {"type": "finding.critical", "finding_id": "f1", **rest}
    assert read({**event, "id": "e1"}) == FindingNoticed("e1", CRITICAL, "f1")
    assert read({**event, "id": "s1"}) == FindingNoticed(None, CRITICAL, "f1")


def test_a_top_level_id_is_the_subjects_where_there_is_no_data() -> None:
    assert read({"event": "finding.critical", "id": "f1", "severity": "critical"}) == FindingNoticed(
        None, CRITICAL, "f1"
    )
    with pytest.raises(Unreadable, match="names no finding"):
        read({"event": "finding.critical", "id": "e1", "data": {}})


def test_an_event_id_that_is_its_subjects_own_is_no_event_id() -> None:
    for same in ("f1", "s1"):
        event = read({"type": "finding.critical", "id": same, "data": {"finding_id": "f1", "scan_id": "s1"}})
        assert event.event_id is None


ODD_IDS = ["", " ", " a", "a\nb", "a\x00", "a" * 257, "\ud800", "a\u202eb", True, 1.5, [], {}]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_odd_id_that_only_helps_is_left_out(odd: object) -> None:
    event = read({"type": "finding.critical", "id": odd, "data": {"finding_id": "f1", "scan_id": odd}})
    assert event == FindingNoticed(None, CRITICAL, "f1")


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize(("kind", "key"), [("finding.critical", "finding_id"), ("scan.completed", "scan_id")])
def test_an_odd_id_that_is_needed_is_unreadable_and_no_other_is_tried(kind: str, key: str, odd: object) -> None:
    with pytest.raises(Unreadable, match="is not one"):
        read({"type": kind, "data": {key: odd, "id": "other"}})


def test_ids_may_be_numbers_have_spaces_inside_and_be_as_long_as_256_characters() -> None:
    assert read({"type": "scan.started", "id": 7, "scan_id": 10**30}) == ScanStarted("7", str(10**30))
    assert read({"type": "scan.started", "scan_id": "é" * 256}) == ScanStarted(None, "é" * 256)
    assert read({"type": "scan.started", "scan_id": "a/b: c"}) == ScanStarted(None, "a/b: c")


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"finding.critical"', "not a JSON object"),
        (b"{}", "names no event type"),
        (b'{"type":1}', "names no event type"),
        (b'{"event":{"type":"finding.critical"}}', "names no event type"),
        (b'{"type":"","finding_id":"f1"}', "event type is not one"),
        (b'{"type":"finding critical","finding_id":"f1"}', "event type is not one"),
        (b'{"type":"finding.critical\\n","finding_id":"f1"}', "event type is not one"),
        (b'{"type":"%s","finding_id":"f1"}' % (b"a" * 101), "event type is not one"),
        (b'{"type":"finding.critical"}', "names no finding"),
        (b'{"type":"scan.completed","data":{"finding_id":"f1"}}', "names no scan"),
        (b'{"type":"finding.critical","type":"finding.critical","finding_id":"f1"}', "names no event type"),
        (b'{"type":"finding.critical","finding_id":"f1","finding_id":"f1"}', "id of the finding is not one"),
        (b'{"type":"finding.critical","data":{"id":"f1"},"data":{"id":"f2"}}', "id of the finding is not one"),
    ],
)
def test_an_unreadable_delivery_gets_a_fixed_phrase(body: bytes, phrase: str) -> None:
    with pytest.raises(Unreadable, match=phrase):
        read_schoolscan(body)


@pytest.mark.parametrize("word", ["finding.deleted", "Finding.Critical", "scan.failed", "ping", "account.updated/v2"])
def test_an_event_that_is_none_of_ours_is_unknown_and_not_unreadable(word: str) -> None:
    assert read_schoolscan(json.dumps({"type": word, "id": "e1"}).encode()) == UnknownEvent()
    assert read_schoolscan(json.dumps({"event": word, "finding_id": []}).encode()) == UnknownEvent()


def test_a_repeated_key_that_nobody_reads_does_no_harm() -> None:
    body = b'{"type":"finding.critical","data":{"finding_id":"f1","meta":{"a":1,"a":2},"url":1,"url":2}}'
    assert read_schoolscan(body) == FindingNoticed(None, CRITICAL, "f1")


def test_only_critical_findings_are_urgent() -> None:
    urgent = {kind: read({"type": kind, "data": {"id": "x1"}}).is_urgent for kind in EventKind}
    assert [kind for kind, is_urgent in urgent.items() if is_urgent] == [CRITICAL]


def test_an_event_knows_its_kind() -> None:
    for kind in EventKind:
        assert read({"type": kind, "data": {"id": "x1"}}).kind is kind


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["id", "finding_id", "scan_id", "finding", "scan"]), inner),
    max_leaves=6,
)
words = st.sampled_from([*EventKind, "other"])
shaped = st.fixed_dictionaries(
    {},
    optional={key: values for key in ("id", "data", "finding", "scan", "finding_id", "scan_id")}  # noqa: C420 - one strategy each
    | {"type": words | values, "event": words | values},
)


@given(body=st.binary(max_size=100) | shaped.map(lambda tree: json.dumps(tree).encode()))
def test_whatever_the_body_holds_an_event_or_unreadable_comes_out(body: bytes) -> None:
    try:
        event = read_schoolscan(body)
    except Unreadable:
        return
    if isinstance(event, UnknownEvent):
        return
    ids = [event.finding_id] if isinstance(event, FindingNoticed) else [event.scan_id]
    assert ids[0]
    for each in [*ids, event.event_id]:
        assert each is None or (each.isprintable() and each == each.strip() and 1 <= len(each) <= 256)


def test_a_repeat_has_the_same_delivery_id_and_nothing_else_has() -> None:
    ids = [
        delivery_id("schoolscan", "lakeside", "e1", "a"),
        delivery_id("schoolscan", "lakeside", None, "a"),
        delivery_id("schoolscan", "lakeside", None, "b"),
        delivery_id("schoolscan", "lakeside", "e2", "a"),
        delivery_id("schoolscan", "other", "e1", "a"),
        delivery_id("jira", "lakeside", "e1", "a"),
        delivery_id("schoolscanlake", "side", "e1", "a"),
    ]
    assert len(set(ids)) == len(ids)
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in ids)
    assert delivery_id("schoolscan", "lakeside", "e1", "b") == ids[0]


def test_an_event_id_that_looks_like_a_bodys_fingerprint_is_not_taken_for_it() -> None:
    fingerprint = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert delivery_id("s", "d", fingerprint) != delivery_id("s", "d", None, fingerprint)


parts = st.tuples(st.text(max_size=4), st.text(max_size=4), st.none() | st.text(max_size=4))


@given(one=parts, other=parts)
def test_two_different_names_never_share_a_delivery_id(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    assert (delivery_id(*one, "a") == delivery_id(*other, "a")) is (one == other)
