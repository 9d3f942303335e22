"""The case that an address names, for who may see it."""

from starlette.requests import Request

from console.answers import NotShown
from console.context import context_of, person_of
from console.people.roles import ConsoleRole
from remediation.domain.cases.records import CaseKey
from remediation.read_model.cases.names import UnclearName, case_named

_LONGEST = 300
NO_CASE = "There is no such case, or nothing is known of it. Look for it by its reference, its finding or its ticket."


async def key_of(request: Request) -> CaseKey:
    """The case of the address. Raises NotShown, for one of another district as for none."""
    ref, context, person = request.path_params["ref"], context_of(request), person_of(request)
    if len(ref) > _LONGEST:
        raise NotShown(NO_CASE)
    districts = person.granted_districts()
    key = await case_named(ref, lambda: context.loaded().mappings, context.connection, districts)
    if isinstance(key, UnclearName) or not person.may(ConsoleRole.VIEWER, key.district):
        raise NotShown(NO_CASE)
    return key
