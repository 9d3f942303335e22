"""What mappings.yaml may say of a tracker's own words, and what holds where it says nothing."""

from dataclasses import fields
from typing import Any

import pytest
from pydantic import ValidationError

from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.config.trackers.servicenow_tables import KNOWN_TABLES, TableWords, words_of_table

SIGNED_IN = {"url": "https://now.example", "auth": {"bearer": {"env": "UNUSED"}}}
WORDS = [each.name for each in fields(TableWords)]
OWN_STATES: dict[str, Any] = {"states": {"1": "open", "4": "done"}, "resolve_state": "4", "reopen_state": "1"}


def servicenow(**words: Any) -> ServiceNowTracker:
    return ServiceNowTracker.model_validate({"kind": "servicenow", **SIGNED_IN, **words})


@pytest.mark.parametrize("table", KNOWN_TABLES)
def test_what_is_built_in_for_a_table_agrees_with_itself(table: str) -> None:
    config, words = servicenow(table=table), words_of_table(table)
    assert config.states == words.states
    assert all(config.states[state] is TicketState.DONE for state in (*config.final_states, *config.state_reasons))
    assert config.resolve_state not in config.final_states, "what we close can be reopened"
    written = config.close_codes[config.resolve_codes[Reason.ACCEPTED_RISK].lower()]
    assert written is Reason.NOT_SOLVED, "nothing that ServiceNow is shipped with says that a risk is accepted"
    assert config.close_codes[config.resolve_codes[Reason.FALSE_POSITIVE].lower()] is Reason.FALSE_POSITIVE
    assert all("risk" in code for code, _ in _accepting(config))


def _accepting(config: ServiceNowTracker) -> list[tuple[str, Reason]]:
    return [(code, meant) for code, meant in config.close_codes.items() if meant is Reason.ACCEPTED_RISK]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("states", {"10": "open", "16": "open", "3": "done"}),
        ("state_reasons", {}),
        ("final_states", ["3", "7"]),
        ("close_codes", {"threat mitigated": "fixed", "risk accepted": "accepted_risk", "not resolved": "fixed"}),
        ("reopen_state", "10"),
        ("resolve_state", "7"),
        ("resolve_code", "Patched vulnerability"),
        ("resolve_codes", {}),
    ],
)
def test_every_word_of_a_known_table_can_still_be_written(word: str, value: object) -> None:
    needed: dict[str, Any] = {"resolve_codes": {}} if word == "close_codes" else {}
    written = servicenow(table="sn_si_incident", **needed, **{word: value})
    assert getattr(written, word) == value
    others = set(type(written).model_fields) - {word, "resolve_codes", "auth"}
    usual = servicenow(table="sn_si_incident")
    assert all(getattr(written, other) == getattr(usual, other) for other in others)


def test_two_trackers_do_not_share_what_is_built_in() -> None:
    servicenow().states["1"] = TicketState.DONE
    servicenow().final_states.append("1")
    assert (servicenow().states["1"], servicenow().final_states) == (TicketState.OPEN, ["7", "8"])


@pytest.mark.parametrize("missing", ["states", "resolve_state", "reopen_state"])
def test_the_states_of_another_table_must_be_written(missing: str) -> None:
    config = servicenow(table="u_privacy", **OWN_STATES)
    assert (config.final_states, config.state_reasons) == ([], {})
    with pytest.raises(ValidationError, match=f"states of u_privacy mean is not built in.*: write {missing}, too"):
        servicenow(table="u_privacy", **{word: value for word, value in OWN_STATES.items() if word != missing})


def test_all_that_is_missing_for_another_table_is_told_at_once() -> None:
    with pytest.raises(ValidationError, match="write states, resolve_state, reopen_state"):
        servicenow(table="u_privacy")


@pytest.mark.parametrize("state", ["2", "99"])
def test_a_final_state_must_mean_done(state: str) -> None:
    with pytest.raises(ValidationError, match=f"{state} must be one of the states that mean done"):
        servicenow(final_states=["7", state])
    assert servicenow(states={"1": "open", "2": "open", "6": "done"}).final_states == ["7", "8"]


@pytest.mark.parametrize("word", ["risk_reason", "risk_expiry"])
@pytest.mark.parametrize("field", ["", "a,b", "a b", "a^b", "1a", "a.b", "x" * 81])
def test_a_fields_id_is_one_that_can_be_asked_for(word: str, field: str) -> None:
    with pytest.raises(ValidationError):
        servicenow(**{word: field})
    with pytest.raises(ValidationError):
        JiraTracker.model_validate({"kind": "jira", **SIGNED_IN, word: field})
    assert getattr(servicenow(**{word: "u_reason"}), word) == "u_reason"


@pytest.mark.parametrize("table", KNOWN_TABLES)
def test_another_tables_words_are_those_that_are_built_in_for_it(table: str) -> None:
    own: dict[str, Any] = {"close_codes": {"mended": "fixed"}, "resolve_code": "Mended", "resolve_codes": {}}
    config = servicenow(table="u_privacy", **OWN_STATES, **own)
    found, usual = config.of_table(table), servicenow(table=table)
    assert found is not None
    assert all(getattr(found, name) == getattr(usual, name) for name in (*WORDS, "table"))
    assert (found.url, found.auth) == (config.url, config.auth)


def test_a_table_that_nobody_explains_has_no_words() -> None:
    assert servicenow().of_table("u_privacy") is None
    assert servicenow(former_tables={"u_privacy": OWN_STATES}).of_table("u_privacy") is not None


def test_what_is_written_of_a_former_table_counts_and_the_rest_is_built_in() -> None:
    config = servicenow(former_tables={"sn_si_incident": {"final_states": ["3", "7"]}})
    found, usual = config.of_table("sn_si_incident"), servicenow(table="sn_si_incident")
    assert found is not None
    assert (found.final_states, found.states, found.resolve_state) == (["3", "7"], usual.states, usual.resolve_state)
    assert config.of_table("incident") is config


@pytest.mark.parametrize(
    ("former", "says"),
    [
        ({"incident": {}}, "is the table of our tickets"),
        ({"u_privacy": {}}, "write states, resolve_state, reopen_state"),
        ({"u_privacy": OWN_STATES | {"reopen_state": "4"}}, "4 must be"),
        ({"sn_si_incident": {"resolve_state": "16"}}, "16 must be"),
        ({"sn_si_incident": {"final_states": ["16"]}}, "16 must be"),
    ],
)
def test_what_a_file_says_of_former_tables_must_be_sound(former: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        servicenow(former_tables=former)
