"""`remedy incidents backfill`: make the cases of incidents that were shown before the rule that takes them."""

from collections import Counter
from dataclasses import dataclass, field

import click

from remediation.read_model.incidents import LEFT_OUT
from remediation.read_model.wording import by_count, count_words
from remediation.redaction import terminal
from remediation.rulebook import MappingsRulebook
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.entries import LookCause
from remediation.store.cases.todo import Todo
from remedy.incidents.stores import IncidentStores, with_stores
from remedy.reconcile.report import Screen
from remedy.runtime.failures import ExitCode
from workers.selection import incident_cases


@dataclass(slots=True)
class BackfillTally:
    """What was found: how many incidents are kept, and how many cases were made (or would be), by rule.

    `left_out` is how many there are besides whose rows cannot be read.
    """

    looked_at: int = 0
    left_out: int = 0
    cases: Counter[str] = field(default_factory=Counter)


@click.command()
@click.option("--district", metavar="NAME", help="Only of this district.")
@click.option("--feed", metavar="DISTRICT/FEED", help="Only of this feed.")
@click.option("--dry-run", is_flag=True, help="Say how many cases would be made, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def backfill(*, district: str | None, feed: str | None, dry_run: bool, as_json: bool) -> None:
    """Make a case of every kept incident that a rule takes and that has none: after a rule was added or changed.

    Workers look at the cases and open their tickets. Asks only Redis; a feed is not read. Where it is interrupted, run
    it again: what has a case by then is passed over.

    Exit codes: 0 all that are kept were looked at; 1 some cannot be read, and were left out.
    """
    screen = Screen(as_json=as_json)
    tally = with_stores(lambda stores: _backfilled(stores, screen, dry_run=dry_run), district, feed)
    count = tally.cases.total()
    get = "would get" if dry_run else by_count(count, "gets", "get")
    screen.result(
        {
            "looked_at": tally.looked_at,
            "left_out": tally.left_out,
            "cases": count,
            "by_rule": dict(tally.cases),
            "dry_run": dry_run,
        },
        [
            *(f"{rule}: {number:,}" for rule, number in sorted(tally.cases.items())),
            f"{count:,} of {count_words(tally.looked_at, 'incident')} {get} a case.",
            *([f"{count_words(tally.left_out, 'incident')} {LEFT_OUT}"] if tally.left_out else []),
        ],
    )
    if tally.left_out:
        raise SystemExit(ExitCode.FAILED)


async def _backfilled(stores: IncidentStores, screen: Screen, *, dry_run: bool) -> BackfillTally:
    rulebook, todo, tally = MappingsRulebook(stores.loaded.mappings), Todo(stores.connection), BackfillTally()
    if not dry_run:
        await stores.audit.note(stores.audit.entry(AuditAct.BACKFILL, choice=" ".join(stores.feeds)))
    total = sum([await stores.states.kept(feed) for feed in stores.feeds])
    with screen.bar("incidents looked at", total) as bar:
        for feed, timetable in stores.timetables.items():
            district, cursor, is_begun = feed.partition("/")[0], 0, False
            while cursor or not is_begun:
                page = await stores.records.page(district, feed, cursor)
                cursor, is_begun, now = page.cursor, True, stores.clock()
                cases = incident_cases(rulebook, district, timetable.zone, page.incidents, now)
                wanted = [case for case in cases if case.is_wanted]
                known = await stores.records.with_case([case.ref for case in wanted])
                new = {case.ref: case for case in wanted if case.ref not in known}
                if not dry_run:
                    await todo.mark([case.mark for case in new.values()], now, LookCause.PERSON)
                tally.looked_at += len(page.incidents)
                tally.left_out += page.left_out
                tally.cases.update(terminal(case.rule) for case in new.values())
                bar.step(len(page.incidents) + page.left_out)
    return tally
