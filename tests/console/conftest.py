"""A stage for each module of tests, a browser, and windows in which somebody has signed in."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from remediation.settings import environ_itself
from tests.chromium import chromium
from tests.console import probes
from tests.console.reader import HIGH, WIDE, Reader, reader_of
from tests.console.staging import ConsoleStage, open_console_stage

ColorScheme = Literal["light", "dark"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    found = chromium()
    async with async_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**environ_itself(), **found.environment}
        opened = await playwright.chromium.launch(executable_path=found.program, env=environment)
        yield opened
        await opened.close()


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[ConsoleStage]:
    """After the browser: where there is none, nothing needs to be started."""
    with open_console_stage() as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def context(browser: Browser, stage: ConsoleStage) -> AsyncIterator[BrowserContext]:
    """A browser's profile in which an administrator has signed in, by the one-time link."""
    opened = await browser.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HIGH})
    await opened.add_init_script(probes.SHIFTS)
    await sign_in(opened, stage)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def reader(context: BrowserContext, stage: ConsoleStage) -> AsyncIterator[Reader]:
    """A window of that profile."""
    opened = await reader_of(context, stage.address)
    yield opened
    await opened.page.close()


async def sign_in(context: BrowserContext, stage: ConsoleStage) -> None:
    """Open the link that the command makes, and press the button of its page."""
    page = await context.new_page()
    await page.goto(stage.link())
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Now", level=1).wait_for()
    await page.close()
