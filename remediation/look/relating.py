"""Find the cases that the subject of a look has to do with. Writes nothing."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from remediation.domain.cases.records import CaseKind, CaseRecord
from remediation.domain.cases.relations import RelatedCase
from remediation.domain.cases.renaming import renamed
from remediation.look.observing import Snapshot
from remediation.ports import Relations, Rulebook


async def with_relations(
    snapshot: Snapshot, relations: Relations, rulebook: Rulebook, trackers: Collection[str]
) -> Snapshot:
    """Returns the snapshot with the findings' cases that its incident is related to.

    It asks only where a rule relates the incident. Raises StoreUnavailable.
    """
    seen, vicinity = snapshot.observation, snapshot.ruling.vicinity
    if vicinity is None or seen.subject.key.kind is not CaseKind.INCIDENT:
        return snapshot
    records = [renamed(record, rulebook.former_names) for record in await relations.found(vicinity)]
    return replace(snapshot, observation=replace(seen, related=tuple(_related(records, snapshot, trackers))))


def _related(records: Iterable[CaseRecord], snapshot: Snapshot, trackers: Collection[str]) -> Iterable[RelatedCase]:
    """The cases with those of their tickets that are here: a link to another site may lead to anything."""
    for record in records:
        links = {
            name: link
            for name, link in record.links.items()
            if name in trackers and link.site in {"", snapshot.sites.get(name, link.site)}
        }
        if links:
            yield RelatedCase(record.key.ref.rpartition(":")[2], links)
