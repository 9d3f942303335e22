import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.json_schema import json_schema
from remediation.mapping.reading.loading import load_mappings
from tests.examples import examples

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests/payloads/mappings"
SCHEMA = json_schema()
VALIDATOR = Draft7Validator(SCHEMA)

SMALL = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: SCHOOLSCAN_TOKEN}
      webhook: {secrets: [{file: /run/secrets/webhook}]}
trackers:
  now:
    kind: servicenow
    url: https://now.example
    auth: {bearer: {env: NOW_TOKEN}}
  jira:
    kind: jira
    url: https://jira.example/base
    auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}
templates:
  body: "{{ finding.id }}"
rules:
  - name: all
    tickets: {jira: {project: SEC}, now: }
"""


def data_of(text: str) -> Any:
    return read_document(text, "m.yaml").data


def is_right(text: str) -> bool:
    """Whether the file itself, read as it is read for work, is right."""
    try:
        document = read_document(text, "m.yaml")
        Mappings.model_validate(document.data)
    except (ConfigurationError, ValueError):
        return False
    return not document.complaints


def with_line(old: str, new: str) -> str:
    assert old in SMALL
    return SMALL.replace(old, new)


def test_the_schema_beside_mappings_yaml_is_the_one_of_this_code() -> None:
    kept = (ROOT / "mappings.schema.json").read_text(encoding="utf-8")
    assert kept == json.dumps(SCHEMA, indent=2) + "\n", "remedy mappings schema > mappings.schema.json"


def test_the_shipped_file_tells_editors_where_its_schema_is() -> None:
    first = (ROOT / "mappings.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./mappings.schema.json"


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def readable(paths: list[Path]) -> Iterator[Path]:
    """The samples that are one YAML document at all."""
    for path in paths:
        try:
            read_document(path.read_text(encoding="utf-8"), path.name)
        except (ConfigurationError, UnicodeDecodeError):
            continue
        yield path


def is_valid_sample(path: Path) -> bool:
    try:
        return bool(load_mappings(path))
    except ConfigurationError:
        return False


@pytest.fixture(scope="module")
def samples() -> dict[Path, bool]:
    """Every sample that is one YAML document, and whether it is a valid file."""
    paths = readable(sorted(SAMPLES.rglob("*.yaml")))
    return {path: is_valid_sample(path) for path in [ROOT / "mappings.yaml", *paths]}


BEYOND_A_SCHEMA = {"bad_templates", "demands", "repeated_keys", "unknown_trackers", "former_names"}
"""Samples whose mistakes lie between words, or inside of texts: `remedy mappings check` knows."""


def complaints_about(path: Path) -> list[str]:
    """What an editor complains of in a file."""
    return [error.message for error in VALIDATOR.iter_errors(data_of(path.read_text(encoding="utf-8")))]


def test_what_we_accept_an_editor_accepts(samples: dict[Path, bool]) -> None:
    accepted = {path.stem: complaints_about(path) for path, is_valid in samples.items() if is_valid}
    assert "mappings" in accepted
    assert {name: complaints for name, complaints in accepted.items() if complaints} == {}


def test_what_we_refuse_an_editor_refuses_where_a_schema_can_tell(samples: dict[Path, bool]) -> None:
    refused = {path.stem: complaints_about(path) for path, is_valid in samples.items() if not is_valid}
    assert {name for name, complaints in refused.items() if not complaints} == BEYOND_A_SCHEMA


FORMS = [
    ("tickets: {jira", "match: {severity: critical}\n    tickets: {jira"),
    ("tickets: {jira", "match: {severity: [critical, low]}\n    tickets: {jira"),
    ("tickets: {jira: {project: SEC}, now: }", "tickets: none"),
    ("tickets: {jira: {project: SEC}, now: }", "tickets: {}"),
    ("tickets: {jira: {project: SEC}, now: }", "tickets: some"),
    ("tickets: {jira", "match: {age: {over: 3d}, not: {site: a.example}, status: open}\n    tickets: {jira"),
    ("tickets: {jira", "match: {age: 3d}\n    tickets: {jira"),
    ("tickets: {jira", "match: {any: [{path: /a/**}, {not: [{severity: low}]}]}\n    tickets: {jira"),
    ("tickets: {jira", "match: {any: []}\n    tickets: {jira"),
    ("tickets: {jira", "match: {any: [{pth: /a}]}\n    tickets: {jira"),
    ("tickets: {jira", "match: {path: a/b}\n    tickets: {jira"),
    ("tickets: {jira", "match: {none_of: {severity: low}}\n    tickets: {jira"),
    ("tickets: {jira", "due: {critical: 2d}\n    tickets: {jira"),
    ("tickets: {jira", "due: 2\n    tickets: {jira"),
    ("rules:\n", "defaults: {detail: restricted, due: 7d, tickets: {jira: {labels: [a]}}}\nrules:\n"),
    ("rules:\n", "defaults: {details: restricted}\nrules:\n"),
    ("tickets: {jira", "resolve_when: any\n    tickets: {jira"),
    ("tickets: {jira", "resolve_when: some\n    tickets: {jira"),
    ("tickets: {jira", "reopen: always\n    tickets: {jira"),
    ("tickets: {jira", "reopen: never\n    tickets: {jira"),
    ("tickets: {jira", "reopen: {within: 14d}\n    tickets: {jira"),
    ("tickets: {jira", "reopen: 14d\n    tickets: {jira"),
    ("tickets: {jira", "reopen: {}\n    tickets: {jira"),
    ("tickets: {jira", "outcomes: {cancelled: reviewing, unknown: resolved}\n    tickets: {jira"),
    ("tickets: {jira", "outcomes: {fixed: reviewing}\n    tickets: {jira"),
    ("tickets: {jira", "outcomes: {cancelled: open}\n    tickets: {jira"),
    ("tickets: {jira", "accept: {reason: required, expiry: optional, at_most: 365d}\n    tickets: {jira"),
    ("tickets: {jira", "accept: {at_most: null}\n    tickets: {jira"),
    ("tickets: {jira", "accept: {reason: yes}\n    tickets: {jira"),
    ("tickets: {jira", "when_gone: close\n    copy_comments: closing\n    tickets: {jira"),
    ("tickets: {jira", "when_gone: delete\n    tickets: {jira"),
    ("rules:\n", "defaults: {reopen: never, accept: {at_most: 90d}, outcomes: {}}\nrules:\n"),
    ("project: SEC", "project: SEC, close_fields: {customfield_1: {value: x}}"),
    ("now: }", "now: {close_fields: [x]}}"),
    ("tickets: {jira", "match: {severity: []}\n    tickets: {jira"),
    ("tickets: {jira", "match: {severity: urgent}\n    tickets: {jira"),
    ("tickets: {jira", "match: {site: '*.example.org'}\n    tickets: {jira"),
    ("tickets: {jira", "match: {site: WWW.example.org}\n    tickets: {jira"),
    ("project: SEC", "project: SEC, priority: High"),
    ("project: SEC", "project: SEC, priority: {critical: Highest, low: 4}"),
    ("project: SEC", "project: SEC, priority: {urgent: Highest}"),
    ("project: SEC", "project: SEC, priority: [Highest]"),
    ("project: SEC", "project: SEC, labels: [a b]"),
    ("project: SEC", "project: SEC, fields: {customfield_1: {value: x}}"),
    ("project: SEC", "project: SEC, colour: red"),
    ("now: }", "now: {impact: 1, urgency: {critical: '2'}}}"),
    ("now: }", "now: {impact: 4}}"),
    ("now: }", "now: 4}"),
    ("url: https://now.example", "url: http://now.example"),
    ("url: https://now.example", "url: http://127.0.0.1:8080"),
    ("url: https://now.example", "url: https://now.example?x=1"),
    ("url: https://now.example", "url: https://now.example\n    read_timeout: 5s"),
    ("url: https://now.example", "url: https://now.example\n    read_timeout: 5"),
    ("url: https://now.example", "url: https://now.example\n    read_timeout: 5 s"),
    ("url: https://now.example", "url: https://now.example\n    states: {2: open, 6: done}"),
    ("url: https://now.example", "url: https://now.example\n    concurrency: 65"),
    ("auth: {bearer: {env: NOW_TOKEN}}", "auth: {}"),
    ("auth: {bearer: {env: NOW_TOKEN}}", "auth: {bearer: secret}"),
    ("auth: {bearer: {env: NOW_TOKEN}}", "auth: {bearer: {env: NOW}, basic: {user: 1, password: {env: NOW}}}"),
    ("auth: {bearer: {env: NOW_TOKEN}}", "auth: {bearer: {env: NOW}, basic: }"),
    ("auth: {bearer: {env: NOW_TOKEN}}", "auth: {bearer: {env: now}}"),
    ("lakeside:", "Lakeside:"),
    ("schoolscan:\n", "schoolscan:\n      finding_link: https://s.example/{id}\n"),
    ("schoolscan:\n", "schoolscan:\n      finding_link: https://s.example/\n"),
    ("version: 1", "version: 2"),
    ("version: 1", "version: '1'"),
    ("rules:\n", "rules: []\nx:\n"),
]


@pytest.mark.parametrize(("old", "new"), FORMS)
def test_every_form_of_a_word_is_known_to_the_schema(old: str, new: str) -> None:
    text = with_line(old, new)
    assert VALIDATOR.is_valid(data_of(text)) == is_right(text)


VALUES: list[Any] = [
    *(None, "", "x", "none", "critical", "2", "5s", "High", "https://x.example", "*.example", "/a/**", "open"),
    *(0, 1, 2, True, [], ["critical"], ["open", "x"], ["a.example"], {}, {"critical": 1}, {"critical": "5d"}),
    *(
        {"env": "A"},
        {"file": "a"},
        {"over": "3d"},
        {"within": "3d"},
        "never",
        "any",
        {"severity": "low"},
        [{"site": "a.example"}],
        {"jira": {}},
    ),
]


def places_in(data: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if steps:
        yield steps
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, inner in entries:
        yield from places_in(inner, (*steps, step))


def exchanged(data: Any, steps: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(data)
    inner = changed
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    return changed


SHIPPED = data_of((ROOT / "mappings.yaml").read_text(encoding="utf-8"))
WORDS = sorted({word for definition in SCHEMA["definitions"].values() for word in definition.get("properties", ())})


@pytest.mark.parametrize("value", [True, "2"])
def test_what_is_no_number_is_none_for_the_file_and_for_an_editor(value: object) -> None:
    changed = exchanged(SHIPPED, ("trackers", "servicenow", "concurrency"), value)
    assert list(VALIDATOR.iter_errors(changed)) != []
    with pytest.raises(ValueError, match="concurrency"):
        Mappings.model_validate(changed)


@given(st.data())
@examples(400)
def test_an_editor_complains_about_nothing_that_works(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([SHIPPED, data_of(SMALL)]))
    steps = data.draw(st.sampled_from(list(places_in(whole))))
    if data.draw(st.booleans()) and isinstance(steps[-1], str):
        steps = (*steps[:-1], data.draw(st.sampled_from(WORDS)))
    changed = exchanged(whole, steps, data.draw(st.sampled_from(VALUES)))
    try:
        Mappings.model_validate(changed)
    except ValueError:
        return
    assert [f"{list(error.path)}: {error.message}" for error in VALIDATOR.iter_errors(changed)] == []


DEFINITIONS = {"mappings.yaml": SCHEMA, **SCHEMA["definitions"]}
PROPERTIES = [
    (name, word, described)
    for name, each in DEFINITIONS.items()
    for word, described in each.get("properties", {}).items()
]


def says_what_it_is(described: dict[str, Any]) -> bool:
    target = described.get("$ref", "").removeprefix("#/definitions/")
    return bool(described.get("description") or DEFINITIONS.get(target, {}).get("description"))


def test_every_word_says_what_it_is() -> None:
    assert [(name, word) for name, word, described in PROPERTIES if not says_what_it_is(described)] == []


def test_a_default_is_what_a_person_could_have_written() -> None:
    with_defaults = [each for each in PROPERTIES if "default" in each[2]]
    assert with_defaults
    assert [
        (name, word)
        for name, word, described in with_defaults
        if not Draft7Validator({**described, "definitions": SCHEMA["definitions"]}).is_valid(described["default"])
    ] == []
