"""Asks whether a district's account at SchoolScan is as mappings.yaml says. Sends only GET."""

from remediation.domain.errors import OutsideError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, right, signed_out, untold
from remediation.mapping.reading.positions import Steps
from remediation.sources.schoolscan.client import SchoolScan


class AccountInspector:
    """The `Inspector` of one district's account. It does not close `account`."""

    def __init__(self, district: str, account: SchoolScan) -> None:
        self._where: Steps = ("districts", district, "schoolscan")
        self._account = account

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:  # noqa: ARG002 - the file asks nothing more of an account
        """Returns whether the token reads findings. Whether it may write is not known: only a write would show that."""
        token = (*self._where, "token")
        try:
            says = await self._account.check()
        except OutsideError as error:
            return (signed_out((*self._where, "url"), token, error),)
        scope = "whether the token may also write statuses back, without writing"
        return right(token, says), untold(token, scope, "it needs the scope admin")

    async def close(self) -> None:
        """Does nothing: no connection is held open."""
