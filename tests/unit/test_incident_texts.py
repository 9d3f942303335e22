"""What is written into tickets about incidents: where to look, and not what happened."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident, IncidentType, Told
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, gone
from remediation.domain.tickets import Draft, Ticket, TicketState
from remediation.mapping.config.incident_wording import IncidentTemplates
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.trials import ticket_flaws
from remediation.mapping.render.incidents import INCIDENT_WORDS, RESTRICTED_OF_INCIDENTS, change_of, incident_values
from remediation.rulebook import MappingsRulebook
from tests.unit.mapping_subjects import found, reported

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
JIRA = Ticket("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN)
CANARY = f"ZZPII-{uuid.uuid4()}"
INCIDENT = Incident(
    "1f2e",
    IncidentType.REFERRAL,
    day=date(2026, 4, 13),
    school=f"school-{CANARY}",
    offenses=(f"offense-{CANARY}",),
    weapons=("K1", "K2"),
    injuries=("I1",),
    actions=("SUSP",),
    offenders=2,
    victims=1,
)

FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {token: {env: H}, incident_link: "https://incidents.example/{id}"}}
trackers:
  jira: {kind: jira, deployment: data_center, url: "https://jira.example", auth: {bearer: {env: J}}}
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
"""
WEAPONS = """\
  - name: weapons
    of: incidents
    severity: critical
    match: {weapon: [K1]}
    due: {critical: 2d}
    tickets: {jira: {project: SAFE, priority: {critical: Highest}}}
"""
RULES = f"rules:\n{WEAPONS}  - {{name: rest, tickets: {{jira: {{project: SEC}}}}}}\n"


def loaded(rules: str = RULES, more: str = "") -> Loaded:
    return loaded_of(FILE + more + rules, "m.yaml")


def rulebook(rules: str = RULES, more: str = "") -> MappingsRulebook:
    return MappingsRulebook(loaded(rules, more).mappings)


def draft_of(subject: Subject, book: MappingsRulebook) -> Draft:
    return book.ruling(subject, AT).draft("jira")


def problems(rules: str, more: str = "") -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(rules, more)
    return [problem.message for problem in caught.value.problems]


def test_a_ticket_says_where_to_look_and_not_what_happened() -> None:
    draft = draft_of(reported(INCIDENT), rulebook())
    assert CANARY not in repr((draft.summary, draft.body, draft.fields, draft.labels))
    assert draft.summary == "Incident to look at: referral, critical (lakeside:incident:1f2e)"
    for said in (
        "Our reference: lakeside:incident:1f2e\n",
        "Rule: weapons\n",
        "Weapon codes: K1, K2\n",
        "Injury codes: I1\n",
        "Action codes: SUSP\n",
        "Offenders: 2\n",
        "Victims: 1\n",
        "Due: 2026-04-17\n",
        "1. Open the incident: https://incidents.example/1f2e\n",
    ):
        assert said in draft.body
    assert "2026-04-13" not in draft.body
    assert "\n\n\n" not in draft.body


def test_the_severity_is_the_rules_and_what_is_due_does_not_tell_the_day() -> None:
    draft = draft_of(reported(INCIDENT), rulebook())
    assert draft.fields == {"priority": {"name": "Highest"}, "duedate": "2026-04-17"}
    assert draft.mark == "remedy:lakeside:incident:1f2e"


def test_school_date_and_offenses_are_written_only_where_the_rule_says_restricted() -> None:
    book = rulebook(RULES.replace("    due:", "    detail: restricted\n    due:"))
    body = draft_of(reported(INCIDENT), book).body
    assert f"School code: school-{CANARY}\nDate: 2026-04-13\nOffense codes: offense-{CANARY}\n" in body


def test_an_incident_of_which_only_the_id_is_known_still_gets_a_ticket() -> None:
    book = rulebook(RULES.replace("match: {weapon: [K1]}", "match: {type: unknown}"), "retention: {incidents: 30d}\n")
    draft = draft_of(reported(Incident("1f2e")), book)
    assert "Type: unknown" in draft.body
    assert "codes" not in draft.body
    assert "Offenders" not in draft.body


def test_the_documented_values_are_the_ones_that_templates_get() -> None:
    whole = incident_values("all", "ref", INCIDENT, restricted=True)
    assert {name: set(vars(value)) for name, value in whole.items()} == INCIDENT_WORDS.objects
    minimal = incident_values("all", "ref", INCIDENT)
    assert set(vars(minimal["incident"])) == INCIDENT_WORDS.objects["incident"] - RESTRICTED_OF_INCIDENTS
    assert CANARY not in repr(minimal)


def test_values_are_one_line_without_control_characters() -> None:
    values = incident_values("all", "ref", replace(INCIDENT, weapons=("a\n\x1b[31mb",)), link="https://x/\x00")
    shown = values["incident"]
    assert (shown.weapons, shown.link) == ("(no code)", "https://x/")  # type: ignore[attr-defined]  # a namespace


@pytest.mark.parametrize("restricted", [True, False])
def test_a_sentence_where_a_code_belongs_stands_in_no_text(restricted: bool) -> None:  # noqa: FBT001 - a column of the table
    prose = "Maya Jones had a knife"
    codes = (prose,)
    told = replace(INCIDENT, school=prose, offenses=codes, weapons=("K1", prose), injuries=codes, actions=codes)
    book = rulebook(RULES.replace("    due:", "    detail: restricted\n    due:") if restricted else RULES)
    draft = draft_of(reported(told), book)
    news = change_of(INCIDENT, told, restricted=restricted)
    assert "Maya" not in f"{draft} {news}"
    assert "Weapon codes: K1, (no code)\n" in draft.body
    assert "weapons +(no code) -K2" in news


@pytest.mark.parametrize("word", ["summary", "body"])
def test_the_built_in_texts_pass_the_trials_of_both_details(word: str) -> None:
    text = IncidentTemplates.model_fields[word].default
    assert ticket_flaws(text, "minimal", kind=CaseKind.INCIDENT) == ()
    assert ticket_flaws(text, None, kind=CaseKind.INCIDENT) == ()


@pytest.mark.parametrize("word", sorted(RESTRICTED_OF_INCIDENTS))
@pytest.mark.parametrize("place", ["summary", "body", "fields: {labels2", "close_fields: {customfield_1"])
def test_what_is_restricted_is_refused_in_every_template_of_another_rule(word: str, place: str) -> None:
    close = "}" if "{" in place else ""
    ticket = f"{place}: 'x {{{{ incident.{word} }}}}'{close}"
    (problem,) = problems(RULES.replace("project: SAFE", f"project: SAFE, {ticket}"))
    assert "is there only where the rule says detail: restricted, and rule weapons does not" in problem
    assert f"{{% if incident.{word} is defined %}}" in problem


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "defaults: {tickets: {jira: {body: 'x {{ finding.id }}'}}}\n",
            "there is no finding; there is case, inciden",
        ),
        (
            "defaults: {tickets: {jira: {fields: {a: '{{ incident.id }}'}}}}\n",
            "there is no incident; there is case, fin",
        ),
        ("templates2: {}\n", "is not known here"),
    ],
)
def test_what_defaults_say_for_both_kinds_must_suit_both(more: str, told: str) -> None:
    (problem,) = problems(RULES, more)
    assert told in problem
    assert ("rules of findings and of incidents have it from here" in problem) is more.startswith("defaults")


def test_defaults_of_a_tracker_with_rules_of_incidents_only_may_speak_of_incidents() -> None:
    rules = RULES.replace("tickets: {jira: {project: SEC}}", "tickets: {now: {}}")
    book = rulebook(rules, "defaults: {tickets: {jira: {summary: 'See {{ incident.id }}'}}}\n")
    assert draft_of(reported(INCIDENT), book).summary == "See 1f2e"


def test_texts_of_the_file_take_the_place_of_the_built_in_ones() -> None:
    text = FILE.replace(
        '{body: "{{ finding.id }}"}', "{body: f, incidents: {summary: 'S {{ incident.type }}', body: B}}"
    )
    book = MappingsRulebook(loaded_of(text + RULES, "m.yaml").mappings)
    draft = draft_of(reported(INCIDENT), book)
    assert (draft.summary, draft.body) == ("S referral", "B")


def test_what_closing_sets_by_default_is_left_out_where_it_speaks_of_a_finding() -> None:
    more = "defaults: {tickets: {now: {close_fields: {u_a: '{{ finding.id }}', u_b: plain, u_c: '{{ case.ref }}'}}}}\n"
    book = rulebook(more=more)
    other = reported(Incident("1f2e", weapons=("K9",)))
    assert book.ruling(other, AT).closing_fields("now") == {"u_b": "plain", "u_c": "lakeside:incident:1f2e"}
    finding = found(Finding("f"))
    assert book.ruling(finding, AT).closing_fields("now") == {"u_a": "f", "u_b": "plain", "u_c": "lakeside:finding:f"}


def test_the_ruling_says_how_bad_it_is() -> None:
    book = rulebook()
    assert book.ruling(reported(INCIDENT), AT).severity is Severity.CRITICAL
    other = reported(Incident("1f2e"))
    assert book.ruling(other, AT).severity is Severity.UNKNOWN
    assert book.ruling(other, AT, known="weapons").severity is Severity.CRITICAL
    assert book.ruling(found(Finding("f", severity=Severity.LOW)), AT).severity is Severity.LOW


@pytest.mark.parametrize("defaults", ["", "defaults: {when_gone: comment}\n"])
def test_a_deleted_incident_closes_its_tickets_unless_its_rule_says_otherwise(defaults: str) -> None:
    book, key = rulebook(more=defaults), reported(INCIDENT).key
    assert book.ruling(gone(key), AT, known="weapons").policy.closes_gone
    assert book.ruling(gone(key), AT).policy.closes_gone
    ruling = book.ruling(gone(key), AT, known="weapons")
    assert ruling.comment(Why.FINDING_GONE, JIRA, AT) == (
        "This incident was deleted in its system. As the rules say, its ticket is closed "
        "(lakeside:incident:1f2e, 2026-04-15 14:02 UTC)."
    )
    careful = rulebook(RULES.replace("    due:", "    when_gone: comment\n    due:"), defaults)
    assert not careful.ruling(gone(key), AT, known="weapons").policy.closes_gone
    assert not book.ruling(gone(found(Finding("f")).key), AT, known="rest").policy.closes_gone


def test_nobody_is_sent_a_note_about_an_incident() -> None:
    assert rulebook().ruling(reported(INCIDENT), AT).note(SetStatus(Status.REVIEWING, Why.NEW), (JIRA,), AT) == ""


CHANGED = replace(INCIDENT, type=IncidentType.MINOR, weapons=("K2", "K3"), injuries=(), school="102", offenses=())


@pytest.mark.parametrize(
    ("after", "restricted", "told"),
    [
        (INCIDENT, False, ""),
        (replace(INCIDENT, offenders=9, last_modified="2", day=None), False, ""),
        (replace(INCIDENT, type=IncidentType.UNKNOWN), False, ""),
        (
            CHANGED,
            False,
            "type referral to minor; weapons +K3 -K1; injuries -I1; school changed; offenses changed",
        ),
        (
            CHANGED,
            True,
            (
                f"type referral to minor; weapons +K3 -K1; injuries -I1; school +102 -school-{CANARY}; "
                f"offenses -offense-{CANARY}"
            ),
        ),
        (replace(INCIDENT, school=None), False, "school changed"),
    ],
)
def test_of_a_change_is_told_which_codes_came_and_went(after: Incident, restricted: bool, told: str) -> None:  # noqa: FBT001 - a column of the table
    assert change_of(INCIDENT, after, restricted=restricted) == told


def test_the_comment_on_a_change_quotes_what_the_rule_allows() -> None:
    changed = replace(reported(replace(CHANGED, weapons=("K1",))), told=Told(INCIDENT))
    ruling = rulebook().ruling(changed, AT)
    fact = ruling.news
    assert fact == "type referral to minor; weapons -K2; injuries -I1; school changed; offenses changed"
    assert ruling.comment(Why.INCIDENT_CHANGED, JIRA, AT, "digest").startswith(
        f"This incident was changed in its system: {fact}. Please look there once more (lakeside:incident:1f2e"
    )
    assert rulebook().ruling(found(Finding("f")), AT).news == ""


def test_a_ticket_in_a_tracker_that_left_the_rule_is_told_which_rule_counts() -> None:
    comment = rulebook().ruling(reported(INCIDENT), AT).comment(Why.RULE_CHANGED, JIRA, AT)
    assert comment.startswith(
        "The rules no longer ask for a ticket here for this incident, which rule weapons takes now."
    )


def test_a_ticket_is_told_of_another_one_by_its_key_alone() -> None:
    comment = rulebook().ruling(reported(INCIDENT), AT).comment(Why.RELATED, JIRA, AT, "INC0012")
    assert comment.startswith("This ticket and INC0012 may have to do with each other (lakeside:incident:")
