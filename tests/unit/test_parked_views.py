"""How parked work is shown, and what is kept of an error of our own."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from remediation import defects
from remediation.defects import trace_of
from remediation.operations.pacing import RATE
from remediation.read_model.parked.groups import merged_groups
from remediation.read_model.parked.work import GROUPINGS, Grouping, grouped
from remediation.store.deliveries.parked import MOST_REPLAYS, Parked, ParkedKind, Selection
from remediation.store.parked.groups import CountedParked, ParkedCommon
from remediation.store.terms import MOST_CRASHES, SUSPICIOUS
from remedy.parked.changes import progress
from remedy.parked.command import parked

AT = datetime(2026, 9, 21, 12, tzinfo=UTC)


def piece(number: int, words: str = "no", system: str = "jira", attempts: int = 1) -> Parked:
    ref, at = f"lakeside:finding:fnd_{number}", AT + timedelta(minutes=number)
    return Parked(
        name=f"{ref}/open:{system}",
        kind=ParkedKind.ACTION,
        subject=ref,
        district="lakeside",
        action=f"open:{system}",
        system=system,
        error="Refused",
        status=400,
        words=words,
        attempts=attempts,
        replays=0,
        first_at=at,
        at=at,
    )


def test_words_that_differ_only_by_ids_make_one_group() -> None:
    items = [piece(number, f"SEC-{number}: no such transition since 2026-09-0{number}") for number in range(1, 4)]
    other = piece(9, "customfield_10010: is required")
    first, second = grouped([*items, other], "error")
    assert (first.count, first.name, first.words) == (3, "Refused jira 400", items[-1].words)
    assert (first.oldest, first.newest, first.attempts) == (items[0].at, items[-1].at, 3)
    assert second.count == 1


@given(st.lists(st.builds(piece, st.integers(0, 50), st.text(max_size=9), st.sampled_from(["jira", "servicenow"]))))
def test_every_piece_is_in_one_group_whatever_makes_one(items: list[Parked]) -> None:
    by: Grouping
    for by in GROUPINGS:
        assert sum(group.count for group in grouped(items, by)) == len(items)


@pytest.mark.parametrize("by", GROUPINGS)
def test_commands_and_pages_call_a_group_the_same(by: Grouping) -> None:
    item = replace(piece(1), district="", system="", action="")
    common = ParkedCommon(item.kind, "", "", item.error, item.status, "", "no")
    counted = CountedParked("id", common, 1, 0.0, 0.0, item.name)
    assert [group.name for group in grouped([item], by)] == [group.name for group in merged_groups([counted], by)]


def test_a_selection_takes_what_every_field_allows() -> None:
    item = piece(1)
    assert Selection().takes(item)
    assert Selection(district="lakeside", kind=ParkedKind.ACTION, system="jira", names=("*/open:*",)).takes(item)
    assert not Selection(system="servicenow").takes(item)
    assert not Selection(names=("delivery/*",)).takes(item)


def test_long_work_has_a_bar_at_a_terminal_and_nowhere_else() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True)
    assert not progress(terminal, 1_000).disable
    assert progress(terminal, 1).disable
    assert progress(Console(file=io.StringIO(), force_terminal=False), 1_000).disable


def test_the_operations_page_names_commands_options_and_numbers_that_are_so() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("## Parked work")[1].split("\n## ")[0]
    commands = set(re.findall(r"`remedy parked (\w+)", section))
    assert commands == set(parked.commands)
    options = {option for each in parked.commands.values() for param in each.params for option in param.opts}
    assert set(re.findall(r"`(--[\w-]+)", section)) <= options
    choosing = {"--district", "--kind", "--system", "--error", "--action", "--since", "--older-than"}
    for name in ("list", "replay", "discard"):
        assert choosing <= {option for param in parked.commands[name].params for option in param.opts}
    assert f"at {RATE} a second" in section
    assert (MOST_REPLAYS, MOST_CRASHES, SUSPICIOUS) == (5, 5, 2), "the page says five, five times, and the second"


def fall(depth: int, secret: str) -> None:
    held = f"{secret} {depth}"
    if depth == 0:
        raise KeyError(held)
    fall(depth - 1, secret)


def trace(depth: int, secret: str) -> str:
    try:
        try:
            fall(depth, secret)
        except KeyError as error:
            raise ValueError("token=test-only-0123456789 priya@lakeside.example") from error
    except ValueError as error:
        return trace_of(error)
    raise AssertionError


def test_a_trace_names_files_lines_functions_and_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "_OWN_PACKAGES", {"tests"})
    told = trace(1, "x")
    for words in (
        "  tests/unit/test_parked_views.py:",
        ", in fall",
        "caused by KeyError",
    ):
        assert words in told
    assert told.splitlines()[0] == "ValueError"


def test_a_trace_has_no_text_no_source_and_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "_OWN_PACKAGES", {"tests"})
    told = trace(1, "ZZPII")
    assert not [word for word in ("ZZPII", "token", "priya", "raise", "held") if word in told]


def test_a_trace_is_bounded_and_keeps_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "_OWN_PACKAGES", {"tests"})
    told = trace(500, "x" * 10_000)
    assert len(told.splitlines()) <= 80
    assert told.splitlines()[0] == "ValueError"
