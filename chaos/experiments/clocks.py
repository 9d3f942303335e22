"""Time: workers that were away for a day, and workers whose clocks differ."""

from collections.abc import Iterator

from ruamel.yaml import YAML

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.world import BOTH, World
from remediation.store.keys import CURSOR

DAY = 86_400
APART = (0, 2, 30)
_FEW = 2
_USUAL_LAG = 0.5
_LAG = 6.0
_HORIZON = "8s"
"""Longer than the search lags, and far less than the clocks are apart: an intent is as old as Redis's clock says."""


def away_for_a_day(world: World, times: int) -> Outcome:
    """So many deliveries come in while no worker runs; the workers that come then live a day later.

    Redis's own clock moves through what it tells and what it keeps: every time to live is a day shorter.
    """
    world.staff(receivers=2, workers=0)
    world.deliver(world.events(world.find(times)))
    forgotten = _age(world, DAY)
    world.workers += [world.start("worker", words=("--later", str(DAY)), wait=False) for _ in range(2)]
    for slot in world.workers:
        world.wait_until_ready(slot)
    counted = figures(world)
    _come_back(world)
    return Outcome({"deliveries a day old": times}, counted, notes=(f"{forgotten} keys ended in that day",))


def _age(world: World, seconds: int) -> int:
    """Shorten every time to live in the store; returns how many keys ended by that."""
    ended = 0
    for key in _keys(world):
        left = int(world.redis.pttl(key))
        if left > seconds * 1000:
            world.redis.pexpire(key, left - seconds * 1000)
        elif left >= 0:
            ended += int(world.redis.delete(key))
    return ended


def _keys(world: World) -> Iterator[bytes]:
    yield from world.redis.scan_iter("*", count=1_000)


def _come_back(world: World) -> None:
    """Nobody lives in the future any more: lists of changes are read from now on, not from tomorrow."""
    world.dismiss(world.workers)
    for key in list(world.redis.scan_iter(CURSOR + "*")):
        world.redis.delete(key)


def clocks_apart(world: World, times: int) -> Outcome:
    """Three workers whose clocks differ share so many rounds, in which creates lose their replies."""
    world.staff(receivers=2, workers=0)
    apart = APART[:2] if times < _FEW else APART
    environment = {} if times < _FEW else {"MAPPINGS_PATH": _short_sighted(world)}
    world.workers += [world.start("worker", words=("--clock", str(each)), wait=False, **environment) for each in apart]
    for slot in world.workers:
        world.wait_until_ready(slot)
    world.outside.control("jira", "PUT", "settings", json={"search_lag": _USUAL_LAG if times < _FEW else _LAG})
    for _ in range(times):
        for system in ("jira", "servicenow"):
            world.outside.break_down(system, "lost_reply", method="POST", path="/issue$|/table/incident$", times=2)
        world.deliver(world.events(world.find(6, BOTH)))
        world.settle()
    counted = figures(world)
    world.outside.control("jira", "PUT", "settings", json={"search_lag": _USUAL_LAG})
    _come_back(world)
    note = f"clocks {', '.join(map(str, apart))} s ahead"
    return Outcome({"rounds": times, "replies lost": times * 4}, counted, notes=(note,))


def _short_sighted(world: World) -> str:
    """The rules with a search horizon that covers the lag, and not the clocks."""
    yaml, path = YAML(), world.stage.folder / "short-sighted.yaml"
    tree = yaml.load(world.stage.folder / "mappings.yaml")
    for tracker in tree["trackers"].values():
        tracker["search_horizon"] = _HORIZON
    yaml.dump(tree, path)
    return str(path)


EXPERIMENTS = (
    Experiment("clocks-apart", "rounds and cases shared by workers whose clocks differ", clocks_apart, 1, 10),
    Experiment("away-for-a-day", "no worker for a day (the clock is moved)", away_for_a_day, 30, 2_000),
)
