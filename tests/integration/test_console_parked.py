"""The page of parked work: groups, pieces, what is chosen of them; each only for who may see and do it."""

import asyncio
import csv
import io
import json
import re
import time
from html import unescape

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing, Refused
from remediation.mapping.reading.loading import loaded_of
from remediation.store.audit.entries import AuditAct
from remediation.store.console.selections import MOST_NAMES, Selections
from remediation.store.console.tasks import ConsoleTasks, TaskState
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from tests.integration.console_world import OTHERS, OURS, WORDS, ConsoleWorld, mappings, parked_case

OUR_PIECE = f"{parked_case(OURS).ref}/open:jira"
THEIR_PIECE = f"{parked_case(OTHERS).ref}/open:jira"


def work_of(console: ConsoleWorld) -> ParkedWork:
    return ParkedWork(console.connection, console.keyring)


async def park(
    console: ConsoleWorld, count: int, words: str = "no such field", first: int = 0, age: float = 0.0
) -> list[str]:
    """Park so many actions of our district, as old as `age` (seconds) and a second more each. Returns their names."""
    names = []
    for number in range(first, first + count):
        key = CaseKey(OURS, CaseKind.FINDING, f"fnd_{OURS}_{number:05}")
        at = time.time() - age - number
        error = Refused("jira", words, status=400)
        names.append(
            await work_of(console).park(ParkedKind.ACTION, key.ref, error, at, district=OURS, action="update:jira")
        )
    return names


def pieces_in(page: str) -> list[str]:
    """The names of the pieces that a page lists."""
    return [unescape(name) for name in re.findall(r'name="name" value="([^"]+)"', page)]


async def test_groups_have_their_count_and_what_usually_helps_and_no_words(console: ConsoleWorld) -> None:
    await park(console, 3)
    async with console.client("operator") as browser:
        page = (await browser.get("/parked")).text
    assert "5 pieces" in page
    assert "Refused jira 400" in page
    assert "It does not take what the rule writes: mend the rule in mappings.yaml" in page
    assert WORDS not in page
    assert "no such field" not in page


async def test_a_button_says_how_many_pieces_the_person_may_decide_about(console: ConsoleWorld) -> None:
    """Who is an operator in one district, and reads another one, too."""
    also = f"  access:\n    - {{user: operator@example.org, role: viewer, districts: [{OTHERS}]}}\n"
    console.loaded = loaded_of(mappings().replace("  access:\n", also), "mappings.yaml")
    await park(console, 3)
    async with console.client("operator") as browser:
        page = (await browser.get("/parked")).text
        assert "7 pieces" in page
        assert "Take up all 5 again" in page
        assert "Discard all 5" in page
        page = (await browser.get(f"/parked?district={OTHERS}")).text
        assert "2 pieces" in page
        assert "Take up all" not in page


async def test_nothing_of_another_district_is_shown_counted_or_taken_away(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser:
        for path in (
            "/parked",
            "/parked?view=pieces",
            f"/parked?district={OTHERS}",
            f"/parked?view=pieces&district={OTHERS}",
            "/parked?by=district",
            "/parked.csv",
            "/parked.json",
            f"/parked.json?district={OTHERS}",
        ):
            page = await browser.get(path)
            assert page.status_code == 200
            shown = page.text
            for asked in (f'value="{OTHERS}" selected', f">{OTHERS}</option>", f"--district {OTHERS}"):
                shown = shown.replace(asked, "")
            assert OTHERS not in re.sub(r"(href|action|\"choice\":)[= ]\"[^\"]*\"", "", shown), path
        assert (await browser.get(f"/parked/of/{THEIR_PIECE}")).status_code == 404
        assert (await browser.get("/parked/of/delivery/dlv_of_jira")).status_code == 404


async def test_a_viewer_sees_codes_and_no_words_and_can_do_nothing(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser:
        listed = (await browser.get("/parked?view=pieces")).text
        assert OUR_PIECE in listed
        assert "<button name=" not in listed
        piece = (await browser.get(f"/parked/of/{OUR_PIECE}")).text
        assert "Refused jira 400" in piece
        assert WORDS not in piece
        assert (await browser.get("/parked?words=yes")).status_code == 403
        assert (await browser.submit("/parked/choose", do="replay all")).status_code == 403
    assert AuditAct.READ not in {act for act, _ in await console.acts()}


async def test_an_operator_reads_the_words_and_the_audit_has_each_time(console: ConsoleWorld) -> None:
    async with console.client("operator") as browser:
        assert WORDS in (await browser.get("/parked?words=yes")).text
        assert WORDS in (await browser.get("/parked?view=pieces&words=yes")).text
        assert WORDS in (await browser.get(f"/parked/of/{OUR_PIECE}")).text
    assert (await console.acts()).count((AuditAct.READ, "operator@example.org")) == 3


async def test_words_from_outside_are_escaped(console: ConsoleWorld) -> None:
    (name,) = await park(console, 1, "<script>alert(1)</script> & so on")
    async with console.client("operator") as browser:
        for path in ("/parked?words=yes", f"/parked/of/{name}"):
            page = (await browser.get(path)).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert(1)" in page


async def test_every_grouping_leads_to_the_pieces_of_each_group(console: ConsoleWorld) -> None:
    await park(console, 3)
    await park(console, 2, "no such project", first=10)
    async with console.client("administrator of all") as browser:
        for by in ("error", "system", "action", "district"):
            page = (await browser.get(f"/parked?by={by}")).text
            rows = re.findall(r'<td class="number">(\d+)</td>\s*<th scope="row"><a href="([^"]+)"', page)
            assert sum(int(count) for count, _ in rows) == 9, by
            for count, address in rows:
                assert len(pieces_in((await browser.get(unescape(address))).text)) == int(count), (by, address)


async def test_pages_follow_on(console: ConsoleWorld) -> None:
    names = await park(console, 120)
    async with console.client("operator") as browser:
        seen: list[str] = []
        address = "/parked?view=pieces&action=update:jira"
        while address:
            page = (await browser.get(address)).text
            seen += pieces_in(page)
            found = re.search(r'<a href="([^"]+)" rel="next"', page)
            address = unescape(found[1]) if found else ""
    assert seen == names


async def test_a_filter_by_age_takes_what_is_old_or_new_enough(console: ConsoleWorld) -> None:
    old = await park(console, 2, age=3 * 86_400)
    new = await park(console, 2, first=10)
    async with console.client("operator") as browser:
        within = (await browser.get("/parked?view=pieces&action=update:jira&since=1d")).text
        before = (await browser.get("/parked?view=pieces&action=update:jira&older-than=2d")).text
        assert (pieces_in(within), pieces_in(before)) == (new, old)
        assert (await browser.get("/parked?since=yesterday")).status_code == 400


async def confirmed(console: ConsoleWorld, who: str, **fields: str) -> tuple[str, dict[str, int]]:
    """What the confirmation says, and what became of what was chosen."""
    query = fields.pop("query", "")
    async with console.client(who) as browser:
        answer = await browser.submit(f"/parked/choose{query}", **fields)
        assert answer.status_code == 303, answer.text
        selection = answer.headers["location"]
        page = (await browser.get(selection)).text
        assert (await browser.submit(selection)).status_code == 303
    task = selection.rpartition("/")[2]
    for _ in range(200):
        found = await ConsoleTasks(console.connection).one(task)
        if found is not None and found.state is not TaskState.RUNNING:
            return page, dict(found.became)
        await asyncio.sleep(0.05)
    raise AssertionError("it does not end")


async def test_all_that_fit_are_taken_up_again_and_others_stay(console: ConsoleWorld) -> None:
    names = await park(console, 3)
    query = "?error=Refused&action=update:jira"
    page, became = await confirmed(console, "operator", do="replay all", query=query)
    assert "3 pieces will be taken up again." in page
    assert "--error Refused --action update:jira" in page
    assert became == {"done": 3}
    left = {item.name async for item in work_of(console).listed()}
    assert not left & set(names)
    assert {OUR_PIECE, THEIR_PIECE} <= left


async def test_a_list_names_the_command_that_lists_the_same_and_nothing_else_can_be_pasted_with_it(
    console: ConsoleWorld,
) -> None:
    async with console.client("operator") as browser:
        page = (await browser.get("/parked?error=Refused&status=400&action=-&view=pieces")).text
        assert "<code>remedy parked list --error Refused --all</code>" in page
        page = (await browser.get("/parked?error=Refused;reboot")).text
        assert "<code>remedy parked list --error &#39;Refused;reboot&#39;</code>" in page


async def test_all_means_all_of_the_districts_in_which_one_is_operator(console: ConsoleWorld) -> None:
    page, became = await confirmed(console, "operator", do="discard all")
    assert "</time>: all. What came meanwhile is not in it." in page
    assert became == {"done": 2}, "our parked action, and our delivery that cannot be read"
    left = {item.name async for item in work_of(console).listed()}
    assert left == {THEIR_PIECE, f"delivery/dlv_{OTHERS}_unreadable"}


async def test_the_ticked_ones_are_taken_up_again_and_no_other(console: ConsoleWorld) -> None:
    first, second, third = await park(console, 3)
    _, became = await confirmed(console, "operator", do="replay ticked", name=second)
    assert became == {"done": 1}
    assert {first, third} <= {item.name async for item in work_of(console).listed()}


async def test_whoever_names_another_districts_piece_is_answered_as_if_there_were_none(console: ConsoleWorld) -> None:
    async with console.client("operator") as browser:
        theirs = await browser.submit("/parked/choose", do="replay ticked", name=THEIR_PIECE)
        nothing = await browser.submit("/parked/choose", do="replay ticked", name="nothing/open:jira")
    assert (theirs.status_code, nothing.status_code) == (400, 400)
    assert "it is not there any more" in theirs.text
    assert "it is not there any more" in nothing.text


async def test_only_the_first_thousand_are_chosen_the_oldest_first(console: ConsoleWorld) -> None:
    names = await park(console, MOST_NAMES + 3)
    async with console.client("operator") as browser:
        answer = await browser.submit("/parked/choose?action=update:jira", do="replay all")
        page = (await browser.get(answer.headers["location"])).text
    assert "These are the first 1,000 of 1,003 pieces." in page
    selection = answer.headers["location"].rpartition("/")[2]
    found = await Selections(console.connection).made_by(selection, "operator@example.org")
    assert found is not None
    assert list(found.names) == names[::-1][:MOST_NAMES]


async def test_the_list_can_be_taken_away_without_words_and_the_audit_has_it(console: ConsoleWorld) -> None:
    await park(console, 2)
    async with console.client("viewer") as browser:
        answer = await browser.get("/parked.csv?action=update:jira")
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [row["action"] for row in rows] == ["update:jira"] * 2
        assert {"words", "trace"}.isdisjoint(rows[0])
        assert "attachment" in answer.headers["content-disposition"]
        found = json.loads((await browser.get("/parked.json")).text)
        assert (len(found["rows"]), found["cut"]) == (4, False)
        assert (await browser.get("/parked.xlsx")).status_code == 400
    assert (await console.acts()).count((AuditAct.EXPORTED, "viewer@example.org")) == 2


async def test_what_belongs_to_no_district_is_for_who_sees_everything(console: ConsoleWorld) -> None:
    await work_of(console).park(ParkedKind.DELIVERY, "dlv_of_jira", KeyMissing("k9"), time.time(), district="")
    async with console.client("viewer of all") as browser:
        assert "KeyMissing" in (await browser.get("/parked")).text
        assert (await browser.get("/parked/of/delivery/dlv_of_jira")).status_code == 200
    async with console.client("administrator") as browser:
        assert "KeyMissing" not in (await browser.get("/parked")).text
        assert (await browser.get("/parked/of/delivery/dlv_of_jira")).status_code == 404


async def test_an_empty_list_says_that_nothing_waits(console: ConsoleWorld) -> None:
    work = work_of(console)
    for item in [each async for each in work.listed()]:
        await work.discard(item.name, time.time())
    async with console.client("viewer") as browser:
        assert "nothing waits for your decision" in (await browser.get("/parked")).text
        assert "Nothing that is parked fits." in (await browser.get("/parked?error=Refused")).text


async def test_a_page_of_ten_thousand_pieces_is_quick(console: ConsoleWorld) -> None:
    """The bound is far above what it takes, and far below what reading all pieces would."""
    for begin in range(0, 10_000, 500):
        await asyncio.gather(
            *(park(console, 1, f"words {chr(97 + each % 26)}", first=each) for each in range(begin, begin + 500))
        )
    async with console.client("operator") as browser:
        for path in ("/parked", "/parked?view=pieces", "/parked?by=action"):
            await browser.get(path)
            began = time.perf_counter()
            assert (await browser.get(path)).status_code == 200
            assert time.perf_counter() - began < 0.5, path
