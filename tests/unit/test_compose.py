"""compose.yaml gives each process the secrets that it needs, and no others."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

COMPOSED = YAML(typ="safe").load(Path(__file__).parents[2] / "compose.yaml")


@pytest.mark.parametrize("name", ["receiver", "worker", "console"])
def test_each_process_has_a_file_of_secrets_of_its_own(name: str) -> None:
    assert COMPOSED["services"][name]["env_file"] == [".env", f"{name}.env"]
    assert COMPOSED["services"][name]["command"] == ["run", name]
