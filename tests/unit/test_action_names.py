"""An action's name is a value in our hands and a text everywhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import (
    ActionName,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    RaiseTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Verb,
    Why,
)
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason

parts = st.text("abc-0123456789", min_size=1)


@pytest.mark.parametrize(
    ("action", "written"),
    [
        (OpenTicket("jira", Why.NEW), "open:jira"),
        (ResolveTicket("jira", Reason.FIXED, Why.TICKET_DONE), "resolve:jira"),
        (ReopenTicket("jira", Why.FOUND_AGAIN), "reopen:jira"),
        (RaiseTicket("jira", Severity.HIGH), "raise:jira"),
        (CommentOnTicket("jira", Why.CONFLICT, "a fact"), "comment:jira:conflict"),
        (CloseDuplicate("jira", "1"), "duplicate:jira"),
        (SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE), "patch:accepted_risk"),
    ],
)
def test_every_action_has_the_name_by_which_earlier_versions_stored_it(action: OpenTicket, written: str) -> None:
    assert str(action.name) == written
    assert ActionName.parse(written) == action.name


@given(st.sampled_from(["look", *Verb]), st.none() | parts, st.none() | parts)
def test_a_name_that_was_written_is_read_as_it_was(verb: str, where: str | None, what: str | None) -> None:
    written = ":".join(part for part in (verb, where, what if where else None) if part)
    assert str(ActionName.parse(written)) == written


def test_what_is_set_at_the_source_is_in_no_tracker() -> None:
    name = ActionName.parse("patch:resolved")
    assert (name.verb, name.tracker, name.detail, name.target) == (Verb.PATCH, "", "resolved", "resolved")
    assert ActionName.parse("look") == ActionName("look")
