"""*Case*: one case on each side, what it waits for, by which rule, and its whole story."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotAllowed, NotShown, PageRefused
from console.cases.naming import NO_CASE, key_of
from console.context import context_of, person_of
from console.people.roles import ConsoleRole, Person
from console.rendering import path_of, render
from console.tasks.acting import ROLES
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.read_model.audit import decided_words
from remediation.read_model.cases.sides import case_sides, members_after, rule_facts
from remediation.read_model.cases.views import CaseView, case_view, standing_facts
from remediation.read_model.cases.words import told_words
from remediation.read_model.wording import count_words
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.timeline import MOST_ENTRIES
from remediation.store.console.pulse import case_pulse
from remediation.store.console.selections import SelectedAct

ENTRIES, MEMBERS = 50, 100
"""Lines of the timeline, and findings of a case of many, that are shown at once."""

_LONGEST = 300


async def case(request: Request) -> Response:
    """The page of one case."""
    key = await key_of(request)
    if key.ref != request.path_params["ref"]:
        return RedirectResponse(path_of(request, "case", ref=key.ref), HTTPStatus.SEE_OTHER)
    return await _shown(request, key)


async def case_news(request: Request) -> Response:
    """The parts of the page that change; nothing where nothing has since the digest that the address names."""
    key = await key_of(request)
    if request.query_params.get("since") == await case_pulse(context_of(request).connection, key.ref):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return await _shown(request, key, template="parts/case_news.html")


async def case_names(request: Request) -> Response:
    """The same page with the names of who closed tickets, which leaves a line in the audit."""
    key, person, context = await key_of(request), person_of(request), context_of(request)
    if not person.may(ConsoleRole.OPERATOR, key.district):
        raise NotAllowed("Who closed tickets is shown to operators of the district.")
    audit = context.audit
    await audit.note(audit.entry(AuditAct.READ, person.name, choice="case show --names", piece=key.ref))
    return await _shown(request, key, names=True)


async def _shown(request: Request, key: CaseKey, *, names: bool = False, template: str = "case.html") -> Response:
    context, person, is_all = context_of(request), person_of(request), "all" in request.query_params
    pulse = await case_pulse(context.connection, key.ref)
    view = await case_view(context.connection, key, MOST_ENTRIES if is_all else ENTRIES + 1)
    if view is None:
        raise NotShown(NO_CASE)
    has_more = not is_all and len(view.timeline) > ENTRIES
    told = list(told_words(view.timeline, key.kind))[1 if has_more else 0 :]
    mappings = context.loaded().mappings
    members, goes_on = members_after(view.record, mappings, _members_place(request), MEMBERS)
    may_see_names = person.may(ConsoleRole.OPERATOR, key.district) and any(line.sealed for line in view.decided)
    return render(
        request,
        template,
        ref=key.ref,
        news={"since": pulse} | ({"all": "1"} if is_all else {}),
        district=key.district,
        finding=key.id if key.kind is CaseKind.FINDING and not key.has_members else "",
        sides=list(case_sides(view.record, mappings)),
        standing=list(standing_facts(view)),
        rule=[(fact.name, fact.words) for fact in rule_facts(view.record, mappings)],
        members=members,
        members_count=len(view.record.members),
        members_next=goes_on,
        timeline=told[::-1],
        has_more=has_more,
        decided=_decided(view, _names(request, view) if names else {}),
        acts=_acts(person, view),
        may_see_names=may_see_names and not names,
    )


def _acts(person: Person, view: CaseView) -> list[tuple[str, str, str]]:
    """What the person may do about the case: the word for the form, the button, and what it does."""
    key, count = view.record.key, len(view.record.undecided)
    pieces = count_words(count, "parked piece")
    offered = (
        (SelectedAct.RETRY, "Look again", "A worker looks at it as soon as it is free, and takes up what is parked."),
        (SelectedAct.REPLAY, f"Replay {pieces}", "What was refused is tried again."),
        (SelectedAct.DISCARD, f"Discard {pieces}", "What was refused is given up, and not done."),
        (SelectedAct.PURGE, "Delete what is kept", "What Redis has of the case is deleted; tickets and finding stay."),
    )
    may = [(act, button, says) for act, button, says in offered if person.may(ROLES[act], key.district)]
    return [(str(act), button, says) for act, button, says in may if act.is_of_cases or count]


def _members_place(request: Request) -> str:
    after = request.query_params.get("members-after", "")
    if len(after) > _LONGEST:
        raise PageRefused("This list of findings begins nowhere: go back to the case.")
    return after


def _names(request: Request, view: CaseView) -> Mapping[str, str]:
    """Who closed tickets, by the place of each line of the audit."""
    keys = context_of(request).audit.trail.keys
    return {line.place: keys.open(line.sealed, line.entry) for line in view.decided}


def _decided(view: CaseView, people: Mapping[str, str]) -> list[tuple[float, str]]:
    """When each line of the audit was written, and what it says, newest first."""
    told = [(line.entry.at / 1000, decided_words(line, people.get(line.place, ""))) for line in view.decided]
    return told[::-1]


ROUTES = [
    Route("/cases/of/{ref:path}", case, name="case"),
    Route("/cases/news/{ref:path}", case_news, name="case_news"),
    Route("/cases/names/{ref:path}", case_names, methods=["POST"], name="case_names"),
]
