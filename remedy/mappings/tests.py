"""`remedy mappings test`: whether findings and incidents still go where they were meant to go."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.explain.expectations import Case, LoadedCases, load_cases
from remediation.mapping.explain.judging import Mismatch, mismatches
from remediation.mapping.reading.loading import Loaded
from remediation.read_model.rules.previews import Asked, Previews, asked_about, asked_about_incident, district_of
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.sources.schoolscan.words import finding_of
from remedy.mappings.rules_file import loaded_from, mappings_option
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import coloured, for_reader

_LONGEST_SHOWN = 200


@click.command(short_help="Whether findings and incidents still go where cases say they go.")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@mappings_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def test(ctx: click.Context, path: Path, mappings_path: Path | None, *, as_json: bool) -> None:
    """Work out what becomes of each case's finding or incident, and compare it with what the case expects.

    Nothing is sent.

    \b
    FILE is YAML:
      cases:
        - name: a leak of names goes to both
          district: lakeside             (not needed where there is only one)
          at: 2026-04-15T14:02:00Z       (the moment; default: detected_at, else now)
          finding: {severity: critical, domain_type: direct_pii, url: "https://www.example.org/page"}
          expect:
            rule: students-exposed       (or none)
            reopen: {within: 14d}        (and every other word for keeping in step, as rules write it)
            tickets:                     (all of them; {} for none)
              jira: {project: SEC, priority: Highest, labels: [schoolscan, student-privacy]}
              servicenow: {impact: 1, body: {contains: "What to do", lacks: "www.example.org"}}

    A ticket's words are those of mappings.yaml, and every other field by its tracker's own name; only words that a
    case names are compared. summary and body are a text, or {contains: …, lacks: …}. A finding is open unless its
    status says otherwise; one that is not open or reviewing gets no ticket.

    \b
    In place of a finding, a case may have an incident, in the words of conditions:
          incident: {type: referral, weapon: [gun], school: "101", date: 2026-04-15, offenders: 1}

    Exit codes: 0 every case is as expected, 1 some are not, 2 FILE or mappings.yaml cannot be used.

    \b
    Examples:
      remedy mappings test mappings.tests.yaml
      remedy mappings test mappings.tests.yaml --mappings new-mappings.yaml --json
    """
    loaded, cases = loaded_from(mappings_path), load_cases(path)
    districts, forecast = _districts(cases, loaded), Previews(loaded)
    found = [_mismatches(case, district, forecast) for case, district in zip(cases.cases, districts, strict=True)]
    click.echo(json.dumps(_as_json(cases, found), indent=2) if as_json else "\n".join(_lines(cases, found)))
    ctx.exit(ExitCode.FAILED if any(found) else ExitCode.DONE)


def _districts(cases: LoadedCases, loaded: Loaded) -> list[str]:
    """Each case's district. Raises ConfigurationError for all that are not in mappings.yaml."""
    found: list[str] = []
    problems: list[Problem] = []
    for number, case in enumerate(cases.cases):
        try:
            found.append(district_of(loaded, case.district))
        except ConfigurationError as error:
            problems += [cases.problem(("cases", number, "district"), each.message) for each in error.problems]
    if problems:
        raise ConfigurationError(problems)
    return found


def _mismatches(case: Case, district: str, forecast: Previews) -> tuple[Mismatch, ...]:
    asked = asked_by(case, district, forecast.loaded)
    routing = forecast.routing(asked)
    names = frozenset(rule.name for rule in forecast.loaded.mappings.rules)
    tickets = routing.tickets if asked.subject.status.is_unsolved else {}
    return mismatches(case.expect, replace(routing, tickets=tickets), names)


def asked_by(case: Case, district: str, loaded: Loaded) -> Asked:
    """The question of a case: its finding or incident, at its moment."""
    if case.incident is not None:
        return asked_about_incident(loaded, district, case.incident, case.at)
    said = case.finding.model_dump(mode="json", exclude_none=True) if case.finding is not None else {}
    finding = finding_of(said)
    return asked_about(district, finding, case.at or finding.detected_at or datetime.now(UTC))


def _as_json(cases: LoadedCases, found: list[tuple[Mismatch, ...]]) -> dict[str, Any]:
    rows = [
        {
            "name": case.name,
            "ok": not wrong,
            "where": cases.where,
            "line": cases.place(number).line,
            "mismatches": [
                {"what": each.what, "expected": each.expected, "actual": each.actual, "hint": each.hint}
                for each in wrong
            ],
        }
        for number, (case, wrong) in enumerate(zip(cases.cases, found, strict=True))
    ]
    return {"ok": not any(found), "cases": rows}


def _lines(cases: LoadedCases, found: list[tuple[Mismatch, ...]]) -> list[str]:
    lines = []
    for number, (case, wrong) in enumerate(zip(cases.cases, found, strict=True)):
        sign = coloured("FAIL", "red") if wrong else coloured("ok  ", "green")
        place = cases.place(number)
        lines.append(f"{sign} {terminal(f'{cases.where}:{place.line}:{place.column}: {case.name}')}")
        lines += [for_reader(f"       {terminal(_line(each))}", sys.stdout) for each in wrong]
    failed = sum(1 for wrong in found if wrong)
    count = count_words(len(found), "case")
    return [*lines, f"{failed} of {count} not as expected" if failed else f"{count}, all as expected"]


def _line(wrong: Mismatch) -> str:
    hint = f" ({wrong.hint})" if wrong.hint else ""
    return f"{wrong.what}: expected {_shown(wrong.expected)}, is {_shown(wrong.actual)}{hint}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ", ".join(value) or "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
