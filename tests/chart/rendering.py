"""The chart as a cluster would get it: rendered by Helm itself, parsed strictly."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import helm_python as helm
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm"
VALUES_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
RELEASE, NAMESPACE = "rel", "ns"

Object = dict[str, Any]


def values_of(path: Path) -> dict[str, Any]:
    """What a values file says."""
    return cast("dict[str, Any]", strictly(path.read_text())[0] or {})


def strictly(text: str) -> list[Any]:
    """Every document of a YAML text, as plain Python. Raises where a key comes twice."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    return list(yaml.load_all(io.StringIO(text)))


@cache
def _chart(path: Path) -> helm.Chart:
    return helm.Chart.load(str(path))


def rendered(
    values: Mapping[str, Any] | None = None, *, chart: Path = CHART, name: str = RELEASE, namespace: str = NAMESPACE
) -> list[Object]:
    """The objects that an install would send, hooks and tests included. Raises helm.HelmError."""
    texts = _chart(chart).render(dict(values or {}), name=name, namespace=namespace)
    manifests = (text for path, text in sorted(texts.items()) if not path.endswith("NOTES.txt"))
    return [document for text in manifests for document in strictly(text) if document]


def notes(values: Mapping[str, Any] | None = None) -> str:
    """What an install prints."""
    texts = _chart(CHART).render(dict(values or {}), name=RELEASE, namespace=NAMESPACE)
    return next(text for path, text in texts.items() if path.endswith("NOTES.txt"))


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """One object."""
    return next(each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)


def pod_of(each: Object) -> Object | None:
    """The pod that an object makes, with its metadata; None where it makes none."""
    if each["kind"] == "Pod":
        return each
    template = each.get("spec", {}).get("template") if each["kind"] in {"Deployment", "StatefulSet", "Job"} else None
    return cast("Object | None", template)


def containers_of(pod: Object) -> list[Object]:
    """All containers of a pod."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod with the name of what makes it."""
    for each in objects:
        pod = pod_of(each)
        if pod is not None:
            yield f"{each['kind']} {each['metadata']['name']}", pod


def schema_problems(error: Exception) -> str:
    """What Helm says of values that the schema refuses, on one line."""
    return re.sub(r"\s+", " ", str(error))


def plain(value: object) -> Any:
    """The value as JSON would carry it."""
    return json.loads(json.dumps(value))
