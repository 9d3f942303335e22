"""What both machines of random histories on a real Valkey have in common: how they are driven, and how systems fail."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.domain.errors import Refused, TryLater
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection, open_pool
from tests.stand_ins import Troubles

TRACKERS = ("snow", "jira")
ON_TRACKERS = ("read", "find", "create", "created", "resolve", "resolved", "reopen", "reopened", "comment", "commented")
LOST_REPLIES = {"created", "resolved", "reopened", "commented", "updated"}
ERRORS = ("busy", "limited", "refused", "ours")
GATES = st.integers(1, 40)


class HistoryMachine(RuleBasedStateMachine):
    """One history of one case, on a Redis that is empty when it begins."""

    runner: ClassVar[asyncio.Runner]
    connection: ClassVar[Connection]
    keyring: ClassVar[Keyring]

    def __init__(self) -> None:
        super().__init__()
        self.do(self.connection.ask(self.connection.redis.flushall()))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run this to its end."""
        return self.runner.run(work)


def fail(troubles: Troubles, system: str, call: str, kind: str, *, lasting: bool) -> None:
    """Let a system fail in a call: once, or until it is healed. A reply is lost once."""
    error = _error_of(kind, system, call)
    if lasting and call not in LOST_REPLIES:
        troubles.for_good(call, error)
    else:
        troubles.once(call, error)


def _error_of(kind: str, system: str, call: str) -> Exception:
    if call in LOST_REPLIES:
        return TryLater(system, "no answer", ambiguous=True)
    match kind:
        case "busy":
            return TryLater(system, "busy", status=503)
        case "limited":
            return TryLater(system, "slow down", status=429, after=30.0)
        case "refused":
            return Refused(system, "no", status=400)
        case _:
            return RuntimeError("test-only: a mistake of ours")


MachineT = TypeVar("MachineT", bound=HistoryMachine)


@contextlib.contextmanager
def on_valkey(machine: type[MachineT], redis_url: str, keyring: Keyring) -> Iterator[type[MachineT]]:
    """A machine of this class that is driven here, by one connection: commands keep their order."""
    with asyncio.Runner() as runner, capture_logs():
        pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1, max_connections=1)
        machine.runner, machine.keyring, machine.connection = runner, keyring, Connection(Redis(connection_pool=pool))
        yield machine
        runner.run(pool.aclose())
