"""*Which rule takes a finding* in the console: a worker reads it and tries the rules, and shows codes only."""

from html import unescape
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from console.questions import asking as asking_pages
from sandbox.secrets import DISTRICT
from tests.integration.asking_world import CANARY, AskingWorld
from tests.integration.console_world import OTHERS, Browser
from tests.integration.live_world import READS

RULES = f"""\
rules:
  - name: {OTHERS}-rule
    match: {{district: {OTHERS}}}
    tickets: {{jira: {{project: SEC, type: Task}}}}
  - name: secret-folder
    match: {{site: "*.elsewhere.example", path: /{CANARY.lower()}-of-the-rule/**, district: [{DISTRICT}, {OTHERS}]}}
    detail: restricted
    tickets: none
  - name: severe
    match: {{severity: [critical, high], not: {{status: reviewing}}}}
    detail: restricted
    tickets:
      jira: {{project: SEC, type: Task, priority: High}}
"""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_pages, "WAIT_SECONDS", 0.0)


async def explained(asking: AskingWorld, browser: Browser, finding: str) -> str:
    page = await asking.answered(browser, "/explain", district=DISTRICT, finding=finding)
    assert page.status_code == 200
    return unescape(page.text)


@pytest.fixture
def rules() -> str:
    """Those of the mappings.yaml that the console and the worker have."""
    return RULES


async def test_the_rule_that_takes_a_finding_is_named_with_each_condition(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        text = await explained(asking, browser, asking.findings[0])
    assert "The rule severe takes this finding (mappings.yaml:" in text
    assert "<td>the severity</td>\n<td>critical, high</td>\n<td>high</td>\n<td>yes</td>" in text
    assert "3. severe<br>takes it" in text
    assert "2. secret-folder<br>does not take it" in text
    assert "<li>jira (jira), in SEC, priority High</li>" in text
    assert "1 ticket would be opened" in text
    assert {method for method, _ in asking.outside.journal()} <= READS


async def test_no_text_of_a_finding_comes_into_the_page_redis_or_the_log(asking: AskingWorld) -> None:
    with capture_logs() as logs:
        async with asking.console.client("viewer") as browser:
            text = await explained(asking, browser, asking.findings[0])
    assert CANARY not in text + str(logs)
    assert CANARY.lower() not in text, "of conditions that compare the page only their number is said"
    assert "x.example" not in text
    assert CANARY.encode() not in await asking.everything()


async def test_nothing_of_another_district_is_said(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        text = await explained(asking, browser, asking.findings[0])
    assert OTHERS not in text
    assert f"{DISTRICT} or 1 other" in text
    assert f"1 other rule came before or between that can take nothing of {DISTRICT}." in text


@pytest.mark.parametrize("district", [OTHERS, "nowhere", ""])
async def test_a_finding_of_another_district_cannot_be_asked_about(asking: AskingWorld, district: str) -> None:
    async with asking.console.client("viewer") as browser:
        asked = await browser.submit("/explain", district=district, finding=asking.findings[0])
        shown = await browser.get(f"/explain/{district or 'none'}/{asking.findings[0]}")
    assert (asked.status_code, shown.status_code) == (404, 404)
    assert await asking.work() == []


@pytest.mark.parametrize("odd", ["a/b?c#d", "é%20x", "Board minutes 7", "<b>x</b>"])
async def test_a_finding_is_asked_about_by_any_id_that_schoolscan_may_give(asking: AskingWorld, odd: str) -> None:
    async with asking.console.client("viewer") as browser:
        page = await asking.answered(browser, "/explain", district=DISTRICT, finding=odd)
        assert page.status_code == 200
        assert "There is no answer:" in page.text
        assert f"Which rule takes {odd}" in unescape(page.text)
        assert "<b>x" not in page.text
        again = await browser.get(f"/explain/{DISTRICT}/{quote(odd, safe='')}")
        assert f"Which rule takes {odd}" in unescape(again.text)


@pytest.mark.parametrize("bad", ["", "x" * 300, "a\nb"])
async def test_what_is_no_id_is_refused_with_what_one_is(asking: AskingWorld, bad: str) -> None:
    async with asking.console.client("viewer") as browser:
        page = await browser.submit("/explain", district=DISTRICT, finding=bad)
    assert page.status_code == 400
    assert "1 to 256 printable characters" in page.text


async def test_where_no_rule_takes_it_the_page_says_what_that_means(asking: AskingWorld) -> None:
    finding = asking.findings[1]
    changed = {"severity": "low"}
    assert asking.outside.ask("PATCH", "schoolscan", f"/_sandbox/findings/{finding}", json=changed).is_success
    async with asking.console.client("viewer") as browser:
        text = await explained(asking, browser, finding)
    assert "No rule takes this finding: no ticket is opened, and its status stays as it is." in text
