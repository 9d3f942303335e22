"""The conditions of rules in words: for everybody, and for whoever may know of some districts only."""

from typing import Any

import pytest

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.rules import Match
from remediation.read_model.rules.conditions import CONDITION_NAMES, condition_lines, either

FINDING, INCIDENT = CaseKind.FINDING, CaseKind.INCIDENT
OURS = frozenset({"lakeside"})


@pytest.mark.parametrize(
    ("match", "lines"),
    [
        ({}, ("any finding",)),
        ({"severity": ["critical", "high"]}, ("the severity is critical or high",)),
        ({"site": ["a.example"], "path": ["/x/**"]}, ("the site fits a.example", "the path of the page fits /x/**")),
        ({"age": {"over": "3d"}}, ("the age is at least 3d",)),
        ({"age": {"over": "3d", "under": "14d"}}, ("the age is at least 3d and less than 14d",)),
        (
            {"any": [{"severity": "low", "status": "open"}, {"district": "harbor"}]},
            ("at least one of these holds: the severity is low, and the status is open; or the district is harbor",),
        ),
        ({"not": {"domain_type": "metadata"}}, ("none of these holds: what is exposed is metadata",)),
    ],
)
def test_each_condition_is_said_in_words(match: dict[str, Any], lines: tuple[str, ...]) -> None:
    assert condition_lines(Match.model_validate(match), FINDING) == lines


@pytest.mark.parametrize(
    ("match", "lines"),
    [
        ({"district": ["lakeside", "harbor"]}, ("the district is lakeside or 1 other",)),
        ({"district": ["harbor", "hillside"]}, ("the district is 2 others",)),
        ({"site": ["harbor.example"]}, ("the site fits the one that is named",)),
        ({"path": ["/harbor/**", "/x/**"]}, ("the path of the page fits one of 2 that are named",)),
        ({"not": {"site": ["harbor.example"]}}, ("none of these holds: the site fits the one that is named",)),
        ({"severity": "low"}, ("the severity is low",)),
    ],
)
def test_who_may_know_of_one_district_reads_nothing_of_others(match: dict[str, Any], lines: tuple[str, ...]) -> None:
    assert condition_lines(Match.model_validate(match), FINDING, OURS) == lines


def test_codes_of_schools_are_a_districts_own() -> None:
    match = Match.model_validate({"school": ["101"], "type": "referral"})
    assert condition_lines(match, INCIDENT, OURS) == ("the type is referral", "the school is the one that is named")
    assert condition_lines(match, INCIDENT) == ("the type is referral", "the school is 101")


def test_every_condition_that_can_be_written_has_a_name() -> None:
    words = {field.alias or name for name, field in Match.model_fields.items()}
    assert words == set(CONDITION_NAMES)


def test_of_many_values_the_first_are_named() -> None:
    assert either(["a"]) == "a"
    assert either(["a", "b", "c"]) == "a, b or c"
    assert either(list("abcdefgh")) == "a, b, c, d, e or 3 others"
