"""docs/privacy.md draws what is there, and its commands about rules print what it says."""

import re
from pathlib import Path
from typing import get_args

import grimp
import pytest
from click.testing import CliRunner

from remediation.mapping.config.trackers.kinds import KINDS
from remediation.settings import Settings
from remediation.store.processes import Role
from remedy.main import main

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "privacy.md").read_text(encoding="utf-8")
SHIPPED = (REPOSITORY / "mappings.yaml").read_text(encoding="utf-8")

ARROW = re.compile(r"^ *(\w+(?: & \w+)*) -- (\d+) --> (\w+(?: & \w+)*)$")
PLACES = {
    "redis",
    "backups",
    "operator",
    "logs",
    "metrics",
    "traces",
    "error_reports",
    "audit_copies",
    "channels",
    "browsers",
}
"""What is in the picture besides the processes, the sources and the trackers."""
TELLS_SOMEBODY = re.compile(r"_ENDPOINT$|_DSN$|^AUDIT_")
"""Settings that name a place to which a process sends or writes, besides Redis."""


def arrows() -> list[tuple[str, int, str]]:
    """Each arrow of the picture: from where, its number, and where to."""
    block = PAGE.split("```mermaid\nflowchart LR\n")[1].split("```")[0]
    found = []
    for line in block.splitlines():
        arrow = ARROW.match(line)
        assert arrow, line
        found += [(one, int(arrow[2]), other) for one in arrow[1].split(" & ") for other in arrow[3].split(" & ")]
    return found


def sources() -> set[str]:
    """The systems that are read for what must be mended, by the package of the client of each."""
    return {path.parent.name for path in (REPOSITORY / "remediation" / "sources").glob("*/__init__.py")}


def table() -> str:
    return PAGE.split("| arrow | ")[1].split("\n\n")[0]


def test_the_picture_has_every_process_source_and_kind_of_tracker_and_nothing_that_there_is_not() -> None:
    drawn = {name for one, _, other in arrows() for name in (one, other)}
    assert drawn == {*get_args(Role), *sources(), *KINDS, *PLACES}


def test_every_arrow_says_what_goes_along_it() -> None:
    cells = re.findall(r"^\| ([\d, ]+) \|", table(), re.MULTILINE)
    explained = sorted(int(number) for cell in cells for number in cell.split(","))
    assert explained == sorted({number for _, number, _ in arrows()})


def test_every_setting_that_names_somebody_to_tell_is_beside_the_picture() -> None:
    names = {name.upper() for name in Settings.model_fields}
    tells = {name for name in names if TELLS_SOMEBODY.search(name)}
    assert len(tells) == 4
    assert {name for name in tells if f"`{name}`" not in table()} == set()


def test_the_receiver_knows_no_source_and_no_tracker() -> None:
    graph = grimp.build_graph("receiver", "remediation")
    for package in ("remediation.sources", "remediation.trackers"):
        assert not graph.chain_exists("receiver", package, as_packages=True)
    outside = {*sources(), *KINDS}
    assert [arrow for arrow in arrows() if arrow[0] == "receiver" and arrow[2] in outside] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the finding of the page, and the shipped mappings.yaml beside the same with a restricted rule."""
    (tmp_path / "finding.json").write_text(PAGE.split("```json\n")[1].split("```")[0], encoding="utf-8")
    (tmp_path / "mappings.yaml").write_text(SHIPPED, encoding="utf-8")
    restricted = SHIPPED.replace("    # detail: restricted  #", "    detail: restricted  #")
    assert restricted != SHIPPED
    (tmp_path / "restricted.yaml").write_text(restricted, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def output(*words: str) -> str:
    result = CliRunner().invoke(main, words, env={"MAPPINGS_PATH": "mappings.yaml", "COLUMNS": "120"})
    return result.stdout + result.stderr


@pytest.mark.usefixtures("folder")
def test_what_a_rule_lets_into_tickets_is_shown_as_the_page_says() -> None:
    assert "fnd_1" in (plain := output("mappings", "explain", "finding.json"))
    assert "maya" not in plain.lower()
    restricted = output("mappings", "explain", "finding.json", "--mappings", "restricted.yaml")
    shown = [line for line in restricted.splitlines() if "maya" in line.lower()]
    assert "\n".join(shown) in PAGE
    assert len(shown) == 4


def test_a_template_that_names_a_title_is_refused_in_the_words_of_the_page(folder: Path) -> None:
    labels = "        labels: [schoolscan, student-privacy]\n"
    before, after = SHIPPED.split(labels, 1)
    own = before + '        summary: "{{ finding.title }}"\n' + labels + after
    (folder / "mappings.yaml").write_text(own, encoding="utf-8")
    _place, said = output("mappings", "check").splitlines()[0].split(" rules[0]", 1)
    assert f" rules[0]{said}" in PAGE
