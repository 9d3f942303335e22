"""`remedy keys`: make, show, rotate and retire the data keys. None stands in an argument, a log or the audit."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from remediation.operations.stores import OperationStores
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import by_count, count_words, span_words
from remediation.redaction import terminal
from remediation.sealing import entries_in, generate_key
from remediation.settings import load_settings
from remediation.store.audit.entries import AuditAct
from remedy.keys.state import KeysState, KeyState, json_of_keys, state_of_keys
from remedy.keys.writing import replace_list, write_new
from remedy.parked.selection import with_stores
from remedy.runtime.auditing import with_by
from remedy.runtime.data_keys import keys_written
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

_ROLES = {"seals": "seals", "opens": "opens", "missing": "not in DATA_KEYS"}

with_output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file for the list (mode 0600). [default: DATA_KEYS_FILE, or stdout where the keys are in DATA_KEYS]",
)
with_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group
def keys() -> None:
    """Make, show, rotate and retire the keys that seal what rests in Redis.

    To rotate: `remedy keys rotate`, which adds a key; once all processes have it, `remedy keys rotate --first ID`; and
    two days later `remedy keys retire OLD`, which says what still needs it.
    """


@keys.command
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of the bare entry.")
def generate(as_json: bool) -> None:
    """Print a new entry for DATA_KEYS.

    DATA_KEYS is a list with commas: the first key seals, all of them open. To rotate, see: remedy keys rotate --help

    \b
    Example:
      export DATA_KEYS="$(remedy keys generate)"
    """
    entry = generate_key()
    if not as_json:
        click.echo(entry)
        return
    click.echo(json.dumps({"id": entry.partition(":")[0], "entry": entry}))


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def list_keys(*, as_json: bool) -> None:
    """Show every data key by its id: since when it is known, and how much is sealed under it, and where.

    Keys that are missing are shown, too, where something is sealed under them. Everything in Redis is counted, which
    takes some seconds where there is much. No key is shown, and nothing is opened.

    Below the table: whether something that was shredded may still be in Redis's append-only file, where its key opens
    it, and which running processes lack a key.
    """
    state = _state(tuple(entries_in(*keys_written(load_settings()))))
    if as_json:
        click.echo(json.dumps(json_of_keys(state)))
        return
    print_table(_table(state))
    print_line(_file_words(state))
    for each in state.keys:
        if each.role != "missing" and (lacking := state.without(each.id)):
            print_line(f"{each.id} is not known to {', '.join(lacking)}")


def _table(state: KeysState) -> TextTable:
    rows = [
        (
            each.id,
            _ROLES[each.role],
            _since(each, state.now),
            _counted({place.value: count for place, count in each.uses.items()}) or "nothing",
        )
        for each in state.keys
    ]
    return TextTable(("key", "", "known since", "sealed under it"), rows, prose=frozenset({"sealed under it"}))


@keys.command
@click.option("--first", metavar="ID", help="Make this key the one that seals, instead of adding a new one.")
@with_output
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_dry_run
@with_by
def rotate(*, first: str | None, output: Path | None, who: str, dry_run: bool, as_json: bool) -> None:
    """Add a new data key at the end of the list; or, with --first ID, make one the first.

    These are two steps, as a receiver with the new list would otherwise seal what a worker with the old one cannot
    open: --first is refused while a running process lacks the key.

    Where DATA_KEYS_FILE is set, the file is replaced at once, and processes take it by themselves. A mounted Secret
    cannot be written from here: have the list written with --output, and bring it into the Secret. Nobody can change
    the environment of a running process: where the keys are in DATA_KEYS, the new list is printed, and you set it
    everywhere and restart. The audit has a line with the key's id.

    \b
    Example, with a Secret that is mounted as DATA_KEYS_FILE:
      remedy keys rotate --output keys.new
      kubectl create secret generic remedy-data-keys --from-file=DATA_KEYS=keys.new \\
          --dry-run=client -o yaml | kubectl apply -f -

    Exit codes: 0 done; 1 refused: a running process lacks the key; 2 the list cannot be read or written.
    """
    entries = entries_in(*keys_written(load_settings()))
    if first is None:
        entry = generate_key()
        key_id = entry.partition(":")[0]
        after = {**entries, key_id: entry}
    elif first not in entries:
        raise click.UsageError(f"{terminal(first)} is not in the list; there is {', '.join(entries)}")
    else:
        key_id, after = first, {first: entries[first], **entries}

    def refusal(state: KeysState) -> str:
        lacking = state.without(key_id) if first is not None else []
        return f"{key_id} is not known to {', '.join(lacking)}: give it to all first" if lacking else ""

    change = _Change(AuditAct.ROTATE_KEY, key_id, tuple(entries), after, refusal)
    _make(change, output, who, dry_run=dry_run, as_json=as_json)


@keys.command
@click.argument("key_id", metavar="ID")
@click.option("--leave-audit", is_flag=True, help="Although lines of the audit can then not be proven any more.")
@with_output
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_dry_run
@with_by
def retire(*, key_id: str, leave_audit: bool, output: Path | None, who: str, dry_run: bool, as_json: bool) -> None:
    """Take the data key ID out of the list, unless something needs it.

    It is refused, and says what and how much, while it is the first, a running process seals with it, or a delivery,
    parked work or an incident is sealed under it. Lines of the audit under it could not be proven any more by
    `remedy audit verify`, nor the names beside them be read: that is refused, too, unless you say --leave-audit.

    Where the list goes is told by: remedy keys rotate --help. Keep the key itself, apart from Redis, for as long as
    there are backups from its time.

    Exit codes: 0 done; 1 refused: something needs the key; 2 the list cannot be read or written.
    """
    entries = entries_in(*keys_written(load_settings()))
    after = {each: entry for each, entry in entries.items() if each != key_id}

    def refusal(state: KeysState) -> str:
        return _needed(state, key_id, leave_audit=leave_audit)

    change = _Change(AuditAct.RETIRE_KEY, key_id, tuple(entries), after, refusal)
    _make(change, output, who, dry_run=dry_run, as_json=as_json)


def _needed(state: KeysState, key_id: str, *, leave_audit: bool) -> str:
    """Why the key cannot be retired; empty where it can."""
    key = state.key(key_id)
    if key.role == "seals":
        return f"{key_id} is the one that seals: make another the first, with remedy keys rotate --first ID"
    if key.needed:
        return f"{key_id} is still needed: it seals {_counted(key.needed)}"
    if key.role == "missing":
        return f"{key_id} is not in the list, and nothing needs it"
    if sealing := state.sealing_with(key_id):
        return f"{', '.join(sealing)} still {by_count(len(sealing), 'seals', 'seal')} with {key_id}"
    if key.proven and not leave_audit:
        return (
            f"{_counted(key.proven)} could not be proven or read any more without {key_id}: keep it until "
            "retention.audit is over, or say --leave-audit"
        )
    return ""


@dataclass(frozen=True, slots=True)
class _Change:
    """Another list: what is done, to which key, the ids before and the entries after, and why not, or nothing."""

    act: AuditAct
    key_id: str
    before: tuple[str, ...]
    after: Mapping[str, str] = field(repr=False)
    refusal: Callable[[KeysState], str]


def _make(change: _Change, output: Path | None, who: str, *, dry_run: bool, as_json: bool) -> None:
    """Write the list, unless it is refused. The line of the audit comes first: it may say more than was done."""

    async def allowed(stores: OperationStores) -> KeysState:
        state = await state_of_keys(stores.connection, change.before, stores.clock())
        if why := change.refusal(state):
            raise click.ClickException(terminal(why))
        if not dry_run:
            await stores.audit.note(stores.audit.entry(change.act, who, choice=change.key_id))
        return state

    state = with_stores(allowed)
    written = None if dry_run else _written(change.after, output)
    where = written or output or load_settings().data_keys_file
    printed = "" if dry_run or written else ",".join(change.after.values())
    if as_json:
        told = {"key": change.key_id, "keys": list(change.after), "done": not dry_run}
        file = json_of_keys(state)["append_only_file"]
        to = {"list": printed} if printed else {"written": str(where) if where else None}
        click.echo(json.dumps({**told, **to, "append_only_file": file}))
        return
    if printed:
        click.echo(printed)
    told_where = terminal(str(where)) if where else "for DATA_KEYS: set it everywhere, and restart"
    would = "would be" if dry_run else "is"
    print_line(f"the list {would}: {', '.join(change.after)} ({told_where})", err=bool(printed))
    if change.act is AuditAct.RETIRE_KEY:
        print_line(_file_words(state), err=bool(printed))


def _written(entries: Mapping[str, str], output: Path | None) -> Path | None:
    """Where the list was written; None where it is to be printed. Raises ConfigurationError."""
    if output is not None:
        write_new(output, entries)
        return output
    if (path := load_settings().data_keys_file) is not None:
        replace_list(path, entries)
    return path


def _state(key_ids: tuple[str, ...]) -> KeysState:
    async def read(stores: OperationStores) -> KeysState:
        return await state_of_keys(stores.connection, key_ids, stores.clock())

    return with_stores(read)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{place} ({count:,})" for place, count in sorted(counts.items()))


def _since(key: KeyState, now: float) -> str:
    if key.times is None:
        return "no process has told"
    return f"{time_words(key.times.since)} UTC ({span_words(max(0.0, now - key.times.since))})"


def _file_words(state: KeysState) -> str:
    """What of what was shredded rests in Redis's file."""
    shredded = state.shredded
    last = (
        f"it was last rewritten at {time_words(shredded.gone_at)} UTC" if shredded.gone_at else "no rewrite was proven"
    )
    if not shredded.left:
        return f"Redis's append-only file has nothing that was shredded; {last}."
    opens = by_count(shredded.left, "its key opens", "their keys open")
    values = f"{count_words(shredded.left, 'shredded value')}, which {opens}"
    return f"Redis's append-only file may have {values}; {last}."
