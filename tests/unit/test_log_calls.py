"""Every log call of ours, as it is written: fixed phrases, known keys."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.logs import KNOWN_KEYS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
SOURCES = sorted(
    path for folder in ("receiver", "workers", "remediation", "remedy") for path in (ROOT / folder).rglob("*.py")
)


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=attr)) if attr in LEVELS:
                yield node


@pytest.mark.parametrize("path", [path for path in SOURCES if any(calls(path))], ids=lambda path: path.stem)
def test_no_log_call_gives_a_key_that_is_left_out(path: Path) -> None:
    given = {keyword.arg for call in calls(path) for keyword in call.keywords if keyword.arg}
    assert given - KNOWN_KEYS - {"exc_info"} == set()


def test_there_are_log_calls_to_look_at() -> None:
    assert sum(len(list(calls(path))) for path in SOURCES) > 30
