"""Whose ticket is it: marks count before links, and a mark counts only where a rule can have put it."""

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.tickets import TicketChange
from remediation.sealing import Keyring
from remediation.store.cases.links import Owners
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import PlainRulebook

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def test_a_ticket_belongs_to_the_case_whose_mark_it_carries_or_else_to_the_one_that_is_tied_to_it(
    office: Office,
) -> None:
    await office.look()
    owners = Owners(office.context.todo, office.context.rulebook)
    linked = office.jira.of(KEY.mark)[0].id
    changes = [TicketChange(linked, mark) for mark in (KEY.mark, OTHER.mark, None, "remedy:")]
    changes += [TicketChange("id-9", OTHER.mark), TicketChange("id-8", None)]
    assert await owners.of("jira", changes) == [KEY, OTHER, KEY, KEY, OTHER, None]
    assert await Owners(office.context.todo, PlainRulebook("snow")).of("jira", changes[:2]) == [KEY, KEY]


async def test_a_mark_in_a_tracker_to_which_no_rule_sends_the_districts_findings_is_none_of_ours(
    office: Office,
) -> None:
    owners = Owners(office.context.todo, PlainRulebook("snow"))
    assert await owners.of("jira", [TicketChange("id-9", KEY.mark)]) == [None]
    assert await owners.of("snow", [TicketChange("id-9", KEY.mark)]) == [KEY]


async def test_a_ticket_that_names_another_tracker_on_the_same_installation_is_for_that_ones_list(
    office: Office,
) -> None:
    owners = Owners(office.context.todo, office.context.rulebook)
    changes = [TicketChange("id-9", KEY.mark, meant_for=name) for name in ("jira", "snow", "a-name-of-before", "")]
    assert await owners.of("jira", changes) == [KEY, None, KEY, KEY]
