"""What is said of mistakes that people make: each leads to the line to mend, and says how."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from remediation.domain.errors import ConfigurationError
from remediation.mapping.explain.expectations import cases_of, load_cases
from remediation.mapping.reading.loading import load_mappings, loaded_of

MISTAKES = Path(__file__).parents[1] / "payloads/mistakes"
RIGHT = (MISTAKES / "mappings.yaml").read_text(encoding="utf-8")
RIGHT_CASES = (MISTAKES / "mappings.tests.yaml").read_text(encoding="utf-8")


def written(name: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load((MISTAKES / name).read_text(encoding="utf-8")))


def with_mistake(right: str, case: dict[str, Any]) -> str:
    old = case.get("instead_of", right)
    assert right.count(old) == 1, "what the mistake replaces stands there once"
    return right.replace(old, case["write"])


def name_of(case: dict[str, Any]) -> str:
    return str(case["mistake"]).replace(" ", "-")


def test_the_files_without_a_mistake_are_right() -> None:
    assert load_mappings(MISTAKES / "mappings.yaml").mappings.rules
    assert load_cases(MISTAKES / "mappings.tests.yaml").cases


@pytest.mark.parametrize("case", written("mappings_mistakes.yaml"), ids=name_of)
def test_a_mistake_is_named_at_its_place_and_with_its_remedy(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded_of(with_mistake(RIGHT, case), "mappings.yaml")
    assert [str(problem) for problem in caught.value.problems] == case["says"]


@pytest.mark.parametrize("case", written("tests_mistakes.yaml"), ids=name_of)
def test_a_mistake_in_a_file_of_cases_is_named_as_well(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cases_of(with_mistake(RIGHT_CASES, case), "mappings.tests.yaml")
    assert [str(problem) for problem in caught.value.problems] == case["says"]


@pytest.mark.parametrize(
    "secret",
    [
        "token: hush-hush",
        "token: hush:hush",
        "token: hush: hush",
        "token: 'hush'hush",
        'token: "hush',
        "token:hush",
        "token: {env:hush}",
        "token: {env: hush",
        "token: [hush",
        "token: @hush",
        "token: ${hush}",
        "token: {{ hush }}",
        "token: !hush",
        "token: *hush-hush",
        "token: “hush”",
    ],
)
def test_no_message_about_its_form_quotes_what_may_be_a_secret(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded_of(RIGHT.replace("token: {env: SCHOOLSCAN_TOKEN}", secret), "mappings.yaml")
    assert "hush" not in str(caught.value)
