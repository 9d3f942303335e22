"""What the rule of a case said, as the case keeps it: short, and the same again when it is read."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.records import Memory
from remediation.domain.policy import FOR_EVER, KEPT_OPEN, Acceptance, Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.policies import RULED_REASONS, PolicyWords, policy_of
from remediation.store.cases.rows import memory_json, memory_of, policy_that, said_of

SPANS = st.integers(1, 3650 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
POLICIES = st.builds(
    Policy,
    rule=st.just("students"),
    resolve_when=st.sampled_from(ResolveWhen),
    reopen_within=st.sampled_from([FOR_EVER, timedelta(0)]) | SPANS,
    kept_open=st.just(KEPT_OPEN) | st.frozensets(st.sampled_from(RULED_REASONS)),
    acceptance=st.builds(Acceptance, st.booleans(), st.booleans(), st.none() | SPANS),
    closes_gone=st.booleans(),
    copies_closing_words=st.booleans(),
    quotes_people=st.booleans(),
    names_people=st.booleans(),
    is_former=st.just(True),
)


@given(POLICIES)
def test_what_a_rule_said_survives_redis(policy: Policy) -> None:
    kept = json.dumps(said_of(policy))
    assert policy_that("students", json.loads(kept)) == policy
    assert len(kept) < 220
    memory = Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, rule="students", said=policy)
    assert memory_of(memory_json(memory).encode()) == memory


def test_what_goes_without_saying_is_not_kept() -> None:
    assert said_of(policy_of(PolicyWords(), "students", ("jira",), "minimal")) == {}
    assert policy_that("students", {}) == Policy("students", is_former=True)


def test_a_rule_after_which_every_ticket_settles_its_finding_is_not_the_usual_one() -> None:
    eager = Policy("students", kept_open=frozenset[Reason](), is_former=True)
    assert policy_that("students", said_of(eager)) == eager


def test_of_a_rule_that_an_earlier_version_remembered_only_the_name_is_known() -> None:
    row = b'{"finding": "reviewing", "tickets": {"jira": "open"}, "rule": "students"}'
    assert (memory_of(row).rule, memory_of(row).said) == ("students", None)
