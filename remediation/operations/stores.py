"""What operations work with: the stores, the clock, and the audit in which they write."""

from collections.abc import Callable
from dataclasses import dataclass

from remediation.operations.auditing import OperationAudit
from remediation.sealing import Keyring
from remediation.store.deliveries.parked import ParkedWork
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class OperationStores:
    """Built once for each process, or each command. `clock` returns Unix seconds by Redis's clock."""

    audit: OperationAudit
    clock: Callable[[], float]
    connection: Connection
    keyring: Keyring

    @property
    def parked(self) -> ParkedWork:
        """The parked work."""
        return ParkedWork(self.connection, self.keyring)
