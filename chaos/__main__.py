"""`python -m chaos [--only NAME …] [--short] [--seed N] [--scale X] [--json]`: break everything, and count.

Exit code 1 where a figure that must be 0 is not, where nothing was injected, or where an experiment broke off. The
logs, the store and the journal of such an experiment are kept.
"""

import argparse
import contextlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.experiment import Experiment
from chaos.experiments import EXPERIMENTS
from chaos.table import Played, as_json, remarks, table
from chaos.world import World, open_world


def main() -> int:
    """Play what was asked for, or everything; returns the exit code."""
    asked = _arguments()
    wanted = [each for each in EXPERIMENTS if not asked.only or each.name in asked.only]
    counted = [(each, each.times(asked.scale, short=asked.short)) for each in wanted]
    kept = Path(tempfile.mkdtemp(prefix="remedy-chaos-"))
    began = time.monotonic()
    played = list(play_all([(each, times) for each, times in counted if times], asked, kept))
    if asked.json:
        print(json.dumps({"seed": asked.seed, "short": asked.short, "played": as_json(played)}, indent=2))
    else:
        print(f"\n{table(played)}\n\n{remarks(played)}\n")
        print(f"Seed {asked.seed}; {len(played)} experiments in {(time.monotonic() - began) / 60:.0f} minutes.")
    unsound = [each.experiment.name for each in played if not each.sound]
    if unsound:
        _tell(f"NOT SOUND: {', '.join(unsound)}. Their logs, stores and journals are in {kept}")
    else:
        kept.rmdir()
    return 1 if unsound else 0


def play_all(wanted: Sequence[tuple[Experiment, int]], asked: argparse.Namespace, kept: Path) -> Iterator[Played]:
    """Each experiment, so many times, in a world of its own; the short ones share one for as long as it is sound.

    What an experiment leaves is kept only where it was not sound.
    """
    with contextlib.ExitStack() as stack:
        world: World | None = None
        for experiment, times in wanted:
            _tell(f"{experiment.name}: {experiment.what} ({times} times) …")
            if world is None:
                world = stack.enter_context(open_world(asked.seed))
            played = play(experiment, times, world)
            if not played.sound:
                keep(world, kept / experiment.name)
            if not (played.sound and asked.short):
                stack.pop_all().close()
                world = None
            _tell(f"  {'sound' if played.sound else 'NOT SOUND'} after {played.seconds:.0f} s")
            yield played


def play(experiment: Experiment, times: int, world: World) -> Played:
    """One experiment."""
    began, outcome, error = time.monotonic(), None, ""
    try:
        world.begin()
        outcome = experiment.play(world, times)
    except Exception as failure:  # noqa: BLE001 - one experiment that breaks off must not hide the others
        error = f"{type(failure).__name__}: {failure}"
    return Played(experiment, outcome, time.monotonic() - began, error)


def keep(world: World, folder: Path) -> None:
    """Everything that tells what happened."""
    shutil.copytree(world.stage.folder, folder, ignore=shutil.ignore_patterns("*.sock"))
    world.journal.save(folder / "journal.jsonl")
    (folder / "wrong.txt").write_text("\n".join(world.remarks), encoding="utf-8")


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Breaks everything, and counts.")
    names: Sequence[str] = [each.name for each in EXPERIMENTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--short", action="store_true", help="a few faults of each kind: some minutes")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the long form's counts (1.0)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="of all chance")
    parser.add_argument("--json", action="store_true", help="everything as JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
