"""What notes and comments say, and that none of them can fail on the day."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.errors import ConfigurationError
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.config.incident_wording import IncidentComments, IncidentTemplates
from remediation.mapping.config.scan_summaries import SummaryComments, SummaryTemplates
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.wording import Comments, Notes, Templates
from remediation.mapping.reading.loading import load_mappings, loaded_of
from remediation.mapping.reading.trials import follows_flaws, message_flaws
from remediation.mapping.render.occasions import (
    LONGEST_NOTE,
    MESSAGE_WORDS,
    CommentKind,
    IncidentCommentKind,
    NoteKind,
    Occasion,
    SummaryCommentKind,
    comment_of,
    message_values,
    note_of,
)
from remediation.redaction import WORDS_LIMIT

SHIPPED = load_mappings(Path(__file__).parents[2] / "mappings.yaml").mappings
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_9d2")
AT = datetime(2026, 4, 15, 16, 2, tzinfo=timezone(timedelta(hours=2)))
TICKETS = (
    Link("servicenow", "incident/1", "INC0010001", "https://now.example/1"),
    Ticket("jira", "10012", "SEC-12", "https://jira.example/browse/SEC-12", TicketState.DONE),
)
BOTH = (Ticket("servicenow", "incident/1", "INC0010001", "https://now.example/1", TicketState.DONE), TICKETS[1])
OCCASION = Occasion(KEY, AT, "students-exposed", BOTH, Reason.FIXED, "5f8c-account")


def mappings_with(more: str) -> Mappings:
    text = f"""
version: 1
districts:
  lakeside:
    schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: W}}]}}}}
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: J}}}}}}
templates: {{body: x}}
{more}
rules:
  - {{name: all, tickets: {{jira: {{project: SEC}}}}}}
"""
    return loaded_of(text, "m.yaml").mappings


BOTH_NAMES = "servicenow INC0010001 and jira SEC-12"


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        (
            NoteKind.OPENED,
            f"Remediation is tracked in {BOTH_NAMES} (rule students-exposed, 2026-04-15 14:02 UTC).",
        ),
        (
            NoteKind.RESOLVED,
            f"Resolved through {BOTH_NAMES}: fixed, closed by 5f8c-account (2026-04-15 14:02 UTC).",
        ),
        (
            NoteKind.ACCEPTED_RISK,
            f"Accepted as a risk through {BOTH_NAMES}, without an end, decided by 5f8c-account (2026-04-15 14:02 UTC).",
        ),
        (
            NoteKind.STILL_ACCEPTED,
            (
                f"Found again, and still accepted as a risk through {BOTH_NAMES}, without an end, decided by "
                "5f8c-account: no ticket is opened (2026-04-15 14:02 UTC)."
            ),
        ),
        (
            NoteKind.RISK_EXPIRED,
            f"The acceptance of this risk has ended: work goes on in {BOTH_NAMES} (2026-04-15 14:02 UTC).",
        ),
        (
            NoteKind.CONFLICT,
            (
                f"This finding and its tickets ({BOTH_NAMES}) were changed at the same time, in ways that disagree. "
                "What is still open wins: work goes on (2026-04-15 14:02 UTC)."
            ),
        ),
        (
            NoteKind.REOPENED,
            f"There is more to do: work goes on in {BOTH_NAMES} (2026-04-15 14:02 UTC).",
        ),
    ],
)
def test_a_note_names_the_tickets_and_the_time(kind: NoteKind, note: str) -> None:
    assert note_of(SHIPPED, kind, OCCASION) == note


def test_a_note_without_a_reason_or_a_person_leaves_them_out() -> None:
    occasion = Occasion(KEY, AT, tickets=TICKETS[1:])
    assert note_of(SHIPPED, NoteKind.RESOLVED, occasion) == (
        "Resolved through jira SEC-12: no reason was given (2026-04-15 14:02 UTC)."
    )


def test_a_note_of_tickets_that_we_know_only_by_their_links_names_them() -> None:
    note = note_of(SHIPPED, NoteKind.RESOLVED, replace(OCCASION, tickets=TICKETS[:1]))
    assert note.startswith("Resolved through servicenow INC0010001: fixed")


def test_what_was_closed_with_the_tickets_that_decided_is_told_apart() -> None:
    tickets = (replace(BOTH[0], state=TicketState.IN_PROGRESS), TICKETS[1])
    note = note_of(SHIPPED, NoteKind.RESOLVED, replace(OCCASION, tickets=tickets))
    assert note.startswith("Resolved through jira SEC-12: fixed")
    assert note.endswith("Closed with it: servicenow INC0010001.")


@pytest.mark.parametrize("kind", [*CommentKind, *IncidentCommentKind])
def test_a_comment_names_the_case(kind: CommentKind | IncidentCommentKind) -> None:
    assert KEY.ref in comment_of(SHIPPED, kind, OCCASION)


def test_the_comment_on_a_duplicate_names_the_ticket_that_stays() -> None:
    assert comment_of(SHIPPED, CommentKind.DUPLICATE, Occasion(KEY, AT, tickets=TICKETS[1:])).startswith(
        "A duplicate of jira SEC-12:"
    )


def test_notes_and_comments_can_be_worded_in_the_file() -> None:
    mappings = mappings_with("notes: {opened: 'Siehe {{ case.ref }}'}\ncomments: {reopened: 'Wieder offen'}")
    assert note_of(mappings, NoteKind.OPENED, OCCASION) == "Siehe lakeside:finding:fnd_9d2"
    assert comment_of(mappings, CommentKind.REOPENED, OCCASION) == "Wieder offen"


def test_a_note_is_bounded_and_free_of_control_characters() -> None:
    mappings = mappings_with("notes: {opened: 'by {% for t in tickets %}{{ by }}{% endfor %}'}")
    note = note_of(mappings, NoteKind.OPENED, replace(OCCASION, tickets=TICKETS * 9, by="x\x1b[2J\n" * 900))
    assert len(note) == LONGEST_NOTE
    assert "\x1b" not in note
    assert "\n" not in note


def test_peoples_words_and_facts_are_cut_and_are_no_templates() -> None:
    occasion = replace(OCCASION, words="{{ case.ref }}\x1b\n" + "w" * 900, fact="{% if %}" + "f" * 900)
    values = message_values(occasion)
    assert [len(str(values[name])) for name in ("words", "fact")] == [WORDS_LIMIT, WORDS_LIMIT]
    assert 'They wrote: "{{ case.ref }} www' in note_of(SHIPPED, NoteKind.RESOLVED, occasion)
    assert "was refused: {% if %}fff" in comment_of(SHIPPED, CommentKind.REFUSED, occasion)


def test_there_is_a_text_for_every_kind_of_note_and_comment() -> None:
    assert set(Notes.model_fields) == set(NoteKind)
    assert set(Comments.model_fields) == {*CommentKind, "incidents", "scan_summaries"}
    assert set(SummaryComments.model_fields) == set(SummaryCommentKind)
    assert set(IncidentComments.model_fields) == set(IncidentCommentKind)


def test_the_built_in_texts_pass_the_trials_that_written_ones_must_pass() -> None:
    models: tuple[type[BaseModel], ...] = (Notes, Comments, IncidentComments, SummaryComments)
    fields = [field for model in models for field in model.model_fields.values()]
    texts = [field.default for field in fields if isinstance(field.default, str)]
    assert len(texts) == sum(map(len, (NoteKind, CommentKind, IncidentCommentKind, SummaryCommentKind)))
    assert [flaw for text in texts for flaw in message_flaws(text)] == []
    for templates in (Templates, IncidentTemplates, SummaryTemplates):
        assert follows_flaws(templates.model_fields["follows"].default) == ()


@pytest.mark.parametrize(
    "text",
    [
        "{{ {'close': 1, 'comment': 2}[fact] }}",
        "{% if why == 'kept_open' %}{{ tickets[7].key }}{% endif %}.",
        "{{ until }}",
        "{% if status == 'gone' %}{{ 1 / 0 }}{% endif %}.",
        "{% for ticket in tickets %}{{ ticket.state + 1 }}{% endfor %}.",
        "{{ words }}",
        "{{ wrods }}",
    ],
)
def test_a_text_that_could_fail_on_some_occasion_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"comments\.kept_open"):
        mappings_with(f"comments:\n  kept_open: {json.dumps(text)}")


def test_the_line_that_names_an_earlier_ticket_speaks_of_that_alone() -> None:
    text = "version: 1\ntemplates: {body: x, follows: '{{ finding.id }}'}\n"
    with pytest.raises(ConfigurationError, match=r"follows: there is no finding; there is case, earlier, rule"):
        loaded_of(text, "m.yaml")


def test_a_text_that_fails_against_all_trials_gives_way_to_the_built_in_one() -> None:
    notes = SHIPPED.notes.model_copy(update={"opened": "{{ 1 / 0 }}", "resolved": "{{ words }}"})
    comments = SHIPPED.comments.model_copy(update={"refused": "{{ nobody.knows }}"})
    broken = SHIPPED.model_copy(update={"notes": notes, "comments": comments})
    for kind in (NoteKind.OPENED, NoteKind.RESOLVED):
        assert note_of(broken, kind, OCCASION) == note_of(SHIPPED, kind, OCCASION)
    assert comment_of(broken, CommentKind.REFUSED, OCCASION) == comment_of(SHIPPED, CommentKind.REFUSED, OCCASION)


def test_the_documented_values_are_the_ones_that_templates_get() -> None:
    assert set(message_values(OCCASION)) == MESSAGE_WORDS.names | set(MESSAGE_WORDS.objects)


TICKET_OF_ANY_KIND = st.builds(
    Ticket,
    st.sampled_from(["jira", "servicenow"]),
    st.just("1"),
    st.text(max_size=8),
    st.text(max_size=8),
    st.sampled_from(TicketState),
    st.none() | st.sampled_from(Reason),
)
OCCASIONS = st.builds(
    Occasion,
    st.just(KEY),
    st.just(AT),
    rule=st.text(max_size=5),
    tickets=st.lists(TICKET_OF_ANY_KIND, max_size=3).map(tuple),
    reason=st.none() | st.sampled_from(Reason),
    by=st.none() | st.text(max_size=9),
    why=st.none() | st.sampled_from(Why),
    status=st.none() | st.sampled_from(Status),
    fact=st.text(max_size=30),
    until=st.none() | st.just(AT),
    words=st.text(max_size=30),
)


@given(OCCASIONS)
def test_whatever_happens_there_are_words_for_it(occasion: Occasion) -> None:
    notes = [note_of(SHIPPED, kind, occasion) for kind in NoteKind]
    comments = [comment_of(SHIPPED, kind, occasion) for kind in CommentKind]
    for text in (*notes, *comments):
        assert text
        assert len(text) <= LONGEST_NOTE
    assert len(set(comments)) == len(comments)
