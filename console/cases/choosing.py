"""What is done about cases from their pages: each is chosen here, and confirmed on a page of its own."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import NotAllowed, PageRefused
from console.cases.filters import choice_of
from console.cases.naming import key_of
from console.context import context_of, lists_of, person_of
from console.forms import sent_form, text_in, texts_in
from console.people.roles import ConsoleRole, Person
from console.tasks.acting import ROLES, chosen
from remediation.domain.cases.records import CaseKey
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor
from remediation.store.cases.todo import Todo
from remediation.store.console.selections import MOST_NAMES, SelectedAct

_AT_ONCE = 500


def districts_as(person: Person, role: ConsoleRole) -> frozenset[str] | None:
    """The districts in which the person has this role or a greater one; None for all."""
    if person.may(role, None):
        return None
    return frozenset(name for grant in person.grants if grant.role >= role for name in grant.districts or ())


async def act_on_case(request: Request) -> Response:
    """Choose one case, or what is parked of it."""
    key, word = await key_of(request), text_in(await sent_form(request), "act")
    if word not in set(SelectedAct):
        raise PageRefused("There is nothing to do that is called so. Go back, and choose again.")
    act = SelectedAct(word)
    if not person_of(request).may(ROLES[act], key.district):
        raise NotAllowed(f"To do this you need to be {ROLES[act].name.lower()} of the district.")
    return await chosen(request, act, await _names(request, key, act), choice=key.ref)


async def _names(request: Request, key: CaseKey, act: SelectedAct) -> list[str]:
    if act.is_of_cases:
        return [key.ref]
    record = await Todo(context_of(request).connection).record(key.ref)
    return sorted(f"{key.ref}/{action}" for action in record.undecided) if record else []


async def retry_cases(request: Request) -> Response:
    """Choose the cases that were ticked, or all that fit the address's filter, to be looked at again."""
    form, person = await sent_form(request), person_of(request)
    districts = districts_as(person, ROLES[SelectedAct.RETRY])
    if text_in(form, "which") != "all":
        refs = [ref for ref in texts_in(form, "case") if districts is None or ref.partition(":")[0] in districts]
        return await chosen(request, SelectedAct.RETRY, refs, choice="ticked")
    asked, lists = choice_of(request, districts), lists_of(request)
    refs, total = await _newest(lists, asked.wanted), await lists.count(asked.wanted)
    return await chosen(request, SelectedAct.RETRY, refs, choice=asked.address.words() or "all", total=total)


async def _newest(lists: CaseLists, wanted: CaseFilter) -> list[str]:
    """The references of as many cases as one selection may have, newest change first."""
    refs: list[str] = []
    after: ListCursor | None = None
    while len(refs) < MOST_NAMES:
        page = await lists.page(wanted, _AT_ONCE, after)
        refs += [each.ref for each in page.cases]
        after = page.cursor
        if after is None:
            break
    return refs[:MOST_NAMES]


ROUTES = [
    Route("/cases/retry", retry_cases, methods=["POST"], name="retry_cases"),
    Route("/cases/act/{ref:path}", act_on_case, methods=["POST"], name="act_on_case"),
]
