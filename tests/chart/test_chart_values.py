"""values.schema.json: a misspelt or impossible value is refused, and the message says where it stands."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import helm_python as helm
import pytest

from tests.chart.rendering import CHART, ROOT, Object, rendered, schema_problems, strictly

LARGE = 10**7
YAML_1_1_BOOLEANS = re.compile(r"^(y|n|yes|no|on|off|true|false)$", re.IGNORECASE)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"replicas": 3}, "at '': additional properties 'replicas' not allowed"),
        ({"image": {"tagg": "1"}}, "at '/image': additional properties 'tagg' not allowed"),
        ({"image": {"repository": ""}}, "at '/image/repository'"),
        ({"image": {"digest": "sha256:abc"}}, "at '/image/digest'"),
        ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
        ({"logLevel": "loud"}, "at '/logLevel'"),
        ({"fullnameOverride": "Not_A_Name"}, "at '/fullnameOverride'"),
        ({"redis": {"port": 70000}}, "at '/redis/port'"),
        ({"redis": {"url": "redis://user:test-only@redis.example"}}, "at '/redis/url'"),
        ({"valkey": {"enabled": False}}, "at '/redis'"),
        (
            {"valkey": {"enabled": False}, "redis": {"sentinel": {"hosts": ["a.example"]}}},
            "at '/redis/sentinel/master'",
        ),
        ({"redis": {"sentinel": {"hosts": ["redis://a.example"]}}}, "at '/redis/sentinel/hosts/0'"),
        ({"redis": {"sentinel": {"passwordKey": "p"}}}, "at '/redis/existingSecret'"),
        ({"valkey": {"persistence": {"size": "much"}}}, "at '/valkey/persistence/size'"),
        ({"valkey": {"podSecurityContext": {"runAsUser": 0}}}, "at '/valkey/podSecurityContext/runAsUser'"),
        ({"outbound": {"proxy": "proxy.example:3128"}}, "at '/outbound/proxy'"),
        ({"processDefaults": {"replicas": -1}}, "at '/processDefaults/replicas'"),
        ({"processDefaults": {"securityContext": {"allowPrivilegeEscalation": True}}}, "/allowPrivilegeEscalation'"),
        ({"processDefaults": {"podSecurityContext": {"runAsNonRoot": False}}}, "/podSecurityContext/runAsNonRoot'"),
        ({"processDefaults": {"extraEnv": [{"value": "x"}]}}, "at '/processDefaults/extraEnv/0'"),
        ({"processDefaults": {"resources": {"limits": {"memory": "lots"}}}}, "/resources/limits/memory'"),
        ({"processes": {"worker": {"arguments": ["run"]}}}, "at '/processes/worker'"),
        ({"processes": {"Console": {"args": ["run"]}}}, "at '/processes': additional properties 'Console' not allowed"),
        ({"processes": {"worker": {"secretEnv": {"A": {"name": "x"}}}}}, "/processes/worker/secretEnv/A"),
        ({"ingress": {"paths": []}}, "at '/ingress/paths'"),
        ({"networkPolicy": {"httpsPorts": [0]}}, "at '/networkPolicy/httpsPorts/0'"),
        ({"metrics": {"podMonitor": {"interval": "often"}}}, "at '/metrics/podMonitor/interval'"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(values: Object, where: str) -> None:
    with pytest.raises(helm.HelmError) as refused:
        rendered(values)
    assert where in schema_problems(refused.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"processes": {"worker": {"autoscaling": {"hpa": {"enabled": True}, "keda": {"enabled": True}}}}},
            "/processes/worker",
        ),
        (
            {
                "processDefaults": {"autoscaling": {"hpa": {"enabled": True}}},
                "processes": {"worker": {"autoscaling": {"keda": {"enabled": True}}}},
            },
            "hpa and keda exclude each other",
        ),
        (
            {"secrets": {"values": {"A": "b"}, "externalSecret": {"enabled": True, "secretStoreRef": {"name": "x"}}}},
            "exclude each other",
        ),
        ({"ingress": {"enabled": True}}, "ingress.hosts names at least one host"),
        ({"ingress": {"enabled": True, "hosts": ["a.example"], "process": "nobody"}}, "no process nobody runs"),
        ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs names the Gateway"),
        ({"secrets": {"externalSecret": {"enabled": True}}}, "secrets.externalSecret.secretStoreRef"),
    ],
)
def test_what_cannot_be_together_is_refused_in_words(values: Object, words: str) -> None:
    with pytest.raises(helm.HelmError) as refused:
        rendered(values)
    assert words in schema_problems(refused.value)


def test_an_umbrella_chart_may_pass_global_and_enabled() -> None:
    assert rendered({"global": {"anything": {"at": "all"}}, "enabled": True})


def _schema() -> Object:
    schema: Object = json.loads((CHART / "values.schema.json").read_text())
    return schema


def _closed(schema: object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Every object of the schema that lists its properties."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield path, schema
        for key, inner in schema.items():
            if key not in {"if", "then", "not", "allOf"}:
                yield from _closed(inner, f"{path}/{key}")
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from _closed(inner, f"{path}/{number}")


def test_no_part_of_the_schema_lets_a_misspelt_key_through() -> None:
    open_by_design = ("/global", "SecurityContext", "/securityContext")
    loose = [
        path
        for path, schema in _closed(_schema())
        if schema.get("additionalProperties") is not False and not path.endswith(open_by_design)
    ]
    assert loose == []


def test_every_default_is_in_the_schema_and_every_value_is_described() -> None:
    values = strictly((CHART / "values.yaml").read_text())[0]
    missing = list(_undescribed(values, _schema()))
    assert missing == []


def _undescribed(values: Object, schema: Object, path: str = "") -> Iterator[str]:
    for key, value in values.items():
        inner = schema.get("properties", {}).get(key)
        if inner is None:
            yield f"{path}.{key}"
        elif "description" not in inner:
            yield f"{path}.{key} has no description"
        elif key != "resources" and isinstance(value, dict) and "properties" in inner:
            yield from _undescribed(value, inner, f"{path}.{key}")


def test_no_key_is_read_as_a_boolean() -> None:
    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield str(key)
                yield from keys(inner)

    values = strictly((CHART / "values.yaml").read_text())[0]
    assert [key for key in keys(values) if YAML_1_1_BOOLEANS.match(key)] == []


def _numbers(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict):
        for key, inner in values.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(values, int) and not isinstance(values, bool):
        yield path


def _with(path: tuple[str, ...], value: object) -> Object:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[return-value]


NUMBERS = list(_numbers(strictly((CHART / "values.yaml").read_text())[0]))


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
def test_a_large_number_is_written_in_digits(path: tuple[str, ...]) -> None:
    values = _with(path, LARGE)
    switches = {
        "processDefaults": {"autoscaling": {"hpa": {"enabled": "hpa" in path}, "keda": {"enabled": "keda" in path}}}
    }
    off = {"valkey": {"enabled": "redis" not in path}, "redis": {"host": "redis.example"}}
    try:
        objects = rendered(_merged(_merged(switches, off), values))
    except helm.HelmError as refused:
        assert "maximum" in schema_problems(refused)  # noqa: PT017 - a bound of the schema is an answer, too
        return
    assert not re.search(r"\d[eE]\+\d", json.dumps(objects))


def _merged(one: Object, other: Object) -> Object:
    merged = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def test_the_readme_s_table_is_what_the_schema_says() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chart_readme.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
