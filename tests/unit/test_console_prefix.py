"""Where people reach the console, and what its addresses begin with, are the same place."""

import pytest

from console.http.prefix import prefix_problems
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.operations.examining.codes import Code
from remediation.settings import Settings
from remediation.store.processes import Role
from remedy.consoling.process import RulesHere
from remedy.doctor.configuration import look_at_console_address

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


@pytest.mark.parametrize(
    ("root_path", "role", "count"),
    [(None, None, 0), (None, "receiver", 0), (None, "console", 1), ("/duty", None, 1), ("/remedy", "console", 0)],
)
def test_the_doctor_says_so_in_a_pod_of_the_console_and_where_the_prefix_is_set(
    root_path: str | None, role: Role | None, count: int
) -> None:
    found = look_at_console_address(Settings(root_path=root_path), _at("https://ops.example/remedy"), role)
    assert [each.code for each in found] == [Code.SETTINGS_CONTRADICT] * count


def _at(url: str) -> Loaded:
    return loaded_of(f"{MAPPINGS}console: {{url: '{url}'}}\n", "m.yaml")
