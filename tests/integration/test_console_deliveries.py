"""The page of deliveries: what came and what became of it, for whoever may read of its district."""

import json
import time

import pytest

from remediation.deliveries.events import SCHOOLSCAN
from remediation.store.audit.entries import AuditAct
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.readings import DeliveryNews
from tests.integration.console_world import OTHERS, OURS, ConsoleWorld, same_for_all, settled_case

NEW, UNREADABLE = f"dlv_{OURS}_new", f"dlv_{OURS}_unreadable"
BODY = json.dumps({"id": "evt_1", "type": "finding.critical", "data": {"finding_id": f"fnd_{OURS}_settled"}}).encode()


async def shown(console: ConsoleWorld, path: str, who: str = "viewer", status: int = 200) -> str:
    async with console.client(who) as browser:
        answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return same_for_all(answer)


async def test_a_viewer_sees_deliveries_of_their_district_alone(console: ConsoleWorld) -> None:
    page = await shown(console, "/deliveries")
    assert NEW in page
    assert UNREADABLE in page
    assert OTHERS not in page
    assert "dlv_of_jira" not in page
    assert "3 deliveries</a> refused" in page


async def test_who_sees_everything_sees_those_of_trackers_too(console: ConsoleWorld) -> None:
    page = await shown(console, "/deliveries", "viewer of all")
    assert "dlv_of_jira" in page
    assert f"dlv_{OTHERS}_new" in page
    assert "6 deliveries</a> refused" in page


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("state=quarantined", UNREADABLE, NEW),
        ("state=received", NEW, UNREADABLE),
        (f"account=schoolscan/{OURS}", NEW, "dlv_of_jira"),
        ("since=2099-01-01", "No delivery fits", NEW),
        ("until=2001-01-01", "No delivery fits", NEW),
    ],
)
async def test_a_filter_chooses_deliveries(console: ConsoleWorld, query: str, there: str, missing: str) -> None:
    page = await shown(console, f"/deliveries?{query}")
    assert there in page
    assert missing not in page


async def test_another_districts_account_has_nothing_for_a_viewer(console: ConsoleWorld) -> None:
    page = await shown(console, f"/deliveries?account=schoolscan/{OTHERS}")
    assert "No delivery fits" in page
    assert f"dlv_{OTHERS}" not in page


@pytest.mark.parametrize(
    "query", ["state=odd", "since=tomorrow", "until=0001-13-01", "after=x", "after=1", f"account={'x' * 2000}"]
)
async def test_an_address_that_nobody_wrote_is_answered_with_what_was_wrong(console: ConsoleWorld, query: str) -> None:
    await shown(console, f"/deliveries?{query}", status=400)


async def test_pages_go_on_with_the_same_filters(console: ConsoleWorld) -> None:
    inbox = Inbox(console.connection, console.keyring)
    for number in range(60):
        await inbox.accept(f"many{number:02}", SCHOOLSCAN, OURS, b"{}", time.time())
    async with console.client("viewer") as browser:
        first = (await browser.get("/deliveries?state=received")).text
        following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert following.startswith("/deliveries?state=received&after=")
        second = (await browser.get(following)).text
    assert "many59" in first
    assert "many09" in second
    assert "many59" not in second
    assert NEW in second
    assert "Back to the first" in second


async def test_what_was_refused_is_listed_by_account(console: ConsoleWorld) -> None:
    page = await shown(console, "/deliveries/refused")
    assert "its signature does not verify" in page
    assert f"schoolscan/{OURS}" in page
    assert OTHERS not in page
    assert f"schoolscan/{OTHERS}" in await shown(console, "/deliveries/refused", "viewer of all")


async def test_a_delivery_that_waits_tells_which_case_it_names_and_never_its_body(console: ConsoleWorld) -> None:
    inbox = Inbox(console.connection, console.keyring)
    await inbox.accept("dlv_1", SCHOOLSCAN, OURS, BODY, time.time())
    page = await shown(console, "/deliveries/of/dlv_1")
    assert settled_case(OURS).ref in page
    assert "It waits to be read." in page
    assert "finding.critical" not in page
    await inbox.readings.finish("", [DeliveryNews("dlv_1", "nothing")], time.time())
    page = await shown(console, "/deliveries/of/dlv_1")
    assert settled_case(OURS).ref not in page
    assert "its body is not kept" in page


async def test_a_delivery_that_nobody_can_read_says_where_one_decides(console: ConsoleWorld) -> None:
    page = await shown(console, f"/deliveries/of/{UNREADABLE}")
    assert "nobody can read it" in page
    assert f"/parked/of/delivery/{UNREADABLE}" in page


async def test_another_districts_delivery_is_answered_as_one_that_there_is_not(console: ConsoleWorld) -> None:
    hidden = await shown(console, f"/deliveries/of/dlv_{OTHERS}_new", status=404)
    assert hidden == await shown(console, "/deliveries/of/dlv_of_jira", status=404)
    unknown = await shown(console, "/deliveries/of/nothing", status=404)
    assert "There is no such delivery" in hidden
    assert "There is no such delivery" in unknown


async def test_a_file_has_what_the_page_has_and_leaves_a_line(console: ConsoleWorld) -> None:
    rows = (await shown(console, "/deliveries.csv?state=received")).splitlines()
    assert rows[0] == "at,account,state,delivery,request_id"
    assert [row.split(",")[1:4] for row in rows[1:]] == [[f"schoolscan/{OURS}", "received", NEW]]
    told = json.loads(await shown(console, "/deliveries/refused.json"))
    assert [(row["account"], row["count"]) for row in told["rows"]] == [(f"schoolscan/{OURS}", 3)]
    assert [act for act, _ in await console.acts()].count(AuditAct.EXPORTED) == 2
    await shown(console, "/deliveries.xml", status=400)
