"""`remedy keys`: the data keys that seal what is stored in Redis."""

import json

import click

from remediation.sealing import generate_key


@click.group
def keys() -> None:
    """Make the keys that seal what rests in Redis."""


@keys.command
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of the bare entry.")
def generate(as_json: bool) -> None:
    """Print a new entry for DATA_KEYS.

    DATA_KEYS is a list with commas: the first key seals, all of them open. To rotate, add the new entry at the end
    everywhere, then move it to the front, and take the old one away when the retention time has passed.

    \b
    Example:
      export DATA_KEYS="$(remedy keys generate)"
    """
    entry = generate_key()
    if not as_json:
        click.echo(entry)
        return
    click.echo(json.dumps({"id": entry.partition(":")[0], "entry": entry}))
