"""The summary of each completed scan, as types: where its ticket goes, and what it says."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from remediation.domain.findings import ReportFormat
from remediation.domain.reports import ReportTerms, SummaryTerms
from remediation.mapping.config.trackers.kinds import Ticket
from remediation.mapping.config.words import Duration, Name, Text, Written, at_least, at_most

_SOONEST = timedelta(minutes=5)
_SOONEST_REPORT = timedelta(hours=1)
_WHY_ANEW = "a report that is older helps nobody"
_LARGEST = 25
_WHY_OFTEN = "numbers that are older help nobody"


class SummaryReport(Written):
    """The compliance report of the scan, attached to its ticket. It may hold all that SchoolScan has found."""

    format: ReportFormat = Field(default=ReportFormat.PDF, description="The format of the file.")
    every: Annotated[Duration, at_least(_SOONEST_REPORT), at_most(timedelta(days=30), _WHY_ANEW)] = Field(
        default=timedelta(days=1),
        description="How long after a report the next one is made at the earliest, which takes its place, where the "
        "numbers have changed; each is a write and some reads at SchoolScan.",
    )
    largest_mib: int = Field(
        default=10,
        ge=1,
        le=_LARGEST,
        description="How large the file may be, in MiB. It is held in memory while it is attached.",
    )

    @property
    def terms(self) -> ReportTerms:
        """The same in numbers."""
        return ReportTerms(self.format, self.every.total_seconds(), self.largest_mib * 1024 * 1024)


class ScanSummaries(Written):
    """The ticket that sums up a scan: one for each completed scan of the district, in each of these trackers."""

    tickets: dict[Name, Ticket] = Field(
        min_length=1,
        description="What the ticket looks like, by the tracker's name, in the words of a rule's tickets; nothing is "
        "taken from `defaults`.",
    )
    detail: Literal["minimal", "restricted"] = Field(
        default="minimal",
        description="restricted: the name of the scanned site may go into the tickets, whose readers are few.",
    )
    close: Literal["people", "solved"] = Field(
        default="people",
        description="Who closes the ticket: people; or with solved we do, too, once nothing is to do about the scan's "
        "findings any more.",
    )
    lists: Literal["tickets", "numbers"] = Field(
        default="tickets",
        description="tickets: below the numbers stand the keys of the tickets of its findings, in any tracker, a "
        "hundred at most; numbers: nothing stands there.",
    )
    every: Annotated[Duration, at_least(_SOONEST), at_most(timedelta(days=1), _WHY_OFTEN)] = Field(
        default=timedelta(minutes=15),
        description="How long after the scan's findings were counted they are counted again at the earliest, where "
        "something has changed; each counting reads the scan's list.",
    )
    report: SummaryReport | None = Field(
        default=None,
        description="The scan's compliance report is attached to the tickets; only with detail: restricted, because it "
        "may hold students' data.",
    )

    @property
    def terms(self) -> SummaryTerms:
        """How often it is counted, and how its report is made, in numbers."""
        return SummaryTerms(self.every.total_seconds(), self.report.terms if self.report else None)

    @model_validator(mode="after")
    def _reports_to_few(self) -> Self:
        if self.report is not None and self.detail != "restricted":
            raise ValueError(
                "report: a report may hold students' data: write detail: restricted beside it, or no report"
            )
        return self


_BODY = """\
What one scan of SchoolScan found, in numbers. A finding that needs work has a ticket of its own.

Our reference: {{ case.ref }}
Scan: {{ summary.scan_id }}
{% if summary.site is defined and summary.site %}
Site: {{ summary.site }}
{% endif %}
{% if summary.started_at %}
Began: {{ summary.started_at }}
{% endif %}
{% if summary.completed_at %}
Ended: {{ summary.completed_at }}
{% endif %}
{% if summary.pages %}
Pages: {{ summary.pages }}
{% endif %}

The numbers below follow what is done, for as long as this ticket is open. Close it when nobody needs it any more: that
settles no finding. Please write no student's name here."""


class SummaryTemplates(Written):
    """The texts of tickets that sum up scans where the district has none of its own (Jinja2)."""

    summary: Text = Field(
        default="Scan {{ summary.scan_id }}: {{ summary.found }} finding"
        "{% if summary.found != '1' %}s{% endif %}"
        "{% if summary.grade %}, grade {{ summary.grade }}{% endif %} ({{ case.ref }})",
        description="One line.",
    )
    body: Text = Field(default=_BODY, description="What stands above the numbers.")
    follows: Text = Field(
        default="This takes the place of {{ earlier.key }} ({{ earlier.url }}), which was closed.",
        description="Stands before the body of a ticket that follows a closed one.",
    )


_REF = "({{ case.ref }}, {{ at }})"


class SummaryComments(Written):
    """What we tell the people on a ticket that sums up a scan (Jinja2)."""

    resolved: Text = Field(
        default="{% if status == 'resolved' %}The summary of this scan was closed before{% else %}Nothing is left to "
        f"do about the findings of this scan{{% endif %}} {_REF}.",
        description="When a ticket is closed because all is solved (`close: solved`), or because people had closed the "
        "scan's summary before it was found: then `status` is resolved.",
    )
    reopened: Text = Field(
        default=f"SchoolScan has this scan again: its summary goes on {_REF}.",
        description="When a ticket is opened again because the scan is there again.",
    )
    continued: Text = Field(
        default="This ticket stays closed; the summary of the scan goes on in "
        f"{{% for ticket in tickets %}}{{{{ ticket.key }}}} ({{{{ ticket.url }}}}){{% endfor %}} {_REF}.",
        description="On a closed ticket, when a new one follows it; `tickets` is the new one.",
    )
    scan_gone: Text = Field(
        default="SchoolScan no longer has this scan, so its numbers stay as they are. Please close this ticket if "
        f"nobody needs it {_REF}.",
        description="When SchoolScan no longer has the scan.",
    )
    left_over: Text = Field(
        default=f'This ticket is open again, but what it was closed as is still written here: "{{{{ word }}}}" {_REF}.',
        description="When a ticket was opened again and its tracker kept the reason of the last closing; `word` is "
        "that.",
    )
    refused: Text = Field(
        default="Something was to be changed automatically and was refused{% if fact %}: {{ fact }}{% endif %}. Please "
        f"mend what stands in its way and let it be tried again {_REF}.",
        description="When a change was refused; `fact` is which one, with the words of the tracker that refused it.",
    )
    duplicate: Text = Field(
        default="A duplicate of {% for ticket in tickets %}{{ ticket.tracker }} {{ ticket.key }}"
        "{{ ' and ' if not loop.last }}{% endfor %}: both were opened for {{ case.ref }}. The older one stays open.",
        description="When one of two tickets for the same scan is closed; `tickets` is the one that stays.",
    )
