"""The files on a ServiceNow's records: the compliance report of a scan, of which a record has one."""

from collections.abc import Collection

from remediation.domain.errors import Refused
from remediation.domain.reports import Attached, ReportFile, is_attached, superseded
from remediation.trackers.servicenow.client import ServiceNowClient
from remediation.trackers.servicenow.records import checked_sys_id, text_of


def keep_report(
    system: str, client: ServiceNowClient, table: str, sys_id: str, report: ReportFile, accounts: Collection[str]
) -> None:
    """Attach the report where it is not there, and then delete what it replaces.

    What is there is asked for once more after that: an earlier request, to which no answer came, may have arrived
    meanwhile. Nothing is deleted before its replacement is there. Raises Refused where our account is not shown what
    it has attached: each attempt would attach one more.
    """
    files = _files(client, table, sys_id)
    if not is_attached(report, files):
        client.attach(table, sys_id, report.name, report.content, report.media_type)
        files = _files(client, table, sys_id)
        if not is_attached(report, files):
            raise Refused(system, "what is attached is hidden from our account: grant it read access to sys_attachment")
    for each in superseded(report, files, accounts):
        client.detach(checked_sys_id(system, each.id))


def _files(client: ServiceNowClient, table: str, sys_id: str) -> list[Attached]:
    rows = client.attachments(table, sys_id)
    return [Attached(text_of(row, "sys_id"), text_of(row, "file_name"), text_of(row, "sys_created_by")) for row in rows]
