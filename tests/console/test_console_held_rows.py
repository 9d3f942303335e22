"""What somebody uses stays as it is, whatever is told meanwhile: each way in which one can be seen to use a row."""

import asyncio

import pytest
from playwright.async_api import Locator, expect

from console.live import REST_SECONDS
from tests.console import probes
from tests.console.reader import Reader
from tests.console.staging import ConsoleStage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

PROGRESS_MS = 20_000
"""Milliseconds in which a change is shown on a busy machine."""

SOON_MS = 5_000
"""Milliseconds in which what was asked for is here: sooner than the stream tells of a change by itself."""

USED_SECONDS = 3.0
"""For so long after a pointer has moved there, a part counts as used: see console/static/live.js."""

ROW = """
(part) => {
  const row = document.createElement("span");
  row.id = "row";
  row.style.position = "absolute";
  row.append("a row that is used");
  for (const [name, more] of [["input", { type: "checkbox" }], ["input", { type: "text" }], ["details", {}]]) {
    row.append(Object.assign(document.createElement(name), more));
  }
  part.querySelector("dd").append(row);
}
"""
"""Put a row, of which no answer knows, into a part, where it takes no room."""

FIELD, TICK, DETAILS = "[type=text]", "[type=checkbox]", "details"

USES = {
    "a field has the focus": (f"row.querySelector('{FIELD}').focus()", "document.activeElement.blur()"),
    "a box is ticked": (f"row.querySelector('{TICK}').checked = true", f"row.querySelector('{TICK}').checked = false"),
    "something is written": (f"row.querySelector('{FIELD}').value = 'x'", f"row.querySelector('{FIELD}').value = ''"),
    "details are open": (f"row.querySelector('{DETAILS}').open = true", f"row.querySelector('{DETAILS}').open = false"),
    "text is selected": ("getSelection().selectAllChildren(row)", "getSelection().removeAllRanges()"),
}
"""How a row is used, and how one is done with it: by scripts, as a pointer that moves there would count by itself."""

NOT_USED = "0"


async def live_part(reader: Reader) -> Locator:
    """The part of the first page that is kept up to date."""
    await reader.open("/")
    await expect(state_of(reader)).to_have_text("Live", timeout=PROGRESS_MS)
    return reader.page.locator("[data-live]").first


async def put_row(part: Locator, use: str) -> Locator:
    """Put a row into the part that is used from its beginning on."""
    await part.evaluate(f"(part) => {{ ({ROW})(part); {in_row(use)}; }}")
    return part.locator("#row")


async def hold_news(reader: Reader, stage: ConsoleStage, part: Locator) -> None:
    """Have news that would move the page, which its reader has not asked for."""
    await asyncio.sleep(REST_SECONDS + 2)  # a part is fetched once when its stream begins, and then rests
    await part.evaluate(probes.MORE_NEEDS)
    stage.scene.find()
    await expect(reader.page.get_by_role("button", name="Show it")).to_be_visible(timeout=PROGRESS_MS)


def state_of(reader: Reader) -> Locator:
    return reader.page.locator("[data-live-state]").first


def in_row(script: str) -> str:
    return f"(() => {{ const row = document.getElementById('row'); {script}; }})()"


@pytest.mark.parametrize("name", USES)
async def test_a_row_that_is_used_stays_until_one_is_done_with_it(
    reader: Reader, stage: ConsoleStage, name: str
) -> None:
    use, done = USES[name]
    row = await put_row(await live_part(reader), use)
    stage.scene.find()
    await expect(state_of(reader)).to_have_text("Updates wait while this page is in use", timeout=PROGRESS_MS)
    await asyncio.sleep(USED_SECONDS + 2)
    await expect(row).to_contain_text("a row that is used")
    await reader.page.evaluate(in_row(done))
    await expect(row).to_have_count(0, timeout=PROGRESS_MS)
    await expect(state_of(reader)).to_have_text("Live")


async def test_a_row_that_nobody_uses_is_replaced(reader: Reader, stage: ConsoleStage) -> None:
    row = await put_row(await live_part(reader), NOT_USED)
    stage.scene.find()
    await expect(row).to_have_count(0, timeout=PROGRESS_MS)


async def test_what_is_held_back_is_not_shown_by_itself_while_a_row_is_used(
    reader: Reader, stage: ConsoleStage
) -> None:
    await reader.page.clock.install()
    part, (use, done) = await live_part(reader), USES["a box is ticked"]
    await hold_news(reader, stage, part)
    row = await put_row(part, use)
    await reader.page.clock.fast_forward("02:05")
    await asyncio.sleep(USED_SECONDS)
    await expect(row).to_contain_text("a row that is used")
    await reader.page.evaluate(in_row(done))
    await expect(row).to_have_count(0, timeout=PROGRESS_MS)


async def test_what_came_while_news_was_held_is_asked_for_when_that_is_shown(
    reader: Reader, stage: ConsoleStage
) -> None:
    part, show = await live_part(reader), reader.page.get_by_role("button", name="Show it")
    await hold_news(reader, stage, part)
    row = await put_row(part, USES["a box is ticked"][0])
    stage.scene.find()
    await expect(state_of(reader)).to_have_text("Updates wait while this page is in use", timeout=PROGRESS_MS)
    address = await part.get_attribute("data-live")
    async with reader.page.expect_response(f"**{address}", timeout=SOON_MS):
        await show.press("Enter")
    await expect(row).to_have_count(0)
    await expect(state_of(reader)).to_have_text("Live")


async def test_what_is_held_back_is_not_shown_by_itself_while_updates_are_paused(
    reader: Reader, stage: ConsoleStage
) -> None:
    await reader.page.clock.install()
    part, needs = await live_part(reader), reader.page.get_by_text("A need that is gone").first
    await hold_news(reader, stage, part)
    await reader.page.get_by_role("button", name="Pause updates").press("Enter")
    await reader.page.clock.fast_forward("02:05")
    await asyncio.sleep(USED_SECONDS)
    await expect(needs).to_be_visible()
    await reader.page.get_by_role("button", name="Resume updates").press("Enter")
    await reader.page.clock.fast_forward("02:05")
    await expect(needs).to_have_count(0, timeout=PROGRESS_MS)
