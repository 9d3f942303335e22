"""*Now*: what needs a person, as each may know it, and what is said where nothing does."""

import asyncio
import re
import time
from html import unescape

from remediation.domain.errors import TryLater
from remediation.sealing import Keyring
from remediation.sharing import SharedReading
from remediation.sources.connections import installed_version
from remediation.store.activity.hours import ActivityWriter
from remediation.store.activity.tally import ActivityTally
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems
from tests.integration.console_world import OTHERS, OURS, ConsoleWorld, parked_case


async def page(world: ConsoleWorld, who: str = "viewer of all", path: str = "/") -> str:
    async with world.client(who) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 200
    return answer.text


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_what_needs_a_person_comes_first_with_what_to_do(console: ConsoleWorld) -> None:
    html = await page(console)
    words = plain(html)
    assert "things need a person" in words
    assert "Refused 400. 2 actions by jira" in words
    assert "remedy parked list says why." in words
    assert words.index("Now: worker") < words.index("Soon:")
    assert html.count("<section data-live=") == 1


async def test_each_thing_leads_to_a_page_on_which_it_can_be_done(console: ConsoleWorld) -> None:
    html = ""
    for who in ("viewer", "viewer of all"):
        html = await page(console, who)
        links = re.findall(r'<p><a href="([^"]+)">', html)
        assert len(links) == html.count("<li>\n<p><strong")
        for link in {unescape(each) for each in links}:
            await page(console, who, link)
    assert f"/deliveries/refused?account=schoolscan%2F{OURS}" in html
    assert "/parked?kind=quarantined" in html
    assert f'href="/parked?district={OURS}"' in await page(console, "viewer")


async def test_the_part_that_is_fetched_again_is_the_same_section(console: ConsoleWorld) -> None:
    part = (await page(console, path="/now/state")).strip()
    assert part.startswith('<section data-live="/now/state"')
    assert part.endswith("</section>")
    assert part.splitlines()[0] in await page(console)


async def test_who_reads_one_district_is_told_only_of_it(console: ConsoleWorld) -> None:
    await Systems(console.connection).note_trouble(TryLater(f"schoolscan:{OTHERS}", "away"), time.time())
    for who in ("viewer", "operator", "administrator"):
        html = await page(console, who)
        assert OTHERS not in html
        assert "jira" not in html
        assert f"2 pieces of {OURS}" in html
        assert f"remedy parked list --district {OURS} says why." in html
        assert parked_case(OURS).ref in html


async def test_times_of_today_are_those_of_the_reader_s_districts(console: ConsoleWorld) -> None:
    tally = ActivityTally()
    for district, bucket in ((OURS, 2), (OTHERS, 9)):
        tally.add(f"ticket:high:{bucket}", district)
    await ActivityWriter(console.connection, tally).write(time.time())
    assert "half of 1 delivery within 4 s" in await page(console, "viewer")
    assert "half of 2 deliveries within" in await page(console)


async def test_where_nothing_needs_anybody_it_says_so_with_what_was_seen_last(
    connection: Connection, keyring: Keyring
) -> None:
    world, now = ConsoleWorld(connection, keyring), time.time()
    for role in ("worker", "receiver"):
        process = Process(f"{role}/1", role, installed_version(), now, world.loaded.digest)
        await Processes(connection).tell(process, now)
    words = plain(await page(world))
    assert "Nothing needs you." in words
    assert "1 receiver, 1 worker" in words
    assert "Last delivery accepted never" in words
    assert "Oldest case undone none" in words


async def test_many_who_look_at_once_cost_one_reading() -> None:
    readings, now = [], [0.0]

    async def read() -> int:
        readings.append(1)
        await asyncio.sleep(0)
        return len(readings)

    shared = SharedReading(read, 2.0, lambda: now[0])
    assert await asyncio.gather(*(shared() for _ in range(50))) == [1] * 50
    now[0] = 1.9
    assert await shared() == 1
    now[0] = 2.0
    assert await shared() == 2


async def test_a_reading_that_fails_is_not_kept() -> None:
    answers: list[ValueError | int] = [ValueError("test-only"), 7]

    async def read() -> int:
        answer = answers.pop(0)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    shared = SharedReading(read, 60.0)
    (failed,) = await asyncio.gather(shared(), return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert await shared() == 7
