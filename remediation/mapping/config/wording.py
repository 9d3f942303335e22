"""The texts of tickets, notes and comments, as templates. The values that they may use are in mapping/render."""

from pydantic import Field

from remediation.mapping.config.incident_wording import IncidentComments, IncidentTemplates
from remediation.mapping.config.scan_summaries import SummaryComments, SummaryTemplates
from remediation.mapping.config.words import Text, Written


class Templates(Written):
    """The texts of tickets where a rule has none of its own (Jinja2)."""

    summary: Text = Field(
        default="Exposed student data: {{ finding.domain_type }}, {{ finding.severity }} ({{ case.ref }})",
        description="One line.",
    )
    body: Text = Field(description="What the ticket is about, and what to do.")
    follows: Text = Field(
        default="This takes the place of {{ earlier.key }} ({{ earlier.url }}), which was closed: the finding is there "
        "again.",
        description="Stands before the body of a ticket that follows a closed one.",
    )
    incidents: IncidentTemplates = Field(
        default_factory=IncidentTemplates, description="The texts of tickets about incidents."
    )
    scan_summaries: SummaryTemplates = Field(
        default_factory=SummaryTemplates, description="The texts of tickets that sum up scans."
    )


_NAME = "{{ ticket.tracker }} {{ ticket.key }}{{ ' and ' if not loop.last }}"
_NAMES = f"{{% for ticket in tickets %}}{_NAME}{{% endfor %}}"
_DONE = f"{{% for ticket in tickets if ticket.state == 'done' %}}{_NAME}{{% else %}}{_NAMES}{{% endfor %}}"
_WORKING = f"{{% for ticket in tickets if ticket.state != 'done' %}}{_NAME}{{% else %}}{_NAMES}{{% endfor %}}"
_CLOSED_WITH_THEM = (
    "{% for ticket in tickets if ticket.state in ('open', 'in_progress') %}{{ ' Closed with it: ' if loop.first }}"
    f"{_NAME}{{{{ '.' if loop.last }}}}{{% endfor %}}"
)
_REASON = (
    "{% if reason == 'unknown' and word %}closed as \"{{ word }}\", a word that nothing maps"
    "{% else %}{{ (reason | replace('_', ' ')) or 'no reason was given' }}{% endif %}"
)
_CHANGED = "{% if why == 'reason_changed' %}, changed after the closing{% endif %}"
_END = "{% if until %}until {{ until }}{% else %}without an end{% endif %}"
_VERIFIED = "{% if fact %} Scan {{ fact }}, which began after that, does not find it any more.{% endif %}"
_QUOTED = '{% if words %} They wrote: "{{ words }}"{% endif %}'
_REF = "({{ case.ref }}, {{ at }})"


class Notes(Written):
    """The audit texts that go to SchoolScan with a change of status (Jinja2)."""

    opened: Text = Field(
        default=f"Remediation is tracked in {_NAMES} "
        "({% if rule.name %}rule {{ rule.name }}, {% endif %}{{ at }}).",
        description="With `reviewing`, when tickets were opened.",
    )
    resolved: Text = Field(
        default=f"Resolved through {_DONE}: {_REASON}{_CHANGED}"
        f"{{% if by %}}, closed by {{{{ by }}}}{{% endif %}} ({{{{ at }}}}).{_CLOSED_WITH_THEM}{_VERIFIED}{_QUOTED}",
        description="With `resolved`, when the tickets are done; `fact` is the scan that has verified it, if one did.",
    )
    accepted_risk: Text = Field(
        default=f"Accepted as a risk through {_DONE}, {_END}{_CHANGED}"
        f"{{% if by %}}, decided by {{{{ by }}}}{{% endif %}} ({{{{ at }}}}).{_CLOSED_WITH_THEM}{_QUOTED}",
        description="With `accepted_risk`, when the tickets are done and say so.",
    )
    still_accepted: Text = Field(
        default=f"Found again, and still accepted as a risk through {_DONE}, {_END}"
        "{% if by %}, decided by {{ by }}{% endif %}: no ticket is opened ({{ at }}).",
        description="With `accepted_risk`, when the finding is found again and the acceptance has not ended.",
    )
    risk_expired: Text = Field(
        default="The acceptance of this risk has ended{% if until %} ({{ until }}){% endif %}: "
        f"work goes on in {_WORKING} ({{{{ at }}}}).",
        description="With `reviewing`, when an accepted risk has come to its end.",
    )
    conflict: Text = Field(
        default=f"This finding and its tickets ({_NAMES}) were changed at the same time, in ways that disagree. "
        "{% if status in ('resolved', 'accepted_risk') %}SchoolScan's word counts: it stays "
        "{{ status | replace('_', ' ') }}{% else %}What is still open wins: work goes on{% endif %} ({{ at }}).",
        description="When finding and tickets were changed at the same time, in ways that disagree.",
    )
    reopened: Text = Field(
        default="{% if why == 'ticket_reopened' %}A person opened a ticket again"
        "{% elif why == 'found_again' %}Found again in SchoolScan{% else %}There is more to do{% endif %}: "
        f"work goes on in {_WORKING} ({{{{ at }}}}).",
        description="With `reviewing`, when tickets are active again; `why` says what moved us.",
    )
    kept_open: Text = Field(
        default=f"{_DONE} is closed in another way than before ({_REASON}), and that does not settle this finding "
        "({{ at }}).",
        description="With `reviewing`, when the reason of a closed ticket, or the end of its acceptance, was changed "
        "to one that does not count.",
    )
    verifying: Text = Field(
        default=f"{_DONE} is closed{{% if by %}} by {{{{ by }}}}{{% endif %}}: {_REASON} ({{{{ at }}}}). "
        "{% if fact %}{{ fact }} of its scans had no result; another one{% else %}A scan of its site{% endif %} "
        "is to show that the finding is gone. Until then it stays in review.",
        description="With `reviewing`, when a scan is to verify what people mended; `fact` is how many had no result.",
    )
    still_found: Text = Field(
        default="The tickets say that this is mended, and {% if fact %}scan {{ fact }}{% else %}SchoolScan{% endif %} "
        f"still finds it: work goes on in {_WORKING} ({{{{ at }}}}).",
        description="With `reviewing`, when the scan that was to verify a mending still finds it; `fact` is that scan.",
    )
    unverified: Text = Field(
        default="The tickets say that this is mended, and no scan could show that: "
        "{% if fact == 'refused' %}SchoolScan does not scan its site for us{% else %}its scans had no result"
        f"{{% endif %}}. Work goes on in {_WORKING} ({{{{ at }}}}).",
        description="With `reviewing`, when no scan could verify a mending; `fact` is why: refused, or failed.",
    )


class Comments(Written):
    """What we tell the people on a ticket (Jinja2)."""

    resolved: Text = Field(
        default=f"In SchoolScan this finding is resolved: nothing is left to do here {_REF}.",
        description="When a ticket is closed because its finding is resolved.",
    )
    accepted_risk: Text = Field(
        default=f"In SchoolScan this finding is accepted as a risk: nothing is left to do here {_REF}.",
        description="When a ticket is closed because its finding is accepted as a risk.",
    )
    other_ticket_done: Text = Field(
        default=f"Another ticket of this finding is done, and one is enough: nothing is left to do here {_REF}.",
        description="When a ticket is closed because another one of its finding is done (`resolve_when: any`).",
    )
    reopened: Text = Field(
        default="{% if why == 'ticket_reopened' %}Another ticket of this finding was opened again"
        "{% else %}In SchoolScan this finding is open again{% endif %}: "
        f"there is work left here {_REF}.",
        description="When a ticket is opened again because its finding came back.",
    )
    continued: Text = Field(
        default="The finding of this ticket is there again. This ticket stays closed; work goes on in "
        f"{{% for ticket in tickets %}}{{{{ ticket.key }}}} ({{{{ ticket.url }}}}){{% endfor %}} {_REF}.",
        description="On a closed ticket, when a new one follows it; `tickets` is the new one.",
    )
    conflict: Text = Field(
        default="This ticket and its finding in SchoolScan were changed at the same time, in ways that disagree. "
        "{% if status in ('resolved', 'accepted_risk') %}SchoolScan's word counts: the finding is "
        "{{ status | replace('_', ' ') }}{% else %}What is still open wins: there is work left{% endif %} "
        f"{_REF}.",
        description="When ticket and finding were changed at the same time, in ways that disagree.",
    )
    severity_raised: Text = Field(
        default="SchoolScan says that this finding is worse than it seemed{% if fact %}: {{ fact }}{% endif %}. "
        "Whatever nobody has changed here since, such as the priority and the date on which it is due, follows "
        f"{_REF}.",
        description="When the finding's severity was raised; `fact` is from what to what.",
    )
    expert_reviewed: Text = Field(
        default="SchoolScan's privacy staff looked at this finding"
        f"{{% if fact and fact != 'unknown' %}}: {{{{ fact | replace('_', ' ') }}}}{{% endif %}} {_REF}.",
        description="When an expert has reviewed the finding; `fact` is the outcome, or unknown.",
    )
    finding_gone: Text = Field(
        default="SchoolScan no longer has this finding, so it can tell nothing more about it. "
        "{% if fact == 'close' %}As the rules say, its ticket is closed"
        "{% else %}Please look at the page once more, and close this ticket if nothing is left to do{% endif %} "
        f"{_REF}.",
        description="When SchoolScan no longer has the finding; `fact` is what the rule says under `when_gone`.",
    )
    risk_unexplained: Text = Field(
        default="This ticket accepts a risk, but that does not count yet. "
        "{% if 'reason' in fact %}The reason is missing: write it into the field that this ticket has for it. "
        "{% endif %}{% if 'expiry' in fact %}The end is missing: set the date on which it must be looked at again. "
        "{% endif %}{% if 'unreadable' in fact %}Its end cannot be read: write it as 2030-01-31, or as "
        "2030-01-31 16:00 for a time of UTC. {% endif %}{% if 'past' in fact %}Its end has passed: set a later date, "
        f"or open this ticket again. {{% endif %}}Until then the finding stays open in SchoolScan {_REF}.",
        description="When a ticket accepts a risk without what the rule demands, or until an end that nobody can read; "
        "`fact` names what is missing: reason, expiry, unreadable, past.",
    )
    risk_expired: Text = Field(
        default="The acceptance of this risk has ended{% if until %} ({{ until }}){% endif %}: somebody must decide "
        f"again whether it is mended or accepted {_REF}.",
        description="When a ticket is opened again because its accepted risk has come to its end.",
    )
    kept_open: Text = Field(
        default="This ticket was closed "
        "({% if 'left_over:' in fact %}with \"{{ word }}\", which an earlier closing had left there"
        "{% elif 'unknown:' in fact %}as \"{{ word }}\", a word that we do not know"
        "{% else %}{{ (fact or 'no reason') | replace('_', ' ') }}{% endif %}), but that does not settle "
        "its finding, which stays open in SchoolScan. Open the ticket again and mend it, or close it as mended or as "
        f"an accepted risk {_REF}.",
        description="When a ticket was closed for a reason that leaves the finding as it is; `fact` is the reason, "
        "with the tracker's own word where nothing maps it (`unknown: …`) or an earlier closing left it "
        "(`left_over: …`).",
    )
    left_over: Text = Field(
        default='This ticket is open again, but what it was closed as is still written here: "{{ word }}". Whoever '
        f"closes it next, please choose anew: what is left as it was counts as no choice {_REF}.",
        description="When a ticket was opened again and its tracker kept the reason of the last closing; `word` is "
        "that.",
    )
    still_found: Text = Field(
        default="This ticket was closed as mended, and {% if fact %}scan {{ fact }}{% else %}SchoolScan{% endif %} "
        "still finds it{% if page %} on {{ page }}{% endif %}: there is work left. Where it is, "
        "{% if link %}{{ link }} shows{% else %}its page in SchoolScan shows{% endif %}; older versions and copies of "
        f"a file count, too {_REF}.",
        description="When a ticket is opened again because the scan that was to verify its mending still finds it; "
        "`fact` is that scan, `link` the finding's page for people, and `page` where it was found, if the rule has "
        "`detail: restricted`.",
    )
    unverified: Text = Field(
        default="This ticket was closed as mended, and no scan could show that: "
        "{% if fact == 'refused' %}SchoolScan does not scan its site for us"
        "{% else %}the scans of its site had no result{% endif %}. Whoever knows that it is gone, please set the "
        f"finding to resolved in SchoolScan: that closes this ticket {_REF}.",
        description="When a ticket is opened again because no scan could verify its mending; `fact` is why: refused, "
        "or failed.",
    )
    refused: Text = Field(
        default="Something was to be changed automatically and was refused{% if fact %}: {{ fact }}{% endif %}. Please "
        f"do it by hand, or mend what stands in its way and let it be tried again {_REF}.",
        description="When a change was refused; `fact` is which one, with the words of the tracker that refused it.",
    )
    duplicate: Text = Field(
        default=f"A duplicate of {_NAMES}: both were opened for {{{{ case.ref }}}}. The older one stays open.",
        description="When one of two tickets for the same case is closed; `tickets` is the one that stays.",
    )
    incidents: IncidentComments = Field(
        default_factory=IncidentComments, description="What the people on tickets about incidents are told."
    )
    scan_summaries: SummaryComments = Field(
        default_factory=SummaryComments, description="What the people on tickets that sum up scans are told."
    )
