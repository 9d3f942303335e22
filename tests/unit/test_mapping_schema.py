import ast
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from remediation.mapping.config.incident_wording import IncidentComments
from remediation.mapping.config.scan_summaries import SummaryComments
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.kinds import shapes_of
from remediation.mapping.config.wording import Comments, Notes
from remediation.settings import Settings

ROOT = Path(__file__).parents[2]
PRODUCT = ("console", "remediation", "receiver", "workers", "remedy")
DEFINITIONS = {"schema.py", "rules.py", "wording.py", "references.py", "signing_in.py", "settings.py"}


def models_in(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for model in set(shapes_of(annotation)) - found:
            found.add(model)
            for field in model.model_fields.values():
                models_in(field.annotation, found)
    elif get_origin(annotation) in {Annotated, Union, UnionType, list, dict}:
        for inner in get_args(annotation):
            models_in(inner, found)
    return found


MODELS = sorted(models_in(Mappings, set()), key=lambda model: model.__name__)
BY_KIND = {Notes, Comments, IncidentComments, SummaryComments}
"""Read by the name of their kind: tests/unit/test_mapping_occasions.py compares the two."""
WORDS = sorted({(model.__name__, word) for model in MODELS if model not in BY_KIND for word in model.model_fields})


@pytest.fixture(scope="module")
def read_attributes() -> set[str]:
    files = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py") if path.name not in DEFINITIONS]
    read: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            read.update(names_read(node))
    return read


def names_read(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.MatchClass):
        yield from node.kwd_attrs


CHECKED_BY_THE_SCHEMA = {("JiraTracker", "kind"), ("ServiceNowTracker", "kind"), ("Mappings", "version")}


def test_every_word_of_the_language_is_read_by_the_code(read_attributes: set[str]) -> None:
    unread = {(model, word) for model, word in WORDS if word not in read_attributes}
    assert unread - CHECKED_BY_THE_SCHEMA == set()


def test_every_setting_is_read_by_the_code(read_attributes: set[str]) -> None:
    assert Settings.model_fields.keys() - read_attributes == set()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_part_of_the_language_says_what_it_is_for(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]


def test_the_language_has_a_json_schema() -> None:
    assert Mappings.model_json_schema()["properties"].keys() == Mappings.model_fields.keys()
