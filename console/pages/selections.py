"""The page that confirms what was chosen, and the page of the task that does it."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotShown
from console.context import context_of, person_of
from console.forms import sent_form, text_in
from console.rendering import path_of, render
from console.tasks.acting import ROLES, allowed_to, stores_of
from console.tasks.running import TaskRunner
from remediation.operations.selected import PieceOutcome, SelectedWork, stop_once
from remediation.operations.selection_effects import effect_of
from remediation.read_model.selection_words import (
    act_title,
    became_lines,
    button_words,
    cut_words,
    outcome_words,
    task_words,
    undo_words,
    will_words,
)
from remediation.store.console.selections import FrozenSelection, SelectedAct, Selections
from remediation.store.console.tasks import ConsoleTask, ConsoleTasks, TaskState

_OVER = "There is no such choice of yours: it was begun, or a quarter of an hour is over. Choose again."


async def selection(request: Request) -> Response:
    """What will happen if this is confirmed: to how many, in groups, what stays, and whether it can be undone."""
    made = await Selections(context_of(request).connection).made_by(_id(request), person_of(request).name)
    if made is None:
        return await _begun_already(request)
    again = request.query_params.get("again") == "yes"
    effect = await effect_of(stores_of(context_of(request)), _work(request, made, again=again))
    return render(
        request,
        "selection.html",
        made=made,
        again=again,
        effect=effect,
        title=act_title(made.act),
        will=will_words(made.act, effect.count, effect.parked),
        cut=cut_words(made.act, len(made.names), made.total),
        button=button_words(made.act, effect.count),
        undo=undo_words(made.act),
        stays=[(count, outcome_words(made.act, why)) for why, count in effect.staying.items()],
        offers_again=again or PieceOutcome.TOO_OFTEN in effect.staying,
        back=_where_chosen(request, made.act, made.choice)[0],
    )


async def confirm(request: Request) -> Response:
    """Begin what was chosen, once, and lead to its task."""
    runner: TaskRunner = request.app.state.tasks
    context, form = context_of(request), await sent_form(request)

    async def taken() -> SelectedWork | None:
        made = await Selections(context.connection).use(_id(request), person_of(request).name, context.clock())
        return _work(request, made, again=text_in(form, "again") == "yes") if made else None

    is_begun = await runner.begin_once(_id(request), taken)
    return _to_task(request, _id(request)) if is_begun else await _begun_already(request)


async def task(request: Request) -> Response:
    """How far a task is."""
    return await _task_page(request, "task.html")


async def task_progress(request: Request) -> Response:
    """The part of that page which changes."""
    return await _task_page(request, "parts/task_progress.html")


async def stop_task(request: Request) -> Response:
    """Have a task end between two things."""
    found = await _own_task(request)
    await stop_once(stores_of(context_of(request)), found, person_of(request).name)
    return _to_task(request, found.id)


async def _task_page(request: Request, template: str) -> Response:
    found, now = await _own_task(request), context_of(request).clock()
    back, place = _where_chosen(request, found.act, found.choice, is_begun=True)
    return render(
        request,
        template,
        task=found,
        title=act_title(found.act),
        is_live=found.state is TaskState.RUNNING and not found.is_silent(now),
        says=task_words(found, now),
        became=list(became_lines(found)),
        back=back,
        place=place,
    )


async def _own_task(request: Request) -> ConsoleTask:
    """The task of this address: for who began it, and for who sees everything. Raises NotShown."""
    found, person = await ConsoleTasks(context_of(request).connection).one(_id(request)), person_of(request)
    is_own = found is not None and (found.who == person.name or person.may(ROLES[found.act], None))
    if found is None or not is_own:
        raise NotShown("There is no such task, or it began more than a day ago. The audit has what was done.")
    return found


async def _begun_already(request: Request) -> Response:
    """To the task, where this person has begun what they ask for. Raises NotShown."""
    found = await ConsoleTasks(context_of(request).connection).one(_id(request))
    if found is None or found.who != person_of(request).name:
        raise NotShown(_OVER)
    return _to_task(request, found.id)


def _work(request: Request, made: FrozenSelection, *, again: bool) -> SelectedWork:
    allows = allowed_to(request, made.act)
    return SelectedWork(made.act, made.who, made.choice, made.names, allows, again=again)


def _id(request: Request) -> str:
    found: str = request.path_params["selection"]
    return found


def _to_task(request: Request, task_id: str) -> Response:
    return RedirectResponse(path_of(request, "task", selection=task_id), 303)


def _where_chosen(request: Request, act: SelectedAct, choice: str, *, is_begun: bool = False) -> tuple[str, str]:
    """The path of the page on which it was chosen, and what that shows: a list, or the case that the choice names.

    A case that is being deleted has no page soon.
    """
    is_of_one_case = ":" in choice and not choice.startswith("--")
    if is_of_one_case and not (is_begun and act is SelectedAct.PURGE):
        return path_of(request, "case", ref=choice), "case"
    return _list_path(request, act), "list"


def _list_path(request: Request, act: SelectedAct) -> str:
    """Where people choose such things."""
    return path_of(request, "cases" if act.is_of_cases else "parked")


ROUTES = [
    Route("/selections/{selection}", selection, name="selection"),
    Route("/selections/{selection}", confirm, methods=["POST"], name="confirm_selection"),
    Route("/tasks/{selection}", task, name="task"),
    Route("/tasks/{selection}/progress", task_progress, name="task_progress"),
    Route("/tasks/{selection}/stop", stop_task, methods=["POST"], name="stop_task"),
]
