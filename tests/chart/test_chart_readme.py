"""The chart's README lets a stranger install it: its commands, with the mappings.yaml of this repository."""

import re
from typing import Any

import pytest

from tests.chart.rendering import CHART, ROOT, Object, containers_of, named, pod_of, rendered

MAPPINGS = (ROOT / "mappings.yaml").read_text()
COMMANDS = re.findall(r"^```console\n(.*?)^```", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
REFERRED = re.findall(r"^[^#\n]*\{env: (\w+)\}", MAPPINGS, re.MULTILINE)


def installed() -> list[Object]:
    """The objects of the install that is written there."""
    values: dict[str, Any] = {"mappings": {"content": MAPPINGS}}
    for path, value in re.findall(r"--set (\S+)=(\S+)", COMMANDS):
        *folders, name = path.split(".")
        inner = values
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    (release,) = re.findall(r"helm install (\S+)", COMMANDS)
    return rendered(values, name=release, namespace=release)


@pytest.mark.parametrize("process", ["receiver", "worker"])
def test_each_process_gets_what_mappings_yaml_refers_to_from_the_secret_that_is_made(process: str) -> None:
    pod = pod_of(named(installed(), "Deployment", f"remedy-{process}"))
    assert pod is not None
    (container,) = (each for each in containers_of(pod) if each["name"] == process)
    secrets = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each}
    secrets = {name: ref for name, ref in secrets.items() if ref is not None}
    needed = {name for name in REFERRED if ("WEBHOOK" in name) is (process == "receiver")}
    assert secrets.keys() == needed | {"DATA_KEYS"}
    made = set(re.findall(r"--from-literal=(\w+)=", COMMANDS))
    (name,) = re.findall(r"create secret generic (\S+)", COMMANDS)
    assert {ref["key"] for ref in secrets.values()} <= made
    assert {ref["name"] for ref in secrets.values()} == {name}
