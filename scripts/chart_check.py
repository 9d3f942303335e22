"""Lints the chart with each of its values files, as `helm lint --strict` does, and looks whether its README is fresh.

Exit code 0, or 1 with a line for each thing that is wrong. Where Helm's SDK cannot be had (it has no wheel for every
system), says so and passes: the tests skip with the same reason.
"""

import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm"
WARNING = 2


def problems(path: Path) -> list[str]:
    """What Helm says of the chart with one values file."""
    import helm_python as helm  # noqa: PLC0415 - not on every system

    values = YAML(typ="safe").load(path.read_text()) or {}
    report = helm.lint(str(CHART), values, strict=True, namespace="ns")
    said = [each["error"] for each in report["messages"] if each["severity"] >= WARNING]
    return [f"{path.relative_to(ROOT)}: {words}" for words in [*said, *report["errors"]]]


def main() -> int:
    """Print what is wrong."""
    readme = subprocess.run([sys.executable, str(ROOT / "scripts" / "chart_readme.py"), "--check"], check=False)
    try:
        found = [words for path in sorted((CHART / "ci").glob("*-values.yaml")) for words in problems(path)]
    except ImportError:
        sys.stdout.write("the chart is not linted: helm-python-sdk has no wheel for this system\n")
        found = []
    sys.stdout.writelines(f"{words}\n" for words in found)
    return 1 if found or readme.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
