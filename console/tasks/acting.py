"""How a page asks for a change of many things: it freezes what was chosen, and leads to the page that confirms it.

A page's own handler chooses the names, within the districts that the person may see, and calls `chosen`:

    names = [...]  # of what matches the page's filter, the oldest or worst first
    return await chosen(request, SelectedAct.RETRY, names, choice="--district lakeside", total=1_204)
"""

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.answers import NotAllowed, PageRefused
from console.context import ConsoleContext, context_of, identity_of, person_of
from console.people.access import person_by
from console.people.roles import ConsoleRole, Person
from console.people.sessions import config_of
from console.rendering import path_of
from remediation.operations.stores import OperationStores
from remediation.store.console.selections import SelectedAct, Selections

ROLES: Mapping[SelectedAct, ConsoleRole] = {
    SelectedAct.REPLAY: ConsoleRole.OPERATOR,
    SelectedAct.DISCARD: ConsoleRole.OPERATOR,
    SelectedAct.RETRY: ConsoleRole.OPERATOR,
    SelectedAct.PURGE: ConsoleRole.ADMINISTRATOR,
}
"""Who may do what."""


async def chosen(request: Request, act: SelectedAct, names: Sequence[str], choice: str, total: int = 0) -> Response:
    """Freeze what was chosen, and lead to the page that confirms it.

    `choice` says in ids and codes what was chosen (for the audit, too), `total` how many things match where the names
    are not all of them. Raises NotAllowed, PageRefused where nothing was chosen, StoreUnavailable.
    """
    person, context = person_of(request), context_of(request)
    if not may_anywhere(person, act):
        raise NotAllowed(f"To do this you need to be {ROLES[act].name.lower()} of a district.")
    if not names:
        raise PageRefused("Nothing was chosen, or it is not there any more. Go back, and choose again.")
    selections = Selections(context.connection)
    made = await selections.freeze(act, person.name, choice, names, context.clock(), total)
    return RedirectResponse(path_of(request, "selection", selection=made), 303)


def may_anywhere(person: Person, act: SelectedAct) -> bool:
    """Whether there is a district in which the person may do this."""
    return any(grant.role >= ROLES[act] for grant in person.grants)


def allowed_to(request: Request, act: SelectedAct) -> Callable[[str], bool]:
    """Whether who asks may do this in a district; "" is for what belongs to none.

    Each call asks the mappings.yaml in force just then, also long after the request.
    """
    context, who = context_of(request), identity_of(request)
    return lambda district: person_by(config_of(context), who).may(ROLES[act], district or None)


def stores_of(context: ConsoleContext) -> OperationStores:
    """What operations work with, in this process."""
    return OperationStores(context.audit, context.clock, context.connection, context.keyring)
