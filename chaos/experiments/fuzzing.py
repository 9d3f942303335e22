"""A coverage-guided fuzzer plays what strangers reach first: the connection, the application, and signatures."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.fuzzing.targets import TARGETS, kept
from chaos.world import World

_LONGEST_INPUT = 512
_LONGEST_RUN = 30
"""Seconds that one input may take: more is a promise broken, too."""

_DONE = re.compile(r"^#(\d+)\s+DONE\s+cov: (\d+)", re.MULTILINE)
_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """One target being fuzzed, in a folder of its own."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]

    def ended(self) -> "Fuzzed":
        """Wait for it. Raises RuntimeError where it broke off without having found anything."""
        code = self.process.wait()
        said = (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        broken = [each.read_bytes().hex() for each in self.folder.glob("found-*")]
        done = _DONE.search(said)
        if not broken and (code or done is None):
            raise RuntimeError(f"the fuzzer ended with {code}: {said[-_WORDS:]}")
        return Fuzzed(self.name, int(done[1]) if done else 0, int(done[2]) if done else 0, broken, said[-_WORDS:])


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of it. `broken` are inputs that broke a promise, as lines for the corpus; `said` is how it ended."""

    name: str
    inputs: int
    branches: int
    broken: list[str]
    said: str

    def notes(self) -> tuple[str, ...]:
        """For the table."""
        told = (f"{self.name}: {self.branches} branches reached",) if not self.broken else ()
        return (*told, *(f"{self.name} broke a promise at {line}: {self.said}" for line in self.broken))


def fuzz(world: World, times: int) -> Outcome:
    """Play so many inputs, all targets at once."""
    if importlib.util.find_spec("atheris") is None:
        return Outcome({"nothing": 1}, figures(world), notes=("atheris is not installed: not measured",))
    running = [_begun(world, name, round(times * target.share)) for name, target in TARGETS.items()]
    ended = [each.ended() for each in running]
    injected = {f"inputs of {each.name}": each.inputs for each in ended}
    notes = tuple(note for each in ended for note in each.notes())
    zeros = {"inputs that broke a promise": sum(len(each.broken) for each in ended)}
    return Outcome(injected, figures(world), notes=notes, zeros=zeros)


def _begun(world: World, name: str, runs: int) -> Fuzzing:
    folder = world.stage.folder / "fuzzing" / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(kept(name)):
        (corpus / f"kept-{number}").write_bytes(data)
    words = [sys.executable, "-m", "chaos.fuzzing", name, f"-runs={runs}", f"-seed={world.chance.randint(1, 2**31)}"]
    words += [
        f"-max_len={_LONGEST_INPUT}",
        f"-timeout={_LONGEST_RUN}",
        f"-artifact_prefix={folder}/found-",
        str(corpus),
    ]
    with (folder / "said.txt").open("wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - our own interpreter
    return Fuzzing(name, folder, process)


EXPERIMENTS = (
    Experiment("fuzz", "whatever a coverage-guided fuzzer makes up for strangers to send", fuzz, 20_000, 1_000_000),
)
