"""How the last messages to people went, by each channel."""

from remediation.mapping.config.schema import Mappings
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.notifications.memories import ChannelMemories
from remediation.store.notifications.memory import ChannelMemory
from remediation.store.server.connection import Connection


async def look_at_channels(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """A result for each channel that the file names. Raises StoreUnavailable."""
    memories = ChannelMemories(connection)
    return [_judged(name, await memories.memory(name)) for name in mappings.notify]


def _judged(name: str, memory: ChannelMemory | None) -> Diagnosis:
    what, last = f"messages by {name}", memory.last if memory else None
    says = f"last one {time_words(last)} UTC" if last else "none yet"
    if memory is not None and memory.failures:
        says = f"{says}; {count_words(memory.failures, 'try', 'tries')} in vain: {memory.why}"
        return trouble(Code.NOTIFICATIONS_UNDELIVERED, what, says)
    return well(what, says)
