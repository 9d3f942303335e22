"""What log lines are about: facts that every line within a block carries, whoever logs there."""

from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any

Facts = Mapping[str, Any]

_FACTS: ContextVar[Facts] = ContextVar("log_context", default=MappingProxyType({}))
"""One variable, with a mapping that is never changed. structlog has a variable for each fact, and looks through all
variables of a context for each block and each line: that took a twentieth of a delivery's time."""


class LogContext:
    """A block whose log lines carry these facts, beside those of the blocks around it."""

    __slots__ = ("_facts", "_token")

    def __init__(self, **facts: object) -> None:
        self._facts = facts
        self._token: Token[Facts] | None = None

    def __enter__(self) -> None:
        self._token = _FACTS.set({**_FACTS.get(), **self._facts})

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            _FACTS.reset(self._token)


def add_to_context(**facts: object) -> None:
    """Let log lines carry these facts, too, until the innermost LogContext ends."""
    _FACTS.set({**_FACTS.get(), **facts})


def facts_here() -> Facts:
    """The facts that log lines carry here."""
    return _FACTS.get()


def merge_facts(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event with the facts of its context. What the event says itself counts."""
    for key, value in _FACTS.get().items():
        event.setdefault(key, value)
    return event
