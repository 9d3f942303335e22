"""Loaded by the interpreter first: plants two defects of ours, which quote a payload in their message and variables."""

from remediation.deliveries.events import SCHOOLSCAN, Event, UnknownEvent, read_schoolscan
from remediation.domain.findings import Finding
from remediation.sources.schoolscan.client import SchoolScan
from remedy.runtime import outbound

DEFECTIVE = "fnd_defect"


class DefectiveSource(SchoolScan):
    """SchoolScan's account, except that our own code fails over some findings."""

    async def finding(self, finding_id: str) -> Finding:
        found = await super().finding(finding_id)
        if finding_id.startswith(DEFECTIVE):
            everything = repr(found)
            try:
                int(everything)
            except ValueError as error:
                raise RuntimeError(everything) from error
        return found


def read(body: bytes) -> Event | UnknownEvent:
    if DEFECTIVE.encode() in body and b"receiver" in body:
        raise LookupError(body.decode())
    return read_schoolscan(body)


outbound.SchoolScan = DefectiveSource  # type: ignore[attr-defined]  # what the worker is built from
object.__setattr__(SCHOOLSCAN, "read", read)  # what the receiver reads with
