"""Whether a Jira workflow leads to done and back, told from its statuses and from issues that stand in them. Pure.

Jira shows the statuses of a workflow, and transitions only from where some issue stands: what no issue shows cannot be
told.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence

from remediation.domain.errors import OutsideError
from remediation.mapping.explain.inspections import Inspection, right, shown, unanswered, untold, wrong
from remediation.trackers.jira.catalogue import Workflows
from remediation.trackers.jira.inspection.demands import IssueDemand
from remediation.trackers.jira.workflow import Explored, Goal, WorkflowStatus, no_way

_LEADS = {Goal.DONE: "to done", Goal.ACTIVE: "back from done"}


def status_verdict(demand: IssueDemand, workflows: Workflows | OutsideError) -> Inspection | None:
    """What the statuses alone say: that there is no way, or that it cannot be told; None where transitions tell."""
    where = (*demand.where, "type")
    kind = f"a {shown(demand.type)} of {shown(demand.project)}"
    if isinstance(workflows, OutsideError):
        return unanswered(where, f"whether {kind} can be brought to done", workflows)
    places = places_of(workflows, demand.type)
    if not places:
        return untold(where, f"whether {kind} can be brought to done: Jira shows no workflow for it")
    for goal in Goal:
        if not any(goal.reached(place) for place in places):
            names = ", ".join(place.name for place in places)
            advice = "give the workflow a status of that category"
            return wrong(where, f"{kind} can never come to {goal.value}: its statuses are {names}", advice)
    return None


def places_of(workflows: Workflows, type_name: str) -> tuple[WorkflowStatus, ...]:
    """The statuses of a type's workflow."""
    return tuple(status.place for status in workflows.statuses(type_name))


def way_verdicts(demand: IssueDemand, places: Sequence[WorkflowStatus], explored: Explored) -> Iterator[Inspection]:
    """Whether a way to done, and a way back, is seen; one verdict for each."""
    for goal in Goal:
        starts = [place for place in places if not goal.reached(place) and place.id in explored.steps]
        yield _way(demand, goal, starts, explored)


def _way(demand: IssueDemand, goal: Goal, starts: Sequence[WorkflowStatus], explored: Explored) -> Inspection:
    where = (*demand.where, "type")
    kind = f"a {shown(demand.type)} of {shown(demand.project)}"
    leads = _LEADS[goal]
    reached = [(start, _reach(start, goal, explored)) for start in starts]
    for start, reaches in reached:
        if reaches is False:
            advice = "change the workflow, or what its transitions require, or our account's rights"
            words = no_way(start, goal, _seen_from(start, explored))
            return wrong(where, f"{kind} cannot be brought {leads}: {words}", advice)
    if any(reaches for _, reaches in reached):
        return right(where, f"{kind} can be brought {leads}")
    missing = "an issue that is done" if goal is Goal.ACTIVE else "issues on the way there"
    asked = ", ".join(explored.blocked(goal))
    seen = f"; the transitions that are seen require: {asked}" if asked else ""
    return untold(where, f"whether {kind} can be brought {leads}, without {missing}{seen}")


def _seen_from(start: WorkflowStatus, explored: Explored) -> Explored:
    """What can be seen from one status on."""
    return Explored({place: explored.steps[place] for place in _around(start, explored) if place in explored.steps})


def _reach(start: WorkflowStatus, goal: Goal, explored: Explored) -> bool | None:
    """Whether the goal is reached by transitions that we can take; None where statuses on the way were not seen."""
    around = _around(start, explored)
    steps = [step for place in around for step in explored.steps.get(place, ()) if step.is_open]
    if any(goal.reached(step.to) for step in steps):
        return True
    return False if all(place in explored.steps for place in around) else None


def _around(start: WorkflowStatus, explored: Explored) -> Collection[str]:
    """The ids of the statuses that can be reached, this one first."""
    seen, waiting = {start.id: None}, deque([start.id])
    while waiting:
        for step in explored.steps.get(waiting.popleft(), ()):
            if step.is_open and step.to.id not in seen:
                seen[step.to.id] = None
                waiting.append(step.to.id)
    return seen
