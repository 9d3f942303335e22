"""What holds for every job: it never raises, because arq would take a raised error for its last word."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import structlog

from remediation.errors import LeaseLost, StoreUnavailable
from workers.metrics import LEASES_LOST, STORE_ERRORS, STUMBLES
from workers.resources import Desk

logger = structlog.get_logger()

MOST_STUMBLES = 8
"""After this many failed attempts in a row, one more error of our own parks the work instead of trying again."""

P = ParamSpec("P")
ArqContext = dict[str, Any]


def never_raising(
    job: Callable[Concatenate[Desk, P], Awaitable[None]],
) -> Callable[..., Coroutine[Any, Any, None]]:
    """A job for arq around one of ours, at one desk from begin to end: a reload changes nothing for it.

    What it leaves undone is still in Redis, and the sweep wakes it again.
    """

    @wraps(job)
    async def guarded(ctx: ArqContext, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with ctx["desks"].at_work() as desk:
                await job(desk, *args, **kwargs)
        except (StoreUnavailable, LeaseLost) as error:
            (LEASES_LOST if isinstance(error, LeaseLost) else STORE_ERRORS.labels(job.__name__)).inc()
            logger.warning("job_let_go", job=job.__name__, error=type(error).__name__)
        except Exception as error:
            STUMBLES.labels(job.__name__, type(error).__name__).inc()
            logger.exception("job_failed", job=job.__name__, error=type(error).__name__)

    return guarded
