"""`remedy mappings explain`: which rule takes a finding and why, and what would follow. Nothing is sent."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remediation.domain.identities import IdentityField, missing_of
from remediation.mapping.config.policies import spelt_out
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.explain.reasons import Condition, Explanation, explained
from remediation.mapping.reading.loading import Loaded
from remediation.redaction import terminal
from remediation.trackers.adapters import Preview
from remedy.findings import STANDARD_INPUT, finding_from, finding_in
from remedy.mappings.previews import Asked, Previews, asked_about, district_of
from remedy.mappings.rules_file import at_option, loaded_from, mappings_option


@click.command(short_help="Which rule takes a finding, why, and the tickets it would get.")
@click.argument("path", metavar="[FINDING.json]", type=click.Path(path_type=Path), required=False)
@click.option("--finding", "finding_id", metavar="ID", help="Read this finding from SchoolScan instead of a file.")
@click.option("--district", metavar="NAME", help="Whose finding it is. Not needed where there is only one district.")
@mappings_option
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(
    path: Path | None,
    finding_id: str | None,
    district: str | None,
    mappings_path: Path | None,
    at: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Say which rule takes a finding and why, show its tickets, and say what follows. Nothing is sent.

    The tickets are exactly those that would be written; below them is how they are kept in step from then on.

    The finding is a JSON object as SchoolScan's API gives it, in a file or (-) on standard input; or it is read from
    SchoolScan, which takes the district's token and nothing else. Rules are tried in order until one takes the
    finding; of each, every condition is shown with what was wanted and what was found.

    \b
    Examples:
      remedy mappings explain finding.json
      curl … | remedy mappings explain - --json
      remedy mappings explain --finding fnd_9d2 --district lakeside
      remedy mappings explain finding.json --mappings new-mappings.yaml --at 2026-04-15T14:02Z
    """
    if (path is None) == (finding_id is None):
        raise click.UsageError("Say which finding: FINDING.json (or - for standard input), or --finding ID.")
    loaded = loaded_from(mappings_path)
    name = district_of(loaded, district)
    if finding_id is not None:
        finding = asyncio.run(finding_from(loaded, name, finding_id))
    else:
        finding = finding_in(path or STANDARD_INPUT)
    shown = _shown(Previews(loaded), asked_about(name, finding, at or datetime.now(UTC)))
    click.echo(json.dumps(_as_json(shown), indent=2)) if as_json else _print(shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Everything to show about one finding."""

    loaded: Loaded
    asked: Asked
    explanation: Explanation
    previews: tuple[Preview, ...]
    note: str | None

    @property
    def status(self) -> str:
        """The finding's status, in SchoolScan's word where we do not know it."""
        return self.asked.finding.words.get("status", self.asked.finding.status.value)

    @property
    def verdict(self) -> str:
        """The rule that takes the finding, and whether it asks for tickets."""
        rule = self.explanation.rule
        if rule is None:
            return "No rule takes this finding: no ticket is opened, and its status stays as it is."
        place = self.loaded.positions.place(("rules", len(self.explanation.trials) - 1))
        taken = f"The rule {rule.name} takes this finding ({self.loaded.where}:{place.line})"
        return f"{taken}." if self.previews else f"{taken} and deliberately opens no ticket."

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields that tell this finding apart instead of its id; empty where the id does."""
        written = self.loaded.mappings.districts[self.asked.key.district].identity
        return tuple(written.by) if written else ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """The fields of an identity that it lacks: then its id tells it apart after all."""
        return missing_of([IdentityField(name) for name in self.identity], self.asked.finding)

    @property
    def case(self) -> str:
        """The finding's case, where that is not its own."""
        if not self.identity:
            return ""
        if self.lacking:
            return f"It is a case of its own, because it lacks {', '.join(self.lacking)}."
        told = ", ".join(self.identity)
        return f"It is one case with all others of the same {told}; the mark has a digest of these in place of its id."

    @property
    def opening(self) -> str:
        """Whether the tickets would be opened now, or only if the finding were open."""
        one = len(self.previews) == 1
        count = f"{len(self.previews)} {'ticket' if one else 'tickets'}"
        if self.asked.finding.status.is_unsolved:
            return f"{count} would be opened, unless {'it is' if one else 'they are'} there already:"
        return f"Its status is {self.status}, so nothing is opened now. If it were open, {count} would be:"


def _shown(forecast: Previews, asked: Asked) -> _Shown:
    rules = forecast.loaded.mappings.rules
    explanation = explained(rules, asked.finding, asked.key.district, asked.at)
    return _Shown(forecast.loaded, asked, explanation, forecast.previews(asked), forecast.note(asked))


def _as_json(shown: _Shown) -> dict[str, Any]:
    rule = shown.explanation.rule
    return {
        "case": shown.asked.key.ref,
        "identity": {"by": list(shown.identity), "missing": list(shown.lacking)} if shown.identity else None,
        "at": shown.asked.at.isoformat(),
        "status": shown.status,
        "rule": rule.name if rule else None,
        "opens_now": bool(shown.previews) and shown.asked.finding.status.is_unsolved,
        "trials": [
            {"rule": trial.rule, "held": trial.held, "conditions": [asdict(each) for each in trial.conditions]}
            for trial in shown.explanation.trials
        ],
        "tickets": [_ticket_json(preview) for preview in shown.previews],
        "note": shown.note,
        "choices": spelt_out(rule) if rule else {},
        "in_step": list(in_step(rule)) if rule else [],
    }


def _ticket_json(preview: Preview) -> dict[str, Any]:
    own = {"tracker": preview.tracker, "kind": preview.kind, "place": preview.draft.place, "mark": preview.draft.mark}
    return {**own, "words": preview.words, "requests": preview.requests, "closing": preview.closing}


def _print(shown: _Shown) -> None:
    click.echo(terminal(f"{shown.asked.key.ref}, as of {shown.asked.at:%Y-%m-%d %H:%M} UTC"))
    click.echo(terminal(shown.verdict))
    if shown.case:
        click.echo(terminal(shown.case))
    click.echo()
    Console().print(_trials(shown.explanation))
    if not shown.previews:
        return
    click.echo(terminal(f"\n{shown.opening}", lines=True))
    for preview in shown.previews:
        click.echo()
        for line in _ticket_lines(preview):
            click.echo(terminal(line, lines=True))
    click.echo(terminal(f"\nWith reviewing, SchoolScan would be told:\n  {shown.note}", lines=True))
    if rule := shown.explanation.rule:
        click.echo("\nFrom then on:")
        for sentence in in_step(rule):
            click.echo(f"  {sentence}")


def _trials(explanation: Explanation) -> Table:
    table = Table("", "rule", "condition", "wanted", "found", "holds", title="Rules tried, in order")
    for number, trial in enumerate(explanation.trials, 1):
        rows = [*_rows(trial.conditions)] or [("(none)", "any finding", "", "yes")]
        for row, cells in enumerate(rows):
            heading = ("", "") if row else (str(number), trial.rule)
            table.add_row(*(Text(terminal(cell), overflow="fold") for cell in (*heading, *cells)))
        table.add_section()
    return table


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
