"""The fixture of the console's tests: what is planted is there, for each kind of person."""

import pytest

from remediation.store.cases.lists import CaseFilter, CaseLists
from tests.integration.console_world import OTHERS, OURS, PEOPLE, ConsoleWorld, parked_case, settled_case


async def test_both_districts_have_cases(console: ConsoleWorld) -> None:
    page = await CaseLists(console.connection).page(CaseFilter(), 10)
    planted = {case(district).ref for case in (settled_case, parked_case) for district in (OURS, OTHERS)}
    assert {case.ref for case in page.cases} == planted


@pytest.mark.parametrize("who", PEOPLE)
async def test_each_person_has_a_browser(console: ConsoleWorld, who: str) -> None:
    async with console.client(who) as browser:
        assert (await browser.get("/")).status_code == 200
