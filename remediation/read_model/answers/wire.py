"""Questions and answers as bytes: what the console asks about, and what a worker has found out. Pure."""

from typing import TypeAlias, TypeVar

import msgspec

from remediation.read_model.answers.explanations import ExplainAnswer
from remediation.read_model.answers.plans import PlanAnswer
from remediation.read_model.answers.systems import SystemsAnswer

ValueT = TypeVar("ValueT")


class CaseSubject(msgspec.Struct, frozen=True):
    """The case that a question is about."""

    district: str
    kind: str
    id: str


class FindingSubject(msgspec.Struct, frozen=True):
    """The finding that a question is about."""

    district: str
    id: str


class SystemsSubject(msgspec.Struct, frozen=True):
    """The systems that a question is about: the account and the feeds of one district; all systems without one."""

    district: str = ""


class NoAnswer(msgspec.Struct, frozen=True, tag="none"):
    """There is no answer. `says` tells why in words of ours, and `advice` what to do about it."""

    says: str
    advice: str = ""


Answer: TypeAlias = NoAnswer | PlanAnswer | ExplainAnswer | SystemsAnswer

LONGEST_ANSWER = 200_000
"""Bytes: more would fill Redis, and nobody reads it."""

TOO_LONG = NoAnswer("the answer is longer than a page shows", "The command line shows all of it.")


def subject_bytes(subject: msgspec.Struct) -> bytes:
    """The subject of a question; the same one is always the same bytes."""
    return msgspec.json.encode(subject, order="deterministic")


def subject_from(wire: bytes, kind: type[ValueT]) -> ValueT:
    """The subject. Raises msgspec.DecodeError where it is of another version."""
    return msgspec.json.decode(wire, type=kind)


def answer_bytes(answer: Answer) -> bytes:
    """The answer; that it is too long, where it is."""
    wire = msgspec.json.encode(answer)
    return wire if len(wire) <= LONGEST_ANSWER else msgspec.json.encode(TOO_LONG)


def answer_from(wire: bytes) -> Answer:
    """The answer. Raises msgspec.DecodeError where it is of another version."""
    found: Answer = msgspec.json.decode(wire, type=Answer)
    return found
