"""What the groups of parked work must have, worked out anew from the pieces themselves."""

from typing import Any

from remediation.store.keys import PARKED, PARKED_GROUP, PARKED_GROUPS, PARKED_ROW
from remediation.store.server.connection import Connection


async def assert_groups_agree(connection: Connection) -> None:
    """Every parked piece is in one group, by its own time, and no group has anything else."""
    redis: Any = connection.redis
    there = dict(await redis.zrange(PARKED, 0, -1, withscores=True))
    found: dict[bytes, float] = {}
    for group in await redis.hkeys(PARKED_GROUPS):
        members = dict(await redis.zrange(PARKED_GROUP + group.decode(), 0, -1, withscores=True))
        assert members, "a group without pieces is forgotten"
        assert not members.keys() & found.keys()
        found |= members
        for name in members:
            assert await redis.hget(PARKED_ROW + name.decode(), "group") == group
    assert found == there
