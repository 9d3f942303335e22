"""`remedy mappings check --live`: asks the systems that mappings.yaml names, and prints their answers."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click

from remediation.domain.errors import Problem
from remediation.domain.ownership import SiteHistory
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import path_text
from remediation.operations.examining.placing import PlacedInspection
from remediation.operations.examining.sites import remembered
from remediation.store.server.connection import Connection
from remedy.from_store import from_store
from remedy.mappings.former_tables import unnamed_tables_remembered
from remedy.mappings.live_answers import answers_of
from remedy.mappings.ticket_creators import linked_remembered
from remedy.mappings.unnamed_trackers import unnamed_trackers_remembered
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line

_COUNTED = {
    InspectionOutcome.OK: "right",
    InspectionOutcome.WRONG: "wrong",
    InspectionOutcome.UNKNOWN: "cannot be told",
    InspectionOutcome.UNREACHABLE: "not reached",
}


def check_live(loaded: Loaded, warnings: Sequence[Problem], *, as_json: bool) -> ExitCode:
    """Ask everything and print the answers. Returns 2 where something is wrong, else 3 where a system did not answer.

    `warnings` are about the file itself. Raises ConfigurationError where a secret is missing.
    """
    known = [*unnamed_tables_remembered(loaded), *unnamed_trackers_remembered(loaded)]
    answers = asyncio.run(answers_of(loaded, sites_remembered(loaded), linked_remembered(loaded), known))
    if as_json:
        click.echo(_as_json(warnings, answers))
    else:
        for line in _lines(loaded.where, answers):
            print_line(line)
    outcomes = {each.inspection.outcome for each in answers}
    if InspectionOutcome.WRONG in outcomes:
        return ExitCode.CONFIGURATION
    return ExitCode.UNREACHABLE if InspectionOutcome.UNREACHABLE in outcomes else ExitCode.DONE


def sites_remembered(loaded: Loaded) -> dict[str, SiteHistory]:
    """The histories of the file's trackers; empty where there is no Redis, or it does not answer."""

    async def ask(connection: Connection) -> dict[str, SiteHistory]:
        return await remembered(connection, loaded.mappings.trackers)

    return from_store(ask, {})


def _lines(where: str, answers: Sequence[PlacedInspection]) -> list[str]:
    told = Counter(answer.inspection.outcome for answer in answers)
    lines = [str(answer.problem) for answer in answers if answer.inspection.outcome is not InspectionOutcome.OK]
    counts = ", ".join(f"{told[outcome]} {words}" for outcome, words in _COUNTED.items())
    return [*dict.fromkeys(lines), f"{where}: asked live: {counts}"]


def _as_json(warnings: Sequence[Problem], answers: Sequence[PlacedInspection]) -> str:
    bad = [
        answer
        for answer in answers
        if answer.inspection.outcome in {InspectionOutcome.WRONG, InspectionOutcome.UNREACHABLE}
    ]
    shown = {
        "ok": not bad,
        "problems": [asdict(each) for each in dict.fromkeys(answer.problem for answer in bad)],
        "warnings": [asdict(each) for each in warnings],
        "inspections": [_told(answer) for answer in answers],
    }
    return json.dumps(shown, indent=2)


def _told(answer: PlacedInspection) -> dict[str, object]:
    said, problem = answer.inspection, answer.problem
    place = {"where": problem.where, "line": problem.line, "column": problem.column}
    return {
        "path": path_text(answer.path),
        "outcome": said.outcome.value,
        "message": said.message,
        "advice": said.advice,
        **place,
    }
