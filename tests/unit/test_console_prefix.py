"""Where people reach the console, and what its addresses begin with, are the same place."""

import pytest

from console.http.prefix import prefix_problems
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded, loaded_of
from remedy.consoling.process import RulesHere

MAPPINGS = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("", "/remedy"),
        ("", ""),
        ("https://ops.example", ""),
        ("https://ops.example/", ""),
        ("https://ops.example/remedy", "/remedy"),
        ("https://ops.example/a/b/", "/a/b"),
    ],
)
def test_an_address_that_has_the_prefix_as_its_path_is_taken(url: str, prefix: str) -> None:
    assert prefix_problems(url, prefix) == []


@pytest.mark.parametrize(
    ("url", "prefix", "says"),
    [
        ("https://ops.example/remedy", "", "its path is /remedy, and ROOT_PATH is not set"),
        ("https://ops.example", "/remedy", "its path is /, and ROOT_PATH is /remedy"),
        ("https://ops.example/a/b", "/b", "its path is /a/b, and ROOT_PATH is /b"),
    ],
)
def test_another_address_is_named_with_both(url: str, prefix: str, says: str) -> None:
    (problem,) = prefix_problems(url, prefix)
    assert problem.where == "console.url"
    assert says in problem.message


async def test_a_file_with_another_address_never_comes_into_force() -> None:
    without = loaded_of(MAPPINGS, "mappings.yaml")
    rules = RulesHere(without, "/remedy")
    await rules.take(_at("https://ops.example/remedy"))
    in_force = rules()
    with pytest.raises(ConfigurationError, match="ROOT_PATH is /remedy"):
        await rules.take(_at("https://ops.example"))
    assert rules() is in_force


def _at(url: str) -> Loaded:
    return loaded_of(f"{MAPPINGS}console: {{url: '{url}'}}\n", "m.yaml")
