"""What the documents say is so."""

import re
from pathlib import Path

import httpx2
import pytest

from remediation.settings import Settings
from remedy.demo.story import Story
from sandbox.stage.systems import Outside

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "helm" / "README.md"])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_setting_is_in_the_table_with_its_default_and_nothing_else_is() -> None:
    table = OPERATIONS.split("## Settings")[1].split("##")[0]
    rows = [row.split("|")[1:4] for row in table.splitlines() if row.startswith("| `")]
    documented = [
        (name, default.lower(), meaning)
        for names, defaults, meaning in rows
        for name, default in zip(names.split(","), defaults.split(","), strict=True)
    ]
    named = [name.strip(" `") for name, _, _ in documented]
    settings = {name.upper(): field for name, field in Settings.model_fields.items()}
    assert sorted(named) == sorted(settings)
    for name, (_, default, meaning) in zip(named, documented, strict=True):
        field = settings[name]
        assert default.strip(" `") == str(field.default).lower() or field.default is None, name
        assert field.default is not None or default.strip().startswith(("none", "required")), name
        bounds = [str(getattr(each, which, "")) for each in field.metadata for which in ("ge", "gt", "le")]
        if not name.endswith("_PORT"):
            assert {*bounds} - {""} <= {*re.findall(r"\d+", meaning)}, name


def test_the_readme_shows_the_steps_of_the_demo_as_they_are() -> None:
    block = (ROOT / "README.md").read_text().split("$ make demo")[1].split("$ make test")[0]
    shown = re.findall(r"^\d+\. (.*)\n   ✓ (.*) \([\d.]+(?: to [\d.]+)? s\)$", block, re.MULTILINE)
    with httpx2.Client() as client:
        steps = [*Story(Outside({}, client), start_worker=lambda: None, has_archive=True).steps()]
    assert shown == [(step.title, step.expected) for step in steps]


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    records = {path.name for path in folder.glob("0*.md")}
    assert records == set(re.findall(r"\((0\d+[^)]*\.md)\)", (folder / "README.md").read_text()))


def test_the_page_on_security_says_what_each_secret_of_the_environment_reaches() -> None:
    table = (ROOT / "SECURITY.md").read_text().split("## What a stolen secret reaches")[1].split("##")[0]
    secret = {name.upper() for name, field in Settings.model_fields.items() if not field.repr} | {"REDIS_KEY_FILE"}
    assert {name for name in secret if f"`{name}`" not in table} == set()
