"""docs/mappings.md says what is so: its examples load and do what they say, and it leaves no word of the schema out."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from certifi import where as usual_certificates
from pydantic import BaseModel, HttpUrl
from pydantic.fields import FieldInfo

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.console import (
    AccessGrant,
    ConsoleConfig,
    ConsoleSignIn,
    OidcSignIn,
    ProxySignIn,
    SessionTimes,
)
from remediation.mapping.config.incident_feeds import IncidentFeed, SchoolYearWords
from remediation.mapping.config.incident_wording import IncidentComments, IncidentTemplates
from remediation.mapping.config.notifying import NotifyChannel, WeeklyTime
from remediation.mapping.config.policies import Accepting, Reopening
from remediation.mapping.config.references import (
    SecretFromEnv,
    SecretFromFile,
    WebhookSecretFromEnv,
    WebhookSecretFromFile,
)
from remediation.mapping.config.routing import Routing
from remediation.mapping.config.rules import Age, Defaults, Match, Relating, Rule
from remediation.mapping.config.scan_summaries import ScanSummaries, SummaryComments, SummaryReport, SummaryTemplates
from remediation.mapping.config.schema import (
    District,
    FindingIdentity,
    Mappings,
    Retention,
    ScanWords,
    SchoolScanAccount,
)
from remediation.mapping.config.signing_in import BasicAuth, LimitWords, Webhook
from remediation.mapping.config.trackers.jira import JiraAuth, JiraTicket, JiraTracker, ScopedAuth
from remediation.mapping.config.trackers.servicenow import (
    FormerTable,
    OAuthClient,
    ServiceNowAuth,
    ServiceNowTicket,
    ServiceNowTracker,
)
from remediation.mapping.config.wording import Comments, Notes, Templates
from remediation.mapping.config.words import duration_text
from remediation.mapping.explain.expectations import Case, cases_of
from remediation.mapping.explain.judging import mismatches
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.render.incidents import INCIDENT_WORDS
from remediation.mapping.render.occasions import MESSAGE_WORDS
from remediation.mapping.render.summaries import SUMMARY_WORDS
from remediation.mapping.render.templates import is_template
from remediation.mapping.render.tickets import FOLLOWS_WORDS, TICKET_WORDS
from remediation.read_model.rules.previews import Previews, district_of
from remedy.mappings.tests import asked_by
from tests.unit.mapping_words import models_below

PAGE = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)

SECTIONS: dict[type[BaseModel], tuple[str, ...]] = {
    Mappings: ("The file",),
    District: ("Districts",),
    FindingIdentity: ("Identity",),
    ScanSummaries: ("Summaries of scans",),
    SummaryReport: ("Summaries of scans",),
    SummaryTemplates: ("Texts about scans",),
    SummaryComments: ("Texts about scans",),
    SchoolScanAccount: ("Districts",),
    ScanWords: ("Districts",),
    IncidentFeed: ("Feeds of incidents",),
    SchoolYearWords: ("Feeds of incidents",),
    Webhook: ("Districts",),
    SecretFromEnv: ("Secrets",),
    SecretFromFile: ("Secrets",),
    WebhookSecretFromEnv: ("Secrets",),
    WebhookSecretFromFile: ("Secrets",),
    LimitWords: ("Districts",),
    JiraTracker: ("Trackers", "Jira"),
    ServiceNowTracker: ("Trackers", "ServiceNow"),
    FormerTable: ("When the table becomes another one",),
    JiraAuth: ("Signing in to Jira",),
    ServiceNowAuth: ("Signing in to ServiceNow",),
    BasicAuth: ("Signing in to Jira", "Signing in to ServiceNow"),
    ScopedAuth: ("Signing in to Jira",),
    OAuthClient: ("Signing in to ServiceNow",),
    Rule: ("Rules", "Keeping in step"),
    Relating: ("Incidents beside findings",),
    Reopening: ("Keeping in step",),
    Accepting: ("Keeping in step",),
    Match: ("Conditions",),
    Age: ("Conditions",),
    JiraTicket: ("Tickets", "In Jira"),
    ServiceNowTicket: ("Tickets", "In ServiceNow"),
    Defaults: ("Defaults", "Keeping in step"),
    Templates: ("Templates",),
    Notes: ("Notes",),
    Comments: ("Comments",),
    IncidentTemplates: ("Texts about incidents",),
    IncidentComments: ("Texts about incidents",),
    Retention: ("Retention",),
    NotifyChannel: ("Channels",),
    WeeklyTime: ("Channels",),
    ConsoleConfig: ("The console",),
    ConsoleSignIn: ("The console",),
    OidcSignIn: ("The console",),
    ProxySignIn: ("The console",),
    AccessGrant: ("The console",),
    SessionTimes: ("The console",),
}
"""Where the page has the words of each model."""

USUAL = {
    "version": "version: 1\n",
    "districts": """\
districts:
  lakeside:
    schoolscan:
      token: {env: SCHOOLSCAN_TOKEN}
      webhook: {secrets: [{env: SCHOOLSCAN_WEBHOOK_SECRET}]}
      finding_link: https://schoolscan.example/findings/{id}
""",
    "trackers": """\
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}}
  servicenow: {kind: servicenow, url: "https://now.example", auth: {api_key: {env: SERVICENOW_KEY}}}
""",
    "templates": 'templates:\n  body: "{{ finding.id }}"\n',
    "rules": "rules:\n  - {name: everything, tickets: {jira: {project: SEC}}}\n",
}
"""What stands around an example that shows only some sections."""


def heads(text: str) -> list[str]:
    return re.findall(r"^(\w+):", text, re.MULTILINE)


def whole(example: str) -> str:
    """The example as a whole file; the certificates that it names are some that are on this machine."""
    around = "".join(text for head, text in USUAL.items() if head not in heads(example))
    return (around + example).replace("/etc/remedy/lakeside-ca.pem", usual_certificates())


def loaded(example: str) -> Loaded:
    return loaded_of(whole(example), "mappings.md")


def shown_before(number: int) -> str:
    """The last example before this block that is no list of cases."""
    return next(text for _, text in reversed(BLOCKS[:number]) if "cases" not in heads(text))


BLOCKS = [
    (PAGE[: found.start()].count("\n") + 2, found[1]) for found in re.finditer(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]
EXAMPLES = [pytest.param(text, id=f"line-{line}") for line, text in BLOCKS if "cases" not in heads(text)]
CASES = [
    pytest.param(shown_before(number), case, id=f"line-{line}-{count}")
    for number, (line, text) in enumerate(BLOCKS)
    if "cases" in heads(text)
    for count, case in enumerate(cases_of(text, "mappings.md").cases)
]


def rows(*headings: str) -> dict[str, str]:
    """The rows of the tables right below these headings, each by the last part of its word."""
    found: dict[str, str] = {}
    for heading in headings:
        section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
        assert section, heading
        for row in re.findall(r"^\| `.*$", section[1], re.MULTILINE):
            word = row.split("`")[1].split(".")[-1]
            found[word] = found.get(word, "") + row
    return found


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_valid_file_of_which_nobody_need_be_warned(example: str) -> None:
    assert warnings_of(loaded(example)) == ()


@pytest.mark.parametrize(("example", "case"), CASES)
def test_what_an_example_is_said_to_do_it_does(example: str, case: Case) -> None:
    forecast = Previews(loaded(example))
    asked = asked_by(case, district_of(forecast.loaded, case.district), forecast.loaded)
    routing: Routing = forecast.routing(asked)
    assert mismatches(case.expect, routing, frozenset(rule.name for rule in forecast.loaded.mappings.rules)) == ()


def test_the_message_that_is_shown_is_the_one_that_a_misspelt_word_gets() -> None:
    rules = "rules:\n  - {name: all, match: {severty: high}, tickets: {jira: {project: SEC}}}\n"
    with pytest.raises(ConfigurationError) as refused:
        loaded(rules)
    assert [problem.message in PAGE for problem in refused.value.problems] == [True]


def test_the_cookbook_has_twenty_recipes_and_each_shows_what_it_does() -> None:
    recipes = PAGE.split("\n## Cookbook\n")[1].split("\n### ")[1:]
    assert [recipe.split(".")[0] for recipe in recipes] == [str(number) for number in range(1, 21)]
    assert [recipe.count("```yaml\n") for recipe in recipes] == [2] * 20
    assert all("\ncases:\n" in recipe for recipe in recipes)


def test_every_model_of_the_schema_has_its_place_on_the_page() -> None:
    assert set(models_below(Mappings)) == SECTIONS.keys()


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_word_is_explained_with_its_default(model: type[BaseModel]) -> None:
    explained = rows(*SECTIONS[model])
    words = {field.alias or name: field for name, field in model.model_fields.items()}
    assert words.keys() <= explained.keys()
    for word, field in words.items():
        assert default_of(field) in explained[word], word


def test_no_word_is_explained_that_there_is_not() -> None:
    for headings in {headings for headings in SECTIONS.values() if headings != ("Trackers",)}:
        models = [model for model, places in SECTIONS.items() if set(places) & set(headings)]
        known = {field.alias or name for model in models for name, field in model.model_fields.items()}
        about_values = {name.split(".")[-1] for name in (*dotted(), *MESSAGE_WORDS.names)}
        assert rows(*headings).keys() - known - about_values == set(), headings


def dotted() -> list[str]:
    """Every value inside of something that templates may use."""
    objects = {**TICKET_WORDS.objects, **FOLLOWS_WORDS.objects, **INCIDENT_WORDS.objects, **SUMMARY_WORDS.objects}
    return [f"{name}.{word}" for name, words in objects.items() for word in words]


def test_every_value_that_templates_may_use_is_in_the_tables() -> None:
    tables = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    assert [name for name in [*dotted(), *MESSAGE_WORDS.names] if f"`{name}`" not in tables] == []


def default_of(field: FieldInfo) -> str:
    """The default as the page must show it; empty for what it describes in words."""
    if field.is_required():
        return ""
    match field.get_default(call_default_factory=True, validated_data={}):
        case timedelta() as span:
            return f"`{duration_text(span)}`"
        case HttpUrl() as address:
            return f"`{str(address).rstrip('/')}`"
        case StrEnum() | int() as plain:
            return f"`{plain}`"
        case str() as text if text and not is_template(text):
            return f"`{text}`"
        case _:
            return ""


def test_the_default_of_a_word_is_read_as_a_person_writes_it() -> None:
    shown: dict[str, Any] = {name: default_of(field) for name, field in JiraTracker.model_fields.items()}
    assert (shown["read_timeout"], shown["concurrency"], shown["deployment"]) == ("`8s`", "`8`", "`cloud`")
