"""Every experiment, in the order in which they are played."""

from collections.abc import Sequence

from chaos.experiment import Experiment
from chaos.experiments import (
    addresses,
    clocks,
    crowds,
    deaths,
    feeds,
    fuzzing,
    keys,
    links,
    privacy,
    scans,
    stores,
    storms,
    trackers,
    writing,
)

EXPERIMENTS: Sequence[Experiment] = (
    *links.EXPERIMENTS,
    *deaths.EXPERIMENTS,
    *stores.EXPERIMENTS,
    *addresses.EXPERIMENTS,
    *writing.EXPERIMENTS,
    *trackers.EXPERIMENTS,
    *crowds.EXPERIMENTS,
    *keys.EXPERIMENTS,
    *clocks.EXPERIMENTS,
    *storms.EXPERIMENTS,
    *feeds.EXPERIMENTS,  # leaves incidents behind, which the others need not know of
    *scans.EXPERIMENTS,  # as above, and tickets of groups
    *privacy.EXPERIMENTS,
    *fuzzing.EXPERIMENTS,
)
