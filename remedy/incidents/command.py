"""`remedy incidents`: what feeds of incidents have shown, and reading them now."""

import json

import click

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import KeyMissing
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.incidents import ShownIncident, incident_facts, incident_json, incidents_called
from remediation.redaction import terminal
from remediation.store.audit.entries import AuditAct
from remedy.incidents.backfill import backfill
from remedy.incidents.listing import list_
from remedy.incidents.polling import poll
from remedy.incidents.stores import IncidentStores, with_stores
from remedy.screen_lines import print_line


@click.group()
def incidents() -> None:
    """Incidents that feeds have shown: list them, read a feed now, make the cases that a new rule asks for.

    Of an incident, codes, counts and a day are kept. Names and texts never are, so no command can show them.

    \b
      remedy incidents list --status open
      remedy incidents show 8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01
      remedy incidents poll --feed lakeside/handbook --dry-run
      remedy incidents backfill --dry-run
    """


incidents.add_command(list_)
incidents.add_command(poll)
incidents.add_command(backfill)


@incidents.command()
@click.argument("ref", metavar="REF|UUID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(ref: str, *, as_json: bool) -> None:
    """Show one incident: its codes and counts, what was decided, its case and its tickets.

    It is named by its uuid, its case (lakeside:incident:8f14…), the mark on its ticket, or the ticket's key. All times
    are UTC. What happened to its case: remedy case show.
    """
    shown, stores = with_stores(lambda stores: _found(ref, stores))
    if as_json:
        click.echo(json.dumps(incident_json(shown)))
        return
    print_line(shown.incident.uuid)
    retention = stores.loaded.mappings.retention.incidents
    for fact in incident_facts(shown, stores.timetables[shown.feed], retention):
        print_line(f"  {fact.name:<9} {fact.words}")


async def _found(text: str, stores: IncidentStores) -> tuple[ShownIncident, IncidentStores]:
    """The incident that is meant. Raises ClickException where there is none, or more than one."""
    try:
        found = await incidents_called(stores.connection, stores.records, stores.feeds, text)
        if not found:
            found = await _of_case(text, stores)
    except KeyMissing:
        says = "its row is sealed with a key that is not in DATA_KEYS: put that key back behind the present one"
        raise click.ClickException(says) from None
    except ValueError:
        raise click.ClickException("its row is in a form that this version does not know") from None
    if len(found) > 1:
        cases = ", ".join(f"{each.key.ref} ({each.feed})" for each in found)
        raise click.ClickException(f"several feeds have shown {terminal(text)}: {cases}; say which case")
    case = found[0].key.ref
    await stores.audit.note(stores.audit.entry(AuditAct.READ, choice="incidents show", piece=case))
    return found[0], stores


async def _of_case(text: str, stores: IncidentStores) -> list[ShownIncident]:
    key = await case_named(text, lambda: stores.loaded.mappings, stores.connection)
    if isinstance(key, UnclearName):
        raise click.ClickException(key.says if key.is_ambiguous else _nothing_kept(text))
    if key.kind is not CaseKind.INCIDENT and ":" in text:
        raise click.ClickException(f"{terminal(text)} is no incident: remedy case show tells of it")
    feeds = tuple(each for each in stores.feeds if each.partition("/")[0] == key.district)
    found = await incidents_called(stores.connection, stores.records, feeds, key.id)
    if not found:
        raise click.ClickException(_nothing_kept(text))
    return found[:1]


def _nothing_kept(text: str) -> str:
    says = "no feed has shown it, or what was kept of it is deleted: its time was over, or Redis was wiped"
    return f"nothing is kept of an incident {terminal(text)}: {says}"
