"""A question whose refusal is an answer too."""

from collections.abc import Awaitable
from typing import TypeVar

from remediation.domain.errors import OutsideError

ResultT = TypeVar("ResultT")


async def answer_of(question: Awaitable[ResultT]) -> ResultT | OutsideError:
    """What was answered, or why nothing was."""
    try:
        return await question
    except OutsideError as error:
        return error
