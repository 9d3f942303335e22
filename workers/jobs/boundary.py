"""What holds for every job: it never raises, because arq would not try a job again that raised."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import structlog

from remediation import telemetry
from remediation.domain.errors import LeaseLost, StoreUnavailable
from remediation.log_context import LogContext, add_to_context
from remediation.queue import Job
from remediation.telemetry import Origin
from workers.metrics import LEASES_LOST, STORE_ERRORS, STUMBLES
from workers.resources import WorkerContext

logger = structlog.get_logger()

MOST_STUMBLES = 8
"""Failed attempts in a row after which one more error of our own parks the work."""

_SUBJECTS: Mapping[str, str] = {Job.READ_DELIVERY: "delivery", Job.LOOK_AT_CASE: "case", Job.PAGE_SCAN: "scan"}
"""The name of a job's one argument in log lines and spans."""

P = ParamSpec("P")
ArqContext = dict[str, Any]


def never_raising(
    job: Callable[Concatenate[WorkerContext, P], Awaitable[None]],
) -> Callable[..., Coroutine[Any, Any, None]]:
    """The arq job for one of our jobs. It uses one context from beginning to end, also where mappings.yaml is reloaded.

    Work that an error leaves unfinished is still in Redis, and the sweep wakes it again. Every log line of the job has
    its name and its argument.
    """
    name = job.__name__

    @wraps(job)
    async def guarded(ctx: ArqContext, *args: P.args, **kwargs: P.kwargs) -> None:
        about = {_SUBJECTS[name]: args[0]} if args and name in _SUBJECTS else {}
        with LogContext(job=name, **about):
            try:
                with ctx["contexts"].at_work() as context:
                    await job(context, *args, **kwargs)
            except (StoreUnavailable, LeaseLost) as error:
                (LEASES_LOST if isinstance(error, LeaseLost) else STORE_ERRORS.labels(name)).inc()
                logger.warning("job_let_go", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - it is told
                tell_failure(name, error)

    return guarded


def tell_failure(name: str, error: Exception) -> None:
    """Count, log and report an error that nobody foresaw, in a job of this name."""
    STUMBLES.labels(name, type(error).__name__).inc()
    logger.error("job_failed", error=type(error).__name__, exc_info=error)
    telemetry.report(error)


@contextmanager
def following(name: str, origins: Collection[Origin], **about: str) -> Iterator[None]:
    """The context of a job from the moment that its deliveries are known.

    The job's span continues the trace of one of them and has links to the others; until the job ends, its log lines
    carry the ids of all their requests.
    """
    request_ids = ",".join(dict.fromkeys(origin.request_id for origin in origins if origin.request_id))
    if request_ids:
        add_to_context(request_id=request_ids)
    traces = [origin.trace for origin in origins if origin.trace]
    span = telemetry.span(name, role=telemetry.Role.CONSUMER, follows=traces, request_id=request_ids or None, **about)
    with span:
        if trace_id := telemetry.trace_id():
            add_to_context(trace_id=trace_id)
        yield
