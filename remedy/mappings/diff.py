"""`remedy mappings diff`: what a change of mappings.yaml would change for existing findings and incidents."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from remediation.domain.cases.records import CaseKind
from remediation.mapping.explain.differences import Difference, DifferenceGroup, Pair, difference, grouped
from remediation.mapping.explain.tracker_changes import TrackerChange, tracker_changes
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.read_model.rules.previews import Asked, Previews, asked_about, asked_about_incident, district_of
from remediation.read_model.wording import count_words
from remedy.findings import findings_from, findings_in, incidents_in
from remedy.mappings.rules_file import at_option
from remedy.mappings.rules_touched import rules_touched
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

_MOST_LISTED = 3


@click.command(short_help="What other rules would change for findings and incidents that there are.")
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.option(
    "--findings", "path", metavar="FILE", type=click.Path(path_type=Path), help="Findings: a JSON array, or one a line."
)
@click.option(
    "--incidents",
    "incident_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Incidents as well, or (without --findings) in place of findings: maps of words, in JSON or YAML.",
)
@click.option("--district", metavar="NAME", help="Whose they are. Not needed where there is only one.")
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all that changes.")
@click.pass_context
def diff(  # noqa: PLR0913 - one parameter for each option
    ctx: click.Context,
    old: Path,
    new: Path,
    path: Path | None,
    incident_path: Path | None,
    district: str | None,
    at: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Say for which findings and incidents the rules of NEW would do something else than those of OLD, and what.

    Findings come from FILE (- is standard input), as SchoolScan's API gives them; without --findings, all findings of
    the district are read from SchoolScan with the token that NEW names. Incidents come from --incidents only, in the
    words of test cases. Those that change in the same way are counted together. What tickets say counts for those to
    come; how they are kept in step (reopen, accept, …) counts for those that are there as well. Words of a tracker that
    change (states, fields, close codes, …) are named: they count for every ticket there is. Of rules that are gone or
    changed, Redis tells how many cases live by them, where REDIS_URL names one. Nothing is sent.

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
    asked = _asked(after.loaded, name, (path, incident_path), at or datetime.now(UTC))
    found = [difference(each.key, before.routing(each), after.routing(each)) for each in asked]
    counts = Counter(each.key.kind for each in asked)
    changed = [each for each in found if each.changes]
    groups = grouped(changed)
    touched = rules_touched(before.loaded.mappings, after.loaded.mappings)
    words = tracker_changes(before.loaded.mappings, after.loaded.mappings)
    if as_json:
        told = {**_as_json(counts, changed, groups), "rules": touched.as_json()}
        click.echo(json.dumps({**told, "trackers": [asdict(each) for each in words]}, indent=2))
    else:
        _print(groups)
        said = [_counted(count, kind) for kind, count in counts.items()] or [_counted(0, CaseKind.FINDING)]
        print_line(f"{len(changed)} of {' and '.join(said)} would change")
        for line in (*map(_word_line, words), *touched.lines()):
            print_line(line)
    ctx.exit(ExitCode.FAILED if changed or words or touched.cases else ExitCode.DONE)


def _asked(loaded: Loaded, district: str, files: tuple[Path | None, Path | None], at: datetime) -> list[Asked]:
    """The findings and the incidents of these files; without any file, all findings of the district."""
    path, incident_path = files
    if path is not None:
        findings = findings_in(path)
    else:
        findings = [] if incident_path else asyncio.run(findings_from(loaded, district))
    incidents = incidents_in(incident_path) if incident_path else []
    asked = [asked_about(district, finding, at) for finding in findings]
    return [*asked, *(asked_about_incident(loaded, district, incident, at) for incident in incidents)]


def _as_json(
    counts: Mapping[CaseKind, int], changed: Sequence[Difference], groups: Sequence[DifferenceGroup]
) -> dict[str, Any]:
    return {
        "findings": counts.get(CaseKind.FINDING, 0),
        "incidents": counts.get(CaseKind.INCIDENT, 0),
        "changed": len(changed),
        "groups": [
            {
                "rule": {"before": group.rules[0], "after": group.rules[1]},
                "kind": group.kind,
                "count": len(group.ids),
                "what": group.what,
                "values": {what: [asdict(pair) for pair in pairs] for what, pairs in group.values},
            }
            for group in groups
        ],
        "changes": [{each.kind: each.id, "changes": [asdict(one) for one in each.changes]} for each in changed],
    }


def _print(groups: Sequence[DifferenceGroup]) -> None:
    for group in groups:
        print_line(_heading(group))
        print_table(_table(group))
        print_line()


def _word_line(change: TrackerChange) -> str:
    return f"tracker {change.tracker}: {change.what} is {_shown(change.after)} (before: {_shown(change.before)})"


def _heading(group: DifferenceGroup) -> str:
    """How many, which they are, and the rule that keeps them, if one does."""
    before, after = group.rules
    kept = f" of rule {after}" if before == after and after else ""
    named = ", ".join(group.ids[:_MOST_LISTED])
    more = ", …" if len(group.ids) > _MOST_LISTED else ""
    return f"{_counted(len(group.ids), group.kind)}{kept} ({named}{more})"


def _table(group: DifferenceGroup) -> TextTable:
    values = dict(group.values)
    rows = [
        ("" if number else what, *row)
        for what in group.what
        for number, row in enumerate(_rows(values.get(what, ()), len(group.ids)))
    ]
    return TextTable(("what", "before", "after", f"{group.kind}s"), rows, prose=frozenset({"before", "after"}))


def _rows(pairs: Sequence[Pair], count: int) -> list[tuple[str, str, str]]:
    """The most frequent pairs of values; texts have none, because they differ for each."""
    if not pairs:
        return [("(text)", "(another text)", str(count))]
    rows = [(_shown(pair.before), _shown(pair.after), str(pair.count)) for pair in pairs[:_MOST_LISTED]]
    more = pairs[_MOST_LISTED:]
    return [*rows, (f"… {len(more)} more", "", str(sum(pair.count for pair in more)))] if more else rows


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _counted(count: int, kind: CaseKind) -> str:
    return count_words(count, kind)
