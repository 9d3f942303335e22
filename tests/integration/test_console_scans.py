"""The page of scans: how far each is, what it found, and how long what waits takes, by district."""

import json
import time

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.status import Severity
from remediation.queue import Band
from remediation.store.cases.lists import CaseLists
from remediation.store.cases.todo import Todo
from remediation.store.cases.waiting import waiting_by_district
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.readings import DeliveryNews, ScanNote
from remediation.store.districts import DistrictForgetting
from remediation.store.keys import SCAN, SCANS_OF
from remediation.store.scans.backfills import Backfills
from remediation.store.scans.listing import Scans
from remediation.store.scans.named import ScanState, named_scans
from tests.integration.console_world import OTHERS, OURS, ConsoleWorld


async def told(console: ConsoleWorld, district: str, *names: str, completed: bool = True, at: float = 0.0) -> None:
    """Deliveries tell of scans, and are read."""
    inbox, at = Inbox(console.connection, console.keyring), at or time.time()
    for name in names:
        await inbox.accept(f"{name}-{completed}", SCHOOLSCAN, district, b"{}", at)
        news = DeliveryNews.of_scan(f"{name}-{completed}", ScanNote(district, name, completed=completed))
        await inbox.readings.finish("", [news], at)


async def listed(console: ConsoleWorld, district: str, name: str, marked: int) -> None:
    """The findings of a scan are listed, to the end."""
    scans = Scans(console.connection, console.keyring)
    scan = await scans.take(f"{district}:scan:{name}", time.time())
    assert scan is not None
    cases = [(CaseKey(district, CaseKind.FINDING, f"fnd_of_{name}_{number}"), Band.HIGH) for number in range(marked)]
    await scans.mark_page(scan, None, cases, time.time(), left_out=2)


async def shown(console: ConsoleWorld, path: str, who: str = "viewer", status: int = 200) -> str:
    async with console.client(who) as browser:
        answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_a_scan_is_shown_with_how_far_it_is_and_what_it_found(console: ConsoleWorld) -> None:
    await told(console, OURS, "scan_begun", completed=False)
    await told(console, OURS, "scan_done")
    await listed(console, OURS, "scan_done", marked=3)
    page = await shown(console, "/scans")
    assert "SchoolScan scans" in page
    assert "its findings are listed" in page
    assert ">3</td>" in page
    assert ">2</td>" in page


async def test_a_scan_whose_list_was_refused_says_where_one_decides(console: ConsoleWorld) -> None:
    await told(console, OURS, "scan_1")
    ref, work = f"{OURS}:scan:scan_1", ParkedWork(console.connection, console.keyring)
    await work.park(ParkedKind.SCAN, ref, Refused(OURS, "no", status=403), time.time(), district=OURS, action="list")
    assert f"/parked/of/{ref}/list" in await shown(console, "/scans")
    await work.discard(f"{ref}/list", time.time())
    (scan,) = (await named_scans(console.connection, [OURS], 9)).scans
    assert (scan.state, scan.parked) == (ScanState.GIVEN_UP, "")


async def test_a_viewer_sees_scans_and_work_of_their_district_alone(console: ConsoleWorld) -> None:
    for district in (OURS, OTHERS):
        await told(console, district, f"scan_of_{district}")
        assert await Backfills(console.connection).begin(district, [Severity.HIGH], None, time.time())
    page = await shown(console, "/scans")
    assert f"scan_of_{OURS}" in page
    assert OTHERS not in page
    both = await shown(console, "/scans", "viewer of all")
    assert f"scan_of_{OTHERS}" in both
    one = await shown(console, f"/scans?district={OTHERS}", "viewer of all")
    assert f"scan_of_{OURS}" not in one
    await shown(console, f"/scans?district={OTHERS}", status=400)


async def test_what_waits_is_told_with_how_long_it_takes(console: ConsoleWorld) -> None:
    keys = [CaseKey(OURS, CaseKind.FINDING, f"fnd_waits_{number}") for number in range(120)]
    await Todo(console.connection).mark([(key, Band.HIGH) for key in keys], time.time())
    waiting = (await waiting_by_district(CaseLists(console.connection)))[OURS]
    assert waiting >= 120
    assert await Backfills(console.connection).begin(OURS, [Severity.HIGH], None, time.time())
    page = await shown(console, "/scans")
    assert f">{waiting}</td>" in page
    assert "about 3 min at 60 writes a minute" in page
    assert "of severity high" in page


async def test_pages_go_on_and_pass_over_what_is_over_its_time(console: ConsoleWorld) -> None:
    names = [f"scan_{number:03}" for number in range(70)]
    now = time.time()
    for number, name in enumerate(names):
        await told(console, OURS, name, at=now + number / 1000)
    await console.connection.redis.delete(f"{SCAN}{OURS}:scan:scan_069")
    page = await named_scans(console.connection, [OURS], 50)
    assert [each.id for each in page.scans] == names[-2:-52:-1]
    rest = await named_scans(console.connection, [OURS], 50, page.after)
    assert [each.id for each in rest.scans] == names[18::-1]
    assert rest.after is None
    assert 'rel="next"' in await shown(console, "/scans")
    assert 0 < await console.connection.redis.pttl(SCANS_OF + OURS) <= 30 * 86_400_000


async def test_the_part_that_is_fetched_again_has_what_the_page_has(console: ConsoleWorld) -> None:
    for district in (OURS, OTHERS):
        await told(console, district, f"scan_of_{district}")
    assert f'data-live="/scans/state?district={OURS}"' in await shown(console, f"/scans?district={OURS}")
    part = await shown(console, "/scans/state")
    assert f"scan_of_{OURS}" in part
    assert OTHERS not in part
    assert "<html" not in part


async def test_nothing_yet_says_what_to_do(console: ConsoleWorld) -> None:
    assert "remedy scans start" in await shown(console, "/scans")


async def test_a_district_that_is_deleted_leaves_no_list_of_its_scans(console: ConsoleWorld) -> None:
    for district in (OURS, OTHERS):
        await told(console, district, f"scan_of_{district}")
    forgetting = DistrictForgetting(console.connection)
    await forgetting.counted(OURS, [])
    assert await console.connection.redis.exists(SCANS_OF + OURS) == 1
    await forgetting.forget(OURS, await forgetting.scans(OURS))
    assert await console.connection.redis.exists(SCANS_OF + OURS) == 0
    assert await console.connection.redis.exists(SCANS_OF + OTHERS) == 1


async def test_a_file_has_the_scans(console: ConsoleWorld) -> None:
    await told(console, OURS, "scan_1")
    await told(console, OTHERS, "scan_2")
    file = json.loads(await shown(console, "/scans.json"))
    assert [(row["district"], row["scan"], row["state"]) for row in file["rows"]] == [(OURS, "scan_1", "listing")]
