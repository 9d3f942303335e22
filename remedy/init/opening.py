"""What is to be asked, and all of it signed in to."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remedy.init.asking import Asker
from remedy.init.credentials import Credential, found_or_asked
from remedy.init.existing import Existing, named
from remedy.init.options import Options, are_about
from remedy.init.schoolscan import AccountSetUp, OpenAccount
from remedy.init.set_ups import SET_UPS, OpenTracker, TrackerPlan
from remedy.init.systems import System, sign_in
from remedy.runtime.calls.outbound import Outbound, outbound

_DISTRICT = "A name for the district: small letters, digits, dashes"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be asked: a district's account, and trackers."""

    district: AccountSetUp
    trackers: Sequence[TrackerPlan]


@dataclass(frozen=True, slots=True)
class Opened:
    """The same, signed in to."""

    order: Order
    way: Outbound
    account: OpenAccount
    trackers: Sequence[OpenTracker]
    signed_in: Sequence[tuple[System, str]]
    runner: asyncio.Runner

    @property
    def credentials(self) -> list[Credential]:
        """Every secret that the file refers to."""
        webhook = self.order.district.webhook_credentials
        return [self.account.system.credential, *webhook, *(each.system.credential for each in self.trackers)]


def order_of(options: Options, existing: Existing, asker: Asker, now: float) -> Order:
    """What the options, the file and the person say. Raises UsageError and ConfigurationError.

    Webhook secrets that have ended at `now` (Unix seconds) do not count.
    """
    name = named("--district", existing.district(options["district"]) or asker.text("--district NAME", _DISTRICT))
    is_said = existing.is_there or any(options[kind] for kind in SET_UPS)
    asks = Asker(may_ask=False) if is_said else asker
    trackers: list[TrackerPlan] = []
    meant = [kind for kind in SET_UPS if are_about(options, kind)]
    for kind, set_up in SET_UPS.items():
        for known in existing.trackers(kind, options):
            url, question = options[kind] or known.url, f"{set_up.title}'s address"
            if not url and kind in meant:
                unknown = f" (the file has no {known.name})" if existing.is_there else ""
                url = asker.text(f"--{kind} URL{unknown}", f"{question}{unknown}")
            elif not url:
                url = asks.perhaps(f"{question} (empty: none)")
            trackers += [set_up.plan(known, options, asker, url)] if url else []
    if not trackers and not meant:
        asker.missing(" or ".join(f"--{kind} URL" for kind in SET_UPS))
    asker.must_be_complete()
    return Order(AccountSetUp(name, options, existing.account(name), now), trackers)


@contextlib.contextmanager
def open_systems(order: Order, asker: Asker) -> Iterator[Opened]:
    """Everything signed in to, while this is open. Raises ConfigurationError and TryLater."""
    secrets = {"": order.district.credential, **{each.name: each.credential for each in order.trackers}}
    secrets = found_or_asked(secrets, asker)
    way = outbound()
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        opening = way.open_client()
        client = runner.run(opening.__aenter__())
        stack.callback(lambda: runner.run(opening.__aexit__(None, None, None)))
        account = order.district.opened(way, client, secrets[""])
        trackers: list[OpenTracker] = [each.opened(way, secrets[each.name]) for each in order.trackers]
        for each in trackers:
            stack.callback(_close, runner, each)
        said = runner.run(sign_in([account, *trackers]))
        yield Opened(order, way, account, trackers, said, runner)


def _close(runner: asyncio.Runner, tracker: OpenTracker) -> None:
    runner.run(tracker.close())
