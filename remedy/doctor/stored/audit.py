"""Whether the audit ends where it says, and is chained; and bends that whoever chained it met lately."""

from collections.abc import Iterator, Mapping

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words, span_words
from remediation.sealing import Keyring
from remediation.store.audit.chain import place_in
from remediation.store.audit.trail import AuditGlance, AuditTrail
from remediation.store.server.connection import Connection

_LATE = 60.0
"""Seconds after which a line should be chained: workers do that every two seconds."""

_WHAT = "audit"


async def look_at_audit(connection: Connection, keyring: Keyring, now: float) -> list[Diagnosis]:
    """One result, and one for each kind of bend and each missing key; the whole trail is not read.

    Raises StoreUnavailable.
    """
    seen = await AuditTrail.sealed_by(connection, keyring).glance()
    unproven = (
        trouble(Code.AUDIT_UNPROVEN, _WHAT, f"has lines under the data key {key}, which is not in DATA_KEYS")
        for key in sorted(seen.unknown_keys)
    )
    return [audit_of(seen, now), *_met(seen.bends, now), *unproven]


def audit_of(seen: AuditGlance, now: float) -> Diagnosis:
    """What is known of its end, and of what waits."""
    if not seen.ends_well:
        return trouble(
            Code.AUDIT_BENT, _WHAT, "its last line is not the one that its head names, or its head is not ours"
        )
    if (age := seen.waits.age(now)) > _LATE:
        says = f"{count_words(seen.waits.count, 'line')} not chained yet, the oldest for {span_words(int(age))}"
        return trouble(Code.AUDIT_WAITS, _WHAT, says)
    if not seen.last:
        return well(_WHAT, "has no line yet")
    _, number = place_in(seen.last)
    return well(_WHAT, f"ends with line {number:,}, as its head says; remedy audit verify proves all of them")


def _met(bends: Mapping[str, float], now: float) -> Iterator[Diagnosis]:
    for kind, at in sorted(bends.items()):
        ago = span_words(int(max(0.0, now - at)))
        yield trouble(Code.AUDIT_MET_BENT, _WHAT, f"was met bent ({kind}) at {time_words(at)} UTC ({ago} ago)")
