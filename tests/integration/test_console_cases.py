"""*Cases* and *Case*: what there is, what fits, and one case's story, to each person what is theirs."""

import csv
import io
import time
from html import unescape
from urllib.parse import urlencode

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.queue import Band
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE
from tests.integration.console_world import OTHERS, OURS, PEOPLE, ConsoleWorld, parked_case, same_for_all, settled_case

ALL = [case(district).ref for case in (settled_case, parked_case) for district in (OURS, OTHERS)]


async def settle(world: ConsoleWorld, key: CaseKey, at: float, *, ticket: str = "", rule: str = "severe") -> None:
    """A case that changed at a moment."""
    todo = Todo(world.connection)
    await todo.mark([(key, Band.HIGH)], at)
    lease = await todo.take(key.ref, at)
    assert lease is not None
    if ticket:
        address = f"https://jira.example/browse/{ticket}"
        made = Ticket("jira", f"id-{key.district}-{ticket}", ticket, address, TicketState.OPEN)
        await LeasedLinks(world.connection, lease, clock=lambda: at).link(made)
    assert await todo.settle(lease, Memory(Status.REVIEWING, severity=Severity.LOW, rule=rule), at)


async def test_all_cases_are_listed_with_what_to_do_and_a_link_to_their_ticket(console: ConsoleWorld) -> None:
    async with console.client("viewer of all") as browser:
        page = (await browser.get("/cases")).text
    assert "<strong>4 cases</strong>" in page
    for ref in ALL:
        assert f'<a href="/cases/of/{ref}">{ref}</a>' in page
    assert '<a href="https://jira.example/browse/LAKESIDE-1" rel="noreferrer">LAKESIDE-1</a>' in page
    assert "decide about what is parked" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("district=lakeside", [settled_case(OURS).ref, parked_case(OURS).ref]),
        ("state=parked", [parked_case(OURS).ref, parked_case(OTHERS).ref]),
        ("state=parked&district=harbor", [parked_case(OTHERS).ref]),
        ("severity=high", [settled_case(OURS).ref, settled_case(OTHERS).ref]),
        ("rule=harbor-rule", [settled_case(OTHERS).ref]),
        ("tracker=jira", [settled_case(OURS).ref, settled_case(OTHERS).ref]),
        ("changed-within=2h", ALL),
        ("unchanged-for=2h", []),
        ("changed-within=1m", []),
    ],
)
async def test_each_filter_takes_what_it_names(console: ConsoleWorld, query: str, found: list[str]) -> None:
    async with console.client("viewer of all") as browser:
        page = (await browser.get(f"/cases?{query}")).text
    assert {ref for ref in ALL if f">{ref}</a>" in page} == set(found)
    assert ("No case fits." in page) is (not found)
    options = query.replace("=", " ").replace("&", " --")
    assert all(f"--{word}" in page for word in options.split(" --"))


async def test_a_list_goes_on_by_its_links_and_each_case_is_on_one_page(console: ConsoleWorld) -> None:
    for number in range(60):
        await settle(console, CaseKey(OURS, CaseKind.FINDING, f"fnd_{number:02}"), time.time() - 86_400 - number)
    async with console.client("viewer") as browser:
        first = (await browser.get("/cases?rule=severe")).text
        (link,) = [part.split('"')[0] for part in first.split('href="') if "after=" in part.split('"')[0]]
        last = (await browser.get(link.replace("&amp;", "&"))).text
    for number in range(60):
        ref = f">lakeside:finding:fnd_{number:02}</a>"
        assert (ref in first, ref in last) == (number < 50, number >= 50)
    assert "Back to the first" in last


async def test_what_is_more_than_is_counted_is_said_to_be_more(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.cases.MOST_COUNTED", 3)
    async with console.client("viewer of all") as browser:
        assert "<strong>3+ cases</strong>" in (await browser.get("/cases")).text
        assert "<strong>2 cases</strong>" in (await browser.get("/cases?district=harbor")).text


@pytest.mark.parametrize(
    "query",
    ["state=x", "severity=bad", "after=7", "changed-within=soon", "unchanged-for=9999999999d", "rule=" + "x" * 5_000],
)
async def test_an_address_that_cannot_be_is_refused_in_words(console: ConsoleWorld, query: str) -> None:
    async with console.client("viewer of all") as browser:
        assert (await browser.get(f"/cases?{query}")).status_code == 400


@pytest.mark.parametrize("who", [who for who in PEOPLE if not who.endswith("of all")])
@pytest.mark.parametrize("query", ["", "?district=harbor", "?rule=harbor-rule", "?district=harbor&rule=harbor-rule"])
async def test_of_another_district_nothing_is_listed_nor_offered(console: ConsoleWorld, who: str, query: str) -> None:
    async with console.client(who) as browser:
        for path in ("/cases", "/cases.csv", "/cases.json"):
            shown = (await browser.get(path + query)).text
            for word in ("fnd_harbor", "HARBOR-1", *(["harbor"] if not query else [])):
                assert word not in shown


async def test_the_filtered_list_can_be_taken_away_and_the_audit_has_a_line_of_it(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser:
        rows = list(csv.DictReader(io.StringIO((await browser.get("/cases.csv?tracker=jira")).text)))
        listed = (await browser.get("/cases.json?state=parked")).json()
    (row,) = rows
    assert (row["case"], row["tickets"], row["severity"]) == (
        settled_case(OURS).ref,
        "LAKESIDE-1 in jira, in progress",
        "high",
    )
    assert [each["case"] for each in listed["rows"]] == [parked_case(OURS).ref]
    assert [act for act, _ in await console.acts()].count("exported") == 2


async def find(world: ConsoleWorld, who: str, name: str) -> tuple[int, str]:
    """The answer's status, and where it leads or what it says."""
    async with world.client(who) as browser:
        answer = await browser.get(f"/cases/find?{urlencode({'name': name})}")
        return answer.status_code, answer.headers.get("Location", same_for_all(answer))


@pytest.mark.parametrize(
    "name", [settled_case(OURS).ref, settled_case(OURS).mark, "LAKESIDE-1", "fnd_lakeside_settled", " LAKESIDE-1 "]
)
async def test_a_case_is_found_by_its_reference_its_mark_its_ticket_and_its_finding(
    console: ConsoleWorld, name: str
) -> None:
    assert await find(console, "viewer", name) == (303, f"/cases/of/{settled_case(OURS).ref}")


@pytest.mark.parametrize("name", [settled_case(OTHERS).ref, parked_case(OTHERS).mark, "HARBOR-1"])
async def test_nobody_learns_whether_another_district_has_a_case(console: ConsoleWorld, name: str) -> None:
    """What is there is answered as what is not: but for the name that was asked for."""
    other = name.replace("settled", "missing").replace("parked", "missing").replace("HARBOR-1", "HARBOR-9")
    found, missing = await find(console, "viewer", name), await find(console, "viewer", other)
    assert found[0] == 404
    assert found[1].replace(name, other) == missing[1]


async def test_a_key_that_tickets_of_two_districts_have_is_the_one_of_ours(console: ConsoleWorld) -> None:
    for district in (OURS, OTHERS):
        key = CaseKey(district, CaseKind.FINDING, f"fnd_{district}_twin")
        await settle(console, key, time.time(), ticket=f"SEC-{len(district)}")
    assert await find(console, "viewer", "SEC-8") == (303, "/cases/of/lakeside:finding:fnd_lakeside_twin")
    status, says = await find(console, "viewer", "SEC-6")
    assert (status, "fnd_harbor" in says) == (404, False)


async def test_a_case_is_told_on_each_side_with_what_it_waits_for_and_its_story(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser:
        settled = (await browser.get(f"/cases/of/{settled_case(OURS).ref}")).text
        parked = (await browser.get(f"/cases/of/{parked_case(OURS).ref}")).text
    assert '<a href="https://jira.example/browse/LAKESIDE-1" rel="noreferrer">LAKESIDE-1</a>' in settled
    for words in (
        "finding fnd_lakeside_settled",
        "reviewing",
        "in progress",
        "lakeside-rule",
        "looked, because a webhook",
    ):
        assert words in settled
    assert f'action="/plan/{settled_case(OURS).ref}"' in settled
    assert "open a ticket in jira" in parked
    assert f'href="/parked/of/{parked_case(OURS).ref}/open:jira"' in parked
    assert "customfield_10010" not in parked


async def test_another_name_of_a_case_leads_to_its_own_address(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser:
        answer = await browser.get("/cases/of/LAKESIDE-1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases/of/{settled_case(OURS).ref}")


@pytest.mark.parametrize(
    "ref",
    [settled_case(OTHERS).ref, "harbor:finding:nothing", "lakeside:finding:nothing", "nowhere:finding:x", "x" * 400],
)
async def test_a_case_of_another_district_is_answered_as_none(console: ConsoleWorld, ref: str) -> None:
    async with console.client("administrator") as browser:
        shown = await browser.get(f"/cases/of/{ref}")
        named = await browser.submit(f"/cases/names/{ref}")
        missing = await browser.get("/cases/of/lakeside:finding:unheard-of")
    assert shown.status_code == named.status_code == missing.status_code == 404
    assert same_for_all(shown) == same_for_all(missing)


async def test_the_names_of_who_closed_tickets_are_for_operators_and_leave_a_line(console: ConsoleWorld) -> None:
    ref = settled_case(OURS).ref
    async with console.client("viewer") as browser:
        assert (await browser.submit(f"/cases/names/{ref}")).status_code == 403
    before = len([act for act, _ in await console.acts() if act == "read"])
    async with console.client("operator") as browser:
        assert (await browser.submit(f"/cases/names/{ref}")).status_code == 200
    acts = [each for each in await console.acts() if each[0] == "read"]
    assert acts[before:] == [("read", "operator@example.org")]


async def test_a_case_of_many_findings_shows_them_by_page(console: ConsoleWorld) -> None:
    home = CaseKey(OURS, CaseKind.FINDING, f"id-{'5' * 40}")
    await settle(console, home, time.time())
    members = {f"member:fnd_{number:03}": 1 for number in range(130)}
    await console.connection.ask(console.connection.redis.hset(CASE + home.ref, mapping=members))
    async with console.client("viewer") as browser:
        first = (await browser.get(f"/cases/of/{home.ref}")).text
        last = (await browser.get(f"/cases/of/{home.ref}?members-after=fnd_099")).text
    assert "130 findings" in first
    assert ("fnd_099" in first, "fnd_100" in first) == (True, False)
    assert "members-after=fnd_099" in first
    assert ("fnd_100" in last, "fnd_129" in last, "members-after" in last) == (True, True, False)


async def test_what_changes_of_a_case_is_fetched_again_only_when_it_has_changed(console: ConsoleWorld) -> None:
    key = settled_case(OURS)
    async with console.client("viewer") as browser:
        page = (await browser.get(f"/cases/of/{key.ref}?all=1")).text
        addresses = {part.split('"')[0] for part in page.split('data-live="')[1:]}
        (address,) = [unescape(each) for each in addresses]
        assert (await browser.get(address)).status_code == 204
        await Todo(console.connection).mark([(key, None)], time.time())
        news = await browser.get(address)
        assert (news.status_code, "waits for a worker" in news.text) == (200, True)
        assert all(f'id="{part}"' in page and f'id="{part}"' in news.text for part in ("case-state", "case-story"))
        assert "<html" not in news.text
        assert (await browser.get(f"/cases/news/{settled_case(OTHERS).ref}")).status_code == 404


async def test_nothing_from_outside_is_markup(console: ConsoleWorld) -> None:
    key = CaseKey(OURS, CaseKind.FINDING, "<b>&'\"")
    await settle(console, key, time.time(), ticket="<i>1", rule="<u>rule")
    async with console.client("viewer") as browser:
        for path in ("/cases", f"/cases/of/{key.ref}", "/cases/find?name=%3Ci%3Enot"):
            page = (await browser.get(path)).text
            assert not any(mark in page for mark in ("<b>", "<i>", "<u>"))


async def test_an_empty_store_says_what_to_do(console: ConsoleWorld) -> None:
    await console.connection.redis.flushall()
    async with console.client("viewer") as browser:
        page = (await browser.get("/cases")).text
    assert "No case is known." in page
    assert "have not yet listed all cases" in page
