"""*Charts*: each with its table, of what the person may see, by the span in the address."""

import gzip
import json
import re
import time
from html import unescape

import pytest

from remediation.domain.status import Severity
from remediation.store.activity.hours import ActivityLog, ActivityStep, ActivityWriter
from remediation.store.activity.samples import ActivitySample, LimitUse, ParkedCount
from remediation.store.activity.tally import ActivityTally
from remediation.store.scans.listing import Scans
from tests.integration.console_world import OTHERS, OURS, ConsoleWorld, same_for_all


@pytest.fixture
async def counted(console: ConsoleWorld) -> ConsoleWorld:
    """What was counted of both districts, and of the whole service, and how much there was an hour ago."""
    now, tally, log = time.time(), ActivityTally(), ActivityLog(console.connection)
    for district, times in ((OURS, 3), (OTHERS, 40)):
        tally.add("delivery:schoolscan:stored", district, times)
        tally.add("ticket:critical:2", district, times)
        tally.add("ticket:low:9", district, times)
    tally.add("delivery:jira:stored", count=100)
    await ActivityWriter(console.connection, tally).write(now)
    sample = ActivitySample(int(now), {Severity.HIGH: (2, 0, 0, 0, 0)})
    parked = (ParkedCount("action", "Refused", "jira", 400, 6),)
    limits = (LimitUse(f"schoolscan:{OTHERS}", "write", 60, 60),)
    whole = ActivitySample(int(now), {Severity.HIGH: (9, 0, 0, 0, 0)}, 5, parked, limits)
    for step in ActivityStep:
        await log.keep(step, {"": whole, OURS: sample, OTHERS: sample}, now - 3_600)
    return console


async def page(world: ConsoleWorld, query: str = "", who: str = "viewer of all") -> str:
    async with world.client(who) as browser:
        answer = await browser.get(f"/charts{query}")
    assert answer.status_code == 200
    return answer.text


def drawings(html: str) -> dict[str, dict[str, list[int | float | None]]]:
    """The lines of each chart, by its name and theirs."""
    found = re.findall(r'id="chart-(\w+)".*?data-chart="([^"]*)"', html, re.DOTALL)
    told = {name: json.loads(unescape(text)) for name, text in found}
    return {name: {line["label"]: line["values"] for line in each["lines"]} for name, each in told.items()}


async def test_every_chart_is_drawn_and_has_its_table(counted: ConsoleWorld) -> None:
    html = await page(counted)
    names = ["deliveries", "senders", "responses", "work", "open", "ages", "parked", "limits"]
    assert [*drawings(html)] == names
    assert html.count("<details>") == html.count("<caption>") == len(names)
    assert drawings(html)["deliveries"]["Accepted"][-1] == 143
    assert drawings(html)["open"]["High"][-2] == 9
    assert drawings(html)["parked"]["action Refused 400 jira"][-2] == 6
    assert drawings(html)["limits"][f"schoolscan:{OTHERS} (write), %"][-2] == 100
    assert 'aria-hidden="true"' in html
    assert "<td>143</td>" in html


@pytest.mark.parametrize(("since", "steps"), [("24h", 24), ("7d", 56), ("30d", 30)])
async def test_the_span_is_in_the_address(counted: ConsoleWorld, since: str, steps: int) -> None:
    html = await page(counted, f"?since={since}")
    assert {len(values) for lines in drawings(html).values() for values in lines.values()} == {steps}
    assert f'<option value="{since}" selected>' in html
    assert f"remedy report activity --since {since}" in html


async def test_a_page_of_a_week_is_light(counted: ConsoleWorld) -> None:
    assert len(gzip.compress((await page(counted, "?since=7d")).encode(), 5)) <= 10_000


async def test_who_reads_one_district_sees_its_counts_and_no_more(counted: ConsoleWorld) -> None:
    for query in ("", "?since=7d", "?since=30d", f"?district={OURS}"):
        html = await page(counted, query, "viewer")
        assert OTHERS not in html
        assert "jira" not in html
        assert [*drawings(html)] == ["deliveries", "responses", "work", "open", "ages"]
        assert drawings(html)["deliveries"]["Accepted"][-1] == 3
        assert drawings(html)["open"]["High"][-1] == 1
        assert "since" in query or drawings(html)["open"]["High"][-2] == 2


async def test_who_sees_all_may_choose_a_district(counted: ConsoleWorld) -> None:
    html = await page(counted, f"?district={OTHERS}")
    assert drawings(html)["deliveries"]["Accepted"][-1] == 40
    assert "parked" not in drawings(html)


async def test_another_s_district_is_answered_as_one_that_there_is_not(counted: ConsoleWorld) -> None:
    async with counted.client("viewer") as browser:
        answers = [await browser.get(f"/charts?district={name}") for name in (OTHERS, "nowhere")]
    assert [each.status_code for each in answers] == [400, 400]
    assert same_for_all(answers[0]).replace(OTHERS, "") == same_for_all(answers[1]).replace("nowhere", "")


async def test_times_are_those_of_one_severity_where_that_is_asked(counted: ConsoleWorld) -> None:
    assert drawings(await page(counted, "?severity=critical"))["responses"]["First ticket: half within"][-1] == 3.5
    low = drawings(await page(counted, "?severity=low"))["responses"]["First ticket: half within"][-1]
    assert low is not None
    assert low > 300


async def test_how_much_there_is_now_is_told_before_a_worker_has_looked(console: ConsoleWorld) -> None:
    await Scans(console.connection, console.keyring).note_districts([OURS, OTHERS], time.time())
    html = await page(console)
    assert html.count("Open now: 2 high.") == 2
    assert drawings(html)["open"]["High"][-2:] == [None, 2]
    assert "Parked now: 4 pieces." in html
    assert drawings(html)["parked"]["Parked in all"][-1] == 4
    of_one = await page(console, who="viewer")
    assert "Open now: 1 high." in of_one
    assert drawings(of_one)["open"]["High"][-1] == 1


async def test_nothing_counted_yet_is_said(console: ConsoleWorld) -> None:
    html = await page(console)
    assert "0 deliveries accepted, 0 refused." in html
    assert "No system has told of a limit yet." in html
