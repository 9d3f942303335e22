"""Trackers and SchoolScan misbehave: limits, errors, hangs, lost replies, halves, pages for JSON, broken links."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.proxy import Fault, Kind, Proxy
from chaos.world import BOTH, World

_CREATE = "/issue$|/table/incident$"
_ANY = "^/(api|rest|v1)/"
_ORDERS: Mapping[str, Mapping[str, Any]] = {
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "path": _ANY},
    "500": {"kind": "status", "status": 500, "path": _ANY},
    "hang of 30 s": {"kind": "slow", "seconds": 30, "path": _CREATE, "method": "POST"},
    "reply lost": {"kind": "lost_reply", "path": _CREATE, "method": "POST"},
    "half a body": {"kind": "half", "path": _CREATE, "method": "POST"},
    "HTML": {"kind": "html", "path": _ANY},
    "reset": {"kind": "reset", "path": _ANY},
}
_OF_SCHOOLSCAN: Mapping[str, Mapping[str, Any]] = {
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "path": "^/v1/"},
    "500": {"kind": "status", "status": 500, "path": "^/v1/"},
    "note's reply lost": {"kind": "lost_reply", "path": "^/v1/findings/", "method": "PATCH"},
    "reset": {"kind": "reset", "path": "^/v1/"},
}
_AT_ONCE = 2
_LAGS = (0.5, 3.0, 6.0)
_CREATES = (b"POST /rest/api/", b"POST /api/now/")
_CUTS: tuple[Kind, ...] = ("cut_before", "cut_after", "half", "delay", "stall")


def systems_misbehave(world: World, times: int) -> Outcome:
    """In each of so many rounds, every fault happens some times at every system, while new findings are told of."""
    world.staff(receivers=1)
    happened = Counter[str]()
    for number in range(times):
        world.outside.control("jira", "PUT", "settings", json={"search_lag": _LAGS[number % len(_LAGS)]})
        for system in world.stage.outside:
            world.outside.control(system, "DELETE", "requests")
            orders = list((_OF_SCHOOLSCAN if system == "schoolscan" else _ORDERS).values())
            for order in world.chance.sample(orders, k=len(orders)):
                _order(world, system, order)
        world.deliver(world.events(world.find(6, BOTH)))
        world.settle()
        happened += Counter(
            f"{each['fault']} at {system}" if each["fault"] != "status" else f"{each['status']} at {system}"
            for system in world.stage.outside
            for each in world.outside.requests(system)
            if each["fault"]
        )
        world.outside.mend()
    world.outside.control("jira", "PUT", "settings", json={"search_lag": _LAGS[0]})
    return Outcome(happened, figures(world))


def _order(world: World, system: str, order: Mapping[str, Any]) -> None:
    world.outside.break_down(system, times=_AT_ONCE, **order)


@contextlib.contextmanager
def behind_proxies(world: World) -> Iterator[Mapping[str, Proxy]]:
    """Two workers that reach each tracker through a proxy."""
    with contextlib.ExitStack() as stack:
        proxies = {}
        for name in ("jira", "servicenow"):
            split = urlsplit(world.stage.outside[name])
            proxy = Proxy(partial(asyncio.open_connection, split.hostname, split.port))
            proxies[name] = stack.enter_context(proxy.running())
        world.dismiss(world.workers)
        mappings = str(_moved(world, {name: proxy.port for name, proxy in proxies.items()}))
        world.workers += [world.start("worker", wait=False, MAPPINGS_PATH=mappings) for _ in range(2)]
        for slot in world.workers:
            world.wait_until_ready(slot)
        try:
            yield proxies
        finally:
            world.dismiss(world.workers)


def _moved(world: World, ports: Mapping[str, int]) -> Path:
    yaml, path = YAML(), world.stage.folder / "moved.yaml"
    tree = yaml.load(world.stage.folder / "mappings.yaml")
    for name, port in ports.items():
        tree["trackers"][name]["url"] = f"http://127.0.0.1:{port}"
    yaml.dump(tree, path)
    return path


def links_break(world: World, times: int) -> Outcome:
    """In each round, creates are cut off before, after and within their replies, held up, and swallowed."""
    world.staff(receivers=1, workers=0)
    with behind_proxies(world) as proxies:
        for _ in range(times):
            for kind in world.chance.sample(_CUTS, k=len(_CUTS)):
                for proxy, word in zip(proxies.values(), _CREATES, strict=True):
                    proxy.order(Fault(kind, word, 1, 3.0 if kind in {"delay", "stall"} else 0.0))
            world.deliver(world.events(world.find(6, BOTH)))
            world.settle()
        happened = {f"at {name}": proxy.happened for name, proxy in proxies.items()}
        counted = figures(world)
    return Outcome(happened, counted)


EXPERIMENTS = (
    Experiment("systems-misbehave", "429, 500, hangs, lost and half replies, HTML, resets", systems_misbehave, 1, 40),
    Experiment("tracker-links", "links to trackers are cut, halved, slow and silent at creates", links_break, 1, 40),
)
