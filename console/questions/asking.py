"""A question that a worker answers while a page waits: asked by a form, and read from the page that it leads to."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.answers import PageRefused
from console.context import context_of, person_of
from remediation.domain.errors import KeyMissing
from remediation.read_model.answers.wire import Answer, NoAnswer, answer_from, subject_bytes
from remediation.store.console.questions import ANSWERED_WITHIN, Question, QuestionKind, Questions, TooManyQuestions

WAIT_SECONDS = 2.0
"""Seconds for which a page waits for an answer before it shows that there is none yet: most are there by then."""

NAME = "question"
"""The name of the question's id in the address of a page."""

REFRESH = {"refresh": "1"}
"""Has a browser ask again after a second, with scripts and without."""


class TooManyAsked(PageRefused):
    """As many questions are open as may be."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Not asked"


class AskedState(StrEnum):
    """How far a question is that a page is about."""

    NONE = "none"
    """None was asked."""
    WAITING = "waiting"
    ANSWERED = "answered"
    REASONED = "reasoned"
    """There is no answer, but a reason."""
    UNANSWERED = "unanswered"
    """No worker has answered in time."""
    GONE = "gone"
    """It was asked, and what was answered is kept no more."""


_NOT_HERE = NoAnswer(
    "the answer is sealed with a data key that this console does not have",
    "Give all processes the same DATA_KEYS, then ask again; remedy keys list says who has which.",
)
_OTHER_VERSION = NoAnswer(
    "the worker that answered is of another version than this console", "Finish the upgrade, then ask again."
)


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What a page shows of its question. `answer` is the answer, or the reason why there is none."""

    state: AskedState
    answer: Answer | None = None
    asked_at: float | None = None

    @property
    def headers(self) -> dict[str, str] | None:
        """What the page's answer says to the browser."""
        return REFRESH if self.state is AskedState.WAITING else None


async def ask(request: Request, kind: QuestionKind, subject: msgspec.Struct) -> str:
    """Ask for whoever has signed in; returns the question's id. Raises TooManyAsked, and StoreUnavailable."""
    context = context_of(request)
    try:
        return await _questions(request).ask(kind, subject_bytes(subject), person_of(request).name, context.clock())
    except TooManyQuestions as error:
        raise TooManyAsked(str(error)) from None


async def asked(request: Request, kind: QuestionKind, subject: msgspec.Struct) -> AskedQuestion:
    """The question that the page's address names, once it is answered or after WAIT_SECONDS.

    One that is about something else counts as none: its answer is not for this page. Raises StoreUnavailable.
    """
    if not (name := request.query_params.get(NAME)):
        return AskedQuestion(AskedState.NONE)
    try:
        found = await _questions(request).answered(name, WAIT_SECONDS)
    except KeyMissing:
        return AskedQuestion(AskedState.REASONED, _NOT_HERE)
    if found is None or found.kind is not kind or found.subject != subject_bytes(subject):
        return AskedQuestion(AskedState.GONE)
    return _as_shown(found, context_of(request).clock())


def _as_shown(found: Question, now: float) -> AskedQuestion:
    if found.answer is None:
        state = AskedState.UNANSWERED if found.is_given_up(now) else AskedState.WAITING
        return AskedQuestion(state, asked_at=found.asked_at)
    try:
        answer = answer_from(found.answer)
    except msgspec.DecodeError:
        answer = _OTHER_VERSION
    state = AskedState.REASONED if isinstance(answer, NoAnswer) else AskedState.ANSWERED
    return AskedQuestion(state, answer, found.asked_at)


def with_headers(page: Response, question: AskedQuestion) -> Response:
    """The page, which asks for itself again as long as its question waits."""
    page.headers.update(question.headers or {})
    return page


def _questions(request: Request) -> Questions:
    context = context_of(request)
    return Questions(context.connection, context.keyring)


GIVES_UP = int(ANSWERED_WITHIN)
"""Seconds after which a page says that nobody answered."""
