"""The story of the demo in a real browser: what somebody sees and presses, and what comes of it outside."""

import asyncio
import csv
import json
import re

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from console.live import REST_SECONDS
from remediation.store.keys import CONSOLE_SESSION
from sandbox.secrets import DISTRICT
from tests.console import probes
from tests.console.conftest import sign_in
from tests.console.reader import HIGH, MOST_SHIFTED, NARROW, WIDE, Reader, reader_of
from tests.console.staging import ConsoleStage
from tests.e2e.scene import REVIEWING, State

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

PROGRESS_MS = 20_000
"""Milliseconds in which a task of a few things is through on a busy machine."""


async def press(page: Page, name: str) -> None:
    """Press the button that is called so, and wait for the page that it leads to."""
    await page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
    await page.wait_for_load_state()


async def is_sound(reader: Reader) -> None:
    """The page that is open, to which no link leads, is as all others are."""
    assert await reader.violations() == []
    assert await reader.unreachable() == []
    await reader.resize(NARROW)
    assert await reader.overflow() <= 0
    await reader.resize(WIDE)


async def test_the_first_page_says_what_needs_a_person_and_leads_to_it(reader: Reader) -> None:
    await reader.open("/")
    await expect(reader.page.get_by_role("heading", name=re.compile("need a person"))).to_be_visible()
    await reader.page.get_by_role("listitem").filter(has_text="Refused 400").get_by_role("link").click()
    await expect(reader.page.get_by_role("heading", name="Parked", level=1)).to_be_visible()
    await expect(reader.page.get_by_role("table").get_by_text("Refused jira 400").first).to_be_visible()


async def test_a_parked_case_is_replayed_when_its_rule_is_mended(reader: Reader, stage: ConsoleStage) -> None:
    stage.mend()
    await reader.open(f"/cases/of/{DISTRICT}:finding:{stage.parked}")
    await press(reader.page, "Replay 1 parked piece")
    await expect(reader.page.get_by_role("heading", name=re.compile("confirm$"))).to_be_visible()
    await is_sound(reader)
    await reader.page.locator("form.actions button").click()
    await expect(reader.page.get_by_role("heading", name=re.compile("progress$"))).to_be_visible()
    await expect(reader.page.locator("progress")).to_have_attribute("value", "1", timeout=PROGRESS_MS)
    await is_sound(reader)
    stage.scene.settles(stage.parked, REVIEWING)
    assert stage.scene.ticket(stage.parked, "jira").key.startswith("FORM-")


async def test_a_case_is_found_by_its_tickets_key(reader: Reader, stage: ConsoleStage) -> None:
    key = stage.scene.ticket(stage.finding, "servicenow").key
    await reader.open("/cases")
    await reader.page.get_by_role("searchbox").fill(key)
    await reader.page.keyboard.press("Enter")
    await expect(reader.page.get_by_role("heading", level=1)).to_contain_text(stage.finding)
    await expect(reader.page.get_by_role("link", name=key)).to_be_visible()


async def test_what_would_be_done_about_a_case_is_answered_by_a_worker(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open(f"/cases/of/{DISTRICT}:finding:{stage.finding}")
    await press(reader.page, "Show what would be done")
    await expect(reader.page.get_by_role("heading", name="What would be done", exact=True)).to_be_visible(
        timeout=PROGRESS_MS
    )
    await expect(reader.page.get_by_text("Nothing")).to_be_visible()
    await is_sound(reader)


async def test_a_rule_is_explained(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/rules")
    await reader.page.get_by_label("Id of the finding").fill(stage.finding)
    await press(reader.page, "Explain it")
    await expect(reader.page.get_by_role("heading", name="Rule students-exposed")).to_be_visible(timeout=PROGRESS_MS)
    await is_sound(reader)


async def test_systems_are_asked_by_a_worker(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/systems")
    await reader.page.locator("main form[method=post] button").first.click()
    await expect(reader.page).to_have_url(re.compile("/systems/live"))
    await expect(reader.page.get_by_text(f"SchoolScan of {DISTRICT}").first).to_be_visible(timeout=PROGRESS_MS)
    await is_sound(reader)


async def test_all_cases_that_fit_are_looked_at_again_and_seen_through(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/cases?severity=high")
    rows = await reader.page.locator("tbody tr").count()
    await press(reader.page, "Look again at all that fit")
    await expect(reader.page.get_by_text(f"{rows} cases").first).to_be_visible()
    await reader.page.locator("form.actions button").click()
    await expect(reader.page.locator("progress")).to_have_attribute("value", str(rows), timeout=PROGRESS_MS)
    await reader.page.get_by_role("link", name="Back to the list").click()
    await expect(reader.page.get_by_role("heading", name="Cases", level=1)).to_be_visible()


async def test_a_list_is_taken_away_as_a_file_and_the_audit_says_so(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/cases?severity=critical")
    shown = await reader.page.locator("tbody tr").count()
    for form in ("CSV", "JSON"):
        async with reader.page.expect_download() as begun:
            await reader.page.get_by_role("link", name=form).click()
        path = await (await begun.value).path()
        text = path.read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines())) if form == "CSV" else json.loads(text)["rows"]
        assert len(rows) == shown
    await reader.open("/audit?act=exported")
    await expect(reader.page.locator("tbody tr")).to_have_count(2)


async def test_a_change_is_shown_by_itself_and_moves_nothing(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/")
    part = reader.page.locator("[data-live]").first
    await expect(reader.page.locator("[data-live-state]").first).to_have_text("Live", timeout=PROGRESS_MS)
    await asyncio.sleep(REST_SECONDS + 2)  # its part is fetched once when its stream begins, and then rests
    await part.evaluate("(part) => { part.querySelector('dd').textContent = 'of before'; }")
    stage.scene.find()
    await expect(part.get_by_text("of before")).to_have_count(0, timeout=PROGRESS_MS)
    assert await reader.shifted() < MOST_SHIFTED


async def test_what_would_move_the_page_waits_until_it_is_asked_for(reader: Reader, stage: ConsoleStage) -> None:
    needs = await _needs_of_before(reader)
    stage.scene.find()
    show = reader.page.get_by_role("button", name="Show it")
    await expect(show).to_be_visible(timeout=PROGRESS_MS)
    await expect(needs).to_contain_text("A need that is gone")
    await expect(reader.page.get_by_text("of before")).to_have_count(0)  # what stays where it is has changed
    assert await reader.violations() == []
    await show.press("Enter")
    await expect(needs).not_to_contain_text("A need that is gone")
    await expect(show).to_have_count(0)
    assert await reader.shifted() < MOST_SHIFTED


async def test_what_would_move_a_page_that_is_left_alone_is_shown_by_itself(
    reader: Reader, stage: ConsoleStage
) -> None:
    await reader.page.clock.install()
    needs = await _needs_of_before(reader)
    stage.scene.find()
    await expect(reader.page.get_by_role("button", name="Show it")).to_be_visible(timeout=PROGRESS_MS)
    await reader.page.clock.fast_forward("02:05")
    await expect(needs).not_to_contain_text("A need that is gone", timeout=PROGRESS_MS)


async def _needs_of_before(reader: Reader) -> Locator:
    """What needs somebody on the first page, which is kept up to date and shows what was before."""
    await reader.open("/")
    part = reader.page.locator("[data-live]").first
    await expect(reader.page.locator("[data-live-state]").first).to_have_text("Live", timeout=PROGRESS_MS)
    await asyncio.sleep(REST_SECONDS + 2)  # its part is fetched once when its stream begins, and then rests
    await part.evaluate(probes.MORE_NEEDS)
    return part.locator("> div").first


async def test_what_somebody_uses_is_never_replaced_under_their_hand(reader: Reader, stage: ConsoleStage) -> None:
    await reader.open("/")
    part = reader.page.locator("[data-live]").first
    state = reader.page.locator("[data-live-state]").first
    await expect(state).to_have_text("Live", timeout=PROGRESS_MS)
    await part.evaluate("(part) => { part.querySelector('dd').textContent = 'of before'; }")
    await part.get_by_role("region").or_(part.get_by_role("link")).first.focus()
    stage.scene.find()
    await expect(state).to_have_text("Updates wait while this page is in use", timeout=PROGRESS_MS)
    await expect(part.get_by_text("of before")).to_be_visible()
    await reader.page.evaluate("() => document.activeElement.blur()")
    await expect(part.get_by_text("of before")).to_have_count(0, timeout=PROGRESS_MS)


@pytest.mark.parametrize("place", ["stream", "part"])
async def test_a_sign_in_page_of_a_gateway_in_place_of_ours_ends_the_updates(reader: Reader, place: str) -> None:
    """Some gateways answer 200 with their own page, and redirect nobody."""
    page = "<!doctype html><title>Gateway</title><main><h1>Gateway</h1><form>Sign in</form></main>"
    asked: list[str] = []

    async def instead(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(content_type="text/html", body=page)

    if place == "stream":
        await reader.page.route("**/live", instead)
    await reader.open("/")
    part = reader.page.locator("[data-live]").first
    if place == "part":
        await reader.page.route(f"**{await part.get_attribute('data-live')}", instead)
        await expect(reader.page.locator("[data-live-state]").first).to_have_text("Live", timeout=PROGRESS_MS)
        await reader.page.evaluate("htmx.trigger(document.querySelector('[hx-sse\\\\:connect]'), 'changed')")
    await expect(reader.page.locator("#notices")).to_contain_text("Your session has ended", timeout=PROGRESS_MS)
    await expect(part).to_be_visible()
    await expect(reader.page.get_by_text("Gateway")).to_have_count(0)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_what_is_gone_or_no_longer_for_its_reader_is_said_to_be_so(reader: Reader, status: int) -> None:
    await reader.open("/")
    part = reader.page.locator("[data-live]").first
    await reader.page.route(f"**{await part.get_attribute('data-live')}", lambda route: route.fulfill(status=status))
    await expect(reader.page.locator("[data-live-state]").first).to_have_text("Live", timeout=PROGRESS_MS)
    await reader.page.evaluate("htmx.trigger(document.querySelector('[hx-sse\\\\:connect]'), 'changed')")
    notice = reader.page.locator("#notices")
    await expect(notice).to_contain_text("not there any more, or no longer for you", timeout=PROGRESS_MS)
    await expect(notice.get_by_role("link", name="Load the page again")).to_be_visible()
    await expect(reader.page.locator("[data-live]")).to_have_count(0)
    reader.complaints.clear()  # browsers tell of each answer that is an error


async def test_without_scripts_a_parked_piece_is_replayed_by_forms_alone(browser: Browser, stage: ConsoleStage) -> None:
    stage.scene.outside.break_down("servicenow", "status", method="POST", status=400)
    finding_id = stage.scene.find()
    stage.scene.settles(finding_id, State("reviewing", ("jira open",)))
    opened = await browser.new_context(java_script_enabled=False)
    await sign_in(opened, stage)
    reader = await reader_of(opened, stage.address)
    await reader.open("/cases")
    await reader.page.get_by_role("searchbox").fill(finding_id)
    await press(reader.page, "Find")
    await press(reader.page, "Replay 1 parked piece")
    await reader.page.locator("form.actions button").click()
    await expect(reader.page.get_by_role("heading", name=re.compile("progress$"))).to_be_visible()
    stage.scene.settles(finding_id, REVIEWING)
    await opened.close()


async def test_a_session_that_has_ended_says_so_where_one_stands_and_leads_back(
    browser: Browser, stage: ConsoleStage
) -> None:
    opened = await browser.new_context(viewport={"width": WIDE, "height": HIGH})
    await sign_in(opened, stage)
    reader = await reader_of(opened, stage.address)
    await reader.open("/scans")
    await expect(reader.page.locator("[data-live-state]").first).to_have_text("Live", timeout=PROGRESS_MS)
    stage.scene.redis.delete(*stage.scene.redis.keys(f"{CONSOLE_SESSION}*"))
    stage.scene.find()
    notice = reader.page.locator("#notices")
    await expect(notice).to_contain_text("Your session has ended", timeout=PROGRESS_MS)
    await notice.get_by_role("link", name="Sign in again").click()
    await expect(reader.page.get_by_role("alert")).to_contain_text("Your session has ended. Sign in again.")
    assert "next=%2Fscans" in reader.path
    await opened.close()


async def test_whoever_signs_out_is_out_and_a_link_is_of_no_use_twice(browser: Browser, stage: ConsoleStage) -> None:
    opened = await browser.new_context(viewport={"width": WIDE, "height": HIGH})
    page = await opened.new_page()
    link = stage.link("viewer")
    await page.goto(link)
    await press(page, "Sign in")
    await expect(page.get_by_role("heading", name="Now", level=1)).to_be_visible()
    await press(page, "Sign out")
    await expect(page.get_by_text("You have signed out")).to_be_visible()
    await page.goto(f"{stage.address}/cases")
    await expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    await page.goto(link)
    await press(page, "Sign in")
    await expect(page.get_by_text("This link was used before")).to_be_visible()
    await opened.close()
