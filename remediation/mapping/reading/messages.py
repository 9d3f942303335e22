"""pydantic's errors in words for the person who wrote the file: what is wrong, and what is allowed instead."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.suggestions import did_you_mean, listed, nearest, with_choice
from remediation.mapping.config.trackers.kinds import KINDS, shapes_of
from remediation.mapping.config.words import MEANING_OF_PATTERN, Misplaced, near_pattern
from remediation.mapping.reading.positions import Complaint, path_text

_QUOTED = re.compile(r"'([^']*)'")
_A_MAP = "must be a map of words and their values"
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_A_LIST = "must be a list"
_BY_REFERENCE = "secrets are given by reference: {env: NAME} or {file: PATH}"
_NOTHING = "nothing stands here (is what belongs to it indented below it?)"
_AN_ADDRESS = "must be an address such as https://example.org"


def complaints_of(errors: Sequence[ErrorDetails], data: object, root: type[BaseModel] = Mappings) -> list[Complaint]:
    """The errors as complaints about `data`, read as `root`; one for each mistake, where several errors are of one."""
    misspelt = {(*error["loc"][:-1], _meant(error, root)) for error in errors if error["type"] == "extra_forbidden"}
    told = (error for error in errors if error["type"] != "missing" or error["loc"] not in misspelt)
    return [complaint for error in told if (complaint := _complaint(error, data, root))]


def _complaint(error: ErrorDetails, data: object, root: type[BaseModel]) -> Complaint | None:
    """The error as a complaint; None where another check says more about the same."""
    kind = error["type"]
    if kind == "ticket_tracker" and isinstance(error["input"], dict):
        return None  # its tracker is unknown or wrong, which has a message of its own
    if kind == "default_factory_not_called":
        return None  # the word that the default depends on is wrong, which has a message of its own
    steps = tuple(_steps(error["loc"], data, ends_open=kind == "missing"))
    if kind == "tracker_kind" and isinstance(error["input"], dict):
        steps = (*steps, "kind")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Misplaced):
        return Complaint((*steps, *cause.steps), str(cause), "key" if cause.is_key else "value")
    about_key = kind == "extra_forbidden" or error["loc"][-1:] == ("[key]",)
    message = _unknown_key(error, root) if kind == "extra_forbidden" else _message(error, root)
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


def _message(error: ErrorDetails, root: type[BaseModel]) -> str:
    if error["type"] == "model_type":
        return _no_map(error, _words_at(error["loc"], root))
    words = _MESSAGES.get(error["type"], f"is not what is allowed here ({error['type']})")
    return words if isinstance(words, str) else words(error)


def _unknown_key(error: ErrorDetails, root: type[BaseModel]) -> str:
    *above, word = error["loc"]
    known = _words_at(above, root)
    meant = did_you_mean(word, known) or _where_known(tuple(above), str(word), root)
    return with_choice("is not known here", meant, "allowed:", known)


def _where_known(above: tuple[int | str, ...], word: str, root: type[BaseModel]) -> str:
    """Where the word is known: it may only be indented wrongly. Empty where that is nowhere near."""
    below = [
        name
        for model in _models_at(above, root)
        for name, field in _words_of(model).items()
        if any(_is_model(inner) and word in _words_of(inner) for inner in _alternatives(field.annotation))
    ]
    if below:
        return f"; {_one_of(sorted(set(below)))} has it: write it there"
    written = [step for step in above if isinstance(step, int) or not step[:1].isupper()]  # without pydantic's tags
    for length in range(len(written) - 1, -1, -1):
        if word in _words_at(written[:length], root):
            return f"; {path_text(tuple(written[:length])) or 'the file itself'} has it: is it indented too deeply?"
    return ""


def _words_at(loc: Iterable[int | str], root: type[BaseModel]) -> set[str]:
    return {word for model in _models_at(tuple(loc), root) for word in _words_of(model)}


def _meant(error: ErrorDetails, root: type[BaseModel]) -> str | None:
    *above, word = error["loc"]
    return nearest(word, _words_at(above, root))


def _unknown_word(error: ErrorDetails) -> str:
    expected, written = error["ctx"]["expected"], error["input"]
    words = _QUOTED.findall(expected)
    message = f"must be {_one_of(words) or expected}"
    several = [part.strip() for part in written.split(",")] if isinstance(written, str) else []
    if len(several) > 1 and all(part in words for part in several) and isinstance(error["loc"][-1], int):
        return f"{message}; several are a list: [{', '.join(several)}]"
    return f"{message}{did_you_mean(written, words)}"


def _one_of(words: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _form(error: ErrorDetails) -> str:
    pattern, written = error["ctx"]["pattern"], error["input"]
    meant = near_pattern(pattern, written) if isinstance(written, str) else None
    message = MEANING_OF_PATTERN.get(pattern, "has a form that is not allowed here")
    return f"{message}; did you mean '{meant}'?" if meant else message


def _no_text(error: ErrorDetails) -> str:
    match error["input"]:
        case int() | float():
            return "must be text: put it in quotes"
        case list():
            return "must be text, and a list stands here"
        case dict():
            return "must be text, and a map stands here"
        case _:
            return "must be text, and nothing stands here"


def _no_list(error: ErrorDetails) -> str:
    if error["loc"] == ("rules",):
        return f"{_A_LIST} of rules, each of which begins with - name: …"
    if error["input"] is None:
        return f"{_A_LIST}, and {_NOTHING}"
    return f"{_A_LIST}: write [ before it and ] behind it, and a comma between two entries"


def _no_map(error: ErrorDetails, known: Iterable[str] = ()) -> str:
    words = listed(set(known))
    allowed = f"; allowed: {words}" if known else ""
    return f"{_A_MAP}, and {_NOTHING}{allowed}" if error["input"] is None else f"{_A_MAP}{allowed}"


def _no_address(error: ErrorDetails) -> str:
    written = error["input"]
    is_host = isinstance(written, str) and _HOST.fullmatch(written)
    return f"{_AN_ADDRESS}; did you mean 'https://{written}'?" if is_host else _AN_ADDRESS


def _no_reference(error: ErrorDetails) -> str:
    """What is wrong with a reference to a secret. Nothing of it is quoted: it may be the secret."""
    match error["input"]:
        case dict(words) if any(str(word).startswith(("env:", "file:")) for word in words):
            return f"{_BY_REFERENCE}, with a space behind the colon"
        case str(text) if text.startswith("$"):
            return f"{_BY_REFERENCE}, with the name of the variable and no $"
        case str() | int() | float():
            return f"{_BY_REFERENCE}, and the secret itself never stands in this file"
        case _:
            return _BY_REFERENCE


def _wrong_kind(error: ErrorDetails) -> str:
    match error["input"]:
        case dict(written) if "kind" not in written:
            return f"is missing: write {' or '.join(f'kind: {kind}' for kind in KINDS)}"
        case dict(written):
            return f"must be {_one_of(list(KINDS))}{did_you_mean(written['kind'], KINDS)}"
        case _:
            return _no_map(error)


def _missing(error: ErrorDetails) -> str:
    match error["loc"]:
        case ("districts", _, "schoolscan"):
            return "is missing: a district is an account at SchoolScan, and its feeds of incidents stand beside that"
        case ("version",):
            return "is missing: write version: 1"
        case ("cases", _, "expect", "rule"):
            return "is missing: write the name of the rule that must take it, or rule: none"
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
    "list_type": _no_list,
    "dict_type": _no_map,
    "ticket_tracker": lambda error: f"{_no_map(error)}, such as {{due: 7d}}",
    "path_type": "must be the path of a file",
    "url_type": _AN_ADDRESS,
    "url_parsing": _no_address,
    "url_scheme": _AN_ADDRESS,
    "url_syntax_violation": _AN_ADDRESS,
    "url_too_long": _AN_ADDRESS,
    "value_error": lambda error: str(error["ctx"]["error"]),
    "secret_reference": _no_reference,
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
