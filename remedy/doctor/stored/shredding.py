"""Whether what was shredded has left Redis's append-only file."""

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.wording import span_words
from remediation.store.server.connection import Connection
from remediation.store.server.rewriting import AppendOnlyFile, Rewriting, Shredded

_LATE = 7_200.0
"""Seconds after which what was shredded should have left the file: rewrites are a quarter of an hour apart."""


async def look_at_shredding(connection: Connection, now: float) -> list[Diagnosis]:
    """One result. Raises StoreUnavailable."""
    rewriting = Rewriting(connection)
    return [shredding_of(await rewriting.shredded(), await rewriting.file(), now)]


def shredding_of(shredded: Shredded, file: AppendOnlyFile, now: float) -> Diagnosis:
    """What is known of the file, and what was shredded."""
    what, waits = "shredded data", span_words(int(shredded.age(now)))
    if not file.exists:
        return well(what, "Redis has no append-only file that could keep it")
    if shredded.refused_at is not None:
        says = f"may be in Redis's append-only file, for {waits} at the most: our user may not ask for BGREWRITEAOF"
        return trouble(Code.REDIS_SHREDDED, what, says)
    if shredded.age(now) > _LATE:
        return trouble(Code.REDIS_SHREDDED, what, f"may be in Redis's append-only file since {waits}")
    ago = None if shredded.gone_at is None else int(now - shredded.gone_at)
    proven = "" if ago is None else f"; a rewrite was proven {span_words(ago)} ago"
    if shredded.left:
        return well(what, f"leaves Redis's append-only file with its next rewrite, after {waits} so far{proven}")
    return well(what, f"is not in Redis's append-only file{proven}")
