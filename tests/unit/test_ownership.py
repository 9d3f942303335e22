"""Whose a linked ticket is: by its mark first, then by when it was created, by its number last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.ownership import Claim, Doubt, Evidence, Ground, doubt_of, stranger_in
from remediation.domain.tickets import Ticket, TicketState
from remediation.store.cases.rows import link_of

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
CREATED = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN, mark=KEY.mark)
TICKET = replace(TICKET, created_at=CREATED)
LATER = CREATED + timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        ({}, None),
        ({"state": TicketState.DONE}, None),
        ({"state": TicketState.GONE, "mark": None, "created_at": None}, None),
        pytest.param({"created_at": LATER}, None, id="the mark says more than the time"),
        ({"mark": "remedy:lakeside:finding:fnd_2"}, Evidence.OTHER_MARK),
        ({"mark": "remedy:hillside:finding:fnd_1"}, Evidence.OTHER_MARK),
        ({"mark": f"remedy:lakeside:finding:sha256-{'a' * 40}"}, Evidence.OTHER_MARK),
        ({"mark": None}, Evidence.NO_MARK),
        pytest.param({"mark": "INT-4711"}, Evidence.NO_MARK, id="another integration's mark is none of ours"),
        pytest.param({"mark": "remedy:"}, Evidence.NO_MARK, id="a mark that names no case"),
        ({"mark": None, "created_at": None}, Evidence.NO_MARK),
        ({"mark": None, "created_at": CREATED + timedelta(minutes=5)}, Evidence.NO_MARK),
        ({"mark": None, "created_at": LATER}, Evidence.OTHER_TICKET),
        ({"mark": "INT-4711", "created_at": LATER}, Evidence.OTHER_TICKET),
    ],
)
def test_a_ticket_is_the_cases_by_its_mark(change: dict[str, object], evidence: Evidence | None) -> None:
    doubt = doubt_of((KEY.mark,), link_of(TICKET), replace(TICKET, **change))  # type: ignore[arg-type]  # a table's row
    assert (doubt.evidence if doubt else None) is evidence


def test_a_link_that_an_earlier_version_made_knows_no_time() -> None:
    link = replace(link_of(TICKET), created=None)
    assert doubt_of((KEY.mark,), link, replace(TICKET, mark=None, created_at=LATER)) == Doubt(link, Evidence.NO_MARK)


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        ({}, None),
        ({"mark": "remedy:lakeside:finding:fnd_2"}, Evidence.OTHER_MARK),
        ({"mark": None}, Evidence.OTHER_SITE),
        ({"state": TicketState.GONE, "mark": None, "created_at": None}, Evidence.OTHER_SITE),
    ],
)
def test_a_link_of_another_site_is_believed_only_by_the_mark(
    change: dict[str, object], evidence: Evidence | None
) -> None:
    ticket = replace(TICKET, **change)  # type: ignore[arg-type]  # a table's row
    doubt = doubt_of((KEY.mark,), link_of(TICKET), ticket, here=False)
    assert (doubt.evidence if doubt else None) is evidence


@pytest.mark.parametrize(
    ("opened_by", "accounts", "ground", "is_own_attempt", "is_ours"),
    [
        ("us", ["us"], Ground.OWN, False, True),
        ("before", ["us", "before"], Ground.OWN, False, True),
        pytest.param("us", ["us"], Ground.NOBODYS, False, True, id="moved by a person, or opened under another file"),
        pytest.param("us", ["us"], Ground.OTHERS, False, False, id="another district's, with another mark now"),
        pytest.param("us", ["us"], Ground.OTHERS, True, True, id="the create whose answer was lost"),
        ("person", ["us"], Ground.OWN, False, False),
        ("person", ["us"], Ground.OWN, True, False),
        pytest.param("", ["us"], Ground.OWN, True, False, id="nobody was signed in"),
        pytest.param(None, ["us"], Ground.OWN, True, True, id="our attempt, and nobody tells whose"),
        (None, ["us"], Ground.OWN, False, False),
        (None, ["us"], Ground.NOBODYS, True, False),
        (None, ["us"], Ground.OTHERS, True, False),
        pytest.param("somebody", [], Ground.OWN, False, False, id="nobody tells who we are"),
        ("somebody", [], Ground.OWN, True, True),
        ("somebody", [], Ground.NOBODYS, True, False),
        ("somebody", [], Ground.OTHERS, True, False),
    ],
)
def test_a_ticket_that_is_only_marked_is_ours_by_who_opened_it_and_where(
    opened_by: str | None, accounts: list[str], ground: Ground, *, is_own_attempt: bool, is_ours: bool
) -> None:
    ticket = replace(TICKET, opened_by=opened_by)
    assert (stranger_in(ticket, ground, accounts, is_own_attempt=is_own_attempt) is None) is is_ours


@pytest.mark.parametrize(
    ("opened_by", "accounts", "ground", "is_certain"),
    [
        ("person", ["us"], Ground.NOBODYS, True),
        ("person", ["us"], Ground.OTHERS, True),
        ("", ["us"], Ground.NOBODYS, True),
        pytest.param("person", ["us"], Ground.OWN, False, id="perhaps our account before"),
        pytest.param("us", ["us"], Ground.OTHERS, False, id="perhaps moved there by a person"),
        (None, ["us"], Ground.NOBODYS, False),
        ("somebody", [], Ground.NOBODYS, False),
    ],
)
def test_a_stranger_is_certain_where_others_opened_it_and_no_ticket_of_the_districts_is(
    opened_by: str | None,
    accounts: list[str],
    ground: Ground,
    is_certain: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    stranger = stranger_in(replace(TICKET, opened_by=opened_by), ground, accounts, is_own_attempt=False)
    assert stranger is not None
    assert stranger.is_certain is is_certain


OWN, RIVAL = Claim("web", "10", "SEC"), Claim("privacy", "20", "PRIV")


@pytest.mark.parametrize(
    ("own", "rivals", "ticket", "is_ours"),
    [
        (OWN, [], {"id": "30", "place": "SEC"}, True),
        pytest.param(OWN, [Claim("privacy")], {"id": "30", "place": "LOOP"}, True, id="the case has nothing there"),
        (OWN, [RIVAL], {"id": "10", "place": "PRIV"}, True),
        (OWN, [RIVAL], {"id": "20", "place": "SEC"}, False),
        (OWN, [RIVAL], {"id": "30", "place": "sec"}, True),
        (OWN, [RIVAL], {"id": "30", "place": "PRIV"}, False),
        (OWN, [RIVAL], {"id": "30", "place": "LOOP"}, None),
        (OWN, [RIVAL], {"id": "30", "place": "PRIV", "meant_for": "web"}, True),
        (OWN, [RIVAL], {"id": "30", "place": "SEC", "meant_for": "privacy"}, False),
        pytest.param(OWN, [RIVAL], {"id": "30", "place": "SEC", "meant_for": "former"}, True, id="a name of before"),
        (OWN, [Claim("privacy")], {"id": "30", "place": "SEC", "meant_for": "privacy"}, False),
        pytest.param(OWN, [replace(RIVAL, place="SEC")], {"id": "30", "place": "SEC"}, None, id="one place for both"),
        pytest.param(OWN, [replace(RIVAL, ticket_id="10")], {"id": "10", "place": "SEC"}, True, id="linked to both"),
        pytest.param(OWN, [replace(RIVAL, ticket_id="10")], {"id": "10", "place": "PRIV"}, False, id="to both, theirs"),
        pytest.param(replace(OWN, place=""), [RIVAL], {"id": "30", "place": "LOOP"}, True, id="no rule names a place"),
        (replace(OWN, place=""), [RIVAL], {"id": "30", "place": "PRIV"}, False),
    ],
)
def test_of_two_trackers_on_one_installation_a_ticket_is_the_one_that_can_mean_it(
    own: Claim,
    rivals: list[Claim],
    ticket: dict[str, Any],
    is_ours: bool | None,  # noqa: FBT001 - a column of the table above
) -> None:
    assert own.is_for(replace(TICKET, **ticket), rivals) is is_ours
