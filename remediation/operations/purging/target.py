"""What is to be deleted: cases of one district, one finding, or the district."""

from dataclasses import dataclass

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class PurgeTarget:
    """What is meant. `refs` are the cases in the order in which they go; of a district they are found when it goes.

    `finding` is the id of the one finding, where no more than that is meant.
    """

    district: str
    refs: tuple[str, ...] = ()
    finding: str = ""
    kind: CaseKind = CaseKind.FINDING
    is_district: bool = False

    def has(self, ref: str) -> bool:
        """Whether the case with this reference is meant."""
        return ref.startswith(f"{self.district}:") if self.is_district else ref in self.refs


async def target_of_case(connection: Connection, key: CaseKey) -> PurgeTarget:
    """A case, with the findings that belong to it. Raises StoreUnavailable."""
    kin = await CaseForgetting(connection).kin(key.ref)
    return PurgeTarget(key.district, (*(ref for ref, _ in kin.members), key.ref), kind=key.kind)
