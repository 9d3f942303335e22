"""What is said of parked work on the page: groups as a person wants to see them, and what usually helps."""

import pytest

from remediation.read_model.parked.advice import advice_words
from remediation.read_model.parked.groups import NONE, merged_groups
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.parked.groups import CountedParked, ParkedCommon, ParkedFilter, ParkedPlace


@pytest.mark.parametrize(
    ("error", "system", "status", "begins"),
    [
        ("Refused", "jira", 400, "It does not take what the rule writes"),
        ("Refused", "jira", 401, "Its account or token is not let in"),
        ("Refused", "snow", 403, "Our account may not do this"),
        ("Refused", "snow", None, "Its words say what stands in the way"),
        ("Refused", "mappings.yaml", None, "Mend the rule or its template"),
        ("NotFound", "schoolscan:lakeside", 404, "SchoolScan does not know it"),
        ("NotFound", "jira", 404, "It is gone there, or hidden"),
        ("KeyMissing", "", None, "Put the missing data key back"),
        ("Unreadable", "schoolscan", None, "It is signed, and nothing that remedy can read"),
        ("Poison", "", None, "It ended its workers"),
        ("TryLater", "jira", 503, "The system gave no answer for days"),
        ("ZeroDivisionError", "", None, "A defect of remedy"),
    ],
)
def test_each_error_has_advice_that_says_what_to_do_and_then_to_replay(
    error: str, system: str, status: int | None, begins: str
) -> None:
    words = advice_words(error, system, status)
    assert words.startswith(begins)
    assert "replay" in words or "discard" in words


def group(count: int, last: float = 9.0, **common: object) -> CountedParked:
    known: dict[str, object] = {
        "kind": ParkedKind.ACTION,
        "district": "lakeside",
        "system": "jira",
        "error": "Refused",
        "status": 400,
        "action": "open:jira",
        "shape": "s1",
    }
    return CountedParked("id", ParkedCommon(**(known | common)), count, 1.0, last, f"piece at {last}")  # type: ignore[arg-type]


def test_groups_by_error_are_of_all_districts_and_actions_and_of_one_shape_of_words() -> None:
    groups = [group(2), group(3, 12.0, district="harbor"), group(1, action="update:jira"), group(9, shape="s2")]
    first, second = merged_groups(groups, "error")
    assert (first.name, first.count, first.narrows["shape"]) == ("Refused jira 400", 9, "s2")
    assert (second.count, second.first, second.last, second.newest) == (6, 1.0, 12.0, "piece at 12.0")
    assert second.advice.startswith("It does not take")


def test_groups_of_different_errors_give_no_advice() -> None:
    (only,) = merged_groups([group(1), group(2, error="KeyMissing", status=None)], "system")
    assert (only.name, only.count, only.advice) == ("jira", 3, "")


def test_what_has_no_such_word_can_be_asked_for() -> None:
    (only,) = merged_groups([group(1, system="", district="", status=None, shape="")], "error")
    assert only.narrows == {"error": "Refused", "system": NONE, "status": NONE, "shape": NONE}
    assert ParkedFilter(system="", status="", shape="").takes(group(1, system="", status=None, shape="").common)
    assert not ParkedFilter(status="").takes(group(1).common)


def test_a_place_is_read_as_it_is_written() -> None:
    place = ParkedPlace(1_700_000_000_000, "lakeside:finding:fnd~1/open:jira")
    assert ParkedPlace.parse(str(place)) == place
    for text in ("", "~", "x~name", "12"):
        with pytest.raises(ValueError, match=r"invalid literal|no place"):
            ParkedPlace.parse(text)
