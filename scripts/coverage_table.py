"""Prints, of what `make coverage` measured, a table with a row for each room of the code: the last report's totals.

A line counts as run where a test ran it, a branch where a test left that line in that direction. No share is demanded:
the rows say where to look, not what is good.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import PurePath

DIVIDED = "remediation"
"""The package whose folders are rooms of their own."""


def room_of(file: str) -> str:
    """The folder that a file counts for: its package, or of the divided one the folder or module below."""
    package, below, *_ = PurePath(file).parts
    return f"{package}/{below}".removesuffix(".py") if package == DIVIDED else package


def totals(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> dict[str, list[int]]:
    """Of each room: statements, those that were run, branches, those that were taken."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for file, each in report["files"].items():
        summary = each["summary"]
        counts = ("num_statements", "covered_lines", "num_branches", "covered_branches")
        found[room_of(file)] = [one + summary[name] for one, name in zip(found[room_of(file)], counts, strict=True)]
    return found


def share(part: int, whole: int) -> str:
    """A percentage without decimals, rounded down: 100 % means all."""
    return f"{100 * part // whole} %" if whole else ""


def main() -> None:
    """Asks coverage for the last run's figures, and prints the rows."""
    asked = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", "-"]
    report = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    print("| code | statements | run | branches | taken |\n| --- | --- | --- | --- | --- |")
    for room, (statements, run, branches, taken) in sorted(totals(report).items()):
        print(f"| `{room}` | {statements:,} | {share(run, statements)} | {branches:,} | {share(taken, branches)} |")


if __name__ == "__main__":
    main()
