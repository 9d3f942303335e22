"""SchoolScan, feeds, trackers and channels: what `remedy doctor` asks of each."""

import contextlib
from functools import partial

from remediation.domain.errors import ConfigurationError
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls
from remediation.operations.examining.checks import Check
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble
from remediation.operations.examining.outside import SECONDS, Examination
from remediation.read_model.wording import count_words
from remediation.settings import environ
from remediation.store.server.connection import Connection
from remedy.notify.addresses import ChannelInspector
from remedy.runtime.assembly import open_outside
from remedy.runtime.systems import open_systems

_ADDRESS_CODES = {
    InspectionOutcome.WRONG: Code.CHANNEL_ADDRESS,
    InspectionOutcome.UNKNOWN: Code.CHANNEL_UNSEEN,
}
"""What an address of a channel is told as that is not known to have a form that can be used."""


async def open_checks(stack: contextlib.AsyncExitStack, loaded: Loaded, connection: Connection | None) -> list[Check]:
    """Every SchoolScan account, feed of incidents and tracker; their clients are open until `stack` ends."""
    try:
        outside = await stack.enter_async_context(open_outside(loaded))
        systems = await stack.enter_async_context(
            open_systems(loaded, outside.accounts, outside.feeds, outside.trackers)
        )
    except ConfigurationError as error:  # a token that cannot be sent in a header
        return [Check("secrets", 1.0, partial(_unusable, error))]
    checks = [channel_check(loaded)] if loaded.mappings.notify else []
    return checks + [Examination(loaded, connection).check(system) for system in systems]


def channel_check(loaded: Loaded) -> Check:
    """The check of the form of the addresses of channels; nothing is sent by them."""
    what = "channels"

    async def look() -> list[Diagnosis]:
        try:
            urls = channel_urls(loaded, environ())
        except ConfigurationError:  # told with the other secrets
            return []
        found = await ChannelInspector(urls).inspect(loaded.mappings)
        flaws = [
            trouble(_ADDRESS_CODES[each.outcome], f"channel {each.where[1]}", each.message)
            for each in found
            if each.outcome in _ADDRESS_CODES
        ]
        usable = count_words(len(found) - len(flaws), "address", "addresses")
        return ordinary(what, f"{usable} of a form that can be used", *flaws)

    return Check(what, SECONDS, look)


async def _unusable(error: ConfigurationError) -> list[Diagnosis]:
    return [trouble(Code.SECRET_MISSING, "secrets", str(problem)) for problem in error.problems]
