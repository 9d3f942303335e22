"""The short form of the fault suite, and which module of tests plays which part of it."""

from chaos.__main__ import play
from chaos.experiments import EXPERIMENTS
from chaos.world import World

LINKS = ("cut-before", "cut-after", "half-replies", "silent-link")
SYSTEMS = ("systems-misbehave", "tracker-links")
DEATHS = ("receivers-die", "workers-die", "much-in-flight")
RESTARTS = ("drains",)
FEEDS = ("feeds-die",)
STORES = ("redis-dies", "redis-stops", "redis-refuses", "address-moves", "fsync")
WIPES = ("redis-wiped",)
CROWDS = ("copies", "any-order", "storm")
CLOCKS = ("clocks-apart", "away-for-a-day")
KEYS = ("keys-in-files", "keys-missing")
INPUTS = ("fuzz",)
ELSEWHERE = ("privacy",)
"""Played, piece by piece, by tests/e2e/test_privacy.py."""

BY_HAND = ("scans-die",)
"""Takes a minute: `make chaos ARGS=--short` plays it. A planted bug plays it with few deaths (test_planted_bugs)."""

EVERY = (
    *(*LINKS, *SYSTEMS, *DEATHS, *RESTARTS, *FEEDS, *STORES, *WIPES, *CROWDS, *CLOCKS, *KEYS, *INPUTS),
    *(*ELSEWHERE, *BY_HAND),
)

LONGEST = 300
"""Seconds that one experiment may take on a machine with much else to do."""


def is_sound(world: World, name: str) -> bool:
    """Play the experiment in its short form. Raises AssertionError with the figures where one that must be 0 is not."""
    (experiment,) = (each for each in EXPERIMENTS if each.name == name)
    played = play(experiment, experiment.short, world)
    assert played.sound, played
    return True
