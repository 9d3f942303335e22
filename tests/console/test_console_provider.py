"""Signing in at an OpenID Connect provider in a real browser: there, back to the page that was asked for, and out."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from sandbox.wire.ports import free_port
from tests.console.reader import Reader, reader_of
from tests.e2e.scene import open_scene
from tests.identity_provider import open_provider

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

ANA, BO = "ana@lakeside.example", "bo@lakeside.example"
USERS = [{"sub": "ana", "email": ANA, "groups": ["privacy"]}, {"sub": "bo", "email": BO, "groups": ["nobody"]}]
SECRET = "CONSOLE_CLIENT_SECRET"


@pytest.fixture(scope="module")
def console(browser: Browser) -> Iterator[str]:
    """The address of a console at which one signs in at a provider. After the browser, which there may not be."""
    address = f"http://127.0.0.1:{free_port()}"
    with open_provider(USERS) as issuer, open_scene() as scene:
        oidc = {"issuer": issuer, "client_id": "console", "client_secret": {"env": SECRET}}
        access = [{"group": "privacy", "role": "operator"}]

        def signed_in_there(tree: Any) -> None:
            tree["console"] = {"url": address, "sign_in": {"oidc": oidc}, "access": access}

        scene.mappings("mappings.yaml", signed_in_there)
        variables = {"CONSOLE_PORT": address.rpartition(":")[2], SECRET: "test-only-secret"}
        assert scene.stage.start("console", **variables).address("console_listens") == address
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, console: str) -> AsyncIterator[BrowserContext]:
    """A browser's profile in which nobody has signed in. The provider's pages get no style from elsewhere."""
    opened = await browser.new_context()
    await opened.route(re.compile("^https:"), lambda route: route.abort())
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def reader(context: BrowserContext, console: str) -> Reader:
    return await reader_of(context, console)


async def to_provider(page: Page) -> None:
    """From a page that asks for it, go where one signs in."""
    await page.get_by_role("link", name="Sign in").or_(page.get_by_role("button", name="Sign in")).click()
    await expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()


async def at_provider(page: Page, name: str) -> None:
    """Press one of the provider's buttons: a user's, or the one that refuses."""
    await page.get_by_role("button", name=name, exact=True).click()
    await page.wait_for_load_state()


async def is_in(page: Page, who: str = ANA) -> None:
    await expect(page.get_by_text(f"Signed in as {who}")).to_be_visible()


async def test_who_signs_in_comes_back_to_the_page_that_was_asked_for_and_signs_out(reader: Reader) -> None:
    await reader.open("/cases?severity=high")
    await expect(reader.page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    assert await reader.violations() == []
    await to_provider(reader.page)
    await at_provider(reader.page, "ana")
    await is_in(reader.page)
    assert reader.path == "/cases?severity=high"
    await reader.page.get_by_role("button", name="Sign out").click()
    await expect(reader.page.get_by_text("You have signed out")).to_be_visible()
    at_the_provider = reader.page.get_by_role("link", name="sign out there, too")
    assert "end_session" in (await at_the_provider.get_attribute("href") or "")
    assert await reader.violations() == []
    await reader.open("/cases")
    await expect(reader.page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


async def test_two_tabs_may_sign_in_at_once(context: BrowserContext, console: str) -> None:
    one, other = [await reader_of(context, console) for _ in range(2)]
    for reader, path in ((one, "/cases"), (other, "/parked")):
        await reader.open(path)
        await to_provider(reader.page)
    for reader, path in ((one, "/cases"), (other, "/parked")):
        await at_provider(reader.page, "ana")
        await is_in(reader.page)
        assert reader.path == path
    await one.page.reload()
    await is_in(one.page)
    assert one.path == "/cases"


@pytest.mark.parametrize(
    ("button", "says", "back"),
    [
        ("Deny", "The identity provider did not let you in.", "/"),  # this provider tells no state then
        ("bo", f"You have signed in as {BO}, and nothing", "/parked"),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_may_begin_again(
    reader: Reader, button: str, says: str, back: str
) -> None:
    await reader.open("/parked")
    await to_provider(reader.page)
    await at_provider(reader.page, button)
    await expect(reader.page.get_by_role("heading", name="Not signed in", level=1)).to_be_visible()
    await expect(reader.page.get_by_text(re.compile(re.escape(says)))).to_be_visible()
    assert await reader.violations() == []
    await reader.page.get_by_role("link", name="Sign in again").click()
    await to_provider(reader.page)
    await at_provider(reader.page, "ana")
    await is_in(reader.page)
    assert reader.path == back
