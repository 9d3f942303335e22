"""*Rules* in the console: the file in force, what each rule takes and has taken, what none takes, and who sees what."""

import re
import time
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.mapping.reading.loading import load_mappings, loaded_of
from remediation.queue import Band
from remediation.store.audit.trail import AuditTrail
from remediation.store.cases.todo import Todo
from remediation.store.processes import Process, Processes
from tests.integration.console_world import MAPPINGS, OTHERS, OURS, ConsoleWorld

FIFTH = "k" * 12


async def page_of(console: ConsoleWorld, who: str = "viewer of all") -> str:
    async with console.client(who) as browser:
        page = await browser.get("/rules")
    assert page.status_code == 200
    return unescape(page.text)


def section(text: str, name: str) -> str:
    found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', text, re.DOTALL)
    assert found is not None, name
    return found[0]


async def unruled(console: ConsoleWorld, district: str, name: str) -> None:
    """A finding at rest that no rule takes."""
    todo, key, now = Todo(console.connection), CaseKey(district, CaseKind.FINDING, name), time.time()
    await todo.mark([(key, Band.LOW)], now)
    lease = await todo.take(key.ref, now)
    assert lease is not None
    assert await todo.settle(lease, Memory(Status.OPEN, severity=Severity.LOW), now)


async def test_each_rule_is_shown_in_order_with_what_it_takes_and_has_taken(console: ConsoleWorld) -> None:
    text = section(await page_of(console), "rules")
    assert text.index(f"1. {OURS}-rule") < text.index(f"2. {OTHERS}-rule")
    assert f"<li>the district is {OURS}</li>" in text
    assert text.count("<li>jira (jira), SEC</li>") == 2
    assert text.count("1 living") == 2, "the settled case of each district"


async def test_who_may_see_one_district_sees_its_rules_and_its_counts_alone(console: ConsoleWorld) -> None:
    await unruled(console, OTHERS, f"fnd_{OTHERS}_unruled")
    text = await page_of(console, "viewer")
    assert OTHERS not in text
    assert f"1. {OURS}-rule" in text
    assert "1 rule that can take nothing of your districts is not shown." in text
    assert "living" not in section(text, "rules"), "it is counted for all districts together"
    assert "No case is known that went by no rule" in text
    assert 'id="warnings"' not in text


async def test_findings_that_no_rule_takes_are_counted_and_lead_to_why(console: ConsoleWorld) -> None:
    await unruled(console, OURS, "fnd_unruled")
    text = section(await page_of(console, "viewer"), "unruled")
    assert "1 case went by no rule at the last look: 1 low." in text
    assert f'<a href="/explain/{OURS}/fnd_unruled">Explain fnd_unruled</a>' in text


async def test_the_file_of_workers_is_told_with_since_when(console: ConsoleWorld) -> None:
    assert "no worker has noted which file it uses" in await page_of(console)
    digest, at = console.loaded.digest, 1_800_000_000.0
    await AuditTrail(console.connection, console.audit.trail.keys).note_rules(digest, at)
    processes = Processes(console.connection)
    await processes.tell(Process("pod-1/7", "worker", "1", 0.0, digest), time.time())
    text = section(await page_of(console), "file")
    assert f"<code>{digest}</code> since" in text
    assert "2027-01-15 08:00 UTC" in text
    assert "1 process of 1 that run and tell uses the console's file" in text
    assert "Not all use the same file" not in text
    await processes.tell(Process("pod-2/7", "worker", "1", 0.0, FIFTH), time.time())
    assert "pod-2/7" in section(await page_of(console), "file")
    of_one = section(await page_of(console, "viewer"), "file")
    assert "Not all use the same file" in of_one
    assert "pod-2" not in of_one


async def test_a_file_that_was_changed_and_cannot_be_used_is_told_with_its_problems(
    console: ConsoleWorld, tmp_path: Path
) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_text(MAPPINGS)
    console.loaded = load_mappings(path)
    assert "The file was changed since" not in await page_of(console)
    path.write_text(MAPPINGS.replace("project: SEC", "projekt: SEC", 1))
    text = section(await page_of(console), "file")
    assert "cannot be used" in text
    assert "projekt" in text
    assert "projekt" not in await page_of(console, "viewer")
    path.write_text(MAPPINGS + "\n")
    assert "The file was changed since, and can be used" in await page_of(console)


async def test_rules_that_the_file_has_no_more_are_named_with_their_cases(console: ConsoleWorld) -> None:
    kept = console.loaded.mappings.rules[:1]
    console.loaded = replace(console.loaded, mappings=console.loaded.mappings.model_copy(update={"rules": kept}))
    text = section(await page_of(console), "rules")
    assert f"{OTHERS}-rule: 1 living case went by it at its last look" in text


async def test_what_is_probably_not_meant_is_told_to_whoever_sees_all(console: ConsoleWorld) -> None:
    assert "can never take a finding" not in section(await page_of(console), "warnings")
    never = f"  - {{name: never, match: {{district: {OURS}}}, tickets: none}}\n"
    console.loaded = loaded_of(MAPPINGS + never, "mappings.yaml")
    assert "can never take a finding" in section(await page_of(console), "warnings")


@pytest.mark.parametrize("who", ["viewer", "operator of all"])
async def test_the_form_asks_about_a_finding_of_a_district_that_one_may_see(console: ConsoleWorld, who: str) -> None:
    text = section(await page_of(console, who), "explain")
    assert f"<option>{OURS}</option>" in text
    assert (f"<option>{OTHERS}</option>" in text) is (who != "viewer")
