"""The conditions of a rule in words, for everybody or only for whoever may read of some districts. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.rules import CODE_WORDS, Age, Match
from remediation.mapping.config.words import duration_text
from remediation.read_model.wording import count_words

CONDITION_NAMES: Mapping[str, str] = {
    "district": "the district",
    "severity": "the severity",
    "domain_type": "what is exposed",
    "status": "the status",
    "type": "the type",
    "school": "the school",
    "offense": "an offense",
    "weapon": "a weapon",
    "injury": "an injury",
    "action": "an action that was taken",
    "site": "the site",
    "path": "the path of the page",
    "age": "the age",
    "any": "at least one of these",
    "not": "none of these",
}
"""What each condition is about, by its word in mappings.yaml."""

OF_ONE_DISTRICT = frozenset({"site", "path", *CODE_WORDS})
"""The conditions whose words tell of a district: its sites, its folders, its schools and their codes."""

_SHORT = 5
"""Values that are shown one by one; of more, the first of them and how many there are."""


def condition_lines(match: Match, kind: CaseKind, districts: frozenset[str] | None = None) -> tuple[str, ...]:
    """Each condition in words; all must hold.

    `districts` are those of which the reader may know anything, None for all: of others no name is said, nor the words
    of OF_ONE_DISTRICT.
    """
    return tuple(_lines(match, districts)) or (f"any {kind}",)


def _lines(match: Match, districts: frozenset[str] | None) -> Iterator[str]:
    for word, name in CONDITION_NAMES.items():
        if word in {"age", "any", "not"} or (values := getattr(match, word)) is None:
            continue
        yield f"{name} {_one_of(word, [str(each) for each in values], districts)}"
    if match.age is not None:
        yield f"the age is {age_words(match.age)}"
    for sets, which in ((match.any_of, "at least one of these holds"), (match.none_of, "none of these holds")):
        if sets is not None:
            yield f"{which}: {'; or '.join(', and '.join(_lines(each, districts)) for each in sets)}"


def _one_of(word: str, values: Sequence[str], districts: frozenset[str] | None) -> str:
    verb = "fits" if word in {"site", "path"} else "is"
    if districts is not None and word in OF_ONE_DISTRICT:
        return f"{verb} one of {len(values)} that are named" if len(values) > 1 else f"{verb} the one that is named"
    if word == "district" and districts is not None:
        return f"{verb} {district_words(values, districts)}"
    return f"{verb} {either(values)}"


def district_words(names: Iterable[str], districts: frozenset[str]) -> str:
    """Those of the districts that a reader may know of, and how many others there are."""
    names = list(names)
    known = [name for name in names if name in districts]
    others = len(names) - len(known)
    return either([*known, *([count_words(others, "other")] if others else [])])


def either(values: Sequence[str]) -> str:
    """The values as alternatives; of many, the first ones, and how many more there are."""
    shown = list(values[:_SHORT])
    if len(values) > len(shown):
        return f"{', '.join(shown)} or {count_words(len(values) - len(shown), 'other')}"
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def age_words(age: Age) -> str:
    """The bounds of an age."""
    bounds = (("at least", age.over), ("less than", age.under))
    return " and ".join(f"{name} {duration_text(span)}" for name, span in bounds if span is not None)
