"""A page of a feed is kept in steps: each row once, the mark of a case with its row, and no step is long."""

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.todo import MOST_MARKS, Mark
from remediation.store.incidents.feeds import MOST_ROWS, PageKept
from remediation.store.incidents.rows import name_of


def uuid(number: int) -> str:
    return f"8f14e45f-ceea-467f-a0c2-9f2b1d4{number:05x}"


def page(incidents: int, every: int) -> PageKept:
    """So many incidents, of which each `every`th has a case."""
    rows = {name_of(uuid(number)): b"%d" % number for number in range(incidents)}
    cases: list[Mark] = [
        (CaseKey("lakeside", CaseKind.INCIDENT, uuid(number)), None) for number in range(0, incidents, every)
    ]
    return PageKept(rows, cases)


@pytest.mark.parametrize(("incidents", "every"), [(0, 1), (1, 1), (1, 2), (1_000, 1), (1_000, 20), (1_000, 5_000)])
def test_a_page_is_kept_in_short_steps(incidents: int, every: int) -> None:
    kept = page(incidents, every)
    steps = kept.steps()
    assert [item for rows, _ in steps for item in rows.items()] == list(kept.incidents.items())
    assert [mark for _, marks in steps for mark in marks] == list(kept.cases)
    assert all(name_of(key.id) in rows for rows, marks in steps for key, _ in marks)
    assert all(len(rows) <= MOST_ROWS and len(marks) <= MOST_MARKS for rows, marks in steps)


def test_what_is_little_is_kept_in_one_step() -> None:
    assert len(page(0, 1).steps()) == len(page(MOST_MARKS, 1).steps()) == len(page(MOST_ROWS, 20).steps()) == 1
