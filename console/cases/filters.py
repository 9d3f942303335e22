"""What the address of a list of cases asks for, and what can be asked for by whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request

from console.answers import PageRefused
from console.context import context_of, lists_of, person_of
from console.questions.asked import ListAddress
from remediation.domain.status import Severity
from remediation.mapping.config.words import duration_of
from remediation.read_model.cases.pages import STATE_WORDS, CaseAge, FilterNames
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter

SPANS = ("1h", "1d", "7d", "30d", "90d")
"""The spans of time that can be chosen. An address may have another one."""


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """A filter as its address has it: `address` holds its words, `wanted` its cases, by what the person may see."""

    address: ListAddress
    wanted: CaseFilter


@dataclass(frozen=True, slots=True)
class OfferedWord:
    """Something that can be chosen: its word in the address, and what people call it."""

    word: str
    label: str


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """One field of the filter's form; `word` is what is chosen, empty for any."""

    name: str
    label: str
    word: str
    choices: tuple[OfferedWord, ...]


def choice_of(request: Request, districts: frozenset[str] | None) -> CaseChoice:
    """What the address asks for, of these districts alone; None for all. Raises PageRefused for what it cannot be."""
    address, context = ListAddress(request), context_of(request)
    state = address.choice("state", map(str, CaseState))
    wanted = CaseFilter(
        district=address.text("district") or None,
        state=CaseState(state) if state else None,
        severity=address.choice("severity", map(str, Severity)) or None,
        rule=address.text("rule") or None,
        tracker=address.text("tracker") or None,
        districts=districts,
    )
    age = CaseAge(_span(address, "changed-within"), _span(address, "unchanged-for"))
    return CaseChoice(address, age.of(wanted, context.clock()))


def _span(address: ListAddress, name: str) -> timedelta | None:
    word = address.text(name)
    try:
        return duration_of(word) if word else None
    except (ValueError, OverflowError):
        raise PageRefused(f"{name} must be a whole number and a unit, such as 15m, 2h or 14d.") from None


async def fields_of(request: Request, asked: CaseChoice) -> list[ChoiceField]:
    """The fields of the form, with what this person may choose. Raises StoreUnavailable."""
    names, filters = await _names(request), asked.address.filters
    states = [OfferedWord(state, words) for state, words in STATE_WORDS.items()]
    spans = [OfferedWord(each, each) for each in SPANS]

    def field(name: str, label: str, choices: Collection[OfferedWord]) -> ChoiceField:
        word = filters.get(name, "")
        own = [] if not word or any(each.word == word for each in choices) else [OfferedWord(word, word)]
        return ChoiceField(name, label, word, (*choices, *own))

    return [
        field("district", "District", _choices(names.districts)),
        field("state", "State", states),
        field("severity", "Severity", [OfferedWord(each, each) for each in Severity]),
        field("rule", "Rule", _choices(names.rules)),
        field("tracker", "Tracker", _choices(names.trackers)),
        field("changed-within", "Changed within", spans),
        field("unchanged-for", "Not changed for", spans),
    ]


def _choices(names: Collection[str]) -> list[OfferedWord]:
    return [OfferedWord(name, name) for name in sorted(set(names))]


async def _names(request: Request) -> FilterNames:
    """What cases have that the person may see; and what mappings.yaml names, for who may see all of it."""
    person, mappings = person_of(request), context_of(request).loaded().mappings
    words = await lists_of(request).words(person.granted_districts())
    districts = (*words.districts, *person.visible(mappings.districts))
    if not person.sees_everything():
        return FilterNames(districts, words.rules, words.trackers)
    rules = [rule.name for rule in mappings.rules]
    return FilterNames(districts, (*words.rules, *rules), (*words.trackers, *mappings.trackers))


def command_of(asked: CaseChoice) -> str:
    """The command that lists the same cases."""
    return " ".join(filter(None, ("remedy case list", asked.address.words())))
