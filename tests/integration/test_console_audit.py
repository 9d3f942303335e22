"""The page of the audit: lines by filter and page, within the districts of who reads, and how the trail ends."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remediation.read_model import audit_pages
from remediation.store.audit.entries import AuditAct, AuditedAction, AuditEntry
from remediation.store.audit.search import place_from
from remediation.store.keys import AUDIT_HEAD
from tests.integration.console_world import OTHERS, OURS, ConsoleWorld, parked_case, settled_case


async def shown(console: ConsoleWorld, path: str, who: str = "viewer of all", status: int = 200) -> str:
    async with console.client(who) as browser:
        answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


async def note(console: ConsoleWorld, *entries: AuditEntry) -> None:
    await console.audit.trail.note(entries, entries[-1].at / 1000)


def entry(act: str, ago: float = 0.0, **facts: object) -> AuditEntry:
    return AuditEntry(act, int((time.time() - ago) * 1000), **facts)  # type: ignore[arg-type]


def next_path(page: str) -> str:
    if 'rel="next"' not in page:
        return ""
    return page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")


async def test_lines_are_shown_newest_first_with_who_and_what(console: ConsoleWorld) -> None:
    did = (AuditedAction("resolve:jira", "SEC-9", "finding_solved"),)
    await note(console, entry(AuditAct.DECIDED, case=settled_case(OURS).ref, did=did))
    page = await shown(console, "/audit")
    assert page.index("SEC-9") < page.index(parked_case(OURS).ref)
    assert "somebody@example.org (as console)" in page
    assert "It ends with line" in page
    assert "remedy audit verify" in page


async def test_a_viewer_of_a_district_sees_lines_about_its_cases_alone(console: ConsoleWorld) -> None:
    await note(console, entry(AuditAct.READ, choice=f"parked list --district {OTHERS}"))
    await note(console, entry(AuditAct.REPLAYED, piece=f"{OURS}:finding:fnd_x/open:jira"))
    page = await shown(console, "/audit", "viewer")
    assert parked_case(OURS).ref in page
    assert "fnd_x/open:jira" in page
    assert OTHERS not in page
    assert "It ends with line" not in page
    file = await shown(console, "/audit.csv", "viewer")
    assert parked_case(OURS).ref in file
    assert OTHERS not in file


async def test_a_case_of_another_district_has_no_line_for_a_viewer(console: ConsoleWorld) -> None:
    page = await shown(console, f"/audit?case={parked_case(OTHERS).ref}", "viewer")
    assert "No line of the audit fits." in page
    assert "somebody@example.org" not in page
    assert "somebody@example.org" in await shown(console, f"/audit?case={parked_case(OTHERS).ref}")


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("act=send", "by-ana", "by-cleo"),
        ("act=people", "by-ana", "chain began"),
        ("by=cleo", "by-cleo", "by-ana"),
        ("since=2099-01-01", "No line of the audit fits.", "by-ana"),
        ("until=2001-01-01", "No line of the audit fits.", "by-ana"),
    ],
)
async def test_a_filter_chooses_lines(console: ConsoleWorld, query: str, there: str, missing: str) -> None:
    await note(console, entry(AuditAct.SEND, by="ana", piece="by-ana"))
    await note(console, entry(AuditAct.POLL, by="cleo", piece="by-cleo"))
    page = (await shown(console, f"/audit?{query}")).partition("<tbody>" if "fits" not in there else "<h2>Lines")[2]
    assert there in page
    assert missing not in page


async def test_a_day_chooses_its_lines_however_many_come_after(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_pages, "MOST_LINES_LOOKED_AT", 5)
    await console.connection.redis.flushall()
    days = [entry(AuditAct.SEND, ago=(9 - number // 4) * 86_400, piece=f"piece-{number:02}") for number in range(40)]
    for each in days:
        await note(console, each)
    day = f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%d}"
    page = await shown(console, f"/audit?since={day}&until={day}")
    found = {each.piece for each in days if each.piece in page}
    assert found == {"piece-16", "piece-17", "piece-18", "piece-19"}


async def test_a_line_that_cannot_be_read_does_not_end_a_page(console: ConsoleWorld) -> None:
    await note(console, entry(AuditAct.SEND, piece="piece-1"))
    await console.audit.trail.note([AuditEntry("", 0)], time.time())
    await note(console, entry(AuditAct.SEND, piece="piece-2"))
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    page = await shown(console, f"/audit?act=send&since={day}")
    assert "piece-1" in page
    assert "piece-2" in page


async def test_pages_go_through_all_lines_once(console: ConsoleWorld) -> None:
    for number in range(120):
        await note(console, entry(AuditAct.SEND, piece=f"piece-{number:03}"))
    seen: list[str] = []
    path = "/audit?act=send"
    while path:
        page = await shown(console, path)
        seen += [f"piece-{number:03}" for number in reversed(range(120)) if f"piece-{number:03}" in page]
        path = next_path(page)
    assert seen == [f"piece-{number:03}" for number in reversed(range(120))]


async def test_a_page_looks_at_so_many_lines_and_says_that_others_follow(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_pages, "MOST_LINES_LOOKED_AT", 10)
    await note(console, entry(AuditAct.POLL, piece="the-one"))
    for number in range(25):
        await note(console, entry(AuditAct.SEND, piece=f"piece-{number:03}"))
    page = await shown(console, "/audit?act=poll")
    assert "Others follow." in page
    while "the-one" not in page:
        path = next_path(page)
        assert path
        page = await shown(console, path)


async def test_a_trail_that_does_not_end_as_its_head_says_is_told(console: ConsoleWorld) -> None:
    await console.connection.redis.set(AUDIT_HEAD, "forged")
    assert "does not end as its head says" in await shown(console, "/audit")


@pytest.mark.parametrize("query", ["act=odd", "after=x", "after=0-0", "after=1-2-3", f"after={2**64}-0", "since=x"])
async def test_an_address_that_nobody_wrote_is_answered_with_what_was_wrong(console: ConsoleWorld, query: str) -> None:
    await shown(console, f"/audit?{query}", status=400)


async def test_a_file_has_the_lines_and_no_names(console: ConsoleWorld) -> None:
    text = await shown(console, f"/audit.json?case={parked_case(OURS).ref}")
    (row,) = json.loads(text)["rows"]
    assert (row["act"], row["by"], row["piece"]) == ("retry", "somebody@example.org", parked_case(OURS).ref)
    assert "people" not in row
    assert (await console.acts())[-1] == (AuditAct.EXPORTED, "viewer.of.all@example.org")


async def test_the_place_of_a_moment_is_found_by_halving(console: ConsoleWorld) -> None:
    connection = console.connection
    await connection.redis.flushall()
    assert await place_from(connection, 0.0) == ""
    for number in range(30):
        await note(console, entry(AuditAct.SEND, ago=(30 - number) * 3_600))
    assert await place_from(connection, time.time() + 10) == ""
    places = [line async for line in console.audit.trail.lines()]
    wanted = next(line for line in places[1:] if line.entry.at >= (time.time() - 10.5 * 3_600) * 1000)
    assert await place_from(connection, time.time() - 10.5 * 3_600) in {wanted.place, places[0].place}


async def test_a_page_reads_little_more_of_the_trail_than_it_shows(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy worker writes thousands of lines, and each takes time to read."""
    await note(console, *(entry(AuditAct.PURGED, by="ana@example.org", piece=f"piece-{n}") for n in range(300)))
    redis, asked = console.connection.redis, list[int]()
    whole = redis.xrevrange

    def counted(*args: Any, **more: Any) -> Any:
        asked.append(more["count"])
        return whole(*args, **more)

    monkeypatch.setattr(redis, "xrevrange", counted)
    assert (await shown(console, "/audit")).count("piece-") == 50
    assert sum(asked) < 60
