"""How cases are named: the same name always, a safe one everywhere, and no name for two cases."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import CaseKey, CaseKind, Link, Memory, key_of_ref, ref_of_mark
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, TicketState
from remediation.store.cases.rows import key_in, link_wire, memory_json, memory_of, memory_wire, record_of
from tests.action_names import actions_named

SAFE = re.compile(r"[a-z0-9-]+:finding:[A-Za-z0-9._-]+")
DISTRICTS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
IDS = st.one_of(st.text(min_size=1, max_size=200), st.from_regex(r"[A-Za-z0-9._-]{1,60}", fullmatch=True))


def key(outside_id: str, district: str = "lakeside") -> CaseKey:
    return CaseKey(district, CaseKind.FINDING, outside_id)


def test_a_reference_says_whose_what_and_which() -> None:
    assert key("fnd_9d2").ref == "lakeside:finding:fnd_9d2"
    assert key("fnd_9d2").mark == "remedy:lakeside:finding:fnd_9d2"


@given(DISTRICTS, IDS)
def test_every_reference_is_safe_and_fits_and_is_found_in_its_mark(district: str, outside_id: str) -> None:
    case = key(outside_id, district)
    assert SAFE.fullmatch(case.ref)
    assert len(case.ref) <= 90
    assert len(case.mark) <= 100, "ServiceNow's correlation_id takes no more"
    assert ref_of_mark(case.mark) == case.ref
    assert key_in(case.ref, outside_id) == case


@given(IDS, IDS)
def test_two_cases_never_have_one_reference(one: str, other: str) -> None:
    assert (key(one).ref == key(other).ref) is (one == other)


@given(DISTRICTS, IDS)
def test_a_reference_that_spells_its_id_gives_the_key_back_and_a_digest_does_not(
    district: str, outside_id: str
) -> None:
    case = key(outside_id, district)
    assert key_of_ref(case.ref) in {case, None}
    assert (key_of_ref(case.ref) is None) is (":sha256-" in case.ref)


def test_an_id_cannot_pretend_to_be_a_digest() -> None:
    digest = key("ü").ref.rpartition(":")[2]
    assert key(digest).ref != key("ü").ref


@pytest.mark.parametrize(
    "mark",
    [
        None,
        "",
        "remedy:",
        "remedy:lakeside",
        "remedy:lakeside:finding",
        "remedy:lakeside:finding:",
        "remedy:lakeside:nonsense:fnd_1",
        "remedy:Lakeside:finding:fnd_1",
        "remedy:lakeside:finding:fnd 1",
        "remedy:lakeside:finding:fnd_1\n",
        "remedy:lakeside:finding:sha256-abc",
        "Remedy:lakeside:finding:fnd_1",
        " remedy:lakeside:finding:fnd_1",
        "lakeside:finding:fnd_1",
    ],
)
def test_a_text_that_is_no_mark_of_ours_names_no_case(mark: str | None) -> None:
    assert ref_of_mark(mark) is None


@given(st.text(max_size=120))
def test_no_text_whatever_makes_reading_a_mark_fail(text: str) -> None:
    ref = ref_of_mark(f"remedy:{text}")
    assert ref is None or SAFE.fullmatch(ref)


MEMORIES = st.builds(
    Memory,
    finding=st.one_of(st.none(), st.sampled_from(Status)),
    tickets=st.dictionaries(st.sampled_from(["jira", "snow"]), st.sampled_from(TicketState)),
    doing=st.frozensets(st.sampled_from(sorted(actions_named("open:jira", "patch:reviewing"), key=str))),
    planned_at=st.one_of(st.none(), st.sampled_from(Status)),
    closed_at=st.dictionaries(st.sampled_from(["jira", "snow"]), st.integers(0, 2**33)),
    closings=st.dictionaries(
        st.sampled_from(["jira", "snow"]),
        st.builds(
            Closing,
            st.sampled_from(Reason),
            st.text(max_size=60),
            st.one_of(st.none(), st.sampled_from(Reason)),
            st.sampled_from(["", "10001"]),
            st.none() | st.integers(-62_135_596_800, 253_402_300_799),
        )
        | st.builds(Closing, st.just(Reason.ACCEPTED_RISK), is_unread=st.just(True)),
    ),
    left_over=st.dictionaries(st.sampled_from(["jira", "snow"]), st.text(max_size=60)),
)


@given(MEMORIES)
def test_a_memory_survives_redis(memory: Memory) -> None:
    back = memory_of(memory_json(memory).encode())
    assert (back.finding, back.tickets, back.doing) == (memory.finding, memory.tickets, memory.doing)
    assert back.planned_at == (memory.planned_at if memory.doing else None)
    assert back.closed_at == (memory.closed_at if memory.doing else {})
    assert (back.closings, back.left_over) == (memory.closings, memory.left_over)


@given(MEMORIES, st.integers(1, 64))
def test_a_memory_is_read_from_its_pieces(memory: Memory, length: int) -> None:
    kept = memory_wire(memory)
    pieces = [kept[at : at + length] for at in range(0, len(kept), length)]
    row = {f"memory:{number}" if number else "memory": piece for number, piece in enumerate(pieces)}
    assert record_of("lakeside:finding:fnd_1", row | {"id": b"fnd_1"}).memory == memory_of(memory_json(memory).encode())


def test_what_an_earlier_version_wrote_over_pieces_counts_without_those_left_over() -> None:
    row = {"id": b"fnd_1", "memory": b'{"finding": "resolved", "tickets": {}}', "memory:1": b"left over"}
    assert record_of("lakeside:finding:fnd_1", row).memory == Memory(Status.RESOLVED)


def test_a_memory_in_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form that this version does not know"):
        record_of("lakeside:finding:fnd_1", {"id": b"fnd_1", "memory": b"\x07 of a later version"})


WORDS = st.text(max_size=30) | st.sampled_from(
    ["{id}", "{key}", "{site}", "incident/8b0ad463", "SEC-1", "https://a.example"]
)
LINKS = st.builds(
    Link,
    st.just("jira"),
    WORDS,
    WORDS,
    st.lists(WORDS, max_size=4).map("".join),
    created=st.none() | st.floats(0, 4e9),
    unmarked=st.booleans(),
    site=WORDS,
    born=st.integers(0, 10**13).map(lambda at: at / 1000),
)


@given(LINKS)
def test_a_link_survives_redis(link: Link) -> None:
    text, more = link_wire(link)
    row = {"id": b"fnd_1", "link:jira": text.encode(), "tie:jira": more}
    assert record_of("lakeside:finding:fnd_1", row).links == {"jira": link}


@pytest.mark.parametrize(
    ("ticket_id", "key", "site", "path"),
    [
        (
            "incident/8b0ad463ec2d4ed89db987a6ef9c4ec7",
            "INC0010017",
            "https://lakeside-schools.service-now.com",
            "/nav_to.do?uri=incident.do%3Fsys_id%3D8b0ad463ec2d4ed89db987a6ef9c4ec7",
        ),
        ("10033", "SEC-17", "https://lakeside-schools.atlassian.net", "/browse/SEC-17"),
    ],
)
def test_a_usual_link_keeps_its_row_dense(ticket_id: str, key: str, site: str, path: str) -> None:
    link = Link("jira", ticket_id, key, site + path, created=1_795_875_099.194, site=site, born=1_795_875_092.167)
    assert max(map(len, link_wire(link))) <= 64


def test_a_memory_that_an_earlier_version_wrote_is_read_without_the_reasons() -> None:
    row = b'{"finding": "resolved", "tickets": {"snow": "done"}, "severity": "high", "rule": "all", "told": []}'
    assert memory_of(row) == Memory(Status.RESOLVED, {"snow": TicketState.DONE}, severity=Severity.HIGH, rule="all")


def test_a_closing_that_an_earlier_version_wrote_may_be_of_any_ticket() -> None:
    row = b'{"finding": "resolved", "tickets": {"snow": "done"}, "closings": {"snow": ["fixed", "Solved", null]}}'
    assert memory_of(row).closings == {"snow": Closing(Reason.FIXED, "Solved")}


def test_a_link_that_an_earlier_version_made_is_read_and_may_be_outdated() -> None:
    row = {
        "id": b"fnd_1",
        "link:jira": b'["10001", "SEC-1", "https://jira.example/browse/SEC-1"]',
        "tie:jira": b'{"ticket": "10001", "created": 5.0, "site": "jira-1"}',
        "born": b"1000",
    }
    record = record_of("lakeside:finding:fnd_1", row)
    assert record.links == {
        "jira": Link("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", created=5.0, site="jira-1")
    }
    assert record.may_be_outdated(record.links["jira"])
    assert not record.may_be_outdated(replace(record.links["jira"], born=1.0))
