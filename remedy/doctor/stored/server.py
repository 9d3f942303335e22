"""Redis itself: whether it lets us in, takes writes, keeps them, and has room."""

from collections.abc import Iterator, Mapping, Sequence

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.status.levels import Level
from remediation.read_model.wording import span_words
from remediation.settings import Settings
from remediation.store.server.connection import Connection
from remediation.store.server.description import OLDEST_VERSION, ServerState, read_server
from remediation.store.server.readiness import UNTOLD, durability_problems, store_state
from remediation.store.server.refusals import ConnectionCause
from remedy.runtime.clock import WORTH_TELLING

_MUCH, _TOO_MUCH = 0.8, 0.95
"""The share of maxmemory, and of the possible connections, from which there is a trouble."""
_SLOW_SECONDS = 0.1
_MEGABYTE = 1024 * 1024


_CODES: Mapping[str, Code] = {
    **dict.fromkeys(("replica", "loading", "primary_down", "replicas"), Code.REDIS_STANDING),
    **dict.fromkeys(("sentinel", "no_sentinel", "unknown_primary", "database", "no_redis"), Code.REDIS_ADDRESS),
    **dict.fromkeys(("certificate", "certificate_name", "certificate_time", "own_certificate"), Code.REDIS_TLS),
    **dict.fromkeys(("no_tls", "tls_wanted", "tls", "closed"), Code.REDIS_TLS),
    **dict.fromkeys(("sign_in", "protected"), Code.REDIS_SIGN_IN),
    "rights": Code.REDIS_RIGHTS,
    "cluster": Code.REDIS_CLUSTER,
    "full": Code.REDIS_MEMORY,
    "disk": Code.REDIS_DISK,
    "clients": Code.REDIS_CONNECTIONS,
}
"""The trouble for each cause; any other cause means that Redis is away."""

_CONDITIONS = (Code.REDIS_MEMORY, Code.REDIS_DISK)
"""The advice that a look at the server adds."""


async def look_at_server(connection: Connection, settings: Settings) -> tuple[list[Diagnosis], bool]:
    """The state of the server, and whether the store can be read. Raises StoreUnavailable.

    Its first questions are those that processes ask at their start and for /readyz.
    """
    usable = await store_state(connection)
    keeping_off = [] if usable.trouble is None else [_trouble(usable.trouble)]
    if not (usable.answers and usable.is_primary):
        return keeping_off, False
    state, durability = await read_server(connection), await durability_problems(connection.redis)
    found = [each for each in keeping_off if each.code not in _CONDITIONS or state is None]
    found.append(_durability(settings, durability))
    if state is None:
        return [*found, trouble(Code.REDIS_RIGHTS, "Redis condition", "our user may not ask how it is")], True
    return [*found, *condition_of(state)], True


def _trouble(cause: ConnectionCause) -> Diagnosis:
    """What prevents processes from working is a failure, whatever its usual severity is."""
    return trouble(_CODES.get(cause.reason, Code.REDIS_AWAY), "Redis", cause.words, severity=Level.FAILURE)


def clock_agrees(difference: float) -> Diagnosis:
    """Whether the clocks of this machine and of Redis agree. Which one is right cannot be told here."""
    if abs(difference) <= WORTH_TELLING:
        return well("clock", "agrees with Redis's")
    behind = "behind" if difference > 0 else "ahead of"
    return trouble(Code.CLOCK_REDIS, "clock", f"{abs(difference):.0f} s {behind} Redis's")


def _durability(settings: Settings, problems: Sequence[str]) -> Diagnosis:
    if UNTOLD in problems and not settings.allow_weak_durability:
        return trouble(Code.REDIS_RIGHTS, "Redis", UNTOLD, severity=Level.FAILURE)
    if problems and not settings.allow_weak_durability:
        return trouble(Code.REDIS_NOT_DURABLE, "Redis", "; ".join(problems))
    where = "embedded" if settings.redis_url is None else "at REDIS_URL"
    return well("Redis", f"{where}, " + ("; ".join(problems) or "keeps what it is told"))


def condition_of(state: ServerState) -> Iterator[Diagnosis]:
    """Its version, disk, memory, connections and speed."""
    yield _version(state)
    yield from _disk(state)
    yield _memory(state)
    yield from _evicted(state)
    yield _connections(state)
    yield _speed(state)


def _version(state: ServerState) -> Diagnosis:
    if state.version and state.version < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        return trouble(Code.REDIS_VERSION, "Redis version", f"{state.product} is older than {oldest}")
    since = "" if state.uptime is None else f", up for {span_words(state.uptime)}"
    return well("Redis version", f"{state.product}{since}")


def _disk(state: ServerState) -> Iterator[Diagnosis]:
    what = "Redis disk"
    if state.append_failed:
        yield trouble(Code.REDIS_DISK, what, "the last write to its append-only file failed")
    if state.refuses_writes:
        yield trouble(Code.REDIS_DISK, what, "takes no writes, as its last snapshot failed (MISCONF)")
    elif state.snapshot_failed:
        yield trouble(Code.REDIS_REWRITE, what, "its last snapshot failed")
    if state.rewrite_failed:
        yield trouble(Code.REDIS_REWRITE, what, "the last rewrite of its append-only file failed")


def _memory(state: ServerState) -> Diagnosis:
    what, used = "Redis memory", (state.used_memory or 0) / _MEGABYTE
    if not state.max_memory:
        return well(what, f"{used:,.0f} MB used, no maxmemory")
    share = (state.used_memory or 0) / state.max_memory
    says = f"{used:,.0f} of {state.max_memory / _MEGABYTE:,.0f} MB used ({share:.0%} of maxmemory)"
    if share < _MUCH:
        return well(what, says)
    return trouble(Code.REDIS_MEMORY, what, says, severity=Level.FAILURE if share >= _TOO_MUCH else Level.WARNING)


def _evicted(state: ServerState) -> Iterator[Diagnosis]:
    if state.evicted:
        yield trouble(Code.REDIS_EVICTED, "Redis memory", f"{state.evicted:,} keys were evicted since it started")


def _connections(state: ServerState) -> Diagnosis:
    what, most = "Redis connections", state.most_clients
    says = f"{state.clients or 0} of {most}" if most else f"{state.clients or 0}"
    if state.rejected:
        return trouble(Code.REDIS_CONNECTIONS, what, f"{says}; {state.rejected:,} were rejected since it started")
    if most and (state.clients or 0) >= _MUCH * most:
        return trouble(Code.REDIS_CONNECTIONS, what, f"{says}: few are left of maxclients")
    return well(what, says)


def _speed(state: ServerState) -> Diagnosis:
    what, says = "Redis latency", f"{state.latency * 1000:.1f} ms for a small question"
    return trouble(Code.REDIS_SLOW, what, says) if state.latency > _SLOW_SECONDS else well(what, says)
