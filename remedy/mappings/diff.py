"""`remedy mappings diff`: what a change of mappings.yaml would change for existing findings."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remediation.domain.findings import Finding
from remediation.mapping.explain.differences import Difference, DifferenceGroup, Pair, difference, grouped
from remediation.mapping.explain.tracker_changes import TrackerChange, tracker_changes
from remediation.mapping.reading.loading import load_mappings
from remediation.redaction import terminal
from remedy.findings import findings_from, findings_in
from remedy.mappings.previews import Previews, asked_about, district_of
from remedy.mappings.rules_file import at_option
from remedy.mappings.rules_touched import rules_touched
from remedy.runtime.failures import ExitCode

_MOST_LISTED = 3


@click.command(short_help="What other rules would change for findings that there are.")
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.option(
    "--findings", "path", metavar="FILE", type=click.Path(path_type=Path), help="Findings: a JSON array, or one a line."
)
@click.option("--district", metavar="NAME", help="Whose findings they are. Not needed where there is only one.")
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every finding that changes.")
@click.pass_context
def diff(
    ctx: click.Context,
    old: Path,
    new: Path,
    path: Path | None,
    district: str | None,
    at: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Say for which findings the rules of NEW would do something else than those of OLD, and what. Nothing is sent.

    The findings come from FILE (- is standard input), as SchoolScan's API gives them; without --findings, all findings
    of the district are read from SchoolScan with the token that NEW names. Findings that change in the same way are
    counted together. What tickets say counts for those to come; how they are kept in step (reopen, accept, …) counts
    for those that are there as well. Words of a tracker that change (states, fields, close codes, …) are named: they
    count for every ticket there is. Of rules that are gone or changed, Redis tells how many cases live by them, where
    REDIS_URL names one.

    Exit codes: 0 nothing would change, 1 something would.

    \b
    Examples:
      remedy mappings diff mappings.yaml new-mappings.yaml --district lakeside
      remedy mappings diff mappings.yaml new-mappings.yaml --findings findings.jsonl
      git show HEAD:mappings.yaml > old.yaml && remedy mappings diff old.yaml mappings.yaml --district lakeside
    """
    before, after = Previews(load_mappings(old)), Previews(load_mappings(new))
    name = district_of(after.loaded, district)
    district_of(before.loaded, name)
    findings = findings_in(path) if path else asyncio.run(findings_from(after.loaded, name))
    found = _differences(before, after, name, findings, at or datetime.now(UTC))
    changed = [each for each in found if each.changes]
    groups = grouped(changed)
    touched = rules_touched(before.loaded.mappings, after.loaded.mappings)
    words = tracker_changes(before.loaded.mappings, after.loaded.mappings)
    if as_json:
        told = {**_as_json(len(found), changed, groups), "rules": touched.as_json()}
        click.echo(json.dumps({**told, "trackers": [asdict(each) for each in words]}, indent=2))
    else:
        _print(len(found), changed, groups)
        for line in (*map(_word_line, words), *touched.lines()):
            click.echo(terminal(line))
    ctx.exit(ExitCode.FAILED if changed or words or touched.cases else ExitCode.DONE)


def _differences(
    before: Previews, after: Previews, district: str, findings: Sequence[Finding], at: datetime
) -> list[Difference]:
    asked = [asked_about(district, finding, at) for finding in findings]
    return [difference(each.finding.id, before.routing(each), after.routing(each)) for each in asked]


def _as_json(count: int, changed: Sequence[Difference], groups: Sequence[DifferenceGroup]) -> dict[str, Any]:
    return {
        "findings": count,
        "changed": len(changed),
        "groups": [
            {
                "rule": {"before": group.rules[0], "after": group.rules[1]},
                "count": len(group.finding_ids),
                "what": group.what,
                "values": {what: [asdict(pair) for pair in pairs] for what, pairs in group.values},
            }
            for group in groups
        ],
        "changes": [{"finding": each.finding_id, "changes": [asdict(one) for one in each.changes]} for each in changed],
    }


def _print(count: int, changed: Sequence[Difference], groups: Sequence[DifferenceGroup]) -> None:
    for group in groups:
        click.echo(terminal(_heading(group)))
        Console().print(_table(group))
        click.echo()
    click.echo(f"{len(changed)} of {_counted(count)} would change")


def _word_line(change: TrackerChange) -> str:
    return f"tracker {change.tracker}: {change.what} is {_shown(change.after)} (before: {_shown(change.before)})"


def _heading(group: DifferenceGroup) -> str:
    """How many findings, which they are, and the rule that keeps them, if one does."""
    before, after = group.rules
    kept = f" of rule {after}" if before == after and after else ""
    named = ", ".join(group.finding_ids[:_MOST_LISTED])
    more = ", …" if len(group.finding_ids) > _MOST_LISTED else ""
    return f"{_counted(len(group.finding_ids))}{kept} ({named}{more})"


def _table(group: DifferenceGroup) -> Table:
    table = Table("what", "before", "after", "findings")
    values = dict(group.values)
    for what in group.what:
        for number, row in enumerate(_rows(values.get(what, ()), len(group.finding_ids))):
            table.add_row(*(Text(terminal(cell), overflow="fold") for cell in ("" if number else what, *row)))
    return table


def _rows(pairs: Sequence[Pair], count: int) -> list[tuple[str, str, str]]:
    """The most frequent pairs of values; texts have none, because they differ for each finding."""
    if not pairs:
        return [("(text)", "(another text)", str(count))]
    rows = [(_shown(pair.before), _shown(pair.after), str(pair.count)) for pair in pairs[:_MOST_LISTED]]
    more = pairs[_MOST_LISTED:]
    return [*rows, (f"… {len(more)} more", "", str(sum(pair.count for pair in more)))] if more else rows


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _counted(count: int) -> str:
    return f"{count} {'finding' if count == 1 else 'findings'}"
