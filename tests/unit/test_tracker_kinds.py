"""Kinds of tracker: one row each, named nowhere else, and a guide that lists what the code asks of them."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import ClassVar, get_args

import pytest

from remediation.deliveries.events import Sender
from remediation.mapping.config.trackers.kinds import KINDS, TrackerKind, all_senders, sender_named
from remediation.mapping.config.trackers.tracker_settings import TicketSettings, TrackerSettings
from remediation.ports import Inspector, Tracker
from remediation.trackers.adapters import Adapter, adapter_of
from tests.unit.kind_suite import SECRET, KindContract

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads"
GUIDE = (ROOT / "docs" / "adding-a-tracker.md").read_text()
OF_A_KIND = re.compile(
    r"(?i)jira|servicenow|^(sys_id|correlation_id|correlation_display|close_code|issuetype|duedate|due_date)$"
)
"""Names of the kinds, and of fields that only one of them has."""

PRODUCT = ("console", "receiver", "remediation", "remedy", "workers")
SAMPLES = {"remediation/mapping/reading/trials.py"}
"""Tickets on which texts are tried: names of trackers that nobody decides by."""


def members_of(asked: type) -> set[str]:
    """What a class or protocol has of its own: methods, properties and constants, and of a value its fields."""
    own = {name for name, value in vars(asked).items() if not name.startswith("_") and callable_or_property(value)}
    constants = {name for name, told in inspect.get_annotations(asked).items() if "ClassVar" in str(told)}
    values = {each.name for each in fields(asked)} if asked is Sender else set()
    return values or own | constants


def callable_or_property(value: object) -> bool:
    return inspect.isfunction(value) or isinstance(value, property | classmethod)


@pytest.mark.parametrize("asked", [TrackerSettings, TicketSettings, Adapter, Tracker, Inspector])
def test_the_guide_lists_every_member_that_a_kind_is_asked_for(asked: type) -> None:
    section = GUIDE.split(f"## `{asked.__name__}`")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == members_of(asked)


def test_the_guide_lists_what_a_sender_has() -> None:
    section = GUIDE.split("## `Sender`")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert listed == {each.name for each in fields(Sender)} - {"is_tracker"}  # a tracker's is what it is by default


@pytest.mark.parametrize("path", re.findall(r"`([\w./]+\.(?:py|toml|json))`", GUIDE))
def test_every_file_that_the_guide_names_is_there(path: str) -> None:
    homes = (ROOT, ROOT / "remediation/trackers", ROOT / "remediation/trackers/jira")
    assert any((home / path).exists() for home in homes)


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_kind_has_one_word_and_an_adapter(name: str, kind: TrackerKind) -> None:
    assert (name,) == get_args(kind.tracker.model_fields["kind"].annotation)
    assert kind.tracker.sender is sender_named(name)
    assert kind.tracker.title
    config = kind.tracker.model_construct()
    assert all(callable(getattr(adapter_of(config), member)) for member in members_of(Adapter))
    assert (ROOT / kind.adapter.replace(".", "/")).with_suffix(".py").exists()
    assert {"fields", "close_fields"} <= kind.ticket.model_fields.keys()


def test_no_two_senders_have_one_name() -> None:
    assert len({sender.name for sender in all_senders()}) == len(KINDS) + 1


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name of the code, and every text that is a single word: what something could be decided by."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.ImportFrom(module=str(name)):
                yield name
            case ast.Constant(value=str(text)) if text.isidentifier():
                yield text
            case _:
                continue


def files_that_name_a_kind(root: Path = ROOT) -> list[str]:
    """The product's files whose code speaks of one of the kinds: no kind's own modules, no demo and no sandbox.

    Each of them would have to be changed for another kind.
    """
    paths = sorted(path for folder in PRODUCT for path in (root / folder).rglob("*.py"))
    found = []
    for path in paths:
        where = str(path.relative_to(root))
        is_own = re.search(r"(^|/)(jira|servicenow)(/|_\w+\.py$|\.py$)", where)
        if is_own or where.startswith(("remedy/demo", "remedy/sandbox")):
            continue
        if any(map(OF_A_KIND.search, names_in(ast.parse(path.read_text())))):
            found.append(where)
    return found


def test_only_the_table_names_the_kinds() -> None:
    assert set(files_that_name_a_kind()) - SAMPLES == {"remediation/mapping/config/trackers/kinds.py"}


class TestJira(KindContract):
    kind = "jira"
    tracker: ClassVar = {"auth": {"basic": {"user": "remedy", "password": SECRET}}}
    ticket: ClassVar = {"project": "SEC", "priority": {"high": "High"}}
    event = (PAYLOADS / "jira" / "issue-updated.json").read_bytes()


class TestServiceNow(KindContract):
    kind = "servicenow"
    tracker: ClassVar = {"auth": {"oauth": {"client_id": "remedy", "client_secret": SECRET}}}
    ticket: ClassVar = {"impact": {"high": 1}}
    event = (PAYLOADS / "servicenow" / "update.json").read_bytes()
