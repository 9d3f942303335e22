"""Districts whose sender is shut out: `auto` refuses its deliveries, as one with a signed time came."""

from collections.abc import Iterator

from remediation.deliveries.signatures import SignatureFormat
from remediation.mapping.config.schema import Mappings
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.cases.words import time_words
from remediation.store.deliveries.signing import SignedTime, read_signed_times
from remediation.store.server.connection import Connection

REFUSED_SECONDS = 7 * 86_400
"""For how long it is told that a delivery was refused."""


async def look_at_signed_times(connection: Connection, mappings: Mappings, now: float) -> list[Diagnosis]:
    """The districts with `auto` of which a signed time came, at `now` (Unix seconds). Raises StoreUnavailable."""
    guessed = {
        name for name, each in mappings.districts.items() if each.schoolscan.webhook.signature is SignatureFormat.AUTO
    }
    return [*_told([each for each in await read_signed_times(connection) if each.district in guessed], now)]


def _told(found: list[SignedTime], now: float) -> Iterator[Diagnosis]:
    for each in found:
        what = f"signed time of {each.district}"
        since = "" if each.since is None else f" since {time_words(each.since)} UTC"
        by = f", when one came that {each.by} had signed" if each.by else ""
        says = f"a delivery without one is refused{since}{by}"
        if each.refused is None or now - each.refused > REFUSED_SECONDS:
            yield well(what, says)
        else:
            says = f"{says}; the last that was refused so came {time_words(each.refused)} UTC"
            yield trouble(Code.WEBHOOK_TIME_DEMANDED, what, says)
