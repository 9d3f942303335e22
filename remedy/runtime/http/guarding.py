"""The guard of a process's server: its limits from the settings, and from the system's limit of descriptors."""

import resource
import time

import structlog

from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.guard.places import SPARE
from receiver.metrics import CONNECTIONS
from remediation.settings import Settings
from remedy.runtime.http.serving import BACKLOG

REDIS_CONNECTIONS = 256
"""The most connections to Redis that a receiver opens."""

_KEPT_FREE = REDIS_CONNECTIONS + BACKLOG + SPARE + 128
"""Descriptors for everything but senders: Redis, connections just being accepted or refused, metrics, files."""

_FEWEST_CONNECTIONS = 16
_MOST_UNANSWERED_BYTES = 33_554_432

logger = structlog.get_logger()


def receiver_guard(settings: Settings) -> Guard:
    """The guard of the port for senders. Raises this process's soft limit of descriptors where needed."""
    limits = HttpLimits(
        url_bytes=settings.max_url_bytes,
        head_bytes=settings.max_header_bytes,
        head_seconds=settings.header_deadline,
        idle_seconds=settings.idle_seconds,
        linger_seconds=settings.body_deadline,
    )
    most_bytes = max(_MOST_UNANSWERED_BYTES, 2 * settings.max_body_bytes)
    guard = Guard.of(limits, affordable(settings.max_connections), most_bytes, time.monotonic)
    CONNECTIONS.set_function(lambda: guard.places.open)
    return guard


def affordable(connections: int) -> int:
    """So many connections, or as many as the system's limit of descriptors allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _KEPT_FREE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (OSError, ValueError):  # a system that does not state its real limit
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    fewer = max(_FEWEST_CONNECTIONS, soft - _KEPT_FREE)
    logger.warning("connections_limited", limit=fewer, total=soft)
    return fewer
