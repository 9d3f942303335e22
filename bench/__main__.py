"""`python -m bench [topic …] [--trial | --quick | --long] [--results FOLDER]`: measure, print a table, keep figures."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.effort import LONG, QUICK, TRIAL, USUAL, Effort
from bench.picture import svg
from bench.report import Report, as_json, table
from bench.topics import (
    accepting,
    comparing,
    deciding,
    guarding,
    listing,
    looking,
    overlapping,
    parsing,
    resting,
    showing,
    sizing,
    starting,
    storming,
    sweeping,
    telling,
    waking,
    working,
)
from bench.topics.limits import flooding, limiting, paging, scanning

TOPICS: Mapping[str, Callable[[Effort], Report]] = {
    "accepting": accepting.measure,
    "comparing": comparing.measure,
    "guarding": guarding.measure,
    "waking": waking.measure,
    "overlapping": overlapping.measure,
    "storming": storming.measure,
    "looking": looking.measure,
    "working": working.measure,
    "deciding": deciding.measure,
    "starting": starting.measure,
    "telling": telling.measure,
    "sizing": sizing.measure,
    "listing": listing.measure,
    "paging": paging.measure,
    "showing": showing.measure,
    "resting": resting.measure,
    "parsing": parsing.measure,
    "sweeping": sweeping.measure,
    "scanning": scanning.measure,
    "flooding": flooding.measure,
    "limiting": limiting.measure,
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure what was asked for, or everything."""
    asked = _arguments()
    effort: Effort = asked.effort
    reports = []
    for topic in asked.topics or TOPICS:
        print(f"measuring {topic} …", file=sys.stderr, flush=True)
        reports.append(TOPICS[topic](effort))
        _write(reports[-1], effort, asked.results)
    print(f"\n{table(reports)}\n")
    print(f"Raw figures and pictures: {asked.results}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the service against its anchors.")
    parser.add_argument("topics", nargs="*", choices=[*TOPICS, []], metavar="topic", help=", ".join(TOPICS))
    efforts = parser.add_mutually_exclusive_group()
    trial = "whether a measurement works; its figures say nothing"
    quick = "a first look: some seconds for each topic; comparing installs packages, too"
    long = "the receiver's memory over a million deliveries, and a storm of a hundred thousand"
    efforts.add_argument("--trial", dest="effort", action="store_const", const=TRIAL, default=USUAL, help=trial)
    efforts.add_argument("--quick", dest="effort", action="store_const", const=QUICK, help=quick)
    efforts.add_argument("--long", dest="effort", action="store_const", const=LONG, help=long)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for raw figures and pictures")
    return parser.parse_args()


def _write(report: Report, effort: Effort, folder: Path) -> None:
    conditions = {
        "effort": effort.name,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{report.topic}.json").write_text(as_json(report, conditions) + "\n", encoding="utf-8")
    (folder / f"{report.topic}.svg").write_text(svg(report), encoding="utf-8")


if __name__ == "__main__":
    main()
