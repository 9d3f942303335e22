"""Webhook secrets that are being replaced: which secret of a sender is used, and which may be removed."""

from collections.abc import Iterator, Mapping, Sequence

from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.webhook_secrets import secret_ids
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.deliveries.signing import SecretUse, read_secret_uses
from remediation.store.server.connection import Connection

UNUSED_DAYS = 3
"""Days without a use, while another secret was used, after which a secret may be removed."""
UNTAKEN_DAYS = 1
"""Days without a use after which a new secret was probably changed on one side only."""

_DAY = 86_400.0


async def look_at_rotation(connection: Connection, mappings: Mappings, now: float) -> list[Diagnosis]:
    """The senders with several secrets, at `now` (Unix seconds). Raises StoreUnavailable."""
    several = {account: ids for account, ids in secret_ids(mappings, now).items() if len(ids) > 1}
    known = await read_secret_uses(connection, several)
    return [each for account, ids in several.items() for each in rotation_of(account, ids, known[account], now)]


def rotation_of(account: str, ids: Sequence[str], uses: Mapping[str, SecretUse], now: float) -> list[Diagnosis]:
    """The state of one sender's rotation."""
    what = f"secrets of {account}"
    told = "; ".join(f"{each} {_use_words(uses.get(each))}" for each in ids)
    return ordinary(what, told, *_troubles(what, ids, uses, now))


def _troubles(what: str, ids: Sequence[str], uses: Mapping[str, SecretUse], now: float) -> Iterator[Diagnosis]:
    """Only secrets that Redis knows are judged: about others no delivery has told anything yet."""
    known = {each: uses[each] for each in ids if each in uses}
    oldest = min((use.since for use in known.values()), default=now)
    for each, use in known.items():
        others = max((other.last or 0.0 for name, other in known.items() if name != each), default=0.0)
        idle = int((now - max(use.last or 0.0, use.since)) // _DAY)
        days = count_words(idle, "day")
        if others <= (use.last or use.since):
            continue  # no other secret was used since: nothing came, or this one is in use
        if use.last is None and use.since > oldest and idle >= UNTAKEN_DAYS:
            says = f"{each} was never used in {days}, and another one is: it was changed on one side only"
            yield trouble(Code.WEBHOOK_SECRET_UNTAKEN, what, says)
        elif (use.last is not None or use.since == oldest) and idle >= UNUSED_DAYS:
            says = f"{each} was not used for {days}: remove it"
            yield trouble(Code.WEBHOOK_SECRET_UNUSED, what, says if use.last else f"{says}, unless it is the new one")


def _use_words(use: SecretUse | None) -> str:
    if use is None:
        return "has seen no delivery yet"
    if use.last is None:
        return f"never used since {time_words(use.since)} UTC"
    return f"last used {time_words(use.last)} UTC"
