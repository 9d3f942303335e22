"""What would be done about a case now: it is looked at as a worker does, and nothing is written."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.cases.renaming import renamed
from remediation.domain.errors import NotFound, RemediationError
from remediation.domain.ownership import SiteHistory
from remediation.look.grouping import group_beside, rehearsed
from remediation.look.members import home_of, reading_of
from remediation.look.observing import Snapshot, observe
from remediation.look.relating import with_relations
from remediation.ports import ListedSource, Relations, Rulebook, Source, Tracker
from remediation.read_model.cases.forecasts import CaseForecast, case_forecast
from remediation.redaction import terminal
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection

_NAMELESS = "Redis was wiped since, and remedy reconcile --all names them again"


class NoForecast(RemediationError):
    """There is nothing to look at; the message says why, in words of ours."""


@dataclass(frozen=True, slots=True)
class ForecastSystems:
    """What a forecast reads. `account` is the source of the case's district and kind.

    `relations` and `sites` (of these trackers, by name) are called where they are needed: commands can do without data
    keys for most cases, and ask for sites anew.
    """

    connection: Connection
    account: ListedSource
    trackers: Mapping[str, Tracker]
    rulebook: Rulebook
    relations: Callable[[], Relations]
    sites: Callable[[CaseRecord], Awaitable[Mapping[str, SiteHistory]]]


async def forecast(key: CaseKey, systems: ForecastSystems, now: float) -> CaseForecast:
    """What would be done about the case at `now` (Unix seconds), and why.

    For a finding that belongs to another case, it is that case's forecast. Raises NoForecast, NotFound where there is
    no such finding or incident, what the account raises, and StoreUnavailable.
    """
    todo, rulebook, at = Todo(systems.connection), systems.rulebook, datetime.fromtimestamp(now, tz=UTC)
    known = await todo.record(key.ref)
    record = renamed(known or CaseRecord(key), rulebook.former_names)
    home, source = await home_of(record, systems.account, rulebook, at)
    if home is not None:
        record, known = await _joined(todo, record, home, rulebook)
    if record.key.has_members and not record.members:
        raise NoForecast(f"{terminal(record.key.ref)} has no finding that is known: {_NAMELESS}")
    sites = await systems.sites(record)

    async def look(case: CaseRecord) -> tuple[Source, Snapshot]:
        reading = reading_of(case, source)
        return reading, await observe(case, reading, systems.trackers, rulebook, now, sites)

    try:
        seen = await rehearsed(record, look, systems.trackers)
        if (group := group_beside(seen.record, seen.snapshot, rulebook, at)) is not None:
            record, known = await _joined(todo, seen.record, group, rulebook)
            seen = await rehearsed(record, look, systems.trackers)
        if seen.others is not None and key.id in seen.others.members:
            known, seen = None, await rehearsed(seen.others, look, systems.trackers)
        snapshot = await _with_relations(seen.snapshot, systems)
    except NotFound as error:  # of a finding that is remembered, the snapshot says that it is gone
        words = f"there is no such {key.kind}"
        raise NotFound(error.system, words, status=error.status, request_id=error.request_id) from None
    return case_forecast(seen.record, snapshot, now, known=known is not None)


async def _joined(
    todo: Todo, own: CaseRecord, home: CaseKey, rulebook: Rulebook
) -> tuple[CaseRecord, CaseRecord | None]:
    """The case that the finding joins, with it, and what the store knows of that case."""
    if home.is_of_group and not own.home:
        home = await GroupCases(todo.connection).current_of(home)
    known = await todo.record(home.ref)
    record = known or CaseRecord(home, born=own.born, forgotten=own.forgotten)
    return renamed(record, rulebook.former_names).with_member(own), known


async def _with_relations(snapshot: Snapshot, systems: ForecastSystems) -> Snapshot:
    """The snapshot with what its incident is related to."""
    if snapshot.observation.subject.key.kind is not CaseKind.INCIDENT:
        return snapshot
    return await with_relations(snapshot, systems.relations(), systems.rulebook, systems.trackers)
