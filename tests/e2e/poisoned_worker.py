"""A worker of ours to whom some findings are deadly: reading one kills the process at once, as a full memory would."""

import os
import signal

from remediation.domain.findings import Finding
from remediation.sources.schoolscan.client import SchoolScan
from remedy.main import main
from remedy.runtime.calls import outbound

DEADLY = "fnd_poison"


class DeadlySource(SchoolScan):
    """SchoolScan's account, except that nobody survives a finding whose id begins with `DEADLY`."""

    async def finding(self, finding_id: str) -> Finding:
        if finding_id.startswith(DEADLY):
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().finding(finding_id)


if __name__ == "__main__":
    outbound.SchoolScan = DeadlySource  # type: ignore[attr-defined]  # what the worker is built from
    main(["run", "worker"])
