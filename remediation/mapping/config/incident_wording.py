"""The texts that we write into the tickets of incidents, as templates.

They say where to look, and not what happened: a ticket is read by more people than an incident is.
"""

from pydantic import Field

from remediation.mapping.config.words import Text, Written

_BODY = """\
An incident needs somebody's attention. What happened stands in the incident system, and not here.

Our reference: {{ case.ref }}
Type: {{ incident.type }}
Severity: {{ incident.severity }}
Rule: {{ rule.name }}
{% if incident.weapons %}
Weapon codes: {{ incident.weapons }}
{% endif %}
{% if incident.injuries %}
Injury codes: {{ incident.injuries }}
{% endif %}
{% if incident.actions %}
Action codes: {{ incident.actions }}
{% endif %}
{% if incident.offenders %}
Offenders: {{ incident.offenders }}
{% endif %}
{% if incident.victims %}
Victims: {{ incident.victims }}
{% endif %}
{% if incident.due %}
Due: {{ incident.due }}
{% endif %}
{% if incident.school is defined and incident.school %}
School code: {{ incident.school }}
{% endif %}
{% if incident.date is defined and incident.date %}
Date: {{ incident.date }}
{% endif %}
{% if incident.offenses is defined and incident.offenses %}
Offense codes: {{ incident.offenses }}
{% endif %}

What to do
{% if incident.link %}
1. Open the incident: {{ incident.link }}
{% else %}
1. Look the incident up in the incident system by its id: {{ incident.id }}
{% endif %}
2. Do what your district's procedure says, and write it down there.
3. Close this ticket when that is done. Please write no student's name here."""


class IncidentTemplates(Written):
    """The texts of tickets about incidents where a rule has none of its own (Jinja2)."""

    summary: Text = Field(
        default="Incident to look at: {{ incident.type }}, {{ incident.severity }} ({{ case.ref }})",
        description="One line.",
    )
    body: Text = Field(default=_BODY, description="Where to look, and what to do.")
    follows: Text = Field(
        default="This takes the place of {{ earlier.key }} ({{ earlier.url }}), which was closed: there is work left.",
        description="Stands before the body of a ticket that follows a closed one.",
    )


_REF = "({{ case.ref }}, {{ at }})"


class IncidentComments(Written):
    """What we tell the people on a ticket about an incident (Jinja2)."""

    resolved: Text = Field(
        default=f"This incident is dealt with: nothing is left to do here {_REF}.",
        description="When a ticket is closed because its incident was decided to be dealt with.",
    )
    accepted_risk: Text = Field(
        default=f"This incident is accepted as it is: nothing is left to do here {_REF}.",
        description="When a ticket is closed because it was decided to leave its incident as it is.",
    )
    other_ticket_done: Text = Field(
        default=f"Another ticket of this incident is done, and one is enough: nothing is left to do here {_REF}.",
        description="When a ticket is closed because another one of its incident is done (`resolve_when: any`).",
    )
    reopened: Text = Field(
        default="{% if why == 'ticket_reopened' %}Another ticket of this incident was opened again"
        "{% else %}This incident is in its feed again{% endif %}: "
        f"there is work left here {_REF}.",
        description="When a ticket is opened again because its incident came back, or because another ticket did.",
    )
    continued: Text = Field(
        default="There is work left about the incident of this ticket. This ticket stays closed; work goes on in "
        f"{{% for ticket in tickets %}}{{{{ ticket.key }}}} ({{{{ ticket.url }}}}){{% endfor %}} {_REF}.",
        description="On a closed ticket, when a new one follows it; `tickets` is the new one.",
    )
    conflict: Text = Field(
        default="The tickets of this incident were changed at the same time, in ways that disagree. "
        "{% if status in ('resolved', 'accepted_risk') %}The incident stays {{ status | replace('_', ' ') }}"
        f"{{% else %}}What is still open wins: there is work left{{% endif %}} {_REF}.",
        description="When the tickets of an incident and what was decided about it disagree.",
    )
    severity_raised: Text = Field(
        default="This incident is worse than it seemed{% if fact %}: {{ fact }}{% endif %}. Whatever nobody has "
        f"changed here since, such as the priority and the date on which it is due, follows {_REF}.",
        description="When a rule of a higher severity takes the incident; `fact` is from what to what.",
    )
    changed: Text = Field(
        default="This incident was changed in its system{% if fact %}: {{ fact }}{% endif %}. "
        f"Please look there once more {_REF}.",
        description="When type or codes of an incident have changed; `fact` is which codes came (+) and went (-).",
    )
    rule_changed: Text = Field(
        default="The rules no longer ask for a ticket here for this incident{% if rule.name %}, which rule "
        "{{ rule.name }} takes now{% endif %}. This ticket still counts: closing it says that nothing is left to do "
        f"here {_REF}.",
        description="Once on a ticket, when another rule takes the incident, which has none in this tracker.",
    )
    related: Text = Field(
        default=f"This ticket and {{{{ fact }}}} may have to do with each other {_REF}.",
        description="Where a rule relates incidents to findings (`relate`) and the tracker has no link for that; "
        "`fact` is the key of the finding's ticket.",
    )
    deleted: Text = Field(
        default="This incident was deleted in its system. "
        "{% if fact == 'close' %}As the rules say, its ticket is closed"
        "{% else %}Please close this ticket if nothing is left to do{% endif %} "
        f"{_REF}.",
        description="When an incident was deleted; `fact` is what the rule says under `when_gone`.",
    )
    risk_unexplained: Text = Field(
        default="This ticket accepts a risk, but that does not count yet. "
        "{% if 'reason' in fact %}The reason is missing: write it into the field that this ticket has for it. "
        "{% endif %}{% if 'expiry' in fact %}The end is missing: set the date on which it must be looked at again. "
        "{% endif %}{% if 'unreadable' in fact %}Its end cannot be read: write it as 2030-01-31, or as "
        "2030-01-31 16:00 for a time of UTC. {% endif %}{% if 'past' in fact %}Its end has passed: set a later date, "
        f"or open this ticket again. {{% endif %}}Until then the incident stays open {_REF}.",
        description="When a ticket accepts a risk without what the rule demands, or until an end that nobody can read; "
        "`fact` names what is missing: reason, expiry, unreadable, past.",
    )
    risk_expired: Text = Field(
        default="What was accepted has come to its end{% if until %} ({{ until }}){% endif %}: somebody must decide "
        f"again {_REF}.",
        description="When a ticket is opened again because its accepted risk has come to its end.",
    )
    kept_open: Text = Field(
        default="This ticket was closed "
        "({% if 'left_over:' in fact %}with \"{{ word }}\", which an earlier closing had left there"
        "{% elif 'unknown:' in fact %}as \"{{ word }}\", a word that we do not know"
        "{% else %}{{ (fact or 'no reason') | replace('_', ' ') }}{% endif %}), but that does not settle "
        f"its incident, which stays open. Open the ticket again, or close it as done or as an accepted risk {_REF}.",
        description="When a ticket was closed for a reason that leaves the incident as it is; `fact` is the reason, "
        "with the tracker's own word where nothing maps it (`unknown: …`) or an earlier closing left it "
        "(`left_over: …`).",
    )
    left_over: Text = Field(
        default='This ticket is open again, but what it was closed as is still written here: "{{ word }}". Whoever '
        f"closes it next, please choose anew: what is left as it was counts as no choice {_REF}.",
        description="When a ticket was opened again and its tracker kept the reason of the last closing; `word` is "
        "that.",
    )
    refused: Text = Field(
        default="Something was to be changed automatically and was refused{% if fact %}: {{ fact }}{% endif %}. Please "
        f"do it by hand, or mend what stands in its way and let it be tried again {_REF}.",
        description="When a change was refused; `fact` is which one, with the words of the tracker that refused it.",
    )
    duplicate: Text = Field(
        default="A duplicate of {% for ticket in tickets %}{{ ticket.tracker }} {{ ticket.key }}"
        "{{ ' and ' if not loop.last }}{% endfor %}: both were opened for {{ case.ref }}. The older one stays open.",
        description="When one of two tickets for the same case is closed; `tickets` is the one that stays.",
    )
