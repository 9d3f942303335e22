"""What each reading command shows on a terminal of 80 columns, for the small school. `make golden` writes these files.

Times, ids that differ by the run, and addresses are replaced by others of the same length, so the lines stay as long.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from remedy.main import main
from tests.integration.small_school import Screen, SmallSchool, small_school

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = 80

COMMANDS = {
    "audit-list": "audit list",
    "audit-verify": "audit verify",
    "backfill-dry-run": "backfill --dry-run",
    "case-list": "case list",
    "case-list-page": "case list --limit 2",
    "case-plan": "case plan {parked}",
    "case-show": "case show SEC-1",
    "case-show-parked": "case show {parked}",
    "case-unknown": "case show fnd_unknown",
    "context-list": "context list",
    "deliveries-list": "deliveries list",
    "doctor": "doctor",
    "incidents-list": "incidents list",
    "incidents-show": "incidents show {incident}",
    "keys-list": "keys list",
    "mappings-check": "mappings check",
    "mappings-explain": "mappings explain --finding {finding}",
    "parked-list": "parked list",
    "parked-list-all": "parked list --all",
    "parked-show": "parked show {parked}/open:jira",
    "parked-show-case": "parked show {parked}",
    "purge-dry-run": "purge --case {finding} --dry-run",
    "reconcile-dry-run": "reconcile --dry-run",
    "report-accepted-risks": "report accepted-risks",
    "report-sla": "report sla --since 30d",
    "scans-list": "scans list",
    "scans-show": "scans show {scan}",
    "status": "status",
    "webhooks-list": "webhooks list",
}
"""Every command that only reads, by the name of its file, in the order in which they are called."""

_SAME_LENGTH = (
    (re.compile(r"\b\d{4}-\d{2}-\d{2}([ T])\d{2}:\d{2}:\d{2}\b"), r"YYYY-MM-DD\1hh:mm:ss"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2} \d{2}:\d{2}\b"), "YYYY-MM-DD hh:mm"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}\b"), "YYYY-MM-DD"),
    (re.compile(r"\b127\.0\.0\.1:\d{5}\b"), "127.0.0.1:PPPPP"),
    (
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        "U" * 8 + "-UUUU" * 3 + "-" + "U" * 12,
    ),
    (re.compile(r"(?<=mappings\.yaml)(:?) [0-9a-f]{12}\b"), r"\1 " + "D" * 12),
    (re.compile(r"(?<=note )[0-9a-f]{16}\b"), "D" * 16),
    (re.compile(r"(?<=sys_id%3D)[0-9a-f]{32}\b"), "S" * 32),
    (re.compile(r"\b1[0-9]{12}\b"), "M" * 13),
    (re.compile(r"\b\d{2,3}(?= of (?:60|300) )"), "N"),
    (re.compile(r"(?<=Valkey )[\d.]+, up for .*|\d+ MB(?= used)|\d+\.\d ms|\d+(?= of 10000)"), "N"),
)
_TWICE = re.compile(r"(?<![\w:/.-])([\w./-]{3,}): \1:")
_COUNT_OF_ONE = re.compile(
    r"(?<![\w:.,-])1 (?:cases|findings|tickets|incidents|pieces|groups|lines|scans|warnings|failures)\b"
)


def normalised(text: str) -> str:
    for pattern, instead in _SAME_LENGTH:
        text = pattern.sub(instead, text)
    return text


@pytest.fixture(scope="module")
def school(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSchool]:
    with small_school(tmp_path_factory.mktemp("school"), redis_url) as school:
        yield school


@pytest.fixture(scope="module")
def screens(school: SmallSchool) -> dict[str, Screen]:
    """What each command shows, called in order: some leave a line in the audit."""
    return {name: school.shown(*words_of(command, school)) for name, command in COMMANDS.items()}


def words_of(command: str, school: SmallSchool) -> list[str]:
    ids = {"finding": school.findings[0], "incident": school.incident, "scan": school.scan}
    return command.format(**ids, parked=school.key(1).ref).split()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_what_its_golden_file_has(
    name: str, screens: dict[str, Screen], request: pytest.FixtureRequest
) -> None:
    shown = screens[name]
    text = f"$ remedy {COMMANDS[name]}\n{normalised(shown.text)}exit code {shown.exit_code}\n"
    file = GOLDEN / f"{name}.txt"
    if request.config.getoption("--write-golden"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_every_golden_file_is_of_a_command() -> None:
    assert {path.stem for path in GOLDEN.glob("*")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_the_terminal_but_one_that_cannot_be_broken(
    name: str, screens: dict[str, Screen]
) -> None:
    for line in screens[name].text.splitlines():
        assert len(line) <= COLUMNS or is_copied(line), line


def is_copied(line: str) -> bool:
    """Whether a line is one thing that a person copies: a name or a command, perhaps with what ends the sentence."""
    return re.fullmatch(r" *(?:remedy [^.;]+|\S+)[.;]?", line) is not None


@pytest.mark.parametrize("name", COMMANDS)
def test_no_name_is_told_twice_and_one_is_not_many(name: str, screens: dict[str, Screen]) -> None:
    text = screens[name].text
    assert _TWICE.search(text) is None, _TWICE.search(text)
    assert _COUNT_OF_ONE.search(text) is None, _COUNT_OF_ONE.search(text)
    assert re.search(r"\w\(s\)", text) is None
    assert not any(line.startswith('{"') for line in text.splitlines()), "a line of JSON amid what people read"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reference_is_never_broken(name: str, school: SmallSchool, screens: dict[str, Screen]) -> None:
    text = screens[name].text
    for ref in [school.key(number).ref for number in range(4)]:
        begun = [ref[:length] for length in range(len(ref) - 1, len("lakeside:finding:fnd_"), -1)]
        assert not any(line.endswith(part) for line in text.splitlines() for part in begun)


def test_what_is_piped_is_never_folded_and_has_no_colours(school: SmallSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("COLUMNS", "40")
    for words in ("case list", "status", "parked list", "doctor"):
        assert "\x1b" not in CliRunner().invoke(main, words.split()).output
    listed = CliRunner().invoke(main, ["case", "list"]).stdout.splitlines()
    (row,) = (line for line in listed if school.key(0).ref in line)
    assert "SEC-1 in jira" in row


def test_a_terminal_has_colours_unless_no_color_is_set(school: SmallSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in school.shown("status").text
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31mFAIL" in school.shown("status").text
