"""docs/usability.md: every task of the first hour is played, and what is shown has its answer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from remedy.runtime.failures import ExitCode
from tests.integration.small_school import Screen, SmallSchool, small_school

PAGE = Path(__file__).parents[2] / "docs" / "usability.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| `remedy ([^`]+)` \| ([^|]+) \| (\d+\.\d) \|$", re.MULTILINE)
FEWEST = 40
CASES = """\
cases:
  - name: exposed students get two tickets
    finding: {severity: critical, domain_type: direct_pii}
    expect: {rule: students-exposed}
"""


@dataclass(frozen=True, slots=True)
class Task:
    """A line of the table."""

    number: int
    wish: str
    command: str
    answer: str
    seconds: float


TASKS = [Task(int(row[0]), row[1], row[2], row[3], float(row[4])) for row in ROW.findall(PAGE.read_text("utf-8"))]


class FirstHour:
    """The tasks in the order of the page, each played once: some need what those before them did."""

    def __init__(self, school: SmallSchool) -> None:
        self.school = school
        self.screens: list[Screen] = []

    def shown(self, task: Task) -> Screen:
        """What the task's command shows, after those of all tasks before it."""
        number = TASKS.index(task)
        for each in TASKS[len(self.screens) : number + 1]:
            self.screens.append(self.school.shown(*typed(each, self.school), columns=200))
        return self.screens[number]


@pytest.fixture(scope="module")
def hour(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstHour]:
    folder = tmp_path_factory.mktemp("school")
    (folder / "mappings.tests.yaml").write_text(CASES)
    with small_school(folder, redis_url) as school:
        (folder / "new-mappings.yaml").write_text(school.path.read_text().replace("critical: 2d", "critical: 1d"))
        yield FirstHour(school)


def typed(task: Task, school: SmallSchool) -> list[str]:
    """The words of the task's command, with names of the small school."""
    return re.sub(r"\b[A-Z]{4,}\b", lambda word: names_of(school).get(word[0], word[0]), task.command).split()


def names_of(school: SmallSchool) -> Mapping[str, str]:
    """What the words in capitals stand for."""
    return {
        "FINDING": school.findings[0],
        "TICKET": "SEC-1",
        "SCAN": school.scan,
        "INCIDENT": school.incident,
        "PARKED": school.key(1).ref,
    }


def test_the_table_has_every_line_that_the_page_numbers() -> None:
    assert [task.number for task in TASKS] == list(range(1, len(TASKS) + 1))
    assert len(TASKS) == PAGE.read_text("utf-8").count("| `remedy ") >= FEWEST
    assert all(task.seconds > 0 for task in TASKS), "the seconds were not measured"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.wish.replace(" ", "-"))
def test_a_task_of_the_first_hour_is_done_with_one_command(task: Task, hour: FirstHour) -> None:
    shown = hour.shown(task)
    assert task.answer in shown.text, shown.text
    assert shown.exit_code in {ExitCode.DONE, ExitCode.FAILED}
    assert re.search(r"^error: \S", shown.text, re.MULTILINE) is None


def test_the_names_that_stand_for_others_are_those_of_the_page() -> None:
    told = set(re.findall(r"`([A-Z]{4,})`", PAGE.read_text("utf-8").split("| |")[0]))
    assert told == {"FINDING", "TICKET", "SCAN", "INCIDENT", "PARKED"}
