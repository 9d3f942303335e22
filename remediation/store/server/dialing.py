"""How connections to Redis are made: by socket, TCP or TLS, to the primary that sentinels name; why one is silent."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import RedisError

from remediation.redis_address import RedisAddress, RedisHost, RedisSignIn, SentinelGroup, TlsFiles, UnixSocket
from remediation.store.server.refusals import ConnectionCause, cause_in_tls, cause_of

_SENTINEL_CONNECTIONS = 4
"""Timeouts and retries for a sentinel. It is asked only when a connection to Redis is made, once for all who wait."""

_QUIET: dict[str, Any] = {"lib_name": None, "lib_version": None}
"""redis-py would send its name on each connection: a right that Redis before 7.2 does not know."""

_PROBE_SECONDS = 0.5
"""Seconds for each of at most three connections. They are made only where there is trouble, so that a start can name
it."""

_REPLIES = (b"+", b"-")


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    """The TLS context for a connection. Raises OSError where a file cannot be used."""
    context = ssl.create_default_context(cafile=str(files.trusted) if files.trusted else None)
    context.check_hostname = files.verify_name
    if files.certificate:
        # without a password, OpenSSL would ask for one at the terminal
        context.load_cert_chain(files.certificate, files.key, password="")  # nosec B106
    return context


class _CurrentTls:
    """The TLS context of files that may be renewed while the process runs.

    Certificates live for weeks, processes for longer.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen: tuple[int, ...] = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """The context for the files as they are; the last one while they cannot be used.

        Raises OSError before the first.
        """
        paths = filter(None, (self._files.trusted, self._files.certificate, self._files.key))
        seen = tuple(map(_changed_at, paths))
        if self._context is not None and seen == self._seen:
            return self._context
        try:
            self._context, self._seen = _tls_context(self._files), seen
        except OSError:
            if self._context is None:
                raise
        return self._context


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


class _NoPrimary(MasterNotFoundError):
    """No sentinel names a primary; `cause` says why. It is a ConnectionError, so that redis-py tries again."""

    def __init__(self, cause: ConnectionCause) -> None:
        super().__init__(cause.words)
        self.cause = cause


class _Primary:
    """The present primary according to the sentinels.

    However many callers ask at once, the sentinels are asked once.
    """

    def __init__(self, group: SentinelGroup, clients: list[Redis]) -> None:
        self._master = group.master
        self._clients = clients
        self._asking: asyncio.Task[RedisHost] | None = None

    async def server(self) -> RedisHost:
        """The primary's address. Raises _NoPrimary."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)

    async def silent(self) -> Sequence[RedisHost]:
        """The addresses that may say why there is no connection: the primary, or all sentinels where none names it."""
        try:
            return [await self.server()]
        except RedisError:
            said = [client.connection_pool.connection_kwargs for client in self._clients]
            return [RedisHost(each["host"], each["port"]) for each in said]

    async def close(self) -> None:
        """Close the connections to the sentinels."""
        for client in self._clients:
            await client.connection_pool.aclose()

    async def _ask(self) -> RedisHost:
        causes: list[ConnectionCause] = []
        for client in tuple(self._clients):
            try:
                known = await client.sentinel_masters()  # type: ignore[no-untyped-call]  # as redis-py has it
            except (RedisError, OSError) as error:
                causes.append(cause_of(error, of_sentinel=True) or ConnectionCause.STRANGE_SENTINEL)
                continue
            state = known.get(self._master)
            if state is None:
                causes.append(ConnectionCause.UNKNOWN_PRIMARY)
            elif state["is_sdown"] or state["is_odown"]:
                causes.append(ConnectionCause.PRIMARY_DOWN)
            else:
                self._clients.remove(client)
                self._clients.insert(0, client)  # the one that knew is asked first the next time
                return RedisHost(state["ip"], int(state["port"]))
        raise _NoPrimary(_most_telling(causes))


def _heard(asking: asyncio.Task[RedisHost]) -> None:
    """Retrieve the error of a question whose callers have all given up: asyncio would log it otherwise."""
    if not asking.cancelled():
        asking.exception()


def _most_telling(causes: list[ConnectionCause]) -> ConnectionCause:
    """The cause to report. One that passes comes first: while one sentinel may still answer, a primary may be found."""
    for cause in causes:
        if not cause.refuses:
            return cause
    return causes[0]


class _Packing(AbstractConnection):
    """A connection whose commands hiredis packs, as those of redis-py's connections without asyncio."""

    _serializer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        """The command as Redis reads it."""
        packed: list[bytes] = self._serializer.pack(*args)
        return packed


class _UnixConnection(_Packing, UnixDomainSocketConnection):
    """A connection by a Unix socket."""


class _TcpConnection(_Packing, Connection):
    """A connection by TCP, with TLS where configured, to the primary where sentinels name it."""

    def __init__(self, *, tls: _CurrentTls | None = None, primary: _Primary | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls
        self._primary = primary

    async def _connect(self) -> None:
        if self._primary is not None:
            server = await self._primary.server()
            self.host, self.port = server.host, server.port
        await super()._connect()  # type: ignore[no-untyped-call]  # as redis-py has it

    def _connection_arguments(self) -> dict[str, Any]:
        arguments = {"host": self.host, "port": self.port}
        return arguments if self._tls is None else {**arguments, "ssl": self._tls.context()}


class _SentinelPool(BlockingConnectionPool):
    """A pool that also closes the connections to the sentinels."""

    def __init__(self, *, primary: _Primary, **options: Any) -> None:
        super().__init__(primary=primary, **options)
        self._primary = primary

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self._primary.close()


def pool_to(address: RedisAddress, options: dict[str, Any]) -> ConnectionPool:
    """A blocking pool of connections to an address, with redis-py's options for each of them."""
    tls = _CurrentTls(address.tls) if address.uses_tls else None
    options = {**options, **_QUIET, **_signed_in(address.sign_in), "db": address.database}
    match address.place:
        case UnixSocket(path):
            return BlockingConnectionPool(connection_class=_UnixConnection, path=path, **options)
        case RedisHost(host, port):
            return BlockingConnectionPool(connection_class=_TcpConnection, host=host, port=port, tls=tls, **options)
        case SentinelGroup() as group:
            primary = _Primary(group, [_sentinel(each, address, tls, options) for each in group.sentinels])
            return _SentinelPool(primary=primary, connection_class=_TcpConnection, tls=tls, **options)


async def why_silent(pool: ConnectionPool) -> ConnectionCause | None:
    """Why the connections of one of our pools get no answer; None where that cannot be told."""
    said = pool.connection_kwargs
    tls: _CurrentTls | None = said.get("tls")
    try:
        context = tls.context() if tls else None
        silent = [RedisHost(said["host"], said["port"])] if "host" in said else await said["primary"].silent()
    except (KeyError, OSError):  # a Unix socket, for example
        return None
    causes = await asyncio.gather(*(asyncio.to_thread(_cause_told_by, each, context) for each in silent))
    told = [cause for cause in causes if cause is not None]
    return _most_telling(told) if len(told) == len(silent) else None


def _sentinel(server: RedisHost, address: RedisAddress, tls: _CurrentTls | None, options: dict[str, Any]) -> Redis:
    waits = ("socket_timeout", "socket_connect_timeout", "timeout")
    said: dict[str, Any] = {name: options[name] for name in waits} | _signed_in(address.sentinel_sign_in)
    pool = BlockingConnectionPool(
        connection_class=_TcpConnection,
        host=server.host,
        port=server.port,
        tls=tls,
        max_connections=_SENTINEL_CONNECTIONS,
        retry=Retry(NoBackoff(), 0),  # another sentinel is asked instead
        **_QUIET,
        **said,
    )
    return Redis(connection_pool=pool)


def _signed_in(sign_in: RedisSignIn) -> dict[str, str | None]:
    return {"username": sign_in.username, "password": sign_in.password}


def _cause_told_by(server: RedisHost, tls: ssl.SSLContext | None) -> ConnectionCause | None:
    """Why a server gives no reply, or closes before the first one; None where that cannot be told.

    Event loops hide the reason: with TLS 1.3 a server refuses a certificate after the handshake, and the reader gets a
    reset. A plain socket gets the reason. Blocks; raises nothing.
    """
    if tls is None:
        return ConnectionCause.TLS_WANTED if _speaks_tls(server) else None
    try:
        with _connected(server) as plain, tls.wrap_socket(plain, server_hostname=server.host) as secure:
            if not secure.recv(1):  # where all is well, nothing comes and nothing ends
                return ConnectionCause.CLOSED
    except ssl.SSLError as error:
        return cause_in_tls(error)
    except OSError:
        pass
    return ConnectionCause.NO_TLS if _speaks_plainly(server) else None


def _connected(server: RedisHost) -> socket.socket:
    return socket.create_connection((server.host, server.port), _PROBE_SECONDS)


def _speaks_tls(server: RedisHost) -> bool:
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is sent to the unknown server
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError), _connected(server) as plain, anybody.wrap_socket(plain):
        return True
    return False


def _speaks_plainly(server: RedisHost) -> bool:
    with contextlib.suppress(OSError), _connected(server) as plain:
        plain.sendall(b"PING\r\n")
        return plain.recv(1) in _REPLIES
    return False
