"""docs/redis-keys.md names every key that is ever written to Redis, and no other."""

import re
from pathlib import Path

import pytest

from remediation import queue
from remediation.store import keys
from remediation.store.server import rights
from tests.named_keys import NAMED

REPOSITORY = Path(__file__).parents[2]
KEY = re.compile(r"(?:remedy|arq):[a-z:-]+")
OF_ARQ = {"remedy:queue:health-check", "remedy:upkeep:health-check", "arq:retry:"}
"""Those that arq writes by itself."""

LITERAL = re.compile(r"[\"'](?:remedy|arq):[a-z:-]*")


def test_the_table_of_what_lies_in_redis_names_every_key_and_no_other() -> None:
    written = {
        value
        for module in (keys, queue, rights)
        for value in vars(module).values()
        if isinstance(value, str) and KEY.fullmatch(value)
    }
    assert set(NAMED) == written | OF_ARQ


@pytest.mark.parametrize("folder", ["remediation/store", "console", "receiver", "workers"])
def test_no_other_file_has_the_name_of_a_key(folder: str) -> None:
    paths = [path for path in (REPOSITORY / folder).rglob("*") if path.suffix in {".py", ".lua"}]
    assert paths
    found = {str(path.relative_to(REPOSITORY)) for path in paths if LITERAL.search(path.read_text(encoding="utf-8"))}
    assert found <= {"remediation/store/keys.py", "remediation/store/server/rights.py"}
