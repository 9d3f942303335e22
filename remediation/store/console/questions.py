"""Questions that the console asks, and a worker answers: for what needs the secrets of SchoolScan or of trackers.

A question is a row in Redis for a minute. What it is about and what is answered lie there sealed, bound to the row's
own key. It is taken up once: where its worker dies it is not answered, and nobody tries it again.

Who asks what is being asked already shares that answer. A person may have a few questions open, all people together
some more, and only a few are begun in each second.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from remediation.domain.errors import KeyMissing, RemediationError
from remediation.queue import Job
from remediation.sealing import Keyring
from remediation.store.keys import QUESTION
from remediation.store.server.connection import Connection
from remediation.store.terms import (
    ANSWERED_WITHIN_MS,
    MOST_BEGUN_A_SECOND,
    MOST_OPEN_OF_ALL,
    MOST_OPEN_OF_ONE,
    QUESTION_KEPT_MS,
)

_LOOKS_EVERY = 0.1
"""Seconds between two looks at whether a question is answered."""


class QuestionKind(StrEnum):
    """What can be asked. The words are stored; one that was released is never renamed."""

    PLAN = "plan"
    """What would be done about a case now."""
    EXPLAIN = "explain"
    """Which rule takes a finding, and why."""
    SYSTEMS = "systems"
    """How SchoolScan, the feeds and the trackers answer."""


class TooManyQuestions(RemediationError):
    """As many questions are open as may be: this person's, or everybody's. The message is for them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is stored. Times are in Unix seconds; `answer` is None as long as there is none."""

    id: str
    kind: QuestionKind
    subject: bytes
    asked_at: float
    answer: bytes | None = None

    def is_given_up(self, now: float) -> bool:
        """Whether no answer has come in the time in which one is to come."""
        return self.answer is None and now >= self.asked_at + ANSWERED_WITHIN_MS / 1000


class Questions:
    """The questions in one Redis. Whatever raises StoreUnavailable may be repeated."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def ask(self, kind: QuestionKind, subject: bytes, who: str, now: float) -> str:
        """The id of the question, once a worker is called for it, or of the same one that is open already.

        `subject` says what is asked about, in the same bytes each time. Raises TooManyQuestions and StoreUnavailable.
        """
        question = secrets.token_hex(16)
        same = self._keyring.fingerprint(b"\0".join((b"question", kind.encode(), subject)))
        person = self._keyring.fingerprint(b"\0".join((b"asks", who.encode())))
        sealed = self._keyring.seal(subject, f"{QUESTION}{question}/subject")
        found = await self._connection.run(
            "ask_question", question, kind, sealed, same, person, int(now * 1000), Job.ANSWER_QUESTION
        )
        open_one, busy = (str(each, "ascii") for each in found)
        if busy:
            raise TooManyQuestions(_TOO_MANY[busy])
        return open_one

    async def read(self, question: str) -> Question | None:
        """The question with its answer; None where there is none of this id (any more).

        Raises KeyMissing where it is sealed with a data key that is not here, and StoreUnavailable.
        """
        fields = ["kind", "subject", "asked_at", "answer"]
        redis = self._connection.redis
        kind, subject, asked_at, answer = await self._connection.ask(redis.hmget(QUESTION + question, fields))
        if kind is None:
            return None
        opened = self._keyring.open(answer, f"{QUESTION}{question}/answer") if answer is not None else None
        return self._question(question, kind, subject, asked_at, opened)

    async def answered(
        self, question: str, seconds: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> Question | None:
        """The same, once it is answered, or as it is after so many seconds."""
        waited = 0.0
        while True:
            found = await self.read(question)
            if found is None or found.answer is not None or waited >= seconds:
                return found
            await sleep(_LOOKS_EVERY)
            waited += _LOOKS_EVERY

    async def take(self, question: str, now: float) -> Question | None:
        """Take a question up, to answer it; None where somebody did so before, or nobody waits for it any more.

        Raises KeyMissing, and then nobody answers it; and StoreUnavailable.
        """
        found = await self._connection.run("take_question", question, int(now * 1000))
        return self._question(question, *found) if found else None

    async def answer(self, question: str, answer: bytes) -> bool:
        """Store the answer for a minute. False: nobody waits for it any more. Raises StoreUnavailable."""
        sealed = self._keyring.seal(answer, f"{QUESTION}{question}/answer")
        return bool(await self._connection.run("answer_question", question, sealed))

    def _question(
        self, question: str, kind: bytes, subject: bytes, asked_at: bytes, answer: bytes | None = None
    ) -> Question:
        try:
            known = QuestionKind(kind.decode())
        except ValueError:  # of a later version
            raise KeyMissing("a question is of a kind that this version does not know") from None
        opened = self._keyring.open(subject, f"{QUESTION}{question}/subject")
        return Question(question, known, opened, int(asked_at) / 1000, answer)


_AGAIN = "Wait some seconds until one is answered, and ask again."
_TOO_MANY = {
    "person": f"You have {MOST_OPEN_OF_ONE} questions open. {_AGAIN}",
    "all": f"{MOST_OPEN_OF_ALL} questions are open, which is as many as workers take at once. {_AGAIN}",
    "second": f"{MOST_BEGUN_A_SECOND} questions were asked within this second. Ask again.",
}
ANSWERED_WITHIN = ANSWERED_WITHIN_MS / 1000
"""Seconds in which an answer is to come: then the asker is told that there is none."""

KEPT = QUESTION_KEPT_MS / 1000
"""Seconds for which a question, and an answer, are kept."""
