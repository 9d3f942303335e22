"""The list of findings in a description: found again as it is, whatever a tracker makes of the markup around it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.tickets import MemberList
from remediation.trackers.jira.text import wiki
from remediation.trackers.lists import with_list

signs = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20)
parts_of_markup = st.sampled_from(
    ["http", "HTTPS", "://", "a.example", "xn--", "[", "]", "|", "\\", "*", "{", " ", "-"]
)
names = signs | st.lists(parts_of_markup, max_size=12).map("".join)
lines = st.lists(
    names.map(lambda name: f"- {name}, high, to do: https://app.example/f/{len(name)}"),
    max_size=30,
)
lists = st.builds(MemberList, st.just("some to do"), lines.map(tuple))
bodies = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)


def fits(text: str) -> bool:
    return len(text) <= 4_000


@given(bodies, lists, lists)
def test_a_list_is_replaced_by_the_next_one_and_the_text_around_it_stays(
    body: str, first: MemberList, second: MemberList
) -> None:
    text = with_list(body, first, fits, rendered=wiki)
    assert text is not None
    again = with_list(f"{text}\nbelow", second, fits, known=True, rendered=wiki)
    assert again is not None
    assert again.startswith(body.rstrip())
    assert again.endswith("\nbelow")
    assert with_list(again, second, fits, known=True, rendered=wiki) == again


@given(lists, lists, st.sampled_from(["\\", "\u200b", "*", " ", "{", "\r"]))
def test_marks_that_a_tracker_adds_or_drops_are_no_change(first: MemberList, second: MemberList, mark: str) -> None:
    text = with_list("What to do", first, fits)
    assert text is not None
    written = "\n".join(f"{mark}{line}{mark}" for line in text.split("\n"))
    assert with_list(written, second, fits, known=True) is not None
    linked = re.sub(r"(https://app\.example/f/\d+)", r"[\1|\1|smart-link]", text)
    assert with_list(linked, second, fits, known=True) is not None


@given(lists, st.integers(0, 5_000))
def test_no_list_makes_a_text_longer_than_the_field(members: MemberList, length: int) -> None:
    text = with_list("x" * length, members, fits)
    assert text is not None
    assert len(text) <= max(4_000, length)
    if not fits("x" * length):
        assert text == "x" * length, "where there is no room there is no list"


def test_a_list_without_known_digest_is_judged_by_its_own_checksum() -> None:
    first, second = MemberList("1 to do", ("- a, high, to do",)), MemberList("1 resolved", ("- a, high, resolved",))
    text = with_list("What to do", first, fits) or ""
    assert with_list(text, second, fits) == with_list("What to do", second, fits)
    assert with_list(text.replace("high", "harmless"), second, fits) is None
    assert with_list("What to do", first, fits, known=True) is None
