"""Which deliveries are about a case that is to be deleted: those that name it, and no others."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.jira import JIRA
from remediation.store.deliveries.concerned import Concern

REF = "lakeside:finding:fnd_9d2"
ONE = Concern(
    "lakeside",
    frozenset({REF}),
    frozenset({"fnd_9d2"}),
    frozenset({"10001"}),
    frozenset({"fnd_9d2", f"remedy:{REF}", "SEC-12"}),
)
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
INSIDE = st.text(alphabet="abcXYZ019_-", min_size=1, max_size=3)


def noticed(finding: str, **other: Any) -> bytes:
    return json.dumps({"type": "finding.critical", "data": {"finding_id": finding}, **other}).encode()


def test_a_delivery_that_can_be_read_counts_by_what_it_says() -> None:
    assert ONE.has(SCHOOLSCAN, "lakeside", noticed("fnd_9d2"))
    assert not ONE.has(SCHOOLSCAN, "lakeside", noticed("fnd_9d3", note="like fnd_9d2"))
    assert not ONE.has(SCHOOLSCAN, "harbor", noticed("fnd_9d2")), "another district's finding of that id"
    assert not ONE.has(SCHOOLSCAN, "lakeside", b'{"type": "scan.completed", "data": {"scan_id": "fnd_9d2"}}')


@given(before=WORDS, after=WORDS, name=WORDS)
def test_a_body_that_nobody_can_read_counts_where_it_names_the_case(before: str, after: str, name: str) -> None:
    body = json.dumps({name: f"{before} fnd_9d2 {after}"}).encode() + b"{"
    assert ONE.has(SCHOOLSCAN, "lakeside", body)
    assert not ONE.has(SCHOOLSCAN, "harbor", body)
    assert ONE.has(JIRA, "jira", body), "a tracker has tickets of all districts"


@given(before=INSIDE, after=INSIDE)
def test_a_longer_word_that_has_the_id_within_is_another_one(before: str, after: str) -> None:
    for word in (f"{before}fnd_9d2", f"fnd_9d2{after}", f"{before}fnd_9d2{after}"):
        assert not ONE.has(SCHOOLSCAN, "lakeside", json.dumps({"id": word}).encode() + b"{")


def test_an_id_that_json_spells_otherwise_is_found_in_each_form() -> None:
    odd = Concern("lakeside", words=frozenset({'é"1'}))
    for body in (json.dumps(['é"1']), json.dumps(['é"1'], ensure_ascii=False)):
        assert odd.has(SCHOOLSCAN, "lakeside", body.encode() + b"{")
    assert odd.has(SCHOOLSCAN, "lakeside", 'no JSON: é"1'.encode())


def test_of_a_district_all_that_its_sender_sent_counts_and_of_trackers_what_bears_its_mark() -> None:
    all_of_it = Concern("lakeside", is_whole_district=True)
    assert all_of_it.has(SCHOOLSCAN, "lakeside", b"anything")
    assert not all_of_it.has(SCHOOLSCAN, "harbor", b"anything")
    assert all_of_it.has(JIRA, "jira", f'{{"labels": ["remedy:{REF}"]}}'.encode())
    assert not all_of_it.has(JIRA, "jira", b'{"labels": ["remedy:lakeside-2:finding:fnd_1"]}')
