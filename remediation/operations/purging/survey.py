"""What is kept of a target, before anything is deleted, and what of it is elsewhere."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remediation.domain.cases.records import MARK_PREFIX, CaseKey, CaseKind, CaseRecord
from remediation.operations.purging.target import PurgeTarget
from remediation.operations.stores import OperationStores
from remediation.store.audit.names import AuditNames, LinesAbout
from remediation.store.cases.forgetting import NO_TRACES, CaseForgetting, Traces
from remediation.store.cases.lists import CaseLists
from remediation.store.deliveries.concerned import Concern, ConcernedDeliveries, DeliverySearch
from remediation.store.districts import DistrictForgetting
from remediation.store.incidents.feeds import Feeds
from remediation.store.server.connection import Connection

_AT_ONCE = 500
_ASKED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class PurgeSurvey:
    """What there is. `refs` are the cases, in the order in which they go; `rest` is what the district has besides.

    `has_feeds`: a feed of incidents is known. `traces` are by reference. `tickets` are those in trackers: a tracker's
    name, and a key. `shared` are those of a case that stays, to which the finding belongs with others.
    """

    target: PurgeTarget
    refs: tuple[str, ...]
    traces: Mapping[str, Traces]
    counts: Mapping[str, int]
    tickets: tuple[tuple[str, str], ...]
    lines: LinesAbout
    deliveries: ConcernedDeliveries
    has_feeds: bool = False
    shared: tuple[tuple[str, str], ...] = ()
    scans: tuple[str, ...] = ()
    rest: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_anything(self) -> bool:
        """Whether there is something to delete."""
        waits = (*self.deliveries.waiting, *self.deliveries.set_aside)
        return bool(sum(self.counts.values()) or sum(self.rest.values()) or waits or self.lines.with_names)


async def survey(target: PurgeTarget, stores: OperationStores) -> PurgeSurvey:
    """Look for all of it. Changes nothing, but that lines of the audit which wait are chained.

    Raises StoreUnavailable.
    """
    connection = stores.connection
    await stores.audit.chain()
    forgetting, districts = CaseForgetting(connection), DistrictForgetting(connection)
    traces = await forgetting.traces(target.has)
    refs: Sequence[str] = target.refs
    if target.is_district:
        refs = sorted({*await districts.cases(target.district), *traces}, key=_order)
    scans = await districts.scans(target.district) if target.is_district else []
    records = await _records(connection, refs)
    lines = await AuditNames(connection).lines_about(target.has)
    tickets = _tickets_of(records) | lines.tickets
    concern = concern_of(target, refs, records, tickets)
    return PurgeSurvey(
        target,
        tuple(refs),
        traces,
        await counts_of(forgetting, refs, traces),
        tuple(sorted(tickets)),
        lines,
        await DeliverySearch(connection, stores.keyring).found(concern),
        await Feeds(connection).are_any(),
        await _shared(target, connection),
        tuple(scans),
        await districts.counted(target.district, scans) if target.is_district else {},
    )


async def counts_of(forgetting: CaseForgetting, refs: Iterable[str], traces: Mapping[str, Traces]) -> Mapping[str, int]:
    """How many entries of each kind these cases have."""
    counts: Counter[str] = Counter()
    for some in _batches(list(refs), _ASKED_AT_ONCE):
        asked = (forgetting.counted(ref, traces=traces.get(ref, NO_TRACES)) for ref in some)
        for each in await asyncio.gather(*asked):
            counts.update(each.counts)
    return dict(sorted(counts.items()))


def concern_of(
    target: PurgeTarget, refs: Iterable[str], records: Iterable[CaseRecord], tickets: Iterable[tuple[str, str]]
) -> Concern:
    """Which deliveries are about the target."""
    if target.is_district:
        return Concern(target.district, is_whole_district=True)
    known = list(records)
    findings = {record.key.id for record in known} | ({target.finding} if target.finding else set())
    marks = {f"{MARK_PREFIX}{ref}" for ref in refs}
    return Concern(
        target.district,
        frozenset(refs),
        frozenset(findings),
        frozenset(link.ticket_id for record in known for link in record.links.values()),
        frozenset({*findings, *marks, *(key for _, key in tickets)}),
    )


def _tickets_of(records: Iterable[CaseRecord]) -> set[tuple[str, str]]:
    return {(link.tracker, link.ticket_key) for record in records for link in record.links.values()}


async def _shared(target: PurgeTarget, connection: Connection) -> tuple[tuple[str, str], ...]:
    """The tickets of the case that stays when one of its findings goes."""
    home = (await CaseForgetting(connection).kin(target.refs[0])).home if target.finding else ""
    stays = [home] if home and home not in target.refs else []
    return tuple(sorted(_tickets_of(await _records(connection, stays))))


async def _records(connection: Connection, refs: Sequence[str]) -> list[CaseRecord]:
    found: list[CaseRecord] = []
    for some in _batches(refs, _AT_ONCE):
        found += (await CaseLists(connection).records(some)).values()
    return found


def _batches(refs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (refs[start : start + size] for start in range(0, len(refs), size))


def _order(ref: str) -> tuple[bool, str]:
    """Findings go before the case of the identity or of the group to which they belong."""
    district, _, rest = ref.partition(":")
    kind, _, name = rest.partition(":")
    has_members = kind == "finding" and CaseKey(district, CaseKind.FINDING, name).has_members
    return (has_members, ref)
