"""`remedy mappings explain`: which rule takes a finding or an incident and why, and what would follow."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from remediation.domain.cases.records import CaseKind
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.explain.incident_samples import SampleIncident, sample_of
from remediation.mapping.explain.reasons import Condition, Explanation
from remediation.read_model.rules.explanations import ExplainedSubject, explained_subject
from remediation.read_model.rules.previews import Previews, asked_about, asked_about_incident, district_of
from remediation.redaction import terminal
from remediation.trackers.adapters import Preview
from remedy.findings import STANDARD_INPUT, finding_from, finding_in, incident_in
from remedy.mappings.rules_file import at_option, loaded_from, mappings_option
from remedy.screen_lines import print_line, print_lines
from remedy.screen_tables import TextTable, print_table


@click.command(short_help="Which rule takes a finding or an incident, why, and the tickets it would get.")
@click.argument("path", metavar="[FINDING.json]", type=click.Path(path_type=Path), required=False)
@click.option("--finding", "finding_id", metavar="ID", help="Read this finding from SchoolScan instead of a file.")
@click.option(
    "--incident",
    "words",
    metavar="WORD=VALUE",
    multiple=True,
    help="Ask about an incident of which this is known, such as type=referral or weapon=gun. May come several times.",
)
@click.option(
    "--incident-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Ask about the incident in FILE (- is standard input): a map of the same words, in JSON or YAML.",
)
@click.option("--district", metavar="NAME", help="Whose it is. Not needed where there is only one district.")
@mappings_option
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(  # noqa: PLR0913 - one parameter for each option
    path: Path | None,
    finding_id: str | None,
    words: tuple[str, ...],
    incident_file: Path | None,
    district: str | None,
    mappings_path: Path | None,
    at: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Say which rule takes a finding or an incident and why, show its tickets, and say what follows. Nothing is sent.

    The tickets are exactly those that would be written; below them is how they are kept in step from then on.

    The finding is a JSON object as SchoolScan's API gives it, in a file or (-) on standard input; or it is read from
    SchoolScan, which takes the district's token and nothing else. Rules are tried in order until one takes the
    finding; of each, every condition is shown with what was wanted and what was found.

    An incident is said in words: id, status, deleted, type, date, school, offense, weapon, injury, action, offenders
    and victims. Only rules with of: incidents are tried then.

    \b
    Examples:
      remedy mappings explain finding.json
      curl … | remedy mappings explain - --json
      remedy mappings explain --finding fnd_9d2 --district lakeside
      remedy mappings explain --incident type=referral --incident weapon=gun --incident school=101
      remedy mappings explain finding.json --mappings new-mappings.yaml --at 2026-04-15T14:02Z
    """
    if sum(bool(each) for each in (path, finding_id, words, incident_file)) != 1:
        raise click.UsageError(
            "Say which finding: FINDING.json (or - for standard input), or --finding ID; or which incident: --incident "
            "WORD=VALUE, or --incident-file FILE."
        )
    sample = _sample(words, incident_file)
    loaded = loaded_from(mappings_path)
    name, moment = district_of(loaded, district), at or datetime.now(UTC)
    if sample is not None:
        asked = asked_about_incident(loaded, name, sample, moment)
    elif finding_id is not None:
        asked = asked_about(name, asyncio.run(finding_from(loaded, name, finding_id)), moment)
    else:
        asked = asked_about(name, finding_in(path or STANDARD_INPUT), moment)
    shown = explained_subject(Previews(loaded), asked)
    click.echo(json.dumps(_as_json(shown), indent=2)) if as_json else _print(shown)


def _sample(words: tuple[str, ...], path: Path | None) -> SampleIncident | None:
    """The incident that is asked about, if it is one."""
    if path is not None:
        return incident_in(path)
    try:
        return sample_of(words) if words else None
    except ValueError as error:
        raise click.UsageError(f"--incident: {error}") from None


def _as_json(shown: ExplainedSubject) -> dict[str, Any]:
    rule = shown.explanation.rule
    return {
        "case": shown.asked.key.ref,
        "identity": {"by": list(shown.identity), "missing": list(shown.lacking)} if shown.identity else None,
        "group": {"by": list(shown.group_by), "missing": list(shown.ungrouped)} if shown.group_by else None,
        "at": shown.asked.at.isoformat(),
        "status": shown.status,
        "rule": rule.name if rule else None,
        "opens_now": bool(shown.previews) and shown.asked.subject.status.is_unsolved,
        "trials": [
            {"rule": trial.rule, "held": trial.held, "conditions": [asdict(each) for each in trial.conditions]}
            for trial in shown.explanation.trials
        ],
        "tickets": [_ticket_json(preview) for preview in shown.previews],
        "note": shown.note,
        "choices": shown.choices,
        "in_step": list(in_step(rule, rule.kind)) if rule else [],
    }


def _ticket_json(preview: Preview) -> dict[str, Any]:
    own = {"tracker": preview.tracker, "kind": preview.kind, "place": preview.draft.place, "mark": preview.draft.mark}
    return {**own, "words": preview.words, "requests": preview.requests, "closing": preview.closing}


def _print(shown: ExplainedSubject) -> None:
    print_line(f"{shown.asked.key.ref}, as of {shown.asked.at:%Y-%m-%d %H:%M} UTC")
    print_line(shown.verdict)
    if shown.case:
        print_line(shown.case)
    print_line()
    print_table(_trials(shown.explanation, shown.kind))
    if not shown.previews:
        return
    print_line()
    print_line(shown.opening)
    for preview in shown.previews:
        print_line()
        for line in _ticket_lines(preview):
            # What would be written in several lines is shown in these lines.
            click.echo(terminal(line, lines=True)) if "\n" in line else print_line(line)
    if shown.note:
        print_lines(f"\nWith reviewing, SchoolScan would be told:\n  {shown.note}")
    if rule := shown.explanation.rule:
        print_lines("\nFrom then on:")
        for sentence in in_step(rule, rule.kind):
            print_line(f"  {sentence}")
        if rule.relate:
            print_line(f"  The sites of its school: {shown.choices['relate.sites'] or 'none that is known'}.")


def _trials(explanation: Explanation, kind: CaseKind) -> TextTable:
    rows: list[tuple[str, ...]] = []
    sections = set()
    for number, trial in enumerate(explanation.trials, 1):
        tried = [*_rows(trial.conditions)] or [("(none)", f"any {kind}", "", "yes")]
        rows += [((str(number), trial.rule) if row == 0 else ("", "")) + cells for row, cells in enumerate(tried)]
        sections.add(len(rows) - 1)
    return TextTable(
        ("", "rule", "condition", "wanted", "found", "holds"),
        rows,
        name="rule",
        prose=frozenset({"wanted"}),
        title="Rules tried, in order",
        sections=frozenset(sections),
    )


def _rows(conditions: Sequence[Condition], before: str = "") -> Iterator[tuple[str, str, str, str]]:
    """A row for each condition, and below `any` and `not` one for each condition inside."""
    for each in conditions:
        yield f"{before}{each.name}", each.wanted, each.value, "yes" if each.held else "no"
        for number, inner in enumerate(each.sets, 1):
            yield from _rows(inner, f"{before}{each.name} {number}: ")


def _ticket_lines(preview: Preview) -> Iterator[str]:
    """The ticket as its tracker would get it, and what closing it would set."""
    yield f"{preview.tracker} ({preview.kind})"
    short = {word: value for word, value in preview.sent.items() if word != "body"}
    closing = {"when closed": preview.closing} if preview.closing else {}
    for word, value in {"mark": preview.draft.mark, **short, **closing, "body": preview.sent["body"]}.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "\n" in text:
            yield f"  {word}:"
            yield indent(text, "    ")
        else:
            yield f"  {word + ':':<18} {text}"
