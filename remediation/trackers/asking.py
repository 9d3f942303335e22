"""A question to a system whose refusal is an answer, too."""

from collections.abc import Awaitable
from typing import TypeVar

from remediation.domain.errors import OutsideError

ResultT = TypeVar("ResultT")


async def answer_of(question: Awaitable[ResultT]) -> ResultT | OutsideError:
    """The answer, or the error that came instead."""
    try:
        return await question
    except OutsideError as error:
        return error
