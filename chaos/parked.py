"""Parked work, as a person sees it: through the command."""

import json
import subprocess
import sys

from chaos.world import World

_SECONDS = 120


def parked(world: World) -> list[str]:
    """The names of everything that is parked."""
    listed = remedy(world, "list", "--json", "--limit", "100000")
    return [str(json.loads(line)["name"]) for line in listed.splitlines()]


def remedy(world: World, *words: str) -> str:
    """What `remedy parked …` prints. Raises CalledProcessError where it fails."""
    done = subprocess.run(  # noqa: S603 - our own interpreter, with arguments of ours
        [sys.executable, "-m", "remedy", "parked", *words],
        env=dict(world.stage.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout
