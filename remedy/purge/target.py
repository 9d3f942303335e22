"""What is to be deleted: a case, a finding, or a district, as the command line names it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from remediation.domain.cases.records import DISTRICT_NAME, CaseKey, CaseKind, outside_id
from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.schema import Mappings
from remediation.operations.purging.target import PurgeTarget, target_of_case
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.redaction import terminal
from remediation.store.cases.dependents import districts_heard_of
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.cases.todo import Todo
from remediation.store.districts import DistrictForgetting
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on the command line: one of case and finding, or the district alone."""

    case: str = ""
    finding: str = ""
    district: str = ""

    @property
    def text(self) -> str:
        """The choice in the words of the command line."""
        given = (("--case", self.case), ("--finding", self.finding), ("--district", self.district))
        return " ".join(f"{option} {value}" for option, value in given if value)

    def check(self) -> None:
        """Raises UsageError where the choice is none."""
        if self.case and (self.finding or self.district):
            raise click.UsageError("--case names the district, too: it goes without --finding and --district")
        if not (self.case or self.finding or self.district):
            raise click.UsageError("say what to delete: --case REF, --finding ID, or --district NAME")
        if self.finding and outside_id(self.finding) is None:
            raise click.UsageError("--finding is no id: it has 1 to 256 printable characters")
        if self.district and not DISTRICT_NAME.fullmatch(self.district):
            raise click.UsageError("--district is no name of a district: small letters, digits and -")


def mappings_if_any(load: Callable[[], Mappings]) -> Mappings | None:
    """mappings.yaml, or None where it is not there or cannot be used: a deletion must be possible without it."""
    try:
        return load()
    except ConfigurationError:
        return None


async def target_of(choice: Choice, load: Callable[[], Mappings], connection: Connection) -> PurgeTarget:
    """What the choice means. Raises ClickException, StoreUnavailable, and ConfigurationError for a short name."""
    if choice.case:
        return await _case(choice.case, load, connection)
    if choice.finding:
        return await _finding(choice, load, connection)
    return await _district(choice.district, load, connection)


async def _case(text: str, load: Callable[[], Mappings], connection: Connection) -> PurgeTarget:
    key = await case_named(text, load, connection)
    if isinstance(key, UnclearName):
        raise click.ClickException(key.says)
    await _check_district(key.district, load, connection)
    return await target_of_case(connection, key)


async def _finding(choice: Choice, load: Callable[[], Mappings], connection: Connection) -> PurgeTarget:
    """The finding's own case, and that of its identity where no other finding belongs to it."""
    if choice.district:
        await _check_district(choice.district, load, connection)
    names = [choice.district] if choice.district else sorted(await _districts(load, connection))
    keys = [CaseKey(name, CaseKind.FINDING, choice.finding) for name in names]
    todo = Todo(connection)
    known = [key for key in keys if await todo.is_known(key.ref)] if len(keys) > 1 else keys
    if len(known) != 1:
        which = _joined([key.district for key in known] or names)
        why = "several districts have a finding of this id" if known else "no district is known to have this finding"
        raise click.ClickException(f"{why}: say --district ({which})")
    (key,) = known
    home = (await CaseForgetting(connection).kin(key.ref)).home
    others = [name for _, name in (await CaseForgetting(connection).kin(home)).members if name != choice.finding]
    refs = (key.ref, home) if home and not others else (key.ref,)
    return PurgeTarget(key.district, refs, choice.finding)


async def _district(name: str, load: Callable[[], Mappings], connection: Connection) -> PurgeTarget:
    await _check_district(name, load, connection)
    return PurgeTarget(name, is_district=True)


async def _check_district(name: str, load: Callable[[], Mappings], connection: Connection) -> None:
    known = await _districts(load, connection)
    if name not in known and not await DistrictForgetting(connection).has_cases(name):
        there = _joined(sorted(known)) or "none"
        raise click.ClickException(f"no district is called {terminal(name)}; known are: {there}")


async def _districts(load: Callable[[], Mappings], connection: Connection) -> set[str]:
    written = mappings_if_any(load)
    return {*await districts_heard_of(connection), *(written.districts if written else ())}


def _joined(names: Sequence[str]) -> str:
    return ", ".join(map(terminal, names))
