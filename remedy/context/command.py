"""`remedy context`: which contexts there are, and what each says. Shows where secrets are, and never one."""

import json
from collections.abc import Iterator

import click

from remediation.contexts import Context, context_names, path_of, read_context
from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.references import SecretFromEnv, SecretRef
from remediation.settings import contexts_folder
from remedy.screen_lines import print_line


@click.group()
def context() -> None:
    """Installations that a command can be pointed at with one word: which there are, and what each says.

    A context is a file NAME.yaml in a folder: $REMEDY_CONTEXTS, or ~/.config/remedy/contexts. It has process settings,
    and says where secrets are. `remedy --context NAME …` and REMEDY_CONTEXT=NAME choose one.

    \b
      remedy context list
      remedy context show prod
      remedy --context prod case list
    """


@context.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of lines.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List contexts: the name, where it leads, and whether it can be used. A star marks the one of REMEDY_CONTEXT."""
    chosen = ctx.find_root().params.get("context_name")
    rows = [_row(name, is_chosen=name == chosen) for name in context_names()]
    if as_json:
        click.echo(json.dumps({"folder": str(contexts_folder()), "contexts": rows}))
        return
    for row in rows:
        star = "*" if row["is_chosen"] else " "
        print_line(f"{star} {row['name']:<16} {row['state']:<12} {row['redis'] or row['problem']}")
    if not rows:
        print_line(f"No context in {contexts_folder()}. docs/contexts.md says how to write one.")


@context.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of lines.")
def show(name: str, *, as_json: bool) -> None:
    """Show what a context says, and whether the installation runs, where that can be told. Reads no secret."""
    read = read_context(name)
    if as_json:
        click.echo(json.dumps(_json(read)))
        return
    for line in _lines(read):
        print_line(line)


def _row(name: str, *, is_chosen: bool) -> dict[str, object]:
    row: dict[str, object] = {"name": name, "path": str(path_of(name)), "is_chosen": is_chosen}
    try:
        read = read_context(name)
    except ConfigurationError as error:
        return {**row, "state": "unusable", "redis": None, "problem": str(error.problems[0])}
    state = "ready" if read.is_running else "has ended"
    return {**row, "state": state, "redis": _redis(read), "problem": None}


def _redis(read: Context) -> str:
    """Where the store is: addresses in a file of settings hold no password."""
    if "REDIS_URL" in read.secrets:
        return f"REDIS_URL {_place(read.secrets['REDIS_URL'])}"
    return read.settings.get("REDIS_URL") or f"the embedded server in {read.settings.get('DATA_DIR', '.remedy')}"


def _lines(read: Context) -> Iterator[str]:
    yield f"{read.name}: {read.path}"
    if not read.is_running:
        yield "The process that it belongs to has ended: no command works with it."
    yield from (f"  {name}={value}" for name, value in sorted(read.settings.items()))
    yield from (f"  {name} {_place(ref)}" for name, ref in sorted(read.secrets.items()))


def _json(read: Context) -> dict[str, object]:
    secrets = {name: ref.model_dump(mode="json") for name, ref in read.secrets.items()}
    described = {"name": read.name, "path": str(read.path), "is_running": read.is_running}
    return {**described, "settings": dict(read.settings), "secrets": secrets}


def _place(ref: SecretRef) -> str:
    return f"from the variable {ref.env}" if isinstance(ref, SecretFromEnv) else f"from the file {ref.file}"
