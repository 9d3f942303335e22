"""Everything that is fuzzed, and its kept inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.fuzzing import answering, connecting, reading, signing


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed. `play` raises where a promise is broken; `share` is its part of all runs."""

    play: Callable[[bytes], object]
    share: float


TARGETS: Mapping[str, Target] = {
    "signing": Target(signing.play, 0.7),
    "answering": Target(answering.play, 0.1),
    "connecting": Target(connecting.play, 0.1),
    "reading": Target(reading.play, 0.1),
}
CORPUS = Path(__file__).parent / "corpus"


def kept(name: str) -> list[bytes]:
    """The kept inputs of a target, which `make test` plays each time: one a line, in hexadecimal digits."""
    return [bytes.fromhex(line) for line in (CORPUS / f"{name}.txt").read_text(encoding="ascii").split()]
