"""docs/for-help-desk.md shows a ticket as the shipped rules word it, and words that mean what the page says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from remediation.domain.tickets import Reason
from remediation.mapping.config.incident_wording import IncidentTemplates
from remediation.mapping.config.scan_summaries import SummaryTemplates
from remediation.mapping.config.trackers.jira import JIRA_RESOLUTIONS
from remediation.mapping.config.trackers.servicenow_tables import words_of_table
from remedy.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "for-help-desk.md").read_text(encoding="utf-8")
FINDING = {
    "id": "fnd_9d2",
    "severity": "critical",
    "domain_type": "direct_pii",
    "status": "open",
    "scan_id": "scan_2k9x4f",
    "detected_at": "2026-11-28T08:15:00Z",
}
MEANT = {
    "the data is off the web": {Reason.FIXED},
    "it stays, and somebody answers": {Reason.ACCEPTED_RISK},
    "it never was student data": {Reason.FALSE_POSITIVE},
    "another ticket is about the same": {Reason.DUPLICATE},
    "nobody mended it": {Reason.CANCELLED, Reason.NOT_SOLVED},
}
"""What each row of the table is about, by how it begins."""


def rows() -> Iterator[tuple[set[Reason], list[str], list[str]]]:
    """What a row means, its words of Jira, and those of ServiceNow."""
    table = PAGE.split("## Which code to close it with")[1].split("\n\n")[0]
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for begin, meant in MEANT.items():
            if cells[0].startswith(begin):
                yield meant, cells[1].split(", "), [] if cells[2].startswith("the code") else cells[2].split(", ")


def test_the_ticket_is_worded_as_the_shipped_rules_word_it(tmp_path: Path) -> None:
    finding = tmp_path / "finding.json"
    finding.write_text(json.dumps(FINDING))
    asked = ["mappings", "explain", str(finding), "--mappings", str(ROOT / "mappings.yaml"), "--json"]
    shown = json.loads(CliRunner().invoke(main, [*asked, "--at", "2026-11-28T09:00Z"]).stdout)
    (words,) = (ticket["words"] for ticket in shown["tickets"] if ticket["tracker"] == "jira")
    (block,) = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block == f"{words['summary']}\n\n{words['body']}"


def test_every_word_of_the_table_means_what_its_row_says() -> None:
    assert len(list(rows())) == len(MEANT)
    codes = {**words_of_table("incident").close_codes, "canceled": Reason.CANCELLED}  # that one is a state
    for meant, of_jira, of_servicenow in rows():
        assert {JIRA_RESOLUTIONS[word.lower()] for word in of_jira} <= meant
        assert {codes[word.lower()] for word in of_servicenow} <= meant


def test_tickets_begin_as_the_page_says() -> None:
    begins = re.findall(r"^\| \*([^*]+)\* \|", PAGE, re.MULTILINE)
    shipped = (ROOT / "mappings.yaml").read_text(encoding="utf-8")
    assert begins[0] in shipped
    assert [text.startswith(begin) for text, begin in zip(built_in(), begins[1:], strict=True)] == [True, True]


def built_in() -> tuple[str, str]:
    """The texts of tickets about incidents and scans, where nobody has others."""
    return IncidentTemplates().body, SummaryTemplates().body
