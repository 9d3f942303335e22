"""Every log call of ours, as it is written: fixed phrases, known keys."""

import ast
from functools import cache
from pathlib import Path

import pytest

from remediation.logs import KNOWN_KEYS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
SOURCES = sorted(
    path
    for folder in ("console", "receiver", "workers", "remediation", "remedy")
    for path in (ROOT / folder).rglob("*.py")
    if "logger." in path.read_text(encoding="utf-8")
)


@cache
def calls(path: Path) -> list[ast.Call]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("logger") | ast.Attribute(attr="logger"), attr=attr)) if (
                attr in LEVELS
            ):
                found.append(node)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_log_call_gives_a_key_that_is_left_out(path: Path) -> None:
    given = {keyword.arg for call in calls(path) for keyword in call.keywords if keyword.arg}
    assert given - KNOWN_KEYS - {"exc_info"} == set()


def test_there_are_log_calls_to_look_at() -> None:
    assert sum(len(calls(path)) for path in SOURCES) > 30
