"""How much parked work cases have, counted without reading the cases."""

from collections.abc import Sequence

from remediation.store.server.connection import Connection

_CASES_AT_ONCE = 200
"""Cases that one script looks at: some milliseconds at the most, during which Redis does nothing else."""


async def parked_of_cases(connection: Connection, refs: Sequence[str]) -> dict[str, int]:
    """How many pieces of each case wait for a person's decision; a case of which nothing is known is left out.

    Raises StoreUnavailable.
    """
    found: dict[str, int] = {}
    for begin in range(0, len(refs), _CASES_AT_ONCE):
        some = refs[begin : begin + _CASES_AT_ONCE]
        counts = await connection.run("parked_of_cases", *some)
        found |= {ref: int(count) for ref, count in zip(some, counts, strict=True) if int(count) >= 0}
    return found
