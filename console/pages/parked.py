"""*Parked*: work that was set aside, in groups by its error, with what usually helps; and piece by piece."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import NotAllowed, NotShown, PageRefused
from console.cases.choosing import districts_as
from console.context import context_of, person_of
from console.exporting import MOST_ROWS, ListExport, Row, exported
from console.forms import sent_form, text_in, texts_in
from console.people.roles import ConsoleRole, Person
from console.questions.asked import ListAddress
from console.rendering import path_of, render
from console.tasks.acting import ROLES, chosen, may_anywhere
from remediation.mapping.config.words import duration_of
from remediation.read_model.parked.advice import advice_words
from remediation.read_model.parked.groups import NONE, PIECE_COLUMNS, MergedParked, merged_groups, piece_row
from remediation.read_model.parked.work import GROUPINGS, Grouping, error_text
from remediation.store.audit.entries import AuditAct
from remediation.store.console.selections import SelectedAct
from remediation.store.deliveries.parked import Parked, ParkedKind, ParkedWork
from remediation.store.parked.groups import CountedParked, ParkedCommon, ParkedFilter, ParkedGroups, ParkedPlace

TITLE = "Parked"
MOST_GROUPS = 50
"""Groups that one page shows, the largest."""
ROWS = 50
_ROWS_OF_FILE = 500
_SPANS = ("1h", "1d", "7d", "30d")
"""The spans that the form offers; an address may have any."""
_OPTIONS = ("error", "system", "action", "kind", "district", "since", "older-than", "by")
"""The filters that the command has, too."""
_ACTS = (SelectedAct.REPLAY, SelectedAct.DISCARD)
_NO_PIECE = "There is no such piece: it was taken up again, given up, or done meanwhile."


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the address asks for, within what the person may read."""

    address: ListAddress
    wanted: ParkedFilter
    by: Grouping
    in_pieces: bool
    words: bool


def _choice(request: Request, districts: frozenset[str] | None) -> _Choice:
    address, now = ListAddress(request), context_of(request).clock()

    def word(name: str) -> str | None:
        text = address.text(name)
        return "" if text == NONE else text or None

    wanted = ParkedFilter(
        districts=districts,
        district=word("district"),
        kind=address.choice("kind", map(str, ParkedKind)) or None,
        system=word("system"),
        error=word("error"),
        status=word("status"),
        action=word("action"),
        shape=word("shape"),
        since=_before(address, "since", now),
        until=_before(address, "older-than", now),
    )
    in_pieces = address.choice("view", ("pieces",)) == "pieces"
    by: Grouping = _grouping(address.choice("by", GROUPINGS))
    return _Choice(address, wanted, by, in_pieces, words=request.query_params.get("words") == "yes")


def _grouping(word: str) -> Grouping:
    return next((each for each in GROUPINGS if each == word), "error")


def _before(address: ListAddress, name: str, now: float) -> float | None:
    """The moment so long ago. Raises PageRefused where the word is no span."""
    text = address.text(name)
    try:
        return now - duration_of(text).total_seconds() if text else None
    except ValueError:
        raise PageRefused(f"{name} must be a span such as 90s, 15m, 2h or 14d.") from None


async def parked(request: Request) -> Response:
    """The groups of what is parked, or its pieces."""
    choice, context = _choice(request, person_of(request).granted_districts()), context_of(request)
    groups = ParkedGroups(context.connection)
    counted, known, there = await asyncio.gather(
        groups.counted(choice.wanted),
        groups.common(choice.wanted.districts),
        ParkedWork(context.connection, context.keyring).count(),
    )
    total = sum(each.count for each in counted)
    values: dict[str, Any] = {
        "choice": choice,
        "asked": choice.address.filters,
        "fields": _fields(known, choice.address.filters),
        "groupings": GROUPINGS,
        "total": total,
        "is_filtered": bool(choice.address.filters.keys() - {"by", "view"}),
        "not_grouped": there - total if _shows_all(request, choice) and there > total else 0,
        "decidable": _decidable(person_of(request), counted),
        "act": choice.address.of_route("choose_parked"),
        "command": _command(choice),
        "exports": {form: choice.address.of_route("parked_file", form=form) for form in ("csv", "json")},
    }
    if choice.in_pieces:
        values |= await _pieces(request, choice)
    else:
        values |= await _groups(request, choice, merged_groups(counted, choice.by))
    return render(request, "parked.html", **values)


def _command(choice: _Choice) -> str:
    """The command that lists the same, to be pasted: it has no option for a status or a shape."""
    asked = choice.address.filters
    options = [f"--{name} {shlex.quote(asked[name])}" for name in _OPTIONS if asked.get(name, NONE) != NONE]
    return " ".join(["remedy parked list", *options, *(["--all"] if choice.in_pieces else [])])


def _decidable(person: Person, counted: Sequence[CountedParked]) -> int:
    """How many of the pieces the person may decide about, and whose words they may read."""
    districts = districts_as(person, ROLES[SelectedAct.REPLAY])
    return sum(each.count for each in counted if districts is None or each.common.district in districts)


def _shows_all(request: Request, choice: _Choice) -> bool:
    """Whether what is parked and not counted is what an earlier version set aside, and is in no group yet."""
    return person_of(request).sees_everything() and not choice.address.filters.keys() - {"by", "view"}


async def _groups(request: Request, choice: _Choice, merged: Sequence[MergedParked]) -> dict[str, Any]:
    shown = merged[:MOST_GROUPS]
    return {
        "groups": [(each, _address(request, choice, {**each.narrows, "view": "pieces"})) for each in shown],
        "more": len(merged) - len(shown),
        "words": await _words_of(request, choice, [each.newest for each in shown]),
        "words_address": _address(request, choice, {"words": "yes"}),
        "pieces_address": _address(request, choice, {"view": "pieces"}),
    }


async def _pieces(request: Request, choice: _Choice) -> dict[str, Any]:
    context = context_of(request)
    places = await ParkedGroups(context.connection).names(
        choice.wanted, ROWS + 1, after=choice.address.place(ParkedPlace.parse)
    )
    shown = [place.name for place in places[:ROWS]]
    items = await ParkedWork(context.connection, context.keyring).facts(shown)
    return {
        "pieces": [(item, error_text(item)) for item in items],
        "words": await _words_of(request, choice, shown),
        "words_address": _address(request, choice, {"words": "yes", "after": request.query_params.get("after", "")}),
        "groups_address": _address(request, choice, {"view": "", "shape": "", "status": ""}),
        "next": choice.address.of_route("parked", places[ROWS - 1]) if len(places) > ROWS else "",
        "first": choice.address.of_route("parked") if "after" in request.query_params else "",
    }


async def _words_of(request: Request, choice: _Choice, names: Sequence[str]) -> Mapping[str, str]:
    """The words with which these pieces were refused, where they are asked for and may be read. The audit says so."""
    if not choice.words or not names:
        return {}
    _must_read_words(request)
    context, person = context_of(request), person_of(request)
    opened = [await ParkedWork(context.connection, context.keyring).one(name) for name in names]
    found = {item.name: item.words for item in opened if item and _may_read_words(person, item)}
    words = f"console parked {choice.address.words()}"
    await context.audit.note(context.audit.entry(AuditAct.READ, person.name, choice=words, count=len(found)))
    return found


def _must_read_words(request: Request) -> None:
    if not may_anywhere(person_of(request), SelectedAct.REPLAY):
        raise NotAllowed("The words with which a system refused are for operators.")


def _may_read_words(person: Person, item: Parked) -> bool:
    return person.may(ConsoleRole.OPERATOR, item.district or None)


def _address(request: Request, choice: _Choice, words: Mapping[str, str]) -> str:
    """This page with other words in its address; those that are empty are left out."""
    query = {name: word for name, word in {**choice.address.filters, **words}.items() if word}
    return f"{path_of(request, 'parked')}?{urlencode(query)}" if query else path_of(request, "parked")


def _fields(known: Sequence[ParkedCommon], asked: Mapping[str, str]) -> list[tuple[str, str, list[str], str]]:
    """The fields of the filter's form: name, label, what can be chosen, and what is."""

    def field(name: str, label: str, words: Sequence[str]) -> tuple[str, str, list[str], str]:
        word = asked.get(name, "")
        return name, label, sorted({*(each or NONE for each in words), *filter(None, [word])}), word

    def spans(name: str, label: str) -> tuple[str, str, list[str], str]:
        word = asked.get(name, "")
        return name, label, [*_SPANS, *([word] if word and word not in _SPANS else [])], word

    return [
        field("error", "Error", [each.error for each in known]),
        field("system", "System", [each.system for each in known]),
        field("action", "Action", [each.action for each in known]),
        field("kind", "Kind", [str(each.kind) for each in known]),
        field("district", "District", [each.district for each in known]),
        spans("since", "Set aside within"),
        spans("older-than", "Set aside longer ago than"),
    ]


async def parked_file(request: Request) -> Response:
    """The pieces of the list as a file, without the words of refusals."""
    choice = _choice(request, person_of(request).granted_districts())
    counted = await ParkedGroups(context_of(request).connection).counted(choice.wanted)
    count = min(sum(each.count for each in counted), MOST_ROWS)
    what = ListExport("parked", PIECE_COLUMNS, choice.address.words(), count)
    return await exported(request, what, _rows(request, choice.wanted), request.path_params["form"])


async def _rows(request: Request, wanted: ParkedFilter) -> AsyncIterator[Row]:
    context, after = context_of(request), None
    groups, work = ParkedGroups(context.connection), ParkedWork(context.connection, context.keyring)
    while places := await groups.names(wanted, _ROWS_OF_FILE, after=after):
        for item in await work.facts([place.name for place in places]):
            yield piece_row(item)
        after = places[-1]


async def piece(request: Request) -> Response:
    """One piece: what it is, what usually helps, and for operators the words of whoever refused it."""
    person, context = person_of(request), context_of(request)
    item = await ParkedWork(context.connection, context.keyring).one(request.path_params["name"])
    if item is None or not person.may(ConsoleRole.VIEWER, item.district or None):
        raise NotShown(_NO_PIECE)
    reads_words = _may_read_words(person, item)
    if reads_words:
        entry = context.audit.entry(AuditAct.READ, person.name, choice="console parked piece", piece=item.name)
        await context.audit.note(entry)
    return render(
        request,
        "parked_piece.html",
        item=item,
        error=error_text(item),
        advice=advice_words(item.error, item.system, item.status),
        reads_words=reads_words,
        about=_about(request, item),
    )


def _about(request: Request, item: Parked) -> str:
    """The address of the case or delivery that it is of; empty for a scan's."""
    match item.kind:
        case ParkedKind.ACTION | ParkedKind.CASE:
            return path_of(request, "case", ref=item.subject)
        case ParkedKind.DELIVERY | ParkedKind.QUARANTINED:
            return path_of(request, "delivery", delivery_id=item.subject)
        case ParkedKind.SCAN:
            return ""


async def choose_parked(request: Request) -> Response:
    """Choose the pieces that were ticked, or all that fit the address's filter, to be replayed or discarded."""
    form, person = await sent_form(request), person_of(request)
    word, _, which = text_in(form, "do").partition(" ")
    act = next((each for each in _ACTS if each == word), None)
    if act is None or which not in {"all", "ticked"}:
        raise PageRefused("There is nothing to do that is called so. Go back, and choose again.")
    if not may_anywhere(person, act):
        raise NotAllowed("To do this you need to be operator of a district.")
    choice = _choice(request, districts_as(person, ROLES[act]))
    if which == "ticked":
        return await chosen(request, act, await _allowed(request, act, texts_in(form, "name")), choice="ticked")
    groups = ParkedGroups(context_of(request).connection)
    total = sum(each.count for each in await groups.counted(choice.wanted))
    places = await groups.names(choice.wanted, act.most, oldest_first=True)
    words = choice.address.words() or "all"
    return await chosen(request, act, [place.name for place in places], choice=words, total=total)


async def _allowed(request: Request, act: SelectedAct, names: Sequence[str]) -> list[str]:
    """Those of the names that are parked where the person may do this: others are as if they were not there."""
    person, context = person_of(request), context_of(request)
    found = await ParkedWork(context.connection, context.keyring).facts(names[: act.most])
    return [item.name for item in found if person.may(ROLES[act], item.district or None)]


ROUTES = [
    Route("/parked", parked, name="parked"),
    Route("/parked.{form}", parked_file, name="parked_file"),
    Route("/parked/choose", choose_parked, methods=["POST"], name="choose_parked"),
    Route("/parked/of/{name:path}", piece, name="parked_piece"),
]
