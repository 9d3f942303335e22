"""What people are told of a selection: what will be done, whether that can be undone, and what became of it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remediation.read_model.parked.work import left_words
from remediation.read_model.wording import by_count, count_words
from remediation.store.console.selections import SelectedAct
from remediation.store.console.tasks import ConsoleTask, TaskState
from remediation.store.deliveries.parked import DecisionOutcome


@dataclass(frozen=True, slots=True)
class _ActWords:
    title: str
    will: str
    button: str
    became: str
    undo: str


_ACTS: Mapping[SelectedAct, _ActWords] = {
    SelectedAct.REPLAY: _ActWords(
        "Take up again",
        "will be taken up again",
        "Take up {} again",
        "taken up again",
        "A worker takes up each of them, the worst first. What still does not work is parked again by itself, with its "
        "new error.",
    ),
    SelectedAct.DISCARD: _ActWords(
        "Discard",
        "will be discarded",
        "Discard {}",
        "discarded",
        "This cannot be undone: discarded work is not done, and the body of a discarded delivery is shredded.",
    ),
    SelectedAct.RETRY: _ActWords(
        "Look again",
        "will be looked at now",
        "Look again at {}",
        "marked: workers look at them, the worst first",
        "There is nothing to undo: a look does what the rules say, whenever it is. A case that waits for its turn "
        "within a rate limit takes its turn as before.",
    ),
    SelectedAct.PURGE: _ActWords(
        "Delete",
        "will be deleted, with all that remedy keeps",
        "Delete {} for good",
        "deleted",
        "This cannot be undone. Delete it first in SchoolScan or the feed, and its tickets in the trackers: what is "
        "still there brings the case back with its next change. Lines of the audit stay for retention.audit.",
    ),
}

_STAYS: Mapping[str, str] = {
    "missing": "not there any more: somebody or a worker was quicker",
    "held": "a worker looked at it all the time. Try again in a minute",
    "forbidden": "left: who chose it may not do this in its district, or not any more",
    "too_often": left_words(DecisionOutcome.TOO_OFTEN),
    "unnamed": left_words(DecisionOutcome.UNNAMED),
}


def act_title(act: SelectedAct) -> str:
    """What is to be done, as a heading."""
    return _ACTS[act].title


def things_words(act: SelectedAct, count: int) -> str:
    """How many things: `17 pieces`, `1 case`."""
    return count_words(count, "case" if act.is_of_cases else "piece")


def will_words(act: SelectedAct, count: int, parked: int = 0) -> str:
    """What will be done, to how many: a sentence. `parked` is how much parked work goes with it."""
    also = f", and {things_words(SelectedAct.REPLAY, parked)} of parked work with {by_count(count, 'it', 'them')}"
    return f"{things_words(act, count)} {_ACTS[act].will}{also if parked else ''}."


def button_words(act: SelectedAct, count: int) -> str:
    """What the button says: what it does, and to how many."""
    return _ACTS[act].button.format(things_words(act, count))


def undo_words(act: SelectedAct) -> str:
    """Whether it can be undone, and what happens next."""
    return _ACTS[act].undo


def outcome_words(act: SelectedAct, outcome: str) -> str:
    """What became of a thing, or why it stays."""
    return _ACTS[act].became if outcome == "done" else _STAYS.get(outcome, outcome)


def cut_words(act: SelectedAct, count: int, total: int) -> str:
    """That not all things are in a selection; empty where they are."""
    if total <= count:
        return ""
    kind = "case" if act.is_of_cases else "piece"
    return f"These are the first {count:,} of {total:,} {kind}s. Choose the others when these are done."


def task_words(task: ConsoleTask, now: float) -> str:
    """How far a task is, and why it went no further: a sentence or two."""
    had = f"{task.done:,} of {things_words(task.act, task.count)} had {by_count(task.done, 'its', 'their')} turn"
    rest = "The rest stays as it was: choose it again where it is listed"
    if task.is_silent(now):
        return (
            f"The console that did this has died, or does not reach Redis. At least {had}; the audit has a line of "
            f"each. {rest}, when this page has not changed for a minute."
        )
    match task.state:
        case TaskState.RUNNING:
            return f"{had}{', and it is being stopped' if task.stop else ''}."
        case TaskState.DONE:
            return f"All {things_words(task.act, task.count)} had their turn." if task.count > 1 else "It had its turn."
        case TaskState.STOPPED:
            return f"Stopped: {had}. {rest}."
        case TaskState.ENDED:
            return f"The console was ended meanwhile: {had}. {rest}."
        case TaskState.FAILED:
            return f"It failed: {had}, and perhaps one more; the audit has a line of each. {rest}."


def became_lines(task: ConsoleTask) -> Iterator[tuple[int, str]]:
    """How many things became what, the most first."""
    for outcome, count in sorted(task.became.items(), key=lambda each: (-each[1], each[0])):
        yield count, outcome_words(task.act, outcome)
