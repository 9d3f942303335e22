"""`remedy init`: asks what there is, and writes a mappings.yaml that fits; of one that is there, proposes changes."""

import asyncio
import contextlib
import dataclasses
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.writing.edits import Edit, edited, edits_of
from remediation.mapping.writing.new_file import NewTracker, new_file
from remediation.mapping.writing.proposals import Gap
from remediation.mapping.writing.yaml_text import Block, Entry
from remediation.ports import Inspector
from remediation.settings import load_settings
from remediation.sources.schoolscan.inspection import AccountInspector
from remedy.init.asking import Asker
from remedy.init.credentials import Credential, found_or_asked
from remedy.init.existing import Existing, existing_at, named
from remedy.init.options import OF_SCHOOLSCAN, Options, with_options
from remedy.init.output import replace, write_new
from remedy.init.results import Result, show
from remedy.init.schoolscan import AccountSetUp, OpenAccount
from remedy.init.set_ups import OF_TRACKERS, SET_UPS, OpenTracker, TrackerPlan
from remedy.init.systems import System, sign_in
from remedy.mappings.live_answers import PlacedInspection, placed
from remedy.runtime.data_keys import has_keys
from remedy.runtime.outbound import Outbound, outbound

_DISTRICT = "A name for the district: small letters, digits, dashes"


@click.command(short_help="Ask SchoolScan, Jira and ServiceNow what there is, and write a mappings.yaml that fits.")
@with_options((*OF_SCHOOLSCAN, *OF_TRACKERS))
@click.option(
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The file to write.  [default: MAPPINGS_PATH, or mappings.yaml here]",
)
@click.option(
    "--apply", "applies", is_flag=True, help="Make the changes of a file that is there, which are proposed else."
)
@click.option("--ask/--no-ask", "may_ask", default=None, help="Ask for what is missing.  [default: on a terminal]")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def init(
    ctx: click.Context,
    /,
    *,
    output: Path | None,
    applies: bool,
    may_ask: bool | None,
    dry_run: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Sign in to the systems, read what there is, and write a mappings.yaml with comments that fits.

    Read are projects, types, priorities, required fields, resolutions, groups and close codes; nothing is changed.

    On a terminal it asks for what is missing. A secret is never an argument and never written: the file says which
    environment variable or file holds it, and --…-env and --…-file say that here. Where it is not there yet, it is
    asked for, to sign in now.

    Where the file is there, it is left as it is: what would change is shown as a diff, and --apply makes these changes
    and keeps every other line and comment. Systems that it names need no options.

    Exit codes: 0 the file is there and fits, 1 something is left to do, which is listed, or changes are proposed, 2 an
    option or a secret cannot be used, 3 a system is away; with 2 and 3 nothing was written.

    \b
    Examples:
      remedy init
      remedy init --district lakeside --jira https://lakeside.atlassian.net --jira-user me@lakeside.example
      remedy init --no-ask --jira-project WEB                  (of a file that is there: another project)
      remedy init --servicenow https://lakeside.service-now.com --servicenow-user svc-remedy --apply
    """
    path = output or load_settings().mappings_path
    asker = Asker(may_ask=sys.stdin.isatty() if may_ask is None else may_ask)
    existing = existing_at(path)
    order = _order(options, existing, asker)
    with _open_systems(order, asker) as opened:
        result = _made(path, existing, opened, asker)
    result = _kept(result, applies=applies, dry_run=dry_run)
    show(result, as_json=as_json)
    ctx.exit(result.exit_code)


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What is to be asked: a district's account, and trackers."""

    district: AccountSetUp
    trackers: Sequence[TrackerPlan]


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """The same, signed in to."""

    order: Order
    way: Outbound
    account: OpenAccount
    trackers: Sequence[OpenTracker]
    signed_in: Sequence[tuple[System, str]]
    runner: asyncio.Runner

    @property
    def credentials(self) -> list[Credential]:
        """Every secret that the file refers to."""
        webhook = self.order.district.webhook_credentials
        return [self.account.system.credential, *webhook, *(each.system.credential for each in self.trackers)]


def _order(options: Options, existing: Existing, asker: Asker) -> Order:
    """What the options, the file and the person say. Raises UsageError and ConfigurationError."""
    name = named("--district", existing.district(options["district"]) or asker.text("--district NAME", _DISTRICT))
    asks = Asker(may_ask=False) if existing.is_there else asker
    trackers: list[TrackerPlan] = []
    for kind, set_up in SET_UPS.items():
        known = existing.tracker(kind, options[f"{kind}_name"])
        url = options[kind] or known.url or asks.perhaps(f"{set_up.title}'s address (empty: none)")
        trackers += [set_up.plan(options, known, asker, url)] if url else []
    if not trackers:
        asker.missing(" or ".join(f"--{kind} URL" for kind in SET_UPS))
    asker.must_be_complete()
    return Order(AccountSetUp(name, options, existing.account(name)), trackers)


@contextlib.contextmanager
def _open_systems(order: Order, asker: Asker) -> Iterator[Opened]:
    """Everything signed in to, while this is open. Raises ConfigurationError and TryLater."""
    secrets = {"": order.district.credential, **{each.name: each.credential for each in order.trackers}}
    secrets = found_or_asked(secrets, asker)
    way = outbound()
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        opening = way.open_client()
        client = runner.run(opening.__aenter__())
        stack.callback(lambda: runner.run(opening.__aexit__(None, None, None)))
        account = order.district.opened(way, client, secrets[""])
        trackers: list[OpenTracker] = [each.opened(way, secrets[each.name]) for each in order.trackers]
        for each in trackers:
            stack.callback(_close, runner, each)
        said = runner.run(sign_in([account, *trackers]))
        yield Opened(order, way, account, trackers, said, runner)


def _close(runner: asyncio.Runner, tracker: OpenTracker) -> None:
    runner.run(tracker.close())


def _made(path: Path, existing: Existing, opened: Opened, asker: Asker) -> Result:
    """The text, and what the systems say to it."""
    proposed = [_proposed(each, opened.runner, asker) for each in opened.trackers]
    if existing.is_there:
        return _changed(path, existing, opened, proposed)
    gaps = [gap for each in proposed for gap in each.proposal.gaps]
    district = opened.order.district.words
    text = new_file(district, proposed, [str(each) for each in gaps])
    loaded = _loaded(text, str(path), gaps)
    answers = _answers(opened, loaded, gaps) if loaded else []
    wrong = _of(answers, InspectionOutcome.WRONG)
    if wrong:  # the file says it, too: its reader may be another person
        text = new_file(district, proposed, [*map(str, gaps), *(each.message for each in wrong)])
    return Result(
        path,
        "written",
        text,
        signed_in=opened.signed_in,
        to_set=[str(each) for each in gaps],
        wrong=wrong,
        untold=_of(answers, InspectionOutcome.UNKNOWN),
        away=_of(answers, InspectionOutcome.UNREACHABLE),
        credentials=opened.credentials,
        has_data_keys=has_keys(load_settings()),
    )


def _proposed(tracker: OpenTracker, runner: asyncio.Runner, asker: Asker) -> NewTracker:
    return tracker.proposed(runner, asker)


def _changed(path: Path, existing: Existing, opened: Opened, proposed: Sequence[NewTracker]) -> Result:
    """What would change of the file that is there, and what the systems say to that."""
    edits = list(_edits(existing, opened, proposed))
    after = edited(existing.text, edits)
    added = [new for each, new in zip(opened.trackers, proposed, strict=True) if each.known.is_new]
    gaps = [gap for each in added for gap in each.proposal.gaps]  # of the others, the systems say what is wrong
    loaded = _loaded(after.text, str(path), gaps)
    answers = _answers(opened, loaded, gaps) if loaded else []
    named = {name for rule in loaded.mappings.rules for name in rule.tickets} if loaded else set()
    return Result(
        path,
        "unchanged" if after.text == existing.text else "proposed",
        after.text,
        existing.text,
        signed_in=opened.signed_in,
        to_set=[str(each) for each in gaps],
        wrong=_of(answers, InspectionOutcome.WRONG),
        untold=_of(answers, InspectionOutcome.UNKNOWN),
        away=_of(answers, InspectionOutcome.UNREACHABLE),
        by_hand=after.by_hand,
        unruled=[each.name for each in proposed if loaded and each.name not in named],
        credentials=opened.credentials,
        has_data_keys=has_keys(load_settings()),
    )


def _edits(existing: Existing, opened: Opened, proposed: Sequence[NewTracker]) -> Iterator[Edit]:
    district = opened.order.district
    account = existing.account(district.name)
    if account:
        yield from edits_of(("districts", district.name, "schoolscan"), district.asked_words, account)
    else:
        yield Edit(("districts", district.name), Entry(district.name, district.words.words))
    for each, new in zip(opened.trackers, proposed, strict=True):
        yield from _tracker_edits(each, new)


def _tracker_edits(tracker: OpenTracker, new: NewTracker) -> Iterator[Edit]:
    known = tracker.known
    of_it, of_tickets = ("trackers", known.name), ("defaults", "tickets", known.name)
    if known.is_new:
        yield Edit(of_it, Entry(known.name, new.words))
        yield Edit(of_tickets, Entry(known.name, new.proposal.ticket))
    else:
        yield from edits_of(of_it, Block([*tracker.asked_words, *new.proposal.tracker]), known.words)
        yield from edits_of(of_tickets, new.proposal.ticket, known.ticket)


def _loaded(text: str, where: str, gaps: Sequence[Gap]) -> Loaded | None:
    """The text as the service reads it; None where it cannot be used before the gaps are closed."""
    try:
        return loaded_of(text, where)
    except ConfigurationError:
        if not gaps:
            raise
        return None


def _answers(opened: Opened, loaded: Loaded, gaps: Sequence[Gap]) -> list[PlacedInspection]:
    """What `remedy mappings check --live` would say about the systems that were asked, but for what the gaps say."""
    trackers = loaded.mappings.trackers
    inspectors: list[Inspector] = [AccountInspector(opened.order.district.name, opened.account.account)]
    inspectors += [
        opened.way.inspector(each.system.name, trackers[each.system.name], each.system.credential.value)
        for each in opened.trackers
    ]
    answers = opened.runner.run(_inspected(inspectors, loaded))
    return [each for each in answers if not any(_is_of(each, gap) for gap in gaps)]


def _is_of(answer: PlacedInspection, gap: Gap) -> bool:
    """Whether it says of a rule's ticket that nobody sets the field which the gap is about."""
    where, field = answer.inspection.where, str(gap.where[-1])
    of_ticket = where[0] == "rules" and where[2:] == gap.where[1:3]
    return of_ticket and re.search(rf"\b{re.escape(field)}\b", answer.inspection.message) is not None


async def _inspected(inspectors: Sequence[Inspector], loaded: Loaded) -> list[PlacedInspection]:
    try:
        found = await asyncio.gather(*(each.inspect(loaded.mappings) for each in inspectors))
    finally:
        for each in inspectors:
            await each.close()
    return placed(loaded, (each for inspections in found for each in inspections))


def _of(answers: Sequence[PlacedInspection], outcome: InspectionOutcome) -> list[Problem]:
    return list(dict.fromkeys(each.problem for each in answers if each.inspection.outcome is outcome))


def _kept(result: Result, *, applies: bool, dry_run: bool) -> Result:
    """Write what is to be written. Raises ConfigurationError."""
    match result.done:
        case "written" if not dry_run:
            write_new(result.path, result.text)
        case "proposed" if applies and not dry_run:
            replace(result.path, result.text, result.before)
            return dataclasses.replace(result, done="applied")
        case "written" | "proposed" if dry_run:
            return dataclasses.replace(result, done="shown")
        case _:
            pass
    return result
