"""Every page of the console in a real browser: readable, reachable and still for whoever reads it."""

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext
from starlette.routing import Match, Route

from console.app import PAGES
from sandbox.secrets import DISTRICT
from tests.console.conftest import sign_in
from tests.console.pictures import take_pictures
from tests.console.reader import HIGH, MOST_SHIFTED, NARROW, WIDE, Reader, reader_of
from tests.console.staging import ConsoleStage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

ROUTES = [route for page in PAGES for route in page.ROUTES]
MOMENT = 200
"""Milliseconds in which scripts have done what they do with a new page."""

UNLINKED = (
    "/no-such-page",
    "/cases/find?name=SEC-404",
    "/cases?severity=low&state=parked",
    "/sign-in?ended=1",
    "/sign-in/link?token=used",
)
"""What no link of those pages leads to: what there is not, what nothing fits, and where people sign in."""

NO_PAGES = ("_file", "state", "_progress", "find_case", "stream", "_news")
"""How the routes end that answer with a part of a page, a file or another page's address."""

PIECES = " by piece"
"""Parked work is shown in groups or by piece, under one route."""

OF_THE_STORY = {"selection", "task", "plan", "explain", "live systems"}
"""Pages to which something leads that somebody does: see test_console_story.py."""

PICTURED = {
    "now",
    "cases",
    "case",
    "parked",
    "deliveries",
    "scans",
    "incidents",
    "rules",
    "systems",
    "charts",
    "audit",
    "people",
}
"""Pages of which docs/console.md has a picture, by their routes."""


def route_of(path: str) -> str:
    """The name of the route that answers a path."""
    scope = {"type": "http", "method": "GET", "path": urlsplit(path).path, "root_path": "", "headers": []}
    fitting = (route.name for route in ROUTES if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL)
    return next(fitting, "")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(context: BrowserContext, stage: ConsoleStage) -> Mapping[str, str]:
    """One path of each page that links lead to from the first one, by its route, and those that none leads to."""
    found: dict[str, str] = {"": UNLINKED[0]}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        name = f"{route_of(path)}{PIECES if 'view=pieces' in path else ''}"
        if name in found or not route_of(path):
            continue
        answer = await context.request.get(stage.address + path)
        if answer.status != 200 or "text/html" not in answer.headers["content-type"]:
            continue
        found[name] = path
        waiting += [unescape(link) for link in re.findall(r'<a [^>]*?href="(/[^"]*)"', await answer.text())]
    return found | {path: path for path in UNLINKED[1:]}


async def test_links_lead_to_every_page(pages: Mapping[str, str]) -> None:
    there_are = {route.name for route in ROUTES if isinstance(route, Route) and "GET" in (route.methods or ())}
    pages_of_their_own = {name for name in there_are if not name.endswith(NO_PAGES)}
    assert pages_of_their_own - pages.keys() <= OF_THE_STORY


async def test_axe_finds_nothing_wrong_with_any_page_in_light_or_dark(reader: Reader, pages: Mapping[str, str]) -> None:
    wrong: list[str] = []
    for path in pages.values():
        await reader.page.emulate_media(color_scheme="light")
        await reader.open(path)
        wrong += await reader.violations()
        await reader.page.emulate_media(color_scheme="dark")
        wrong += [f"dark {each}" for each in await reader.violations("color-contrast")]
    assert wrong == []


async def test_a_page_fits_into_a_narrow_window_and_into_a_wide_one_with_text_of_twice_the_size(
    reader: Reader, pages: Mapping[str, str]
) -> None:
    wrong: list[str] = []
    for path in pages.values():
        await reader.resize(NARROW)
        await reader.open(path)
        wrong += [f"{path}: {over} px too wide at {NARROW}" for over in [await reader.overflow()] if over > 0]
        wrong += await reader.clipped()
        await reader.resize(WIDE)
        await reader.enlarge_text()
        wrong += [f"{path}: {over} px too wide with large text" for over in [await reader.overflow()] if over > 0]
        wrong += await reader.clipped()
    assert wrong == []


async def test_every_control_is_reached_by_tab_in_order_and_shows_the_focus(
    reader: Reader, pages: Mapping[str, str]
) -> None:
    wrong: list[str] = []
    for path in pages.values():
        await reader.open(path)
        wrong += await reader.unreachable()
    assert wrong == []


async def test_no_page_moves_while_it_is_read_and_the_browser_complains_of_none(
    reader: Reader, pages: Mapping[str, str]
) -> None:
    moved: list[str] = []
    for path in pages.values():
        await reader.open(path)
        await reader.page.wait_for_timeout(MOMENT)
        moved += [f"{path}: {sum_}" for sum_ in [await reader.shifted()] if sum_ >= MOST_SHIFTED]
    assert moved == []
    assert [each for each in reader.complaints if "404" not in each] == []


@pytest_asyncio.fixture(loop_scope="module")
async def without_scripts(browser: Browser, stage: ConsoleStage) -> AsyncIterator[Reader]:
    """A window of somebody who lets no scripts run, and who has signed in without."""
    opened = await browser.new_context(java_script_enabled=False, viewport={"width": WIDE, "height": HIGH})
    await sign_in(opened, stage)
    yield await reader_of(opened, stage.address)
    await opened.close()


async def test_without_scripts_every_page_says_the_same(
    reader: Reader, without_scripts: Reader, pages: Mapping[str, str]
) -> None:
    different: list[str] = []
    for path in pages.values():
        await reader.open(path)
        await without_scripts.open(path)
        with_, without = [await each.words() for each in (reader, without_scripts)]
        different += [f"{path}: {word}" for word in with_ - without]
    assert different == []


async def test_every_page_has_its_picture(
    reader: Reader, pages: Mapping[str, str], stage: ConsoleStage, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--write-pictures"):
        pytest.skip("pictures are written with --write-pictures")
    for route, path in pages.items():
        await reader.open(path)
        await reader.page.wait_for_timeout(MOMENT)
        await take_pictures(reader, re.sub(r"\W+", "-", route).strip("-") or "not-found", is_in_docs=route in PICTURED)
    await reader.open("/rules")
    await reader.page.get_by_label("Id of the finding").fill(stage.finding)
    await reader.page.get_by_role("button", name="Explain it").click()
    await reader.page.get_by_role("heading", name="Rule students-exposed").wait_for()
    await take_pictures(reader, "explain", is_in_docs=True)
    await reader.open(f"/cases/of/{DISTRICT}:finding:{stage.parked}")
    await reader.page.get_by_role("button", name="Replay 1 parked piece").click()
    await reader.page.get_by_role("heading", name=re.compile("confirm$")).wait_for()
    await take_pictures(reader, "selection", is_in_docs=True)
