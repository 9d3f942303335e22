"""The keys that seal deliveries are missing, wrong, or change while work goes on."""

from chaos.experiment import Experiment, Outcome
from chaos.experiments.deaths import endless
from chaos.figures import figures
from chaos.parked import parked, remedy
from chaos.world import World
from remediation.sealing import generate_key

_MOST_AT_ONCE = 100


def keys_are_missing(world: World, times: int) -> Outcome:
    """Workers without the key, then with a wrong one of its name, park so many deliveries; a person replays them."""
    world.staff(receivers=1, workers=0)
    good, findings = world.stage.environment["DATA_KEYS"], world.find(10)
    wrong = f"{good.partition(':')[0]}:{generate_key().partition(':')[2]}"
    counts: dict[str, int] = {}
    for name, keys in (("without the key", generate_key()), ("with a wrong key", wrong)):
        worker = world.start("worker", DATA_KEYS=keys)
        world.deliver(world.events(world.chance.choices(findings, k=times)))
        world.settle()
        worker.program.stop()
        counts[name] = len(parked(world)) - sum(counts.values())
    names = parked(world)
    world.staff(receivers=1, workers=1)
    for start in range(0, len(names), _MOST_AT_ONCE):
        remedy(world, "replay", *names[start : start + _MOST_AT_ONCE])
    return Outcome(counts, figures(world), notes=(f"{len(names)} parked, then replayed",))


def keys_are_rotated(world: World, times: int) -> Outcome:
    """Under load: the new key everywhere, then first, then alone when nothing that the old one sealed waits."""
    world.staff(receivers=1, workers=1)
    old, findings, restarts = world.stage.environment["DATA_KEYS"], world.find(10), 0
    with world.flow(endless(world, findings), senders=2, pause=0.1) as flow:
        for _ in range(times):
            new = generate_key()
            for keys in (f"{old},{new}", f"{new},{old}"):
                for slot in (*world.workers, *world.receivers):
                    slot.environment["DATA_KEYS"] = keys
                    slot.program.stop()
                    world.again(slot, wait=True)
                    restarts += 1
                flow.goes_on(5)
            old = new
    world.settle()
    for slot in (*world.workers, *world.receivers):
        slot.environment["DATA_KEYS"] = old
        slot.program.stop()
        world.again(slot, wait=True)
    counted = figures(world)
    world.dismiss(world.receivers)
    world.dismiss(world.workers)
    return Outcome({"keys changed": times, "restarts": restarts}, counted)


EXPERIMENTS = (
    Experiment("keys-missing", "data keys are missing or wrong; parked and replayed", keys_are_missing, 8, 200),
    Experiment("keys-rotated", "data keys are rotated under load", keys_are_rotated, 0, 5),
)
