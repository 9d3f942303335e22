from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import Refused
from remediation.domain.tickets import Draft, Reason, Risk, TicketState
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.trackers.servicenow.records import (
    checked_mark,
    checked_table,
    closing_words_of,
    dropped_mark,
    fields_of,
    gone_ticket,
    is_unchanged,
    moment_of,
    noting,
    opening,
    reopening,
    resolution,
    table_and_sys_id,
    text_of,
    ticket_of,
    time_of,
    untaken,
)

SYS_ID = "0123456789abcdef0123456789abcdef"
PERSON = "f" * 32
PROGRAMS = "web_service_access_only"


def config(**settings: Any) -> ServiceNowTracker:
    written = {"kind": "servicenow", "url": "https://example.service-now.com", "auth": {"bearer": {"env": "UNUSED"}}}
    return ServiceNowTracker.model_validate(written | settings)


def record(**values: object) -> dict[str, object]:
    return {"sys_id": SYS_ID, "number": "INC0010001", "state": "1"} | values


def draft(**fields: object) -> Draft:
    return Draft("remedy:a:finding:1", "incident", "Summary", "Body", fields=fields)


def test_a_record_becomes_a_ticket() -> None:
    ticket = ticket_of(
        "helpdesk",
        config(),
        "incident",
        record(
            state="6",
            close_code="Duplicate",
            correlation_id="remedy:a:finding:1",
            resolved_by={"link": "https://example.service-now.com/x", "value": PERSON},
            resolved_at="2026-03-01 12:00:00",
            sys_created_on="2026-03-01 11:00:00",
            sys_updated_on="2026-03-01 12:00:01",
        ),
    )
    assert (ticket.tracker, ticket.id, ticket.key) == ("helpdesk", f"incident/{SYS_ID}", "INC0010001")
    assert ticket.url == f"https://example.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D{SYS_ID}"
    assert (ticket.state, ticket.reason) == (TicketState.DONE, Reason.DUPLICATE)
    assert (ticket.mark, ticket.closed_by) == ("remedy:a:finding:1", PERSON)
    assert ticket.closed_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert ticket.created_at == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert ticket.updated_at == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("1", TicketState.OPEN),
        ("2", TicketState.IN_PROGRESS),
        ("3", TicketState.IN_PROGRESS),
        ("6", TicketState.DONE),
        ("7", TicketState.DONE),
        ("8", TicketState.DONE),
        ("99", TicketState.OPEN),
        ("", TicketState.OPEN),
    ],
)
def test_only_a_state_that_says_so_ends_a_ticket(state: str, expected: TicketState) -> None:
    assert ticket_of("helpdesk", config(), "incident", record(state=state)).state is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": "6", "close_code": "Solution provided"}, Reason.FIXED),
        ({"state": "6", "close_code": " SOLUTION PROVIDED "}, Reason.FIXED),
        ({"state": "7", "close_code": "Known error"}, Reason.NOT_SOLVED),
        ({"state": "6", "close_code": "No resolution provided"}, Reason.NOT_SOLVED),
        ({"state": "6", "close_code": "Not Solved (Too Costly)"}, Reason.NOT_SOLVED),
        ({"state": "6", "close_code": "Not Solved (Not Reproducible)"}, Reason.NOT_SOLVED),
        ({"state": "6", "close_code": "Closed/Resolved by Caller"}, Reason.FIXED),
        ({"state": "6", "close_code": "Solved Remotely (Permanently)"}, Reason.FIXED),
        ({"state": "6", "close_code": "Solved Remotely (Work Around)"}, Reason.FIXED),
        ({"state": "6", "close_code": "User error"}, Reason.FALSE_POSITIVE),
        ({"state": "6", "close_code": ""}, Reason.NONE),
        ({"state": "6", "close_code": "Something else"}, Reason.UNKNOWN),
        ({"state": "6"}, Reason.NONE),
        ({"state": "8", "close_code": "Solution provided"}, Reason.CANCELLED),
        ({"state": "2", "close_code": "Solution provided"}, None),
    ],
)
def test_a_done_tickets_reason_is_its_close_code(values: dict[str, object], expected: Reason | None) -> None:
    assert ticket_of("helpdesk", config(), "incident", record(**values)).reason is expected


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"state": "6", "close_code": "Something else"}, "Something else"),
        ({"state": "6", "close_code": " Closed/Resolved by Caller\n"}, "Closed/Resolved by Caller"),
        ({"state": "6", "close_code": "ask " * 30}, ("ask " * 15).strip()[:59] + "…"),
        ({"state": "6", "close_code": "mail a.b@example.org"}, "mail …@…"),
        ({"state": "6", "close_code": ""}, ""),
        ({"state": "8", "close_code": "Solution provided"}, ""),
        ({"state": "2", "close_code": "Solution provided"}, "Solution provided"),
    ],
)
def test_a_tickets_own_word_is_kept_short_and_without_what_looks_personal(values: dict[str, str], word: str) -> None:
    assert ticket_of("helpdesk", config(), "incident", record(**values)).word == word


def test_who_resolved_counts_more_than_who_closed() -> None:
    both = record(state="7", resolved_by=PERSON, closed_by="a" * 32)
    closed = record(state="7", resolved_by="", closed_by="a" * 32, closed_at="2026-03-01 12:00:00")
    assert ticket_of("helpdesk", config(), "incident", both).closed_by == PERSON
    ticket = ticket_of("helpdesk", config(), "incident", closed)
    assert (ticket.closed_by, ticket.closed_at) == ("a" * 32, datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_an_open_ticket_was_closed_by_nobody() -> None:
    ticket = ticket_of("helpdesk", config(), "incident", record(resolved_by=PERSON, resolved_at="2026-03-01 12:00:00"))
    assert (ticket.closed_by, ticket.closed_at) == (None, None)


def test_a_record_without_a_number_is_called_by_its_id() -> None:
    assert ticket_of("helpdesk", config(), "incident", record(number="")).key == SYS_ID


@pytest.mark.parametrize("sys_id", ["", "x", None, 7, SYS_ID + "0", SYS_ID.upper()])
def test_a_record_without_an_id_is_refused(sys_id: object) -> None:
    with pytest.raises(Refused):
        ticket_of("helpdesk", config(), "incident", record(sys_id=sys_id))


COLUMNS = st.sampled_from(["state", "close_code", "resolved_by", "sys_updated_on", "number"])
VALUES = st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.text())


@given(st.dictionaries(COLUMNS, VALUES))
def test_no_value_of_a_column_breaks_reading(values: dict[str, object]) -> None:
    assert ticket_of("helpdesk", config(), "incident", record(**values)).id == f"incident/{SYS_ID}"


def test_a_gone_ticket_keeps_its_id_and_address() -> None:
    gone = gone_ticket("helpdesk", config(), "incident", SYS_ID)
    assert (gone.id, gone.state, gone.mark) == (f"incident/{SYS_ID}", TicketState.GONE, None)
    assert gone.url == ticket_of("helpdesk", config(), "incident", record()).url


@pytest.mark.parametrize(
    "ticket_id", ["", "incident", f"incident/{SYS_ID}/x", f"../{SYS_ID}", f"incident/{SYS_ID}\n", SYS_ID]
)
def test_an_id_that_is_none_is_refused(ticket_id: str) -> None:
    with pytest.raises(Refused):
        table_and_sys_id("helpdesk", ticket_id)


def test_an_id_is_taken_apart() -> None:
    assert table_and_sys_id("helpdesk", f"sn_si_incident/{SYS_ID}") == ("sn_si_incident", SYS_ID)


@given(st.text())
def test_a_mark_that_is_accepted_cannot_end_its_condition(mark: str) -> None:
    try:
        accepted = checked_mark("helpdesk", mark)
    except Refused:
        return
    assert accepted == mark
    assert 1 <= len(mark) <= 100
    assert all(character.isascii() and (character.isalnum() or character in "._:-") for character in mark)


@pytest.mark.parametrize("table", ["", "Incident", "incident/x", "incident?", "a" * 81, "incident\n"])
def test_a_table_that_is_none_is_refused(table: str) -> None:
    with pytest.raises(Refused):
        checked_table("helpdesk", table)


def test_a_draft_becomes_a_payload() -> None:
    assert opening(draft(impact="1", urgency=2)) == {
        "impact": "1",
        "urgency": 2,
        "short_description": "Summary",
        "description": "Body",
        "correlation_id": "remedy:a:finding:1",
        "correlation_display": "remedy",
    }


def test_no_field_of_a_rule_replaces_ours() -> None:
    payload = opening(draft(correlation_id="x", correlation_display="y", short_description="z", description=""))
    assert payload == opening(draft())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\x00b\x1b[2J", "ab[2J"),
        (True, True),
        (7, 7),
        (None, None),
        (["a", "b"], "a,b"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))), "2026-03-01 12:00:00"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_a_rules_value_becomes_one_that_servicenow_takes(value: object, expected: object) -> None:
    assert opening(draft(u_column=value))["u_column"] == expected


def test_a_rules_journal_entry_carries_no_markup() -> None:
    assert opening(draft(work_notes="<b>[code]"))["work_notes"] == "<\u200bb>[\u200bcode]"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.FIXED, "Solution provided"),
        (Reason.ACCEPTED_RISK, "Known error"),
        (Reason.FALSE_POSITIVE, "User error"),
        (Reason.DUPLICATE, "Duplicate"),
        (Reason.CANCELLED, "No resolution provided"),
        (Reason.NOT_SOLVED, "No resolution provided"),
        (Reason.UNKNOWN, "Solution provided"),
    ],
)
def test_a_resolution_names_the_code_of_its_reason(reason: Reason, code: str) -> None:
    payload = resolution(config(), reason, "Why <it> is over")
    assert payload == {
        "state": "6",
        "close_code": code,
        "close_notes": "Why <it> is over\n\n(written by remedy)",
        "work_notes": "Why <\u200bit> is over",
    }


@pytest.mark.parametrize("reason", [Reason.FIXED, Reason.FALSE_POSITIVE, Reason.DUPLICATE, Reason.NOT_SOLVED])
def test_what_a_resolution_writes_reads_back_as_its_reason(reason: Reason) -> None:
    written = resolution(config(), reason, "x")
    assert ticket_of("helpdesk", config(), "incident", record(**written)).reason is reason


def test_a_rule_gives_columns_and_its_own_notes_but_what_happened_is_ours() -> None:
    given = {"u_cause": ["a", "b"], "close_notes": "Own <words>", "state": "1", "close_code": "x", "work_notes": "x"}
    assert resolution(config(), Reason.FIXED, "over", given) == {
        **resolution(config(), Reason.FIXED, "over"),
        "u_cause": "a,b",
        "close_notes": "Own <words>\n\n(written by remedy)",
    }


def test_a_note_is_a_work_note_without_markup() -> None:
    assert noting("<b>") == {"work_notes": "<\u200bb>"}


@pytest.mark.parametrize(
    ("before", "after", "unchanged"), [("3", "3", True), ("3", "4", False), ("", "", False), ("3", "", False)]
)
def test_a_record_whose_count_stayed_took_nothing(before: str, after: str, *, unchanged: bool) -> None:
    assert is_unchanged(record(sys_mod_count=before), record(sys_mod_count=after)) is unchanged


@pytest.mark.parametrize(
    ("after", "untaken_columns"),
    [
        ({"urgency": "1", "due_date": "2030-01-31 00:00:00"}, ()),
        ({"urgency": "2", "due_date": "2030-01-31 00:00:00"}, ("urgency",)),
        ({"urgency": "2", "due_date": ""}, ("urgency", "due_date")),
        ({"urgency": "3", "due_date": "2030-01-31 00:00:00"}, ()),
    ],
    ids=["all taken", "one dropped", "all dropped", "a rule of theirs wrote another"],
)
def test_columns_that_kept_their_value_were_not_taken(after: dict[str, str], untaken_columns: tuple[str, ...]) -> None:
    before, written = record(urgency="2", due_date=""), {"urgency": "1", "due_date": "2030-01-31"}
    assert untaken(before, record(**after), written) == untaken_columns


@pytest.mark.parametrize(
    ("state", "final"), [("1", False), ("6", False), ("7", True), ("8", True), ("99", False), ("", False)]
)
def test_a_closed_or_cancelled_record_is_final(state: str, *, final: bool) -> None:
    assert ticket_of("helpdesk", config(), "incident", record(state=state)).final is final
    reopens = config(final_states=["8"])
    assert ticket_of("helpdesk", reopens, "incident", record(state=state)).final is (state == "8")


def test_how_urgent_a_record_is_comes_from_three_columns() -> None:
    read = record(impact="1", urgency="", due_date="2030-01-31 00:00:00", priority="2")
    urgency = {"impact": "1", "due_date": "2030-01-31 00:00:00"}
    assert ticket_of("helpdesk", config(), "incident", read).urgency == urgency


CODES = {"solution provided": "fixed", "known error": "accepted_risk", "user error": "false_positive"}
CODES |= {"duplicate": "duplicate", "no resolution provided": "cancelled"}
RISKS: dict[str, object] = {"risk_reason": "u_reason", "risk_expiry": "u_until", "close_codes": CODES}
ACCEPTED = {"state": "6", "close_code": "Known error", "u_reason": "Public by law", "u_until": "2030-01-31 10:00:00"}


@pytest.mark.parametrize(
    ("settings", "values", "risk"),
    [
        (RISKS, ACCEPTED, Risk("Public by law", datetime(2030, 1, 31, 10, tzinfo=UTC))),
        ({"close_codes": CODES}, ACCEPTED, Risk(is_untold=True)),
        ({}, ACCEPTED, None),
        (RISKS, ACCEPTED | {"u_reason": "", "u_until": ""}, Risk()),
        (RISKS, {"state": "6", "close_code": "Known error"}, Risk(is_untold=True)),
        (RISKS, ACCEPTED | {"u_reason": "", "u_until": "03/14/2027"}, Risk(is_unread=True)),
        (RISKS, ACCEPTED | {"close_code": "Duplicate"}, None),
        (RISKS, ACCEPTED | {"state": "2"}, None),
        (
            {"risk_reason": "close_notes", "close_codes": CODES},
            ACCEPTED | {"close_notes": "Why"},
            Risk("Why", is_untold=True),
        ),
        (
            RISKS,
            ACCEPTED | {"u_reason": "Ours (written by remedy)"},
            Risk(None, datetime(2030, 1, 31, 10, tzinfo=UTC)),
        ),
    ],
)
def test_only_an_accepted_risk_is_explained_by_its_columns(
    settings: dict[str, object], values: dict[str, object], risk: Risk | None
) -> None:
    assert ticket_of("helpdesk", config(**settings), "incident", record(**values)).risk == risk
    assert {settings[word] for word in RISKS.keys() & settings.keys() - {"close_codes"}} <= set(
        fields_of(config(**settings))
    )
    assert not {"u_reason", "u_until", "close_notes"} & set(fields_of(config()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "6", "resolved_by": PERSON, "close_notes": " Done "}, "Done"),
        ({"state": "7", "closed_by": PERSON, "close_notes": "Done"}, "Done"),
        ({"state": "6", "resolved_by": PERSON, "close_notes": " "}, None),
        ({"state": "6", "resolved_by": "own", "close_notes": "Ours"}, None),
        ({"state": "6", "resolved_by": PERSON, "close_notes": "Ours\n\n(written by remedy)"}, None),
        ({"state": "6", "resolved_by": PERSON, "close_notes": "Ours (written by remedy)\nand theirs"}, None),
        ({"state": "6", "resolved_by": PERSON, f"resolved_by.{PROGRAMS}": "true", "close_notes": "By a job"}, None),
        ({"state": "6", "resolved_by": PERSON, f"closed_by.{PROGRAMS}": "true", "close_notes": "Done"}, "Done"),
        ({"state": "6", "close_notes": "Nobody's"}, None),
        ({"state": "2", "resolved_by": PERSON, "close_notes": "Old"}, None),
    ],
)
def test_closing_words_are_the_notes_of_another_person_on_a_done_record(
    values: dict[str, object], words: str | None
) -> None:
    assert closing_words_of(config(), record(**values), "own") == words


@pytest.mark.parametrize(
    ("follows", "parent"),
    [
        (f"incident/{SYS_ID}", {"parent": SYS_ID}),
        (f"sn_si_incident/{SYS_ID}", {}),
        ("incident/x", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_a_record_is_tied_to_the_one_of_its_table_whose_place_it_takes(
    follows: str | None, parent: dict[str, str]
) -> None:
    assert opening(replace(draft(), follows=follows)) == opening(draft()) | parent


def test_a_resolution_without_words_still_has_notes() -> None:
    assert resolution(config(), Reason.FIXED, " \n")["close_notes"] == "Solution provided\n\n(written by remedy)"


def test_a_reopening_clears_the_code_and_leaves_the_notes() -> None:
    assert reopening(config(reopen_state="1"), "Found again") == {
        "state": "1",
        "close_code": "",
        "work_notes": "Found again",
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"correlation_id": "m", "correlation_display": "remedy"}, None),
        ({"correlation_id": "", "correlation_display": "remedy"}, "incident.correlation_id:"),
        ({"correlation_id": "m"}, "incident.correlation_display:"),
        ({}, "incident.correlation_id and incident.correlation_display:"),
        ({"correlation_id": "other", "correlation_display": "remedy"}, "incident.correlation_id:"),
    ],
)
def test_a_dropped_mark_is_told_with_the_field_and_the_number(values: dict[str, object], named: str | None) -> None:
    refused = dropped_mark("helpdesk", "incident", "m", record(**values))
    assert (refused is None) == (named is None)
    if refused is not None:
        assert refused.words.startswith(f"INC0010001 was created without {named}")


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the timezone
def test_a_time_reads_back_to_the_second(moment: datetime) -> None:
    assert moment_of(time_of(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 00:00:00", "2026-03-01T12:00:00Z"])
def test_a_time_that_is_none_is_none(text: str) -> None:
    assert moment_of(text) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), ({"value": "a", "link": "x"}, "a"), (None, ""), (7, ""), ({}, ""), ([], "")]
)
def test_a_column_is_text(value: object, expected: str) -> None:
    assert text_of({"column": value}, "column") == expected
