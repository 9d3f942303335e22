"""What an error of a connection to Redis means for the person who must correct it: its cause, and whether it passes.

Redis's own words are never repeated: they hold names of users, keys and hosts.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from redis.exceptions import AuthenticationError, AuthorizationError, InvalidResponse, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_COMMAND = re.compile(r"'([A-Za-z]{1,24}(?:\|[A-Za-z]{1,24})?)' command")
"""How NOPERM names the command, in Redis and in Valkey; a user's name is elsewhere in the text."""


@dataclass(frozen=True, slots=True)
class ConnectionCause:
    """Why Redis does not work for us, in words, and in one word for logs.

    `refuses` says that waiting does not help: a person must correct it.
    """

    words: str
    reason: str
    refuses: bool = False

    AWAY: ClassVar["ConnectionCause"]
    CLUSTER: ClassVar["ConnectionCause"]
    SENTINEL: ClassVar["ConnectionCause"]
    UNKNOWN_PRIMARY: ClassVar["ConnectionCause"]
    PRIMARY_DOWN: ClassVar["ConnectionCause"]
    STRANGE_SENTINEL: ClassVar["ConnectionCause"]
    REPLICA: ClassVar["ConnectionCause"]
    LOADING: ClassVar["ConnectionCause"]
    FULL: ClassVar["ConnectionCause"]
    NO_TLS: ClassVar["ConnectionCause"]
    TLS_WANTED: ClassVar["ConnectionCause"]
    CLOSED: ClassVar["ConnectionCause"]


def _final(words: str, reason: str) -> ConnectionCause:
    return ConnectionCause(words, reason, refuses=True)


ConnectionCause.AWAY = ConnectionCause("Redis does not answer", "away")
ConnectionCause.REPLICA = ConnectionCause("Redis is a replica, which takes no writes", "replica")
ConnectionCause.LOADING = ConnectionCause("Redis is still reading its data", "loading")
ConnectionCause.FULL = ConnectionCause("Redis is full (maxmemory): it takes nothing more until it has room", "full")
ConnectionCause.NO_TLS = _final("what answers speaks no TLS: redis:// is without it, rediss:// with it", "no_tls")
ConnectionCause.TLS_WANTED = _final(
    "what answers speaks TLS only: rediss:// is with it, redis:// without it", "tls_wanted"
)
ConnectionCause.CLOSED = ConnectionCause(
    "Redis closes connections by TLS as soon as they are made: does it want a certificate of ours, or another one "
    "(REDIS_CERT_FILE, REDIS_KEY_FILE)?",
    "closed",
)
ConnectionCause.CLUSTER = _final(
    "Redis runs in cluster mode, which is not supported: one step of ours writes several keys at once, and a cluster "
    "keeps keys in separate parts and refuses such a step (CROSSSLOT), also where it has one node only",
    "cluster",
)
ConnectionCause.SENTINEL = _final(
    "this is a sentinel and no Redis: name all sentinels as redis+sentinel://host:port,host:port/name", "sentinel"
)
ConnectionCause.UNKNOWN_PRIMARY = _final("the sentinels know no primary of the name in REDIS_URL", "unknown_primary")
ConnectionCause.STRANGE_SENTINEL = ConnectionCause("a sentinel answers what none would", "no_sentinel")
ConnectionCause.PRIMARY_DOWN = ConnectionCause(
    "the sentinels see that the primary is down, and have no other yet", "primary_down"
)


def cause_of(error: BaseException, *, of_sentinel: bool = False) -> ConnectionCause | None:
    """The cause of an error that redis-py raised; None where the error is a defect of ours and not the server's."""
    of_chain = _cause_told(error) or cause_in_tls(error)
    if of_chain is not None or not isinstance(error, RedisError | OSError):
        return of_chain
    for each in _explicit(error):
        if of_reply := _cause_of_reply(each, of_sentinel=of_sentinel):
            return of_reply
    if isinstance(error, RedisConnectionError | RedisTimeoutError | OSError):
        return _away(error)
    return None


def _cause_told(error: BaseException) -> ConnectionCause | None:
    """The cause that one of our own functions noted on an error which led to this one."""
    known = (getattr(each, "cause", None) for each in _chain(error))
    return next((cause for cause in known if isinstance(cause, ConnectionCause)), None)


def _cause_of_reply(error: BaseException, *, of_sentinel: bool) -> ConnectionCause | None:
    if isinstance(error, AuthenticationError | AuthorizationError):
        return _sign_in(str(error), of_sentinel=of_sentinel)
    if isinstance(error, NoPermissionError):
        return not_allowed(command_of(str(error)) or "a key that we need")
    if isinstance(error, InvalidResponse):
        return _final("what answers is no Redis: is it the right port?", "no_redis")
    if not isinstance(error, RedisError):
        return None
    words = str(error)
    return next((cause for pattern, cause in _REPLIES if pattern.search(words)), None)


_REPLIES: tuple[tuple[re.Pattern[str], ConnectionCause], ...] = (
    (re.compile(r"^CROSSSLOT |not allowed in cluster mode|^MOVED |^ASK |^CLUSTERDOWN$"), ConnectionCause.CLUSTER),
    (
        re.compile(r"access a non local key in a cluster|do not hash to the same slot|the cluster is down"),
        ConnectionCause.CLUSTER,
    ),
    (re.compile(r"^unknown command '?`?SELECT"), ConnectionCause.SENTINEL),
    (
        re.compile(r"^unknown command '?`?SENTINEL"),
        _final("REDIS_URL names a server as a sentinel that is none", "no_sentinel"),
    ),
    (
        re.compile(r"DB index is out of range|invalid DB index"),
        _final("Redis has no database of the number in REDIS_URL", "database"),
    ),
    (
        re.compile(r"running in protected mode"),
        _final("Redis is in protected mode: it takes nobody from elsewhere until it has a password", "protected"),
    ),
    (
        re.compile(r"max number of clients reached"),
        ConnectionCause("Redis has as many clients as it takes (maxclients)", "clients"),
    ),
    (re.compile(r"\bOOM\b|command not allowed when used memory"), ConnectionCause.FULL),
    (re.compile(r"\bBUSY\b|\bTRYAGAIN\b"), ConnectionCause("Redis is busy", "busy")),
    (
        re.compile(r"^MISCONF$"),
        ConnectionCause("Redis cannot write its files, and takes nothing: is its disk full?", "disk"),
    ),
    (
        re.compile(r"^NOREPLICAS$"),
        ConnectionCause("Redis has fewer replicas than it needs for a write (min-replicas-to-write)", "replicas"),
    ),
    (re.compile(r"^(?:READONLY|MASTERDOWN)$"), ConnectionCause.REPLICA),
    (re.compile(r"^LOADING$|is loading the dataset"), ConnectionCause.LOADING),
)
"""Error replies and their causes. redis-py may remove the first word; of replies that lead to another server (see
ServedElsewhere), only the first word is left."""


def _sign_in(words: str, *, of_sentinel: bool) -> ConnectionCause:
    who, settings = (
        ("a sentinel", "REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD")
        if of_sentinel
        else ("Redis", "REDIS_USERNAME and REDIS_PASSWORD, or REDIS_URL")
    )
    if "Authentication required" in words:
        return _final(f"{who} wants a password, and there is none: set {settings}", "sign_in")
    if "without any password configured" in words or "no password is set" in words:
        return _final(f"{who} has no password for its default user, and is given one ({settings})", "sign_in")
    return _final(f"{who} refuses our user or password ({settings})", "sign_in")


def not_allowed(what: str) -> ConnectionCause:
    """Our user lacks rights: for commands, or for keys."""
    return _final(f"Redis does not allow our user: {what} (docs/operations.md has all that it needs)", "rights")


def command_of(words: str) -> str:
    """The command that a NOPERM reply names; empty where it is about a key or a channel."""
    found = _COMMAND.search(words)
    return found[1].upper().replace("|", " ") if found else ""


def cause_in_tls(error: BaseException) -> ConnectionCause | None:
    """What a TLS error says about the server; None where the error has nothing to do with TLS."""
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _untrusted(each)
        if isinstance(each, ssl.SSLError):
            return _tls(f"{each.reason} {each}".upper().replace(" ", "_"))
    return None


_NAME_DIFFERS = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_OUT_OF_TIME = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def _untrusted(error: ssl.SSLCertVerificationError) -> ConnectionCause:
    if error.verify_code in _NAME_DIFFERS:
        return _final(
            "Redis's certificate is for other names than the host that is dialled (REDIS_TLS_VERIFY_NAME=false "
            "takes any name)",
            "certificate_name",
        )
    if error.verify_code in _OUT_OF_TIME:
        return _final("Redis's certificate has expired, or is not valid yet", "certificate_time")
    return _final("Redis's certificate is signed by nobody whom we trust (REDIS_CA_FILE)", "certificate")


def _tls(said: str) -> ConnectionCause:
    if "CERTIFICATE_REQUIRED" in said or "HANDSHAKE_FAILURE" in said:
        return _final("Redis wants a certificate of ours: set REDIS_CERT_FILE and REDIS_KEY_FILE", "own_certificate")
    if any(word in said for word in ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN")):
        return _final("Redis does not take our certificate (REDIS_CERT_FILE)", "own_certificate")
    if any(word in said for word in ("WRONG_VERSION", "RECORD_LAYER", "UNKNOWN_PROTOCOL", "PACKET_LENGTH", "HTTP")):
        return ConnectionCause.NO_TLS
    return ConnectionCause("no TLS with Redis can be agreed on", "tls")


_WHY_AWAY: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror,), "the name of its host is not known"),
    ((ConnectionRefusedError,), "nobody listens at its address"),
    ((FileNotFoundError, NotADirectoryError), "there is no socket at its path"),
    ((PermissionError,), "we may not open its socket"),
)


def _away(error: BaseException) -> ConnectionCause:
    causes = tuple(_chain(error))
    for kinds, why in _WHY_AWAY:
        if any(isinstance(each, kinds) for each in causes):
            return ConnectionCause(f"{ConnectionCause.AWAY.words}: {why}", ConnectionCause.AWAY.reason)
    return ConnectionCause.AWAY


def _explicit(error: BaseException) -> Iterator[BaseException]:
    """The error, and those it was raised from: redis-py wraps the reply of a server while it connects."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, shown or hidden."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
