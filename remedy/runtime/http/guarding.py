"""The guards of processes' servers: their limits, and the system's limit of descriptors."""

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

CONSOLE_LIMITS = HttpLimits(url_bytes=8_192, head_bytes=16_384, head_seconds=10.0, idle_seconds=75.0)
"""The limits of a connection of a browser. An address holds a page's filters, a head the session's cookie; proxies keep
connections for a minute."""

CONSOLE_CONNECTIONS = 1_000
"""The most connections of browsers: each holds up to six, and one of them a stream."""

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


def console_guard() -> Guard:
    """The guard of the port for people. Raises this process's soft limit of descriptors where needed."""
    connections = affordable(CONSOLE_CONNECTIONS)
    return Guard.of(CONSOLE_LIMITS, connections, _MOST_UNANSWERED_BYTES, time.monotonic, ends_with_peer=True)


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
