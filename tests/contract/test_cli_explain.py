"""`explain` and `diff` with findings of a SchoolScan that is there, and trackers that must never hear of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from remedy.main import main
from remedy.runtime.failures import ExitCode
from sandbox.jira.stand_in import jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.servicenow.stand_in import servicenow_app
from sandbox.wire.server import serve

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, str]]:
    world = World([account(DISTRICT, ENVIRONMENT["SCHOOLSCAN_TOKEN"])])
    with serve(create_app(world)) as schoolscan, serve(servicenow_app()) as servicenow, serve(jira_app()) as jira:
        yield {"schoolscan": schoolscan, "servicenow": servicenow, "jira": jira}


@pytest.fixture(autouse=True)
def quiet(outside: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the journals yet, and of all secrets only the district's token is set."""
    for address in outside.values():
        httpx2.delete(f"{address}/_sandbox/requests", trust_env=False).raise_for_status()
    for name in (*ENVIRONMENT, "LOG_LEVEL", "MAPPINGS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCHOOLSCAN_TOKEN", ENVIRONMENT["SCHOOLSCAN_TOKEN"])


@pytest.fixture
def mappings(outside: dict[str, str], tmp_path: Path) -> Path:
    """The shipped rules with the stand-ins' addresses."""
    yaml = YAML()
    tree = yaml.load(ROOT / "mappings.yaml")
    tree["districts"][DISTRICT]["schoolscan"]["url"] = f"{outside['schoolscan']}/v1"
    for name in ("servicenow", "jira"):
        tree["trackers"][name]["url"] = outside[name]
    yaml.dump(tree, tmp_path / "mappings.yaml")
    return tmp_path / "mappings.yaml"


def requests_of(address: str) -> list[dict[str, Any]]:
    answer = httpx2.get(f"{address}/_sandbox/requests", trust_env=False)
    entries: list[dict[str, Any]] = answer.json()
    return entries


def add_findings(outside: dict[str, str], *findings: dict[str, str]) -> list[str]:
    body = {"findings": list(findings)}
    answer = httpx2.post(f"{outside['schoolscan']}/_sandbox/findings", json=body, trust_env=False).raise_for_status()
    ids: list[str] = answer.json()["findings"]
    return ids


def remedy(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["mappings", *(str(each) for each in arguments)])


def test_a_finding_is_explained_by_one_read_and_nothing_is_sent(outside: dict[str, str], mappings: Path) -> None:
    (finding,) = add_findings(outside, {"severity": "critical", "domain_type": "direct_pii"})
    result = remedy("explain", "--finding", finding, "--district", DISTRICT, "--mappings", mappings, "--json")
    assert result.exit_code == ExitCode.DONE, result.output
    said = json.loads(result.stdout)
    assert (said["rule"], [ticket["tracker"] for ticket in said["tickets"]]) == (
        "students-exposed",
        ["servicenow", "jira"],
    )
    asked = [(entry["method"], entry["path"]) for entry in requests_of(outside["schoolscan"])]
    assert asked == [("GET", f"/v1/findings/{finding}")]
    assert requests_of(outside["servicenow"]) == requests_of(outside["jira"]) == []


def test_a_finding_that_is_not_there_is_refused(mappings: Path) -> None:
    result = remedy("explain", "--finding", "fnd_none", "--district", DISTRICT, "--mappings", mappings)
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == "error: schoolscan:lakeside: 404: there is no such finding\n"


def test_a_difference_is_told_from_every_page_of_findings_by_reading_only(
    outside: dict[str, str], mappings: Path, tmp_path: Path
) -> None:
    add_findings(outside, *[{"severity": "low", "domain_type": "metadata"}] * 120)
    other = tmp_path / "other.yaml"
    other.write_text(mappings.read_text().replace("project: WEB", "project: NET"))
    result = remedy("diff", mappings, other, "--district", DISTRICT, "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["groups"][0]["count"]) == (ExitCode.FAILED, 120)
    journal = requests_of(outside["schoolscan"])
    assert {entry["method"] for entry in journal} == {"GET"}
    assert len(journal) > 1
    assert requests_of(outside["servicenow"]) == requests_of(outside["jira"]) == []
