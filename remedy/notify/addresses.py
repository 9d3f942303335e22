"""Whether the addresses of channels have a form that can be used: their process is asked, and nothing is sent."""

import asyncio
from collections.abc import Mapping

from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.outbound.channels import AT_ONCE, SendResult, address_flaw, flaw_words


class ChannelInspector:
    """Looks at the addresses of all channels, by their names."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """An answer for each channel."""
        del mappings
        slots = asyncio.Semaphore(AT_ONCE)

        async def looked_at(url: str) -> SendResult | None:
            async with slots:
                return await address_flaw(url)

        flaws = await asyncio.gather(*map(looked_at, self._urls.values()))
        return tuple(_inspection(name, flaw) for name, flaw in zip(self._urls, flaws, strict=True))

    async def close(self) -> None:
        """Closes nothing."""


def _inspection(name: str, flaw: SendResult | None) -> Inspection:
    where = ("notify", name, "url")
    if flaw is None:
        return Inspection(where, InspectionOutcome.OK, "has a form that can be used")
    is_wrong = flaw.outcome.is_about_address
    outcome = InspectionOutcome.WRONG if is_wrong else InspectionOutcome.UNKNOWN
    return Inspection(where, outcome, flaw_words(flaw), "docs/notifications.md has the forms" if is_wrong else "")
