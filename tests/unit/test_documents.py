"""What the documents say is so."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import cli.metrics
import receiver.metrics
import workers.metrics
from remediation.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_setting_is_in_the_table_with_its_default_and_nothing_else_is() -> None:
    table = OPERATIONS.split("## Settings")[1].split("##")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines() if row.startswith("| `")]
    documented = {
        name: default
        for names, defaults in rows
        for name, default in zip(
            re.findall(r"`(\w+)`", names), re.findall(r"`([^`]*)`", defaults) or [""], strict=False
        )
    }
    settings = Settings.model_fields
    assert documented.keys() == {name.upper() for name in settings}
    for name, field in settings.items():
        if field.default is not None:
            assert documented[name.upper()].lower() == str(field.default).lower(), name


def test_every_metric_that_an_alarm_names_exists() -> None:
    known = {sample for metric in REGISTRY.collect() for sample in (metric.name, f"{metric.name}_total")}
    assert len({cli.metrics.__doc__, receiver.metrics.__doc__, workers.metrics.__doc__}) == 3, "all are imported"
    named = set(re.findall(r"`(remedy_\w+)", OPERATIONS))
    assert named
    assert named <= known


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    records = {path.name for path in folder.glob("0*.md")}
    assert records == set(re.findall(r"\((0\d+[^)]*\.md)\)", (folder / "README.md").read_text()))
