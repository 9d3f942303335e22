"""`remedy deliveries`: the newest deliveries and what became of each, with those that were refused; or one of them."""

import asyncio
import json
from collections.abc import Sequence

import click

from remediation.read_model.cases.words import time_words
from remediation.read_model.delivery_list import DeliveryLine, delivery_lines, path_of
from remediation.read_model.delivery_views import DeliveryView, delivery_facts, delivery_json, delivery_view
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.listing import DeliveryFilter, ListedDelivery, each_delivery
from remediation.store.deliveries.refused import KEPT, RefusedLog
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.data_keys import keyring_of
from remedy.screen_lines import print_line

_REFUSED = "refused"
_MOST = 10_000


@click.group()
def deliveries() -> None:
    """What senders have brought, what became of it, and what was refused.

    \b
      remedy deliveries list
      remedy deliveries list --state refused
      remedy deliveries list --account schoolscan/lakeside --limit 200
      remedy deliveries show 0f3c8a52d94b417e8a6f2c1d5e7b9a03
    """


@deliveries.command()
@click.argument("delivery_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(delivery_id: str, *, as_json: bool) -> None:
    """Show one delivery: whose it is, when it came, what became of it, and which case or scan it names.

    Its body is never shown. Once it was read it is gone, and nobody can tell any more which case it named: that case's
    own timeline has it (remedy case show). Asks only Redis, and needs the data keys. All times are UTC.
    """
    view = _viewed(delivery_id)
    if view is None:
        raise click.ClickException(
            f"there is no delivery {terminal(delivery_id)}, or what was kept of it is over its time"
        )
    if as_json:
        click.echo(json.dumps(delivery_json(view)))
        return
    print_line(view.delivery.id)
    for fact in delivery_facts(view):
        print_line(f"  {fact.name:<8} {fact.words}")
    print_line(view.says)


def _viewed(delivery_id: str) -> DeliveryView | None:
    settings = load_settings()
    keyring = keyring_of(settings)

    async def work(address: RedisAddress) -> DeliveryView | None:
        async with open_for_command(address) as connection:
            return await delivery_view(connection, keyring, delivery_id)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


@deliveries.command("list")
@click.option("--account", help="Only of this one: schoolscan/lakeside, jira/jira, or unknown for refused ones.")
@click.option(
    "--state", type=click.Choice([*(str(each) for each in DeliveryState), _REFUSED]), help="Only in this state."
)
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="The most lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(*, account: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, newest first: when, in which state, whose, and its id. Asks only Redis. All times are UTC.

    Refused ones have a line for each day, account and reason, with how many there were, what they were answered, and
    which format their signature seems to have. Nothing of what they said is kept, and after 14 days nothing at all. The
    receivers write these lines every five seconds.

    Listed are the newest ten thousand of each account and state, for thirty days at most, and what is set aside until
    somebody decides about it.
    """
    lines = _asked(account, state, limit)
    for line in lines:
        click.echo(json.dumps(line.shown)) if as_json else print_line(_line(line))
    if not lines and not as_json:
        print_line(
            f"No delivery was refused within {KEPT.days} days."
            if (account, state) == (None, _REFUSED)
            else "No delivery is known."
            if account is state is None
            else "No delivery fits."
        )


def _asked(account: str | None, state: str | None, limit: int) -> Sequence[DeliveryLine]:
    settings = load_settings()

    async def work(address: RedisAddress) -> Sequence[DeliveryLine]:
        async with open_for_command(address) as connection:
            return await _read(connection, account, state, limit)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


async def _read(connection: Connection, account: str | None, state: str | None, limit: int) -> list[DeliveryLine]:
    wanted = None if state in {None, _REFUSED} else DeliveryState(state)
    chosen = DeliveryFilter(None if account is None else frozenset({account}), wanted)
    accepted: list[ListedDelivery] = []
    if state != _REFUSED:
        async for each in each_delivery(connection, chosen):
            accepted.append(each)
            if len(accepted) == limit:
                break
    refused = await RefusedLog(connection).listed() if wanted is None else []
    return delivery_lines(accepted, [each for each in refused if account in {None, path_of(each)}], limit)


def _line(line: DeliveryLine) -> str:
    return f"{time_words(line.at)}  {line.state.replace('_', ' '):<11}  {line.path}  {line.says}"
