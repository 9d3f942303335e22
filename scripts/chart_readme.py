"""Writes the table of values into helm/README.md, from values.schema.json and values.yaml.

python scripts/chart_readme.py            write it
python scripts/chart_readme.py --check    exit with 1 where it is not as it would be written
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CHART = Path(__file__).parents[1] / "helm"
BEGIN, END = "<!-- values: written by scripts/chart_readme.py -->", "<!-- end of values -->"
LONGEST = 60


def rows(schema: Mapping[str, Any], values: object, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, default and description of every value, in the schema's order."""
    for key, inner in schema.get("properties", {}).items():
        name = f"{path}.{key}" if path else key
        is_set = isinstance(values, Mapping) and key in values
        value = values[key] if isinstance(values, Mapping) and is_set else None
        has_rows = inner.get("additionalProperties") is False and "properties" in inner and key != "resources"
        yield name, "" if has_rows or not is_set else shown(value), inner.get("description", "")
        if has_rows:
            yield from rows(inner, value, name)


def shown(value: object) -> str:
    """A default, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and "\n" in value:
        return "an example"
    return f"`{text}`" if len(text) <= LONGEST else "see values.yaml"


def table() -> str:
    """The table in Markdown."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = YAML(typ="safe").load((CHART / "values.yaml").read_text())
    own = {
        key: inner
        for key, inner in schema["definitions"]["process"]["properties"].items()
        if key not in schema["properties"]["processDefaults"]["properties"]
    }
    found = [*rows(schema, values), *rows({"properties": own}, {}, "processes.NAME")]
    lines = [f"| `{path}` | {default} | {text.replace('|', chr(92) + '|')} |" for path, default, text in found]
    return "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *lines])


def main() -> int:
    """Write the table, or say whether it is as it should be."""
    readme = CHART / "README.md"
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if "--check" in sys.argv[1:]:
        if text != wanted:
            sys.stdout.write("helm/README.md is not as the schema says: run python scripts/chart_readme.py\n")
            return 1
        return 0
    readme.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
