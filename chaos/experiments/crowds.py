"""The same again and again, all at once, and in any order."""

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.world import BOTH, World

_COPIES = 50
_FEW_COPIES = 20
_ENOUGH = 100
_FINDINGS = 20
_EVENTS = ("finding.critical", "finding.expert_reviewed", "finding.critical")
_WORDS = ("open", "resolved", "accepted_risk", "reviewing")


def copies_at_once(world: World, times: int) -> Outcome:
    """So many deliveries, each in many copies at the same moment, over all receivers."""
    world.staff()
    copies = _COPIES if times >= _ENOUGH else _FEW_COPIES
    events = [event for event in world.events(world.find(times)) for _ in range(copies)]
    world.deliver(events, senders=copies)
    return Outcome({"copies beside the first": times * (copies - 1)}, figures(world))


def any_order(world: World, times: int) -> Outcome:
    """Findings change as people wish; what is told of it comes late, twice and in any order, the old after the new."""
    world.staff()
    findings, sent = world.find(_FINDINGS, BOTH), 0
    for _ in range(times):
        batch = [event for name in _EVENTS for event in world.events(findings, name)]
        late = world.chance.sample(batch, k=len(batch) // 2)
        shuffled = [*batch, *late]
        world.chance.shuffle(shuffled)
        with world.flow(shuffled, senders=6):
            for finding_id in world.chance.sample(findings, k=len(findings) // 2):
                world.outside.change_finding(finding_id, status=world.chance.choice(_WORDS))
        world.deliver([*shuffled, *world.events(findings)], senders=6)
        sent += 2 * len(shuffled)
        world.settle()
    return Outcome({"late, repeated and out of order": sent}, figures(world))


EXPERIMENTS = (
    Experiment("copies", "many copies of every delivery at once", copies_at_once, 20, 200),
    Experiment("any-order", "events late, twice and shuffled, while findings change", any_order, 1, 20),
)
