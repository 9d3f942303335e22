"""Checks that run at the same time: each ends within its own time, and no failure ends the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from remediation.domain.errors import RemediationError, StoreRefuses, StoreUnavailable
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `look` finds out about `name`, within `seconds`."""

    name: str
    seconds: float
    look: Callable[[], Awaitable[list[Diagnosis]]]


Report = Callable[[Sequence[str]], None]
"""Called with the checks that still run, whenever one has ended."""


async def run_checks(checks: Sequence[Check], report: Report) -> list[Diagnosis]:
    """The results of all checks, in their order. Raises nothing: a check that fails says so in its result."""
    open_ones = [check.name for check in checks]

    async def ended(check: Check) -> list[Diagnosis]:
        found = await _look(check)
        open_ones.remove(check.name)
        report(open_ones)
        return found

    report(open_ones)
    found = await asyncio.gather(*map(ended, checks))
    return [each for diagnoses in found for each in diagnoses]


async def _look(check: Check) -> list[Diagnosis]:
    try:
        async with asyncio.timeout(check.seconds):
            return await check.look()
    except TimeoutError:
        return [trouble(Code.UNFINISHED, check.name, f"did not end within {check.seconds:.0f} seconds")]
    except StoreRefuses as error:
        return [trouble(Code.REDIS_RIGHTS, check.name, str(error))]
    except StoreUnavailable as error:
        return [trouble(Code.REDIS_AWAY, check.name, str(error))]
    except RemediationError as error:
        return [trouble(Code.OUTSIDE_AWAY, check.name, str(error))]
    except Exception as error:  # noqa: BLE001 - one defect must not hide what the other checks found
        return [trouble(Code.DEFECT, check.name, type(error).__name__)]
