"""Everything at once: a long stream of deliveries with repeats, while something is killed every two seconds."""

import signal
import time
from collections import Counter
from collections.abc import Iterator

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.journal import Delivery
from chaos.world import BOTH, IN_JIRA, IN_SERVICENOW, World

_REPEATS = 0.2
_REMEMBERED = 5_000
_EVERY_SECONDS = 2.0
_LONGEST_AWAY = 1.0
_FINDINGS_SHARE = 50
_KINDS = (BOTH, IN_JIRA, IN_SERVICENOW)


def storm(world: World, times: int) -> Outcome:
    """So many deliveries, a fifth of them repeats of earlier ones; every two seconds somebody dies."""
    world.staff(receivers=3, workers=2)
    findings = [each for kind in _KINDS for each in world.find(max(times // _FINDINGS_SHARE // len(_KINDS), 4), kind)]
    killed = Counter[str]()
    with world.flow(_stream(world, findings, times), senders=12) as flow:
        while not flow.is_over:
            killed[_kill_somebody(world)] += 1
            began = time.monotonic()
            while time.monotonic() - began < _EVERY_SECONDS and not flow.is_over:
                time.sleep(0.05)
    world.staff(receivers=3, workers=2)
    counted = figures(world)
    answers = world.journal.answers()
    note = f"{counted.attempts} posts: {', '.join(f'{count} {answer}' for answer, count in answers.most_common(6))}"
    return Outcome(killed, counted, notes=(note,))


def _stream(world: World, findings: list[str], count: int) -> Iterator[Delivery]:
    """New events and, among them, repeats of some that went before."""
    before: list[Delivery] = []
    for _ in range(count):
        if before and world.chance.random() < _REPEATS:
            yield world.chance.choice(before)
            continue
        (event,) = world.events([world.chance.choice(findings)])
        if len(before) < _REMEMBERED:
            before.append(event)
        else:
            before[world.chance.randrange(_REMEMBERED)] = event
        yield event


def _kill_somebody(world: World) -> str:
    """Kill (-9) a receiver, a worker or Redis; it is started again. Answers who it was."""
    victim = world.chance.choice(["receiver", "receiver", "worker", "worker", "Redis"])
    if victim == "Redis":
        world.kill_redis(world.chance.uniform(0, _LONGEST_AWAY))
        return victim
    slot = world.chance.choice(world.receivers if victim == "receiver" else world.workers)
    slot.program.stop(signal.SIGKILL)
    world.again(slot)
    return victim


EXPERIMENTS = (Experiment("storm", "a stream with repeats, something killed every two seconds", storm, 1_500, 100_000),)
