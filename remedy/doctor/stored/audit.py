"""Whether the audit ends where it says, and is chained."""

from remediation.sealing import Keyring
from remediation.store.audit.trail import AuditGlance, AuditTrail
from remediation.store.server.connection import Connection
from remedy.doctor.diagnosis import Code, Diagnosis, span_words, trouble, well

_LATE = 60.0
"""Seconds after which a line should be chained: workers do that every two seconds."""


async def look_at_audit(connection: Connection, keyring: Keyring, now: float) -> list[Diagnosis]:
    """One result; the whole trail is not read. Raises StoreUnavailable."""
    return [audit_of(await AuditTrail.sealed_by(connection, keyring).glance(), now)]


def audit_of(seen: AuditGlance, now: float) -> Diagnosis:
    """What is known of its end, and of what waits."""
    what = "audit"
    if not seen.ends_well:
        return trouble(
            Code.AUDIT_BENT, what, "its last line is not the one that its head names, or its head is not ours"
        )
    if seen.since is not None and now - seen.since > _LATE:
        waits = span_words(int(now - seen.since))
        return trouble(Code.AUDIT_WAITS, what, f"{seen.waits} line(s) wait to be chained, the oldest for {waits}")
    if not seen.last:
        return well(what, "has no line yet")
    number = int(seen.last.partition("-")[2])
    return well(what, f"ends with line {number:,}, as its head says; remedy audit verify proves all of them")
