"""What every file of the repository keeps to, where no linter looks."""

import ast
import gc
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
PRODUCT = ["console", "remedy", "receiver", "remediation", "sandbox", "workers"]
CODE = [*PRODUCT, "bench", "chaos", "tests"]

LONGEST_FUNCTION = 50
LONGEST_MODULE = 400

PURE = [
    "remediation/ports.py",
    "remediation/redaction.py",
    "remediation/rulebook.py",
    "remediation/strict_json.py",
    *(
        str(path.relative_to(REPOSITORY))
        for folder in ("deliveries", "domain", "mapping", "planning")
        for path in sorted((REPOSITORY / "remediation" / folder).rglob("*.py"))
    ),
]
"""Modules for which time is an argument."""

CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"}


def modules(folders: list[str]) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def written_files() -> Iterator[Path]:
    """Every file that a person wrote, or that `make lock` did; what systems outside wrote stays as it came."""
    yield from (path for path in REPOSITORY.iterdir() if path.is_file() and path.name != "LICENSE")
    for folder in [*CODE, "docs", "scripts", ".ci"]:
        for path in (REPOSITORY / folder).rglob("*"):
            is_theirs = {"__pycache__", "payloads", "replies", "vendor"} & set(path.parts)
            if path.is_file() and not is_theirs and path.suffix != ".png":
                yield path


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Every node of a file's code: parsed and walked once, because that takes longer than any question about them."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def functions_in(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    """Trees are many objects and no circles: the collector is spared them here, and other modules' tests too."""
    gc.disable()
    yield
    nodes_of.cache_clear()
    gc.enable()


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def pinned(lock: str) -> dict[str, str]:
    """Each requirement's name and version in a lock file; a name has as many lines as it has markers."""
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!; ]", requirement)[0].lower().replace(".", "-") for requirement in requirements}


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is, its contract not counted."""
    docstring = node.body[0] if ast.get_docstring(node) else None
    skipped = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - skipped


def test_each_lock_pins_what_the_project_asks_for() -> None:
    groups = project()["dependency-groups"]
    runtime = names_of([*project()["project"]["dependencies"], *groups["build"]])
    assert runtime <= pinned("requirements.lock").keys()
    assert runtime | names_of(groups["dev"]) <= pinned("requirements-dev.lock").keys()


def test_what_runs_is_what_was_tested() -> None:
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z])", text.partition("make lock\n")[2])
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_file_says_where_packages_come_from() -> None:
    # Each has a class of one character, so that this file is not found itself.
    index = re.compile(r"--(extra-)?index-ur[l] [^-]|--find-link[s] [^-]|\bpyp[i]\.(org|python)|file[s]\.python")
    assert [name_of(path) for path in written_files() if index.search(path.read_text(encoding="utf-8"))] == []


def test_every_file_ends_with_a_line_break_and_has_no_blanks_at_the_ends_of_lines() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in written_files()}
    assert [name_of(path) for path, text in texts.items() if text and not text.endswith("\n")] == []
    assert [name_of(path) for path, text in texts.items() if re.search(r"[ \t]$", text, re.MULTILINE)] == []


def test_a_module_is_read_in_one_sitting() -> None:
    paths = modules([*PRODUCT, "bench", "chaos"])
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_a_function_is_read_at_a_glance() -> None:
    paths = modules([*PRODUCT, "bench", "chaos"])
    functions = [(name_of(path), node) for path in paths for node in functions_in(path)]
    assert [f"{name}: {node.name}" for name, node in functions if lines_of(node) > LONGEST_FUNCTION] == []


def test_no_two_public_classes_of_the_product_have_one_name() -> None:
    names = Counter(
        node.name
        for path in modules([folder for folder in PRODUCT if folder != "sandbox"])
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_is_named_for_nothing() -> None:
    vague = {"base", "common", "helpers", "manager", "misc", "service", "utils"}
    assert [name_of(path) for path in modules(CODE) if path.stem in vague] == []


def test_no_function_is_named_for_the_act_of_calling_it() -> None:
    named = [
        f"{name_of(path)}: {node.name}"
        for path in modules(PRODUCT)
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.match(r"_*(get|handle|process)_", node.name)
        and node.name not in {"get_command", "get_short_help_str"}  # click asks for these names
        and not node.name.startswith("__get_pydantic_")
    ]
    assert named == []


def test_a_pure_module_reads_no_clock() -> None:
    calls = [(name, node.func) for name in PURE for node in nodes_of(REPOSITORY / name) if isinstance(node, ast.Call)]
    attributes = [(name, call.attr) for name, call in calls if isinstance(call, ast.Attribute)]
    assert [f"{name}: {attribute}" for name, attribute in attributes if attribute in CLOCKS] == []


def test_only_settings_reads_the_environment() -> None:
    reading = [
        name_of(path)
        for path in modules(PRODUCT)
        if any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
            for node in nodes_of(path)
        )
    ]
    assert set(reading) <= {"remediation/settings.py"}


def test_a_test_is_named_by_a_sentence() -> None:
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in modules(["tests"])}
    short = re.compile(r"^ *(?:async )?def (test_[a-z0-9]+(?:_[a-z0-9]+)?)\(", re.MULTILINE)
    assert {path: names for path, text in texts.items() if (names := short.findall(text))} == {}


def test_make_help_lists_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared
    assert set(declared[1].split()) == set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


def test_the_guide_has_every_target_that_looks_at_code_and_no_other() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `make ")]
    assert set(re.findall(r"`make ([a-z]+)`", " ".join(rows))) == targets - {"help", "setup", "clean"}
    assert set(re.findall(r"`make ([a-z]+)[` ]", guide)) <= targets


def test_hooks_run_what_is_pinned_and_fetch_nothing() -> None:
    repos = YAML(typ="safe").load(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = [hook for repo in repos for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["id"] for hook in hooks if not hook["entry"].startswith((".venv/bin/", "make "))] == []
