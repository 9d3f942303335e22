"""docs/ names what is there: the words, the packages, the files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

PRODUCT_WORDS = {
    "delivery",
    "sender",
    "event",
    "district",
    "finding",
    "incident",
    "subject",
    "ruling",
    "case",
    "tracker",
    "ticket",
    "link",
    "rule",
    "plan",
    "action",
    "note",
    "parked",
    "quarantined",
    "budget",
}
"""The words that the product is agreed on in."""

ROOTS = ["bench", "chaos", "console", "receiver", "remediation", "remedy", "sandbox", "workers"]
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ARROW = re.compile(r"^ *(\S+(?: & \S+)*) -(?:- [^-]+ -)?-> (\S+(?: & \S+)*)$")
NAMED_FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+(?:\.(?:py|lua|sh|toml|yaml|md)|/))`")
MADE_BY_RUNNING = {"bench/results/"}

Arrows = set[tuple[str, str]]


def glossary() -> Iterator[tuple[str, str, str]]:
    for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
        if cells and cells[0] not in {"word", "---"}:
            word, meaning, module = cells
            yield word, meaning, module.strip("`")


def drawn() -> list[Arrows]:
    text = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
    return [set(_arrows(block)) for block in DIAGRAM.findall(text)]


def _arrows(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines()[1:]:
        arrow = ARROW.match(line)
        assert arrow, f"no arrow that this test reads: {line}"
        yield from ((source, target) for source in arrow[1].split(" & ") for target in arrow[2].split(" & "))


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOTS)


def real(parts: dict[str, str]) -> Arrows:
    """The imports between these parts of the code: the name of each, by the module or package that it is."""
    graph = imports()
    found = set()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            source, target = (_part_of(name, parts) for name in (module, other))
            if source and target and source != target:
                found.add((source, target))
    return found


def _part_of(module: str, parts: dict[str, str]) -> str | None:
    return next((name for path, name in parts.items() if module == path or module.startswith(path + ".")), None)


def test_the_glossary_has_every_word_of_the_product() -> None:
    assert {word for word, _, _ in glossary()} >= PRODUCT_WORDS


def test_the_glossary_explains_a_word_once() -> None:
    words = [word for word, _, _ in glossary()]
    assert sorted(words) == sorted(set(words))


def test_the_glossary_names_modules_that_exist() -> None:
    assert [module for _, _, module in glossary() if module != "none yet" and not (REPOSITORY / module).exists()] == []


def test_the_diagram_of_the_processes_is_what_the_code_imports() -> None:
    assert drawn()[0] == real({root: root for root in ROOTS})


def test_the_diagram_of_what_the_service_knows_is_what_the_code_imports() -> None:
    folders = sorted(path.parent.name for path in (REPOSITORY / "remediation").glob("*/__init__.py"))
    assert drawn()[1] == real({f"remediation.{name}": name for name in [*folders, "ports"]})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_names_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if "Superseded by" in text:  # it keeps the names of its time
        return
    named = [
        name
        for name in NAMED_FILE.findall(text)
        if name.split("/")[0] in {*ROOTS, "cli", "docs", "helm", "scripts", "tests"}
    ]
    assert [name for name in named if name not in MADE_BY_RUNNING and not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_links_to_pages_and_headings_that_exist(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not _leads_somewhere(link, page)] == []


def _leads_somewhere(link: str, page: Path) -> bool:
    path, _, heading = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not heading or heading in _anchors(target))


@cache
def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
