"""*Rules*: the mappings.yaml in force, what each rule takes and has taken, what none takes, and how to ask why."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.context import ConsoleContext, context_of, lists_of, person_of
from console.pages import explaining
from console.people.roles import Person
from console.rendering import render
from remediation.domain.errors import Problem
from remediation.read_model.rules.cases import ruled_cases
from remediation.read_model.rules.file import RuleInFile, RulesInFile, changed_file, rules_in_file
from remediation.read_model.rules.gone import rules_gone
from remediation.read_model.rules.use import rules_use
from remediation.store.cases.dependents import living_cases

TITLE = "Rules"

MOST_UNRULED = 10
"""Findings without a rule that are named."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule of the table. `cases` went by it at their last look, of which `living` live (None: not told)."""

    rule: RuleInFile
    conditions: tuple[str, ...]
    cases: int
    living: int | None


async def rules(request: Request) -> Response:
    """The rules, as far as they may take something of the districts that the person may see."""
    context, person = context_of(request), person_of(request)
    known, districts = await _in_file(request), person.granted_districts()
    counted, use, whole = await asyncio.gather(
        ruled_cases(context.connection, lists_of(request), districts, MOST_UNRULED),
        rules_use(context.connection, context.clock()),
        _of_all(context, person, known),
    )
    rows = [
        RuleRow(
            rule,
            rule.conditions(districts),
            counted.by_rule.get(rule.name, 0),
            whole.living.get(rule.name, 0) if whole else None,
        )
        for rule in known.visible(districts)
    ]
    return render(
        request,
        "rules.html",
        file=known.loaded,
        use=use,
        rows=rows,
        hidden=len(known.rules) - len(rows),
        unruled=counted,
        whole=whole,
        districts=person.visible(known.loaded.mappings.districts),
    )


@dataclass(frozen=True, slots=True)
class _OfAll:
    """What only whoever sees everything is shown: words of the file, and rules of any district.

    `changed` are the problems of the file as it is now, where it is another than the one in use; None where it is not.
    `living` counts the living cases of each rule (see `living_cases`).
    """

    warnings: tuple[Problem, ...]
    changed: tuple[Problem, ...] | None
    gone: list[tuple[str, str]]
    living: Mapping[str, int]


async def _of_all(context: ConsoleContext, person: Person, known: RulesInFile) -> _OfAll | None:
    if not person.sees_everything():
        return None
    changed, gone, living = await asyncio.gather(
        asyncio.to_thread(changed_file, known.loaded),
        rules_gone(context.connection, known.loaded.mappings),
        living_cases(context.connection),
    )
    return _OfAll(known.warnings, changed, [(each.rule, each.says) for each in gone], living)


async def _in_file(request: Request) -> RulesInFile:
    """The rules of the file in force, which are worked out once: it takes long where there are many districts."""
    context = context_of(request)
    loaded = context.loaded()
    known: RulesInFile | None = getattr(request.app.state, "rules_in_file", None)
    if known is None or known.loaded is not loaded:
        known = await asyncio.to_thread(rules_in_file, loaded, context.clock())
        request.app.state.rules_in_file = known
    return known


ROUTES = [Route("/rules", rules, name="rules"), *explaining.ROUTES]
