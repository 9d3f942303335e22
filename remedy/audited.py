"""The audit, for commands that also work without the Redis and the data keys of an installation."""

import asyncio

from remediation.domain.errors import StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.audit.entries import AuditAct
from remedy.runtime.assembly import has_store, open_for_command, redis_address
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import has_keys, keyring_of


def note_where_kept(act: AuditAct, who: str, *, piece: str, choice: str) -> None:
    """Write down what `who` is about to have done, where this process is given an installation's data keys and Redis.

    Where they are given, it must not be done without the line: raises StoreUnavailable and ConfigurationError.
    """
    settings = load_settings()
    if not (has_keys(settings) and has_store(settings)):
        return
    keyring = keyring_of(settings)

    async def noted(address: RedisAddress) -> None:
        async with open_for_command(address) as connection:
            audit = CommandAudit(connection, keyring, await clock_of(connection))
            await audit.note(audit.entry(act, who, piece=piece, choice=choice))

    try:
        with redis_address(settings) as address:
            asyncio.run(noted(address))
    except StoreUnavailable as error:
        says = f"{error}. Nothing was done, since the audit cannot have its line"
        raise type(error)(says, error.reason) from None
