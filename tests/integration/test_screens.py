"""What each reading command shows on a terminal of 80 columns, for the small school. `make golden` writes these files.

Times, ids that differ by the run, and addresses are replaced by others of the same length, so the lines stay as long.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos.proof.commands import every_command
from remedy.main import main
from tests.documented_commands import resolved
from tests.integration.small_school import Screen, SmallSchool, small_school

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = 80

COMMANDS = {
    "audit-list": "audit list",
    "audit-verify": "audit verify",
    "backfill-dry-run": "backfill --dry-run",
    "backfill-incidents-dry-run": "incidents backfill --dry-run",
    "case-list": "case list",
    "case-list-page": "case list --limit 2",
    "case-plan": "case plan {parked}",
    "case-retry-dry-run": "case retry {parked} --dry-run",
    "case-show": "case show SEC-1",
    "case-show-parked": "case show {parked}",
    "case-unknown": "case show fnd_unknown",
    "console-sessions-list": "console sessions list",
    "context-list": "context list",
    "deliveries-list": "deliveries list",
    "deliveries-show": "deliveries show d1",
    "doctor": "doctor",
    "incidents-list": "incidents list",
    "incidents-poll-dry-run": "incidents poll --dry-run",
    "incidents-show": "incidents show {incident}",
    "keys-list": "keys list",
    "mappings-check": "mappings check",
    "mappings-check-live": "mappings check --live",
    "mappings-diff": "mappings diff mappings.yaml new-mappings.yaml --district lakeside",
    "mappings-explain": "mappings explain --finding {finding}",
    "mappings-explain-incident": "mappings explain --incident type=referral",
    "mappings-test": "mappings test mappings.tests.yaml",
    "parked-audit": "parked audit",
    "parked-list": "parked list",
    "parked-list-all": "parked list --all",
    "parked-replay-dry-run": "parked replay --all --dry-run",
    "parked-show": "parked show {parked}/open:jira",
    "parked-show-case": "parked show {parked}",
    "purge-dry-run": "purge --case {finding} --dry-run",
    "reconcile-dry-run": "reconcile --dry-run",
    "report-accepted-risks": "report accepted-risks",
    "report-sla": "report sla --since 30d",
    "reports-get-dry-run": "reports get --scan {scan} --output report.pdf --dry-run",
    "scans-cancel-ended": "scans cancel {scan} --dry-run",
    "scans-list": "scans list",
    "scans-show": "scans show {scan}",
    "scans-start-dry-run": "scans start --domain lakeside.example --dry-run",
    "status": "status",
    "webhooks-list": "webhooks list",
}
"""Every command that only reads, by the name of its file, in the order in which they are called."""

NOT_SHOWN = {
    *("audit export", "mappings schema"),  # for programs
    *("demo", "listen", "run", "sandbox"),  # until Ctrl-C
    *("init", "notify test"),  # of systems and channels that this set-up has not
    *("keys generate", "keys retire", "keys rotate", "parked discard", "webhooks reset"),  # they change something
    *("console link", "console sessions end"),  # they change something, and a link is another one each time
    "context show",  # there is no context here
    "report activity",  # what it tells depends on the hour
    *("send", "trigger"),  # a delivery as it goes out, body and all; what the sandbox is told to do
}
"""Commands without a golden file, and why."""

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
CASES = """\
cases:
  - name: exposed students get two tickets
    finding: {severity: critical, domain_type: direct_pii}
    expect: {rule: students-exposed}
  - name: metadata gets none
    finding: {severity: low, domain_type: metadata}
    expect: {rule: none}
"""
_TWICE = re.compile(r"(?<![\w:/.-])([\w./-]{3,}): \1:")
_COUNT_OF_ONE = re.compile(
    r"(?<![\w:.,-])1 (?:cases|findings|tickets|incidents|pieces|groups|lines|scans|warnings|failures)\b"
)


def normalised(text: str) -> str:
    for pattern, instead in _SAME_LENGTH:
        text = pattern.sub(instead, text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)  # no file of ours has blanks at the end of a line


@pytest.fixture(scope="module")
def school(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSchool]:
    folder = tmp_path_factory.mktemp("school")
    (folder / "mappings.tests.yaml").write_text(CASES)
    with small_school(folder, redis_url) as school:
        (folder / "new-mappings.yaml").write_text(
            school.path.read_text().replace("priority:", "labels: [new], priority:")
        )
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


def test_every_command_has_a_golden_file_or_is_said_to_have_none() -> None:
    shown = {resolved(re.sub(r"\{\w+\}", "x", command).split())[1] for command in COMMANDS.values()}
    assert shown | NOT_SHOWN == set(every_command())
    assert shown & NOT_SHOWN == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_the_terminal_but_one_that_cannot_be_broken(
    name: str, screens: dict[str, Screen]
) -> None:
    for line in screens[name].text.splitlines():
        is_quoted = name.startswith("mappings-explain") and line.startswith("    ")  # as it would be written
        assert len(line) <= COLUMNS or is_quoted or is_copied(line), line


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
