"""Whose ticket is it: links count before marks, and a mark counts only where a rule can have put it."""

import pytest

from remediation.cases import CaseKey, CaseKind
from remediation.sealing import Keyring
from remediation.store.connection import Connection
from remediation.store.owners import Owners
from remediation.tickets import TicketChange
from tests.integration.offices import KEY, Office
from tests.stand_ins import PlainRulebook

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def test_a_ticket_that_we_linked_belongs_to_its_case_whatever_mark_somebody_wrote_on_it(office: Office) -> None:
    await office.look()
    owners = Owners(office.desk.todo, office.desk.rulebook)
    linked = office.jira.of(KEY.mark)[0].id
    changes = [TicketChange(linked, OTHER.mark), TicketChange("id-9", OTHER.mark), TicketChange("id-8", None)]
    assert await owners.of("jira", changes) == [KEY, OTHER, None]


async def test_a_mark_in_a_tracker_to_which_no_rule_sends_the_districts_findings_is_none_of_ours(
    office: Office,
) -> None:
    owners = Owners(office.desk.todo, PlainRulebook("snow"))
    assert await owners.of("jira", [TicketChange("id-9", KEY.mark)]) == [None]
    assert await owners.of("snow", [TicketChange("id-9", KEY.mark)]) == [KEY]
