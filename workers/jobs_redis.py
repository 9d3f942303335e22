"""arq's connection to Redis, as a worker uses it that takes several jobs in hand in one step."""

from collections.abc import Sequence
from typing import Any

from arq.connections import ArqRedis
from redis.asyncio.client import Pipeline

from remediation.queue import JOB_PREFIX

_BEGINNING = ["GET", "INCRBY", "EXPIRE"]
"""What arq 0.28 asks at the beginning of a job: what it is, and how often it was begun, which is counted for a day."""


class JobsRedis(ArqRedis):
    """A connection that knows what the jobs are that were taken in hand.

    So arq's question at the beginning of each one is answered without a message, which Redis would have to sync. How
    often a job was begun is not counted: nothing of ours depends on it. Any other question goes to Redis.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._told: dict[str, bytes] = {}

    def tell(self, job_id: str, content: bytes) -> None:
        """What a job is that begins now; where that is empty, arq asks, and finds out that the job is gone."""
        if content:
            self._told[JOB_PREFIX + job_id] = content

    def forget(self, job_id: str) -> None:
        """A job has ended: if it never asked what it is, a later one of the same id is not answered with that."""
        self._told.pop(JOB_PREFIX + job_id, None)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 - redis-py's
        """Called by arq, and by everybody else who has several commands."""
        return _Beginning(self._told, self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _Beginning(Pipeline):
    """Several commands; those that begin a job are not sent where it is known what the job is."""

    def __init__(self, told: dict[str, bytes], *args: Any) -> None:
        super().__init__(*args)
        self._told = told

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - redis-py's
        """The answers."""
        content = self._told.pop(_begun(self.command_stack), None)
        if content is None:
            return await super().execute(raise_on_error)
        await self.reset()  # type: ignore[no-untyped-call]
        return [content, 1, True]


def _begun(commands: Sequence[tuple[Sequence[object], object]]) -> str:
    """The key of the job that these commands begin; empty where they do something else."""
    names = [words[0] for words, _ in commands]
    return str(commands[0][0][1]) if names == _BEGINNING else ""
