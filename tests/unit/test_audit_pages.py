"""What is told of the audit without reading it, and which lines are of which districts."""

import pytest

from remediation.read_model.audit import AuditFilter
from remediation.read_model.audit_pages import AuditPlace, case_of, is_about, standing_lines
from remediation.read_model.status.levels import Level
from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import AuditKeys
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.standing import AuditWaits
from remediation.store.audit.trail import AuditGlance

NOW = 1_000_000.0
OURS = frozenset({"lakeside"})
REF = "lakeside:finding:fnd_1"


def entry(case: str = "", piece: str = "", choice: str = "") -> AuditEntry:
    return AuditEntry(AuditAct.RETRY, 0, case=case, piece=piece, choice=choice)


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        (entry(case=REF), True),
        (entry(piece=f"{REF}/open:jira"), True),
        (entry(piece="lakeside:scan:scan_1/list"), True),
        (entry(case="harbor:finding:fnd_1"), False),
        (entry(case="lakeside-north:finding:fnd_1"), False),
        (entry(piece="lakeside"), False),
        (entry(piece="delivery/d1", choice="--district lakeside"), False),
        (entry(), False),
    ],
)
def test_a_line_is_of_a_district_by_its_case_or_the_piece_of_one(line: AuditEntry, *, is_ours: bool) -> None:
    assert is_about(line, OURS) is is_ours
    assert is_about(line, None)


def test_a_line_leads_to_the_case_that_it_is_about_or_a_piece_of_which() -> None:
    lines = [entry(case=REF), entry(piece=REF), entry(piece=f"{REF}/open:jira"), entry(piece="delivery/d1"), entry()]
    assert [case_of(each) for each in lines] == [REF, REF, REF, "", ""]
    assert case_of(entry(piece="lakeside:scan:scan_1/list")) == ""


@pytest.mark.parametrize("line", [entry(case=REF), entry(piece=REF), entry(piece=f"{REF}/look")])
def test_a_case_has_the_lines_about_it_and_about_each_piece_of_it(line: AuditEntry) -> None:
    keys = AuditKeys(Keyring.parse(generate_key()))
    assert AuditFilter(case=REF).takes(line, keys)
    assert not AuditFilter(case=f"{REF}0").takes(line, keys)


def said(glance: AuditGlance) -> list[tuple[Level, str]]:
    return list(standing_lines(glance, NOW))


def test_a_trail_that_ends_well_says_with_which_line() -> None:
    assert said(AuditGlance("5-1200", True, AuditWaits())) == [(Level.OK, "It ends with line 1,200, as its head says.")]
    assert "no line yet" in said(AuditGlance("", True, AuditWaits()))[0][1]


def test_what_is_wrong_with_a_trail_is_said_with_how_bad_it_is() -> None:
    waits = AuditWaits(2, NOW - 120)
    told = said(AuditGlance("5-1", False, waits, {"end_cut": NOW - 60}, frozenset({"kold"})))
    assert [level for level, _ in told] == [Level.FAILURE, Level.FAILURE, Level.WARNING, Level.WARNING]
    assert "end cut" in told[1][1]
    assert "60 s ago" in told[1][1]
    assert "kold" in told[2][1]
    assert said(AuditGlance("5-1", True, AuditWaits(2, NOW - 5)))[-1] == (Level.OK, "2 lines wait to be chained.")


@pytest.mark.parametrize("text", ["", "5", "5-", "x-1", "5-1-2", f"{2**64}-0", "\u0665-1", "-5-1"])
def test_what_is_no_place_of_the_trail_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        AuditPlace.parse(text)
