"""pydantic's errors in words for the person who wrote the file: what is wrong, and what is allowed instead."""

import re
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.suggestions import did_you_mean, listed
from remediation.mapping.config.trackers.kinds import KINDS, shapes_of
from remediation.mapping.config.words import MEANING_OF_PATTERN
from remediation.mapping.reading.positions import Complaint

_QUOTED = re.compile(r"'([^']*)'")
_A_MAP = "must be a map of words and their values"
_AN_ADDRESS = "must be an address such as https://example.org"


def complaint_of(error: ErrorDetails, data: object, root: type[BaseModel] = Mappings) -> Complaint | None:
    """The error as a complaint about `data`, read as `root`; None where another check says more about the same."""
    kind = error["type"]
    if kind == "ticket_tracker" and isinstance(error["input"], dict):
        return None  # its tracker is unknown or wrong, which has a message of its own
    if kind == "default_factory_not_called":
        return None  # the word that the default depends on is wrong, which has a message of its own
    steps = tuple(_steps(error["loc"], data, ends_open=kind == "missing"))
    if kind == "tracker_kind" and isinstance(error["input"], dict) and "kind" in error["input"]:
        steps = (*steps, "kind")
    about_key = kind == "extra_forbidden" or error["loc"][-1:] == ("[key]",)
    message = _unknown_key(error, root) if kind == "extra_forbidden" else _message(error)
    return Complaint(steps, message, "key" if about_key else "value")


def _steps(loc: tuple[int | str, ...], data: object, *, ends_open: bool) -> Iterator[str | int]:
    """`loc` without the tags and marks that pydantic adds: only the path in `data`, with a missing last key."""
    for number, step in enumerate(loc, 1):
        match data, step:
            case dict(), str() if (key := _written_key(data, step)) is not None:
                data = data[key]
                yield key
            case list(), int() if step < len(data):
                data = data[step]
                yield step
            case _ if ends_open and number == len(loc):
                yield step
            case _:
                continue


def _written_key(data: Mapping[str, object], step: str) -> str | None:
    """The key as it was written: some maps ignore upper and lower case."""
    return step if step in data else next((key for key in data if key.lower() == step), None)


def _message(error: ErrorDetails) -> str:
    words = _MESSAGES.get(error["type"], f"is not what is allowed here ({error['type']})")
    return words if isinstance(words, str) else words(error)


def _unknown_key(error: ErrorDetails, root: type[BaseModel]) -> str:
    known = {word for model in _models_at(error["loc"][:-1], root) for word in _words_of(model)}
    return f"is not known here; allowed: {listed(known)}{did_you_mean(error['loc'][-1], known)}"


def _unknown_word(error: ErrorDetails) -> str:
    expected = error["ctx"]["expected"]
    words = _QUOTED.findall(expected)
    return f"must be {_one_of(words) or expected}{did_you_mean(error['input'], words)}"


def _one_of(words: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _form(error: ErrorDetails) -> str:
    return MEANING_OF_PATTERN.get(error["ctx"]["pattern"], "has a form that is not allowed here")


def _no_text(error: ErrorDetails) -> str:
    in_quotes = isinstance(error["input"], int | float)
    return "must be text: put it in quotes" if in_quotes else "must be text"


def _wrong_kind(error: ErrorDetails) -> str:
    kind = error["input"].get("kind") if isinstance(error["input"], dict) else None
    return f"{'its kind ' if kind is None else ''}must be {_one_of(list(KINDS))}{did_you_mean(kind, KINDS)}"


def _missing(error: ErrorDetails) -> str:
    match error["loc"]:
        case ("districts", _, "schoolscan"):
            return "is missing: a district is an account at SchoolScan, and its feeds of incidents stand beside that"
        case _:
            return "is missing"


_MESSAGES: Mapping[str, str | Callable[[ErrorDetails], str]] = {
    "missing": _missing,
    "enum": _unknown_word,
    "literal_error": _unknown_word,
    "string_pattern_mismatch": _form,
    "string_type": _no_text,
    "string_too_short": "must not be empty",
    "string_too_long": lambda error: f"must have at most {error['ctx']['max_length']} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than": lambda error: f"must be more than {error['ctx']['gt']}",
    "greater_than_equal": lambda error: f"must be at least {error['ctx']['ge']}",
    "less_than_equal": lambda error: f"must be at most {error['ctx']['le']}",
    "too_short": "must not be empty",
    "too_long": lambda error: f"must have at most {error['ctx']['max_length']} entries",
    "list_type": "must be a list",
    "dict_type": _A_MAP,
    "model_type": _A_MAP,
    "ticket_tracker": _A_MAP,
    "path_type": "must be the path of a file",
    "url_type": _AN_ADDRESS,
    "url_parsing": _AN_ADDRESS,
    "url_scheme": _AN_ADDRESS,
    "url_syntax_violation": _AN_ADDRESS,
    "url_too_long": _AN_ADDRESS,
    "value_error": lambda error: str(error["ctx"]["error"]),
    "secret_reference": lambda error: error["msg"],
    "tracker_kind": _wrong_kind,
}


def _models_at(loc: tuple[int | str, ...], root: type[BaseModel]) -> list[type[BaseModel]]:
    """The models that may be at a place of what `root` describes."""
    kinds: list[Any] = [root]
    for step in loc:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    return [kind for kind in kinds if _is_model(kind)]


def _inside(kind: Any, step: int | str) -> Iterator[Any]:
    if not _is_model(kind):
        yield from _alternatives(get_args(kind)[-1]) if get_args(kind) else ()
    elif kind.__name__ == step:
        yield kind
    elif step in (words := _words_of(kind)):
        yield from _alternatives(words[step].annotation)


def _words_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by their written names: `not` and `any` have other names in Python."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for choice in get_args(annotation):
            yield from _alternatives(choice)
    elif _is_model(annotation):
        yield from shapes_of(annotation)
    else:
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
