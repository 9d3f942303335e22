"""The texts that we write into tickets and notes, as templates; what they may speak of is in templates.py."""

from pydantic import Field

from remediation.mapping.words import Text, Written


class Templates(Written):
    """The texts of tickets where a rule has none of its own (Jinja2)."""

    summary: Text = Field(
        default="Exposed student data: {{ finding.domain_type }}, {{ finding.severity }} ({{ case.ref }})",
        description="One line.",
    )
    body: Text = Field(description="What the ticket is about, and what to do.")


_NAMES = "{% for ticket in tickets %}{{ ticket.tracker }} {{ ticket.key }}{{ ' and ' if not loop.last }}{% endfor %}"


class Notes(Written):
    """The audit texts that go to SchoolScan with a change of status (Jinja2)."""

    opened: Text = Field(
        default=f"Remediation is tracked in {_NAMES} "
        "({% if rule.name %}rule {{ rule.name }}, {% endif %}{{ at }}).",
        description="With `reviewing`, when tickets were opened.",
    )
    resolved: Text = Field(
        default=f"Resolved through {_NAMES}: {{{{ reason or 'unknown' }}}}"
        "{% if by %}, closed by {{ by }}{% endif %} ({{ at }}).",
        description="With `resolved`, when the tickets are done.",
    )
    accepted_risk: Text = Field(
        default=f"Accepted as a risk through {_NAMES}"
        "{% if by %}, decided by {{ by }}{% endif %} ({{ at }}).",
        description="With `accepted_risk`, when the tickets are done and say so.",
    )
    reopened: Text = Field(
        default=f"Work goes on in {_NAMES} ({{{{ at }}}}).",
        description="With `reviewing`, when tickets are active again.",
    )


class Comments(Written):
    """What we tell the people on a ticket (Jinja2)."""

    resolved: Text = Field(
        default="In SchoolScan this finding is resolved: nothing is left to do here ({{ case.ref }}, {{ at }}).",
        description="When a ticket is closed because its finding is resolved.",
    )
    accepted_risk: Text = Field(
        default="In SchoolScan this finding is accepted as a risk: nothing is left to do here "
        "({{ case.ref }}, {{ at }}).",
        description="When a ticket is closed because its finding is accepted as a risk.",
    )
    reopened: Text = Field(
        default="In SchoolScan this finding is open again: there is work left here ({{ case.ref }}, {{ at }}).",
        description="When a ticket is opened again because its finding came back.",
    )
    conflict: Text = Field(
        default="This ticket was opened again while its finding was closed in SchoolScan. What is still "
        "open wins: the finding goes back to reviewing ({{ case.ref }}, {{ at }}).",
        description="When ticket and finding were changed at the same time, in ways that disagree.",
    )
    duplicate: Text = Field(
        default=f"A duplicate of {_NAMES}: both were opened for {{{{ case.ref }}}}. The older one stays open.",
        description="When one of two tickets for the same case is closed.",
    )
