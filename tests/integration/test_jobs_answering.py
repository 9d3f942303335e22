"""The job that answers questions: once, within the budgets of all other work, and never with words of other systems."""

import asyncio
import time
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import BudgetSpent, NotFound, Refused, TryLater, Waiting
from remediation.domain.status import Status
from remediation.read_model.answers.plans import PlanAnswer
from remediation.read_model.answers.wire import (
    Answer,
    CaseSubject,
    FindingSubject,
    NoAnswer,
    answer_from,
    subject_bytes,
)
from remediation.sealing import Keyring, generate_key
from remediation.sources.schoolscan.client import system_of
from remediation.store.budgets.learned import Spent, ToldLimit, budget_of
from remediation.store.console.questions import QuestionKind, Questions
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.integration.test_relations import FIGHT, School
from workers.budgets import Spending
from workers.jobs import answering
from workers.jobs.answering import MOST_READS, answer_question, patient_source

CANARY = "ZZPII-words"


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def ask(office: Office, district: str = "lakeside", kind: str = CaseKind.FINDING, name: str = "fnd_1") -> str:
    subject = subject_bytes(CaseSubject(district, kind, name))
    return await office.context.questions.ask(QuestionKind.PLAN, subject, "ana", office.clock())


async def answer_to(office: Office, question: str) -> Answer | None:
    await office.work()
    found = await office.context.questions.read(question)
    return answer_from(found.answer) if found and found.answer else None


async def test_a_plan_is_answered_and_nothing_of_it_is_done(office: Office) -> None:
    answer = await answer_to(office, await ask(office))
    assert isinstance(answer, PlanAnswer)
    assert answer.ref == KEY.ref
    assert answer.steps == len(answer.lines) == 3
    assert office.tickets() == []
    assert office.status() is Status.OPEN
    assert await office.context.todo.record(KEY.ref) is None


async def test_a_finding_of_a_district_that_is_not_named_is_not_asked_about(office: Office) -> None:
    answer = await answer_to(office, await ask(office, "harbor"))
    assert isinstance(answer, NoAnswer)
    assert "mappings.yaml does not name it" in answer.says


@pytest.mark.parametrize(
    "error",
    [
        Refused("lakeside", CANARY, status=400),
        TryLater("lakeside", CANARY, status=503),
        TryLater("lakeside", CANARY, waiting=Waiting.TOO_LARGE),
    ],
)
async def test_where_schoolscan_does_not_answer_the_reason_is_in_our_words(office: Office, error: Any) -> None:
    office.source.troubles.once("finding", error)
    answer = await answer_to(office, await ask(office))
    assert isinstance(answer, NoAnswer)
    assert answer.says.startswith("lakeside: it")
    assert CANARY not in answer.says + answer.advice


async def test_a_defect_is_told_and_the_asker_does_not_wait_in_vain(office: Office) -> None:
    office.source.troubles.once("finding", ValueError(CANARY))
    with capture_logs() as logs:
        answer = await answer_to(office, await ask(office))
    assert isinstance(answer, NoAnswer)
    assert "a defect" in answer.says
    assert [line["error"] for line in logs if line["event"] == "job_failed"] == ["ValueError"]


async def test_what_takes_too_long_is_given_up_in_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> Answer:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setitem(answering._ANSWERING, QuestionKind.PLAN, hang)
    question = await ask(office)
    office.clock.pass_by(18.9)
    begun = time.monotonic()
    answer = await answer_to(office, question)
    assert time.monotonic() - begun < 5
    assert isinstance(answer, NoAnswer)
    assert answer.says == "not all systems have answered in time"


async def test_a_subject_of_another_version_is_said_to_be_one(office: Office) -> None:
    question = await office.context.questions.ask(QuestionKind.PLAN, b"[]", "ana", office.clock())
    answer = await answer_to(office, question)
    assert isinstance(answer, NoAnswer)
    assert "different versions" in answer.says


async def test_a_question_of_which_nobody_has_the_key_is_left(
    office: Office, connection: Connection, keyring: Keyring
) -> None:
    others = Questions(connection, Keyring.parse(generate_key()))
    question = await others.ask(QuestionKind.PLAN, b"{}", "ana", office.clock())
    with capture_logs() as logs:
        await office.work()
    assert [line["event"] for line in logs] == ["question_sealed"]
    found = await others.read(question)
    assert found is not None
    assert found.answer is None


async def test_a_question_is_answered_once_also_where_its_job_runs_again(office: Office) -> None:
    question = await ask(office)
    await office.work()
    await answer_question(office.arq_context, question)
    assert office.source.troubles.calls.count("finding") == 1


async def test_who_asks_about_a_finding_that_there_is_not_is_asked_about_its_id(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_nothing(*_: object) -> Answer:
        raise NotFound("schoolscan:lakeside", CANARY, status=404)

    monkeypatch.setitem(answering._ANSWERING, QuestionKind.EXPLAIN, find_nothing)
    subject = subject_bytes(FindingSubject("lakeside", "fnd_of_another"))
    question = await office.context.questions.ask(QuestionKind.EXPLAIN, subject, "ana", office.clock())
    answer = await answer_to(office, question)
    assert isinstance(answer, NoAnswer)
    assert answer.advice == "Is the id right, and is it of that district?"


async def some_are_left(office: Office, left: int) -> None:
    """Of the account's limit of reads, of which three are kept for urgent work."""
    budgets, budget = office.context.budgets, budget_of(system_of("lakeside"), "read")
    spent = await budgets.spend(budget, KEY.ref, office.clock())
    assert isinstance(spent, Spent)
    await budgets.settle(spent, ToldLimit(60, left, int(office.clock()) + 50, 50.0), office.clock())


async def test_where_the_limit_leaves_no_room_the_question_says_so(office: Office) -> None:
    await some_are_left(office, 3)
    answer = await answer_to(office, await ask(office))
    assert isinstance(answer, NoAnswer)
    assert answer.says.endswith("it waits for its turn within our share of the rate limit")
    assert answer.advice == "Other work goes first; ask again in a minute."
    assert "finding" not in office.source.troubles.calls, "nothing was sent"


@pytest.mark.parametrize("patient", [True, False])
async def test_a_question_leaves_what_is_kept_to_urgent_work_also_once_it_has_begun(
    office: Office, *, patient: bool
) -> None:
    await some_are_left(office, 5)
    spending = Spending(office.context.budgets, system_of("lakeside"), "question", office.clock, patient=patient)
    async with spending.on("read"):
        pass
    async with AsyncExitStack() as sent:
        for _ in range(2):
            await sent.enter_async_context(spending.on("read"))
        with pytest.raises(BudgetSpent) if patient else nullcontext():
            await sent.enter_async_context(spending.on("read"))


async def test_a_question_reads_some_findings_and_writes_nothing(office: Office) -> None:
    source = patient_source(office.context, "lakeside", CaseKind.FINDING)
    for _ in range(MOST_READS):
        await source.subject(KEY)
    with pytest.raises(TryLater) as caught:
        await source.page({}, None)
    assert caught.value.waiting is Waiting.TURN
    with pytest.raises(Refused):
        await source.set_status(KEY, Status.RESOLVED, "")
    assert office.status() is Status.OPEN


async def test_the_plan_of_an_incident_is_read_from_what_the_feed_has_shown(
    connection: Connection, keyring: Keyring
) -> None:
    school = School(connection, keyring)
    await school.reported(FIGHT)
    answer = await answer_to(school, await ask(school, kind=CaseKind.INCIDENT, name=FIGHT.uuid))
    assert isinstance(answer, PlanAnswer)
    assert answer.ref == f"lakeside:incident:{FIGHT.uuid}"
    assert answer.lines == ("nothing: all is well",)
