"""How much time a run takes for its measurements."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """`seconds` is one round of load, `idle_seconds` one round of watching an idle process.

    `samples` is how many single things are timed in a round. `deliveries` is how many the receiver's memory is watched
    over; None: as many as the rounds happen to send. `cases` is how many lie in the larger of two stores that are
    compared. `incidents` are those of a school year. `pairs` of processes are compared in `batches` of deliveries for
    each of the two. `beside_seconds` is how long good deliveries come beside others. `storm` is how many deliveries
    come at once, and `short_jobs` how many jobs that only wait.
    """

    name: str
    rounds: int
    seconds: float
    idle_seconds: float
    samples: int
    deliveries: int | None = None
    cases: int = 1_000_000
    incidents: int = 50_000
    pairs: int = 22
    batches: int = 60
    beside_seconds: float = 4.0
    storm: int = 20_000
    short_jobs: int = 3_000


TRIAL = Effort(
    "trial",
    rounds=1,
    seconds=0.2,
    idle_seconds=0.3,
    samples=1,
    cases=2_000,
    incidents=400,
    pairs=1,
    batches=6,
    beside_seconds=0.5,
    storm=200,
    short_jobs=200,
)
"""The least that makes every figure, and decides nothing; tests play every topic like this."""

QUICK = Effort(
    "quick",
    rounds=3,
    seconds=0.6,
    idle_seconds=1.0,
    samples=4,
    cases=10_000,
    incidents=2_000,
    pairs=6,
    beside_seconds=2.0,
    storm=2_000,
    short_jobs=1_000,
)
"""Seconds for each topic. Six pairs are the fewest that can decide anything."""

USUAL = Effort("usual", rounds=3, seconds=4.0, idle_seconds=5.0, samples=20)
LONG = Effort("long", rounds=3, seconds=4.0, idle_seconds=5.0, samples=20, deliveries=1_000_000, storm=100_000)
