"""Whether objects have the form that Kubernetes's own API, and that of the custom resources, describe."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.validators import Draft202012Validator
from kubernetes_validate import utils
from referencing import Registry, Resource

from tests.chart.rendering import ROOT, Object

OLDEST = (1, 29)
"""What Chart.yaml asks for."""

CUSTOM = frozenset(
    {
        "ExternalSecret",
        "HTTPRoute",
        "PodMonitor",
        "PrometheusRule",
        "ScaledObject",
        "ServiceMonitor",
        "TriggerAuthentication",
    }
)
CUSTOM_SCHEMAS = ROOT.parent / "shared" / "crd-schemas"
"""The custom resources' schemas, where they lie beside the repository; nobody else's schemas are kept in it."""


@cache
def versions() -> tuple[str, ...]:
    """Every version of Kubernetes that there are schemas of, from the oldest that the chart takes."""
    known = {utils.major_minor(version) for version in utils.all_versions()}
    taken = [version for version in known if tuple(map(int, version.split("."))) >= OLDEST]
    return tuple(sorted(taken, key=lambda version: int(version.split(".")[1])))


@cache
def _definitions(version: str) -> Resource[Any]:
    folder = f"kubernetes-json-schema/v{_full(version)}-local-strict"
    return Resource.from_contents(utils.schema_contents(f"{folder}/_definitions.json", version))


@cache
def _full(version: str) -> str:
    return next(str(each) for each in utils.all_versions() if utils.major_minor(each) == version)


@cache
def _validator(version: str, kind: str, api_version: str) -> Draft202012Validator:
    group, _, name = api_version.rpartition("/")
    file = f"{kind.lower()}-{group.split('.')[0]}-{name}" if group else f"{kind.lower()}-{name}"
    folder = f"kubernetes-json-schema/v{_full(version)}-local-strict"
    schema = utils.schema_contents(f"{folder}/{file}.json", version)
    resources = Resource.from_contents(schema), _definitions(version)
    registry: Registry[Any] = Registry()
    for resource in resources:
        registry = resource @ registry
    return Draft202012Validator(schema, registry=registry)


def problems(each: Object, version: str) -> list[str]:
    """What the schema of one version of Kubernetes says of an object; nothing of custom resources."""
    if each["kind"] in CUSTOM:
        return []
    try:
        validator = _validator(version, each["kind"], each["apiVersion"])
    except FileNotFoundError:
        return [f"Kubernetes {version} knows no {each['apiVersion']} {each['kind']}"]
    return _said(validator, each)


@cache
def _custom_validator(path: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path.read_text()))


def custom_problems(each: Object) -> list[str]:
    """What a custom resource's own schema says of it."""
    version = each["apiVersion"].rpartition("/")[2]
    return _said(_custom_validator(CUSTOM_SCHEMAS / f"{each['kind'].lower()}_{version}.json"), each)


def _said(validator: Draft202012Validator, each: Mapping[str, Any]) -> list[str]:
    name = f"{each['kind']} {each['metadata']['name']}"
    return [
        f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(each)
    ]
