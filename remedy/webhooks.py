"""`remedy webhooks`: which districts' deliveries must carry a signed time, and how to take that back."""

import json

import click

from remediation.operations.stores import OperationStores
from remediation.read_model.cases.words import time_words
from remediation.redaction import terminal
from remediation.store.audit.entries import AuditAct
from remediation.store.deliveries.signing import SignedTime, forget_signed_time, read_signed_times
from remedy.parked.selection import with_stores
from remedy.runtime.auditing import with_by
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

_ADVICE = (
    "Where mappings.yaml leaves a district's signature at auto, a delivery without a signed time is answered 401 from "
    "then on. If its sender signs none, take that back: remedy webhooks reset DISTRICT. Better, write its signature."
)


@click.group()
def webhooks() -> None:
    """Which districts' deliveries must carry a signed time, and how to take that back."""


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
def list_signed_times(*, as_json: bool) -> None:
    """Show the districts of which a delivery with a signed time came: when first, and with which secret.

    It also shows when a delivery without one was last refused for that. It counts where mappings.yaml leaves the
    district's `signature` at `auto`.
    """
    found = with_stores(lambda stores: read_signed_times(stores.connection))
    if as_json:
        for each in found:
            click.echo(json.dumps(_json(each)))
    elif not found:
        print_line("No delivery with a signed time has come under auto.")
    else:
        headings = ("district", "first signed time", "with the secret", "last one refused without")
        rows = [
            (each.district, _when(each.since), each.by or "not known", _when(each.refused, "none")) for each in found
        ]
        print_table(TextTable(headings, rows))
        print_line(_ADVICE)


@webhooks.command()
@click.argument("district")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@with_by
def reset(district: str, *, who: str, dry_run: bool, as_json: bool) -> None:
    """Let `auto` take deliveries of DISTRICT without a signed time again, until the next one that has one.

    Whoever has the district's secret can send such a one: if nobody of yours did, replace the secret first, and write
    the `signature` that the sender makes into mappings.yaml, which ends the guessing. The audit has a line of it.

    Exit codes: 0 done; 1 no signed time of this district is known.
    """

    async def change(stores: OperationStores) -> bool:
        known = {each.district for each in await read_signed_times(stores.connection)}
        if dry_run or district not in known:
            return district in known
        await stores.audit.note(stores.audit.entry(AuditAct.RESET_SIGNED_TIME, who, choice=district))
        return await forget_signed_time(stores.connection, district)

    is_known = with_stores(change)
    if not is_known:
        raise click.ClickException(
            f"no signed time of {terminal(district)} is known; remedy webhooks list shows which are"
        )
    if as_json:
        click.echo(json.dumps({"district": district, "done": not dry_run}))
    else:
        would = "would be taken" if dry_run else "are taken"
        print_line(f"{district}: deliveries without a signed time {would} again, until one with a time comes")


def _when(moment: float | None, otherwise: str = "not known") -> str:
    return otherwise if moment is None else f"{time_words(moment)} UTC"


def _json(each: SignedTime) -> dict[str, object]:
    return {"district": each.district, "since": each.since, "by": each.by or None, "refused": each.refused}
