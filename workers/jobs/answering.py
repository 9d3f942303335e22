"""Job: answer a question of the console, with what only workers have: the secrets of SchoolScan and of trackers.

A question is answered once, or not at all: whoever asked waits for some seconds, and asks again. What it costs comes
out of the budgets of all other work, and never out of what is kept for urgent work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import (
    BudgetSpent,
    KeyMissing,
    NotFound,
    OutsideError,
    Refused,
    StoreUnavailable,
    TryLater,
    Waiting,
)
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.mapping.reading.positions import path_text
from remediation.operations.examining.checks import run_checks
from remediation.operations.examining.outside import AskedSystem, Examination
from remediation.operations.examining.placing import PlacedInspection
from remediation.operations.forecasting import ForecastSystems, NoForecast, forecast
from remediation.ports import ListedSource, SubjectPage
from remediation.read_model.answers.explanations import explain_answer
from remediation.read_model.answers.plans import plan_answer
from remediation.read_model.answers.systems import AnsweredCheck, SystemsAnswer
from remediation.read_model.answers.troubles import outside_words
from remediation.read_model.answers.wire import (
    Answer,
    CaseSubject,
    FindingSubject,
    NoAnswer,
    SystemsSubject,
    answer_bytes,
    subject_from,
)
from remediation.sources.schoolscan.client import system_of
from remediation.store.console.questions import ANSWERED_WITHIN, Question, QuestionKind
from workers.budgets import BudgetedSource, Spending
from workers.jobs.boundary import never_raising, tell_failure
from workers.metering import metered_command
from workers.metrics import QUESTION_SECONDS, QUESTIONS_UNANSWERED
from workers.resources import WorkerContext

logger = structlog.get_logger()

ResultT = TypeVar("ResultT")

MOST_READS = 25
"""Findings that one question reads: the account is there for all other work, too."""

MOST_SYSTEMS = 30
"""Systems that one question asks, trackers first: more would be a burst of requests."""

SYSTEM_SECONDS, INSPECTING_SECONDS = 17.0, 12.0
"""Seconds for one system, and for what mappings.yaml asks of it: all of it is less than the asker waits."""

_IN_TIME = 1.0
"""Seconds before the asker gives up at which an answer that is not complete is given up, so that it is told why."""

_ASKER = "question"
"""What a request is reserved for in place of a case: no row has this name, so it is never critical."""


@never_raising
async def answer_question(context: WorkerContext, question_id: str) -> None:
    """Answer one question, unless somebody did, or nobody waits for it any more."""
    try:
        question = await context.questions.take(question_id, context.clock())
    except KeyMissing:
        logger.warning("question_sealed")
        return
    if question is None:
        return
    begun = time.monotonic()
    answer = await _answered(context, question)
    await context.questions.answer(question.id, answer_bytes(answer))
    took = time.monotonic() - begun
    QUESTION_SECONDS.labels(question.kind).observe(took)
    if isinstance(answer, NoAnswer):
        QUESTIONS_UNANSWERED.labels(question.kind).inc()
    logger.info("question_answered", kind=question.kind, seconds=round(took, 3))


async def _answered(context: WorkerContext, question: Question) -> Answer:
    """The answer, or why there is none. An error of our own is told, and is one, too."""
    left = question.asked_at + ANSWERED_WITHIN - _IN_TIME - context.clock()
    try:
        async with asyncio.timeout(max(left, 0.0)):
            return await _ANSWERING[question.kind](context, question.subject)
    except TimeoutError:
        return NoAnswer("not all systems have answered in time", "Ask again; Systems says which of them is slow.")
    except OutsideError as error:
        return NoAnswer(f"{error.system}: {outside_words(error)}", _advice(error))
    except NoForecast as error:
        return NoAnswer(str(error))
    except msgspec.DecodeError:
        return NoAnswer("the console and the worker are of different versions", "Finish the upgrade, then ask again.")
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - it is told, and the asker need not wait in vain
        tell_failure(answer_question.__name__, error)
        return NoAnswer("a defect of remedy's own ended the answer", "The worker's log has more: report it.")


def _advice(error: OutsideError) -> str:
    if isinstance(error, TryLater) and error.waiting is Waiting.BUDGET:
        return "Other work goes first; ask again in a minute."
    if isinstance(error, NotFound):
        return "Is the id right, and is it of that district?"
    return "Ask again later; Systems says how it is."


async def _plan(context: WorkerContext, subject: bytes) -> Answer:
    """What would be done about a case now."""
    asked = subject_from(subject, CaseSubject)
    key = CaseKey(asked.district, CaseKind(asked.kind), asked.id)
    systems = ForecastSystems(
        context.connection,
        patient_source(context, key.district, key.kind),
        context.trackers,
        context.rulebook,
        lambda: context.relations,
        lambda record: context.sites.of(record.links.keys() | context.trackers.keys()),
    )
    async with metered_command(context.tracker_limits):
        return plan_answer(await forecast(key, systems, context.clock()))


async def _explain(context: WorkerContext, subject: bytes) -> Answer:
    """Which rule takes a finding, and why."""
    asked, file = subject_from(subject, FindingSubject), context.asked_about
    if file is None or asked.district not in file.loaded.mappings.districts:
        raise TryLater(system_of(asked.district), "no such district in mappings.yaml", waiting=Waiting.UNNAMED)
    key = CaseKey(asked.district, CaseKind.FINDING, asked.id)
    found = await patient_source(context, key.district, key.kind).subject(key)
    at = datetime.fromtimestamp(context.clock(), tz=UTC)
    return await asyncio.to_thread(explain_answer, file.loaded, found, at)


async def _systems(context: WorkerContext, subject: bytes) -> Answer:
    """How the systems answer that only workers may ask."""
    asked, file = subject_from(subject, SystemsSubject), context.asked_about
    if file is None:
        return NoAnswer("this worker cannot ask", "Is it the latest version?")
    limits = {"seconds": SYSTEM_SECONDS, "inspecting": INSPECTING_SECONDS}
    examination = Examination(file.loaded, context.connection, **limits, said=outside_words, told=_place_words)
    async with file.open_systems() as systems, metered_command(context.tracker_limits):
        wanted = [each for each in systems if asked.district in {"", each.district}]
        wanted.sort(key=lambda each: each.district != "")  # trackers are everybody's
        checks = [examination.check(_within_limits(context, each)) for each in wanted[:MOST_SYSTEMS]]
        found = await run_checks(checks, lambda _open: None)
    told = tuple(AnsweredCheck(each.what, each.severity, each.says, each.advice, each.code) for each in found)
    return SystemsAnswer(context.clock(), told, len(wanted) - len(checks))


def _place_words(answer: PlacedInspection) -> str:
    """Which word of mappings.yaml a system does not have, without what it said."""
    place = answer.problem
    return f"{place.where}:{place.line}: {path_text(answer.path)}; remedy mappings check --live says why"


def _within_limits(context: WorkerContext, system: AskedSystem) -> AskedSystem:
    """The same, asked within its rate limit. Of an account or a feed, its own question tells all that there is."""
    if not system.district:
        return system
    spending = Spending(context.budgets, system_of(system.district), _ASKER, context.clock, patient=True)

    async def asked() -> str:
        try:
            async with spending.on("read"):
                return await system.who()
        except BudgetSpent as error:
            words = "our share of its rate limit is used up"
            raise TryLater(error.system, words, after=error.after, waiting=Waiting.LIMIT) from None

    is_account = system.name == system.district
    return replace(system, who=asked if is_account else system.who, inspector=None)


Answering = Callable[[WorkerContext, bytes], Awaitable[Answer]]

_ANSWERING: Mapping[QuestionKind, Answering] = {
    QuestionKind.PLAN: _plan,
    QuestionKind.EXPLAIN: _explain,
    QuestionKind.SYSTEMS: _systems,
}
"""How each kind of question is answered."""


def patient_source(context: WorkerContext, district: str, kind: CaseKind) -> ListedSource:
    """The district's source for one question: few requests, and none that other work needs more.

    Raises TryLater where mappings.yaml does not name the district, or has no feed of it (any more).
    """
    source = context.source(district, kind)
    if kind is CaseKind.INCIDENT:  # in Redis
        return source
    spending = Spending(context.budgets, system_of(district), _ASKER, context.clock, patient=True)
    return _FewReads(BudgetedSource(source, spending), system_of(district))


class _FewReads:
    """A source that is read MOST_READS times at most, and never written to. Implements ListedSource."""

    def __init__(self, source: ListedSource, system: str) -> None:
        self._source = source
        self._system = system
        self._left = MOST_READS

    async def subject(self, key: CaseKey) -> Subject:
        """The subject as it is now."""
        return await self._read(partial(self._source.subject, key))

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """One page of the list."""
        return await self._read(partial(self._source.page, filters, cursor))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:  # noqa: ARG002 - the protocol's
        """Raises Refused: who answers a question changes nothing."""
        raise Refused(self._system, "a question changes nothing")

    async def _read(self, read: Callable[[], Awaitable[ResultT]]) -> ResultT:
        if self._left == 0:
            raise TryLater(self._system, "more findings are to be read than for a question", waiting=Waiting.TURN)
        self._left -= 1
        return await read()
