"""What all systems have in common: signing in, at the same time, with one message for each that does not work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from remediation.domain.errors import ConfigurationError, OutsideError, Problem, TryLater
from remediation.mapping.explain.inspections import InspectionOutcome, signed_out
from remediation.redaction import plain
from remedy.init.credentials import Credential

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class System:
    """A system in words: our name, its title, its address, its secret, and what else may keep an account out."""

    name: str
    title: str
    address: str
    credential: Credential
    advice: str = ""


class SignedIn(Protocol):
    """A system that can be asked."""

    @property
    def system(self) -> System:
        """Which one it is."""
        ...

    async def sign_in(self) -> str:
        """Returns as whom we are signed in, in words. Raises OutsideError."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...


def signed_in_as(account: str) -> str:
    """The words that say which account we are."""
    return f"signs in as {plain(account, _LONGEST_NAME)}"


async def sign_in(systems: Sequence[SignedIn]) -> list[tuple[System, str]]:
    """What each system says to us, all asked at the same time.

    Raises ConfigurationError with one problem for each that does not let us in, or else TryLater where one is away.
    """
    answers = await asyncio.gather(*(each.sign_in() for each in systems), return_exceptions=True)
    problems: list[Problem] = []
    away: list[str] = []
    said: list[tuple[System, str]] = []
    for each, answer in zip(systems, answers, strict=True):
        match answer:
            case OutsideError():
                _judge(each.system, answer, problems, away)
            case BaseException():
                raise answer
            case str():
                said.append((each.system, answer))
    if problems:
        raise ConfigurationError(problems)
    if away:
        raise TryLater(" and ".join(away), "nothing was written; try again later")
    return said


def _judge(system: System, error: OutsideError, problems: list[Problem], away: list[str]) -> None:
    """What is to blame: the secret, the address, or nobody."""
    verdict = signed_out(("address",), ("secret",), error, system.advice)
    if verdict.outcome is InspectionOutcome.UNREACHABLE:
        away.append(f"{system.title} at {system.address} ({error.words})")
        return
    blamed = system.credential.place if verdict.where == ("secret",) else system.address
    advice = f"; {verdict.advice}" if verdict.advice else ""
    problems.append(Problem(f"{system.title} ({blamed})", f"{verdict.message}{advice}"))
