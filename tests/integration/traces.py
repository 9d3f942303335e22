"""Everything that lies in Redis, in clear: what is packed is unpacked, so that a search finds what it names."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from remediation.store.keys import TOLD
from remediation.store.packing import unpacked
from remediation.store.server.connection import Connection


async def entries(connection: Connection) -> AsyncIterator[tuple[str, bytes]]:
    """Each key, and each field, member and value of it."""
    async for key in connection.redis.scan_iter():
        name = key.decode()
        yield name, key
        for part in await _parts(connection, name):
            yield name, part


async def naming(connection: Connection, words: Collection[str | bytes]) -> dict[str, set[str]]:
    """The keys that have one of these words anywhere, each with the words that it has."""
    found: dict[str, set[str]] = {}
    async for name, content in entries(connection):
        for word in words:
            if (word.encode() if isinstance(word, str) else word) in content:
                found.setdefault(name, set()).add(word if isinstance(word, str) else word.hex())
    return found


async def _parts(connection: Connection, name: str) -> list[bytes]:
    redis: Any = connection.redis
    match await redis.type(name):
        case b"string":
            value = await redis.get(name)
            return [value, _plain(value.partition(b" ")[2] if name.startswith(TOLD) else value)]
        case b"hash":
            row = await redis.hgetall(name)
            memory, number = row.get(b"memory", b""), 1
            while (piece := row.get(f"memory:{number}".encode())) is not None:
                memory, number = memory + piece, number + 1
            return [*row, *row.values(), *map(_plain, row.values()), _plain(memory)]
        case b"set":
            return list(await redis.smembers(name))
        case b"zset":
            return list(await redis.zrange(name, 0, -1))
        case b"stream":
            rows = await redis.xrange(name)
            return [part for _, row in rows for value in row.values() for part in (value, _plain(value))]
        case other:
            raise AssertionError(other)


def _plain(value: bytes) -> bytes:
    try:
        return unpacked(value)
    except ValueError:
        return b""
