"""Findings that SchoolScan's lists show, and that no case can be about: their ids cannot be used."""

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.scans.listing import read_left_out
from remediation.store.server.connection import Connection


async def look_at_lists(connection: Connection) -> list[Diagnosis]:
    """A result for each district that has some. Raises StoreUnavailable."""
    return [
        trouble(
            Code.FINDINGS_LEFT_OUT,
            f"lists of {district}",
            f"{count_words(each.count, 'finding')} without a usable id, the last at {time_words(each.last_at)} UTC",
        )
        for district, each in sorted((await read_left_out(connection)).items())
    ]
