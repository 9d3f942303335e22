"""Questions of the console on a real Valkey: asked, shared, answered once, bounded, and forgotten."""

import asyncio
from typing import Any

import pytest

from remediation.domain.errors import KeyMissing
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Job
from remediation.sealing import Keyring, generate_key
from remediation.store.console.questions import ANSWERED_WITHIN, KEPT, QuestionKind, Questions, TooManyQuestions
from remediation.store.keys import QUESTION, QUESTION_LIKE, QUESTIONS, QUESTIONS_BEGUN, QUESTIONS_OF
from remediation.store.server.connection import Connection
from remediation.store.terms import MOST_BEGUN_A_SECOND, MOST_OPEN_OF_ALL, MOST_OPEN_OF_ONE

NOW = 1_800_000_000.0
PLAN = QuestionKind.PLAN


@pytest.fixture
def questions(connection: Connection, keyring: Keyring) -> Questions:
    return Questions(connection, keyring)


async def asked(questions: Questions, about: str, who: str = "ana", now: float = NOW) -> str:
    """A question that is not held up by those before it."""
    await questions._connection.redis.delete(QUESTIONS_BEGUN)
    return await questions.ask(PLAN, about.encode(), who, now)


async def waiting(connection: Connection) -> list[str]:
    return [job.decode() for job in await connection.redis.zrange(WORK_QUEUE, 0, -1)]


async def test_a_question_calls_a_worker_and_gets_its_answer(questions: Questions, connection: Connection) -> None:
    question = await asked(questions, "lakeside:finding:fnd_1")
    assert await waiting(connection) == [f"{Job.ANSWER_QUESTION}:{question}"]
    taken = await questions.take(question, NOW + 1)
    assert taken is not None
    assert (taken.kind, taken.subject, taken.asked_at) == (PLAN, b"lakeside:finding:fnd_1", NOW)
    found = await questions.read(question)
    assert found is not None
    assert found.answer is None
    assert await questions.answer(question, b"nothing: all is well")
    found = await questions.read(question)
    assert found is not None
    assert found.answer == b"nothing: all is well"


async def test_who_asks_the_same_while_it_is_open_shares_the_answer(questions: Questions) -> None:
    first = await asked(questions, "one")
    assert await asked(questions, "one", "ben") == first
    assert await asked(questions, "two", "ben") != first
    await questions.answer(first, b"so")
    assert await asked(questions, "one", "ben") != first, "an answer of before would be out of date"


async def test_the_same_words_of_another_kind_are_another_question(questions: Questions) -> None:
    first = await asked(questions, "one")
    assert await questions.ask(QuestionKind.EXPLAIN, b"one", "ana", NOW) != first


async def test_a_question_is_taken_up_once_also_where_its_worker_dies(questions: Questions) -> None:
    question = await asked(questions, "one")
    assert await questions.take(question, NOW) is not None
    assert await questions.take(question, NOW) is None
    found = await questions.read(question)
    assert found is not None
    assert not found.is_given_up(NOW + ANSWERED_WITHIN - 0.001)
    assert found.is_given_up(NOW + ANSWERED_WITHIN)


async def test_nobody_takes_up_a_question_for_which_nobody_waits(questions: Questions) -> None:
    question = await asked(questions, "one")
    assert await questions.take(question, NOW + ANSWERED_WITHIN) is None
    assert await questions.take("0" * 32, NOW) is None
    assert not await questions.answer("0" * 32, b"late")


async def test_a_person_has_a_few_questions_open_and_others_still_ask(questions: Questions) -> None:
    mine = [await asked(questions, f"one {number}") for number in range(MOST_OPEN_OF_ONE)]
    with pytest.raises(TooManyQuestions, match=f"You have {MOST_OPEN_OF_ONE} questions open"):
        await asked(questions, "another")
    assert await asked(questions, "another", "ben")
    await questions.answer(mine[0], b"so")
    assert await asked(questions, "more")


async def test_all_people_together_have_some_questions_open(questions: Questions, connection: Connection) -> None:
    for number in range(MOST_OPEN_OF_ALL):
        await asked(questions, f"one {number}", f"person {number}")
    with pytest.raises(TooManyQuestions, match=f"{MOST_OPEN_OF_ALL} questions are open"):
        await asked(questions, "another", "zoe")
    assert len(await waiting(connection)) == MOST_OPEN_OF_ALL
    later = NOW + ANSWERED_WITHIN
    question = await asked(questions, "another", "zoe", later)
    assert await waiting(connection) == [f"{Job.ANSWER_QUESTION}:{question}"], "jobs of those given up are gone"


async def test_only_a_few_questions_are_begun_in_a_second(questions: Questions) -> None:
    begun = [await questions.ask(PLAN, b"%d" % number, f"p{number}", NOW) for number in range(MOST_BEGUN_A_SECOND)]
    with pytest.raises(TooManyQuestions, match="within this second"):
        await questions.ask(PLAN, b"another", "zoe", NOW)
    assert await questions.ask(PLAN, b"0", "zoe", NOW) == begun[0], "to share an answer costs nothing"


async def test_everything_about_a_question_has_an_end(questions: Questions, connection: Connection) -> None:
    redis: Any = connection.redis
    question = await asked(questions, "one")
    lifetimes = {key.decode(): await redis.pttl(key) / 1000 async for key in redis.scan_iter()}
    del lifetimes[WORK_QUEUE]  # arq's, of which the job is a member until it was taken
    assert 0 < lifetimes.pop("remedy:queue-bell") <= KEPT
    assert 0 < lifetimes.pop(f"{JOB_PREFIX}{Job.ANSWER_QUESTION}:{question}") <= ANSWERED_WITHIN
    names = (QUESTION, QUESTION_LIKE, QUESTIONS_OF, QUESTIONS, QUESTIONS_BEGUN)
    assert {max(filter(key.startswith, names), key=len) for key in lifetimes} == set(names)
    assert all(0 < seconds <= KEPT for seconds in lifetimes.values()), lifetimes
    await redis.pexpire(QUESTION + question, 1000)
    await questions.answer(question, b"so")
    assert await redis.pttl(QUESTION + question) > 1000, "an answer is kept for a minute"


async def test_what_is_asked_and_answered_lies_sealed_and_bound_to_its_row(
    questions: Questions, connection: Connection
) -> None:
    redis: Any = connection.redis
    first, second = await asked(questions, "ZZPII-asked", "ZZPII-ana"), await asked(questions, "other")
    await questions.answer(first, b"ZZPII-answered")
    held = b""
    async for key in redis.scan_iter():
        held += key + (await redis.dump(key) or b"")
        if await redis.type(key) == b"hash":
            held += b" ".join(part for pair in (await redis.hgetall(key)).items() for part in pair)
    assert b"ZZPII" not in held
    await redis.hset(QUESTION + second, "answer", await redis.hget(QUESTION + first, "answer"))
    with pytest.raises(KeyMissing):
        await questions.read(second)


async def test_a_question_under_another_data_key_is_answered_by_nobody(
    questions: Questions, connection: Connection
) -> None:
    question = await asked(questions, "one")
    with pytest.raises(KeyMissing):
        await Questions(connection, Keyring.parse(generate_key())).take(question, NOW)


async def test_the_asker_waits_for_the_answer_and_not_longer(questions: Questions) -> None:
    question = await asked(questions, "one")

    async def answered_meanwhile(_seconds: float) -> None:
        await questions.answer(question, b"so")

    found = await questions.answered(question, 1.0, answered_meanwhile)
    assert found is not None
    assert found.answer == b"so"
    other = await asked(questions, "two")
    slept: list[float] = []

    async def slept_for(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    found = await questions.answered(other, 0.5, slept_for)
    assert found is not None
    assert found.answer is None
    assert sum(slept) == pytest.approx(0.5)
    assert await questions.answered("0" * 32, 1.0) is None
