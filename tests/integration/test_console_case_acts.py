"""Acting from *Cases* and *Case*: what was chosen is frozen, of the person's own districts, and confirmed elsewhere."""

import asyncio

import pytest

from console.app import end_tasks
from remediation.store.cases.standings import Stand, Standings
from remediation.store.console.selections import FrozenSelection, SelectedAct, Selections
from remediation.store.console.tasks import ConsoleTasks, TaskState
from tests.integration.console_world import OTHERS, OURS, PEOPLE, ConsoleWorld, parked_case, person, settled_case


async def selected(world: ConsoleWorld, who: str, location: str) -> FrozenSelection:
    """What was chosen, by where the answer leads."""
    path, _, made = location.rpartition("/")
    assert path == "/selections"
    found = await Selections(world.connection).made_by(made, person(who).name)
    assert found is not None
    return found


async def through(world: ConsoleWorld, task: str) -> None:
    """Wait until a task has ended."""
    for _ in range(200):
        found = await ConsoleTasks(world.connection).one(task)
        if found is not None and found.state is not TaskState.RUNNING:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the task does not end")


@pytest.mark.parametrize(
    ("act", "names"),
    [
        ("retry", [parked_case(OURS).ref]),
        ("replay", [f"{parked_case(OURS).ref}/open:jira"]),
        ("discard", [f"{parked_case(OURS).ref}/open:jira"]),
        ("purge", [parked_case(OURS).ref]),
    ],
)
async def test_a_case_or_what_is_parked_of_it_is_chosen_on_its_page(
    console: ConsoleWorld, act: str, names: list[str]
) -> None:
    path = f"/cases/act/{parked_case(OURS).ref}"
    async with console.client("administrator") as browser:
        page = (await browser.get(f"/cases/of/{parked_case(OURS).ref}")).text
        assert f'action="{path}"' in page
        assert f'name="act" value="{act}"' in page
        answer = await browser.submit(path, act=act)
    assert answer.status_code == 303
    made = await selected(console, "administrator", answer.headers["Location"])
    assert (made.act, list(made.names)) == (SelectedAct(act), names)


async def test_a_case_that_is_confirmed_is_looked_at_again(console: ConsoleWorld) -> None:
    ref = settled_case(OURS).ref
    async with console.client("operator") as browser:
        answer = await browser.submit(f"/cases/act/{ref}", act="retry")
        page = await browser.get(answer.headers["Location"])
        assert page.status_code == 200
        assert f'<a href="/cases/of/{ref}">Do nothing, and go back</a>' in page.text
        (standing,) = await Standings(console.connection).of([ref])
        assert standing.stand is Stand.SETTLED  # nothing is done before it is confirmed
        task = (await browser.submit(answer.headers["Location"])).headers["Location"].rpartition("/")[2]
        await through(console, task)
        assert f'<a href="/cases/of/{ref}">Back to the case</a>' in (await browser.get(f"/tasks/{task}")).text
    await end_tasks(console.app)
    (standing,) = await Standings(console.connection).of([ref])
    assert standing.stand is Stand.WAITING


@pytest.mark.parametrize(
    ("who", "offered"),
    [
        ("viewer", set()),
        ("operator", {"retry", "replay", "discard"}),
        ("administrator of all", {"retry", "replay", "discard", "purge"}),
    ],
)
async def test_each_person_may_do_what_they_are_offered_and_no_more(
    console: ConsoleWorld, who: str, offered: set[str]
) -> None:
    ref = parked_case(OURS).ref
    async with console.client(who) as browser:
        page = (await browser.get(f"/cases/of/{ref}")).text
        for act in map(str, SelectedAct):
            assert (f'value="{act}"' in page) == (act in offered)
            answer = await browser.submit(f"/cases/act/{ref}", act=act)
            assert answer.status_code == (303 if act in offered else 403)


async def test_what_cannot_be_done_or_is_not_there_is_refused(console: ConsoleWorld) -> None:
    async with console.client("administrator") as browser:
        assert (await browser.submit(f"/cases/act/{settled_case(OURS).ref}", act="close")).status_code == 400
        assert (await browser.submit(f"/cases/act/{settled_case(OURS).ref}", act="replay")).status_code == 400
        assert (await browser.submit(f"/cases/act/{settled_case(OTHERS).ref}", act="retry")).status_code == 404
        assert (await browser.submit("/cases/act/lakeside:finding:none", act="replay")).status_code == 400


async def test_all_that_fit_are_chosen_and_not_only_those_of_the_page(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.cases.ROWS", 1)
    async with console.client("operator of all") as browser:
        page = (await browser.get("/cases?tracker=jira")).text
        assert 'action="/cases/retry?tracker=jira"' in page
        answer = await browser.submit("/cases/retry?tracker=jira", which="all")
    made = await selected(console, "operator of all", answer.headers["Location"])
    assert set(made.names) == {settled_case(district).ref for district in (OURS, OTHERS)}
    assert (made.choice, made.total) == ("--tracker jira", 2)


async def test_of_another_district_nothing_is_chosen_whatever_was_sent(console: ConsoleWorld) -> None:
    async with console.client("operator") as browser:
        everything = await browser.submit("/cases/retry", which="all")
        ticked = await browser.submit(
            "/cases/retry", which="ticked", case=[settled_case(OTHERS).ref, settled_case(OURS).ref]
        )
        others = await browser.submit("/cases/retry", which="ticked", case=settled_case(OTHERS).ref)
        theirs = await browser.submit("/cases/retry?district=harbor", which="all")
    made = await selected(console, "operator", everything.headers["Location"])
    assert set(made.names) == {case(OURS).ref for case in (settled_case, parked_case)}
    assert (await selected(console, "operator", ticked.headers["Location"])).names == (settled_case(OURS).ref,)
    assert (others.status_code, theirs.status_code) == (400, 400)


async def test_no_more_are_chosen_than_one_selection_may_have(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.cases.choosing.MOST_NAMES", 3)
    async with console.client("operator of all") as browser:
        answer = await browser.submit("/cases/retry", which="all")
    made = await selected(console, "operator of all", answer.headers["Location"])
    assert (len(made.names), made.total, made.is_cut) == (3, 4, True)


@pytest.mark.parametrize("who", [who for who in PEOPLE if who.startswith("viewer")])
async def test_who_only_reads_is_offered_nothing_and_may_do_nothing(console: ConsoleWorld, who: str) -> None:
    async with console.client(who) as browser:
        page = (await browser.get("/cases")).text
        assert page.count('method="post"') == 1, "to sign out"
        for which in ("all", "ticked"):
            answer = await browser.submit("/cases/retry", which=which, case=settled_case(OURS).ref)
            assert answer.status_code == 403
