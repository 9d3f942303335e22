"""*Systems* in the console: what is stored at once, and what a worker finds out when it is asked."""

import re
import time
from html import unescape

import pytest
from structlog.testing import capture_logs

from console.questions import asking as asking_pages
from remediation.sources.schoolscan.client import system_of
from remediation.store.budgets.learned import Budgets, Spent, ToldLimit, budget_of
from remediation.store.processes import Process, Processes
from sandbox.secrets import DISTRICT
from tests.integration.asking_world import AskingWorld
from tests.integration.console_world import OTHERS, OURS, Browser, ConsoleWorld
from tests.integration.live_world import READS
from workers.jobs import answering


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_pages, "WAIT_SECONDS", 0.0)


async def page_of(console: ConsoleWorld, who: str) -> str:
    async with console.client(who) as browser:
        page = await browser.get("/systems")
    assert page.status_code == 200
    return unescape(page.text)


async def live(asking: AskingWorld, browser: Browser, of: str = "") -> str:
    page = await asking.answered(browser, "/systems/live", of=of)
    assert page.status_code == 200
    return unescape(page.text)


async def known(console: ConsoleWorld) -> None:
    """A process, a wait, and a limit of each district."""
    now, redis = time.time(), console.connection
    await Processes(redis).tell(Process("pod-1/7", "worker", "1.2", now, "d1gest", "knew,kold"), now)
    for district in (OURS, OTHERS):
        budgets, budget = Budgets(redis), budget_of(system_of(district), "read")
        spent = await budgets.spend(budget, "anything", now)
        assert isinstance(spent, Spent)
        await budgets.settle(spent, ToldLimit(60, 41, int(now) + 50, 50.0), now)


async def test_what_is_stored_is_shown_at_once(console: ConsoleWorld) -> None:
    await known(console)
    text = await page_of(console, "viewer of all")
    assert "<code>pod-1/7</code></th><td>worker</td><td>1.2</td>" in text
    assert "<code>knew</code>, <code>kold</code>" in text
    for district in (OURS, OTHERS):
        assert f"schoolscan:{district}</th><td>read</td><td>41</td><td>60</td>" in text
    assert "Polls and feeds</h3>" in text


def timeless(text: str) -> str:
    return re.sub(r"<time.*?</time>", "", text)


async def test_the_part_that_is_fetched_again_is_that_of_the_page(console: ConsoleWorld) -> None:
    await known(console)
    for who in ("viewer of all", "viewer"):
        async with console.client(who) as browser:
            part = unescape((await browser.get("/systems/state")).text)
        assert part.startswith('<section id="systems-state" data-live="/systems/state"')
        assert timeless(part).strip() in timeless(await page_of(console, who))


async def test_who_may_see_one_district_sees_its_account_alone(console: ConsoleWorld) -> None:
    await known(console)
    text = await page_of(console, "viewer")
    assert OTHERS not in text
    assert "pod-1" not in text
    assert f"schoolscan:{OURS}</th>" in text
    assert "Workers wait for no system of your districts." in text


async def test_all_systems_are_asked_and_only_read(asking: AskingWorld) -> None:
    async with asking.console.client("viewer of all") as browser:
        text = await live(asking, browser)
    assert f'<th scope="row">SchoolScan of {DISTRICT}</th>' in text
    assert '<th scope="row">tracker jira</th>' in text
    assert '<th scope="row">tracker context</th>' in text
    assert '<th scope="row">mappings for jira</th>' in text
    assert "reads findings;" in text
    assert {method for method, _ in asking.outside.journal()} <= READS


async def test_a_districts_account_is_asked_alone_and_by_one_request(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        text = await live(asking, browser, DISTRICT)
    assert f"SchoolScan of {DISTRICT}" in text
    assert "tracker" not in text.partition("<main")[2].partition("</table>")[0]
    assert len(asking.outside.journal()) == 1


@pytest.mark.parametrize("of", ["", OTHERS, "nowhere"])
async def test_systems_of_others_cannot_be_asked(asking: AskingWorld, of: str) -> None:
    async with asking.console.client("administrator") as browser:
        asked = await browser.submit("/systems/live", of=of)
        shown = await browser.get(f"/systems/live?of={of}")
    assert (asked.status_code, shown.status_code) == (404, 404)
    assert await asking.work() == []


async def test_what_a_system_says_is_told_as_a_code_and_never_in_its_words(asking: AskingWorld) -> None:
    asking.outside.fault("jira", kind="status", status=401, path="", times=None)
    asking.outside.fault("servicenow", kind="status", status=403, path="", times=None)
    asking.outside.fault("schoolscan", kind="status", status=503, path="", times=None)
    with capture_logs() as logs:
        async with asking.console.client("viewer of all") as browser:
            text = await live(asking, browser)
    assert "<code>sign-in</code></td><td>our sign-in, or the way there, is refused (HTTP 401)</td>" in text
    assert "(HTTP 403)" in text
    assert "<code>outside-away</code></td><td>it does not answer (HTTP 503)</td>" in text
    assert [line["kind"] for line in logs if line["event"] == "question_answered"] == ["systems"]


async def test_where_the_limit_leaves_no_room_the_account_is_not_asked(asking: AskingWorld) -> None:
    now, redis = time.time(), asking.console.connection
    budgets, budget = Budgets(redis), budget_of(system_of(DISTRICT), "read")
    spent = await budgets.spend(budget, "anything", now)
    assert isinstance(spent, Spent)
    await budgets.settle(spent, ToldLimit(60, 3, int(now) + 50, 50.0), now)
    async with asking.console.client("viewer") as browser:
        text = await live(asking, browser, DISTRICT)
    assert "<code>limit-reached</code>" in text
    assert asking.outside.journal() == []


async def test_of_many_systems_some_are_asked_and_the_others_counted(
    asking: AskingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_SYSTEMS", 2)
    async with asking.console.client("viewer of all") as browser:
        text = await live(asking, browser)
    assert "2 systems more were not asked" in text
    assert "tracker jira" in text
    assert f"SchoolScan of {DISTRICT}</th>" not in text
