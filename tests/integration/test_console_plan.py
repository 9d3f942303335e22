"""*What would be done now* in the console: a worker looks at a case while the page waits."""

import asyncio
import time
from html import unescape

import pytest
from structlog.testing import capture_logs

from console.questions import asking as asking_pages
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import Job
from remediation.read_model.answers.wire import CaseSubject, subject_bytes
from remediation.store.console.questions import ANSWERED_WITHIN, QuestionKind, Questions
from remediation.store.keys import QUESTION, QUESTIONS_BEGUN
from remediation.store.terms import MOST_OPEN_OF_ONE
from sandbox.secrets import DISTRICT
from tests.integration.asking_world import CANARY, AskingWorld
from tests.integration.console_world import OTHERS, same_for_all
from tests.integration.live_world import READS


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_pages, "WAIT_SECONDS", 0.0)


def plan_of(key: CaseKey) -> str:
    return f"/plan/{key.ref}"


async def test_a_worker_says_what_would_be_done_and_does_none_of_it(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        before = await browser.get(plan_of(asking.key))
        assert "Show what would be done" in before.text
        assert "Back to the case" not in before.text, "nobody has looked at it yet"
        page = await asking.answered(browser, plan_of(asking.key))
    text = unescape(page.text)
    assert "<dd>open, high</dd>" in text
    assert "<li>open a ticket in context (the finding is new)</li>" in text
    assert "<li>set the finding to reviewing (the finding is new)</li>" in text
    assert {method for method, _ in asking.outside.journal()} <= READS


async def test_no_text_of_a_finding_comes_into_the_page_redis_or_the_log(asking: AskingWorld) -> None:
    finding = asking.outside.ask("GET", "schoolscan", f"/_sandbox/findings?district={DISTRICT}").json()
    assert CANARY in str(finding), "it is planted"
    with capture_logs() as logs:
        async with asking.console.client("viewer") as browser:
            page = await asking.answered(browser, plan_of(asking.key))
    assert page.status_code == 200
    assert CANARY not in page.text + str(page.headers) + str(logs)
    assert CANARY.encode() not in await asking.everything()
    (line,) = [each for each in logs if each["event"] == "question_answered"]
    assert line.keys() == {"event", "kind", "seconds", "log_level"}


async def test_a_system_that_could_not_be_asked_is_named_with_its_status(asking: AskingWorld) -> None:
    asking.outside.fault("jira", kind="status", status=403, path="", times=None)
    async with asking.console.client("viewer") as browser:
        page = await asking.answered(browser, plan_of(asking.key))
    text = unescape(page.text)
    assert "jira could not be asked" in text
    assert "(HTTP 403)" in text


async def test_of_what_schoolscan_does_not_have_the_reason_is_told(asking: AskingWorld) -> None:
    unknown = CaseKey(DISTRICT, CaseKind.FINDING, "fnd_unknown")
    async with asking.console.client("viewer") as browser:
        page = await asking.answered(browser, plan_of(unknown))
    assert "There is no answer:" in page.text
    assert "it has no such thing, or does not show it to us" in page.text


async def test_the_page_asks_for_itself_again_until_there_is_an_answer(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        asked = await browser.submit(plan_of(asking.key))
        waiting = await browser.get(asked.headers["location"])
        assert waiting.headers["refresh"] == "1"
        assert "A worker was asked" in waiting.text
        await asking.work()
        answered = await browser.get(asked.headers["location"])
    assert "refresh" not in answered.headers


async def test_the_page_waits_a_moment_for_the_answer(asking: AskingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_pages, "WAIT_SECONDS", 10.0)
    async with asking.console.client("viewer") as browser:
        asked = await browser.submit(plan_of(asking.key))
        page, _ = await asyncio.gather(browser.get(asked.headers["location"]), asking.work())
    assert "<dd>open, high</dd>" in page.text


async def test_where_no_worker_answers_the_page_says_so_and_what_to_do(
    asking: AskingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking.console.client("viewer") as browser:
        asked = await browser.submit(plan_of(asking.key))
        questions = Questions(asking.console.connection, asking.console.keyring)
        long_ago = time.time() - ANSWERED_WITHIN
        name = asked.headers["location"].rpartition("=")[2]
        await asking.redis.hset(QUESTION + name, "asked_at", int(long_ago * 1000))
        page = await browser.get(asked.headers["location"])
        assert "No worker answered within 20 seconds." in page.text
        assert "remedy status" in page.text
        assert "refresh" not in page.headers
        assert await questions.take(name, time.time()) is None, "nobody takes it up any more"


async def test_an_answer_that_is_gone_is_said_to_be_gone(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        page = await browser.get(f"{plan_of(asking.key)}?question={'0' * 32}")
    assert "this one is gone" in page.text


async def test_the_answer_about_another_case_is_not_shown(asking: AskingWorld) -> None:
    """The id of a question opens nothing by itself: the page is that of the case, whose district is looked at."""
    questions = Questions(asking.console.connection, asking.console.keyring)
    other = subject_bytes(CaseSubject(OTHERS, CaseKind.FINDING, "fnd_1"))
    name = await questions.ask(QuestionKind.PLAN, other, "somebody", time.time())
    await questions.answer(name, b'{"type":"none","says":"of another district"}')
    async with asking.console.client("viewer") as browser:
        page = await browser.get(f"{plan_of(asking.key)}?question={name}")
    assert "of another district" not in page.text
    assert "this one is gone" in page.text


@pytest.mark.parametrize("ref", [f"{OTHERS}:finding:fnd_1", "nowhere:finding:fnd_1", f"{DISTRICT}:dream:x", "x", "%00"])
async def test_the_case_of_another_district_is_as_none(asking: AskingWorld, ref: str) -> None:
    async with asking.console.client("viewer") as browser:
        answers = [await browser.get(f"/plan/{ref}"), await browser.submit(f"/plan/{ref}")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({same_for_all(answer) for answer in answers}) == 1
    assert await asking.work() == []


async def test_who_has_too_many_questions_open_is_told_to_wait(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        for number in range(MOST_OPEN_OF_ONE):
            await asking.redis.delete(QUESTIONS_BEGUN)
            await browser.submit(f"/plan/{DISTRICT}:finding:fnd_{number}")
        asked = await browser.submit(f"/plan/{DISTRICT}:finding:fnd_more")
    assert asked.status_code == 429
    assert f"You have {MOST_OPEN_OF_ONE} questions open." in asked.text


async def test_one_question_about_a_finding_reads_it_once(asking: AskingWorld) -> None:
    async with asking.console.client("viewer") as browser:
        await browser.submit(plan_of(asking.key))
        assert await asking.work() == [Job.ANSWER_QUESTION]
    assert len([path for _, path in asking.outside.journal() if "/findings/" in path]) == 1


async def test_the_case_of_which_a_worker_has_looked_gets_the_plan_of_today(asking: AskingWorld) -> None:
    await asking.mark(asking.key)
    await asking.work()
    async with asking.console.client("viewer") as browser:
        page = await asking.answered(browser, plan_of(asking.key))
    text = unescape(page.text)
    assert "SEC-1 in jira open" in text
    assert "Nothing: all is well." in text
    assert f'<a href="/cases/of/{asking.key.ref}">Back to the case</a>' in text
    assert CANARY not in text
