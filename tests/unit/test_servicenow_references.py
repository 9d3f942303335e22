"""Names become sys_ids, once for each, and never by guessing."""

from collections.abc import Sequence

import pytest

from remediation.domain.errors import Refused, TryLater
from remediation.trackers.servicenow.records import Record
from remediation.trackers.servicenow.references import References, called, references_in

OFFICE, WEB, OLD = "0" * 32, "1" * 32, "2" * 32
ROWS = {
    "sys_user_group": [
        {"sys_id": OFFICE, "name": "Office", "active": "true"},
        {"sys_id": OLD, "name": "Office", "active": "false"},
        {"sys_id": OLD, "name": "Retired", "active": "false"},
        {"sys_id": OFFICE, "name": "Twice", "active": "true"},
        {"sys_id": WEB, "name": "Twice", "active": "true"},
    ],
    "sys_user": [{"sys_id": WEB, "user_name": "priya", "active": "true"}],
    "sys_dictionary": [
        {"name": "incident", "element": "u_owner", "reference": "sys_user"},
        {"name": "problem", "element": "u_other", "reference": "sys_user"},
        {"name": "change", "element": "u_other", "reference": "sys_user_group"},
    ],
}


class Directory:
    """A stand-in that answers every query on a table with all its rows, as ServiceNow does for an unknown column."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.time = 0.0
        self.fails: dict[str, Exception] = {}

    async def look(self, table: str, query: str, _columns: Sequence[str], _limit: int) -> Sequence[Record]:
        self.asked.append((table, query))
        if table in self.fails:
            raise self.fails[table]
        return ROWS.get(table, [])


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def references(directory: Directory) -> References:
    return References("helpdesk", directory.look, lambda: directory.time)


async def test_names_become_sys_ids_and_everything_else_stays(references: References) -> None:
    fields = {
        "assignment_group": "Office",
        "caller_id": "PRIYA",
        "u_owner": "priya",
        "category": "software",
        "impact": 1,
    }
    expected = {**fields, "assignment_group": OFFICE, "caller_id": WEB, "u_owner": WEB}
    assert await references.resolved("incident", fields) == expected


async def test_a_sys_id_is_asked_about_by_nobody(references: References, directory: Directory) -> None:
    assert await references.resolved("incident", {"assignment_group": OFFICE}) == {"assignment_group": OFFICE}
    assert directory.asked == []


async def test_each_name_is_asked_for_once_until_an_answer_is_old(references: References, directory: Directory) -> None:
    fields = {"assignment_group": "Office", "category": "software"}
    for _ in range(3):
        await references.resolved("incident", fields)
    asked = [("sys_dictionary", "elementINcategory^referenceISNOTEMPTY"), ("sys_user_group", "name=Office")]
    assert directory.asked == asked
    directory.time = 3601.0
    await references.resolved("incident", fields)
    assert directory.asked == asked * 2


async def test_who_is_no_longer_active_is_better_than_nobody(references: References) -> None:
    assert await references.resolved("incident", {"assignment_group": "Retired"}) == {"assignment_group": OLD}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nobody", "assignment_group: there is no group that our account can see called Nobody; write the sys_id"),
        ("Twice", "assignment_group: 2 groups are called Twice; write the sys_id into the rule's assignment_group"),
        ("a^ORname=b", "holds signs that no query can"),
        ("javascript:gs.getUserID()", "holds signs that no query can"),
    ],
)
async def test_a_name_that_says_nothing_certain_is_refused(references: References, name: str, words: str) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            await references.resolved("incident", {"assignment_group": name})
        assert words in caught.value.words


async def test_a_directory_that_is_hidden_is_told_and_one_that_is_away_is_waited_for(
    references: References, directory: Directory
) -> None:
    directory.fails = {
        "sys_user_group": Refused("helpdesk", "no", status=403),
        "sys_dictionary": Refused("helpdesk", "no"),
    }
    with pytest.raises(Refused, match="or grant our account read access to sys_user_group"):
        await references.resolved("incident", {"assignment_group": "Office"})
    assert await references.resolved("incident", {"u_owner": "priya"}) == {"u_owner": "priya"}
    directory.fails = {"sys_user_group": TryLater("helpdesk", "away")}
    with pytest.raises(TryLater):
        await references.resolved("incident", {"assignment_group": "Office"})


def test_rows_that_have_not_the_name_are_no_answer() -> None:
    assert called("sys_user_group", "office", ROWS["sys_user_group"]) == ROWS["sys_user_group"][:1]
    assert called("cmdb_ci", "Office", [{"sys_id": WEB}]) == []


def test_a_column_of_other_tables_refers_to_what_all_of_them_say() -> None:
    assert references_in("incident", ROWS["sys_dictionary"]) == {"u_owner": "sys_user"}
    assert references_in("change", ROWS["sys_dictionary"])["u_other"] == "sys_user_group"
