"""Templates: what they may speak of, and whether they can fail. Compiled once, in a sandbox, strict about names."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from remediation.errors import ConfigurationError, Problem
from remediation.mapping.suggestions import did_you_mean, listed
from remediation.redaction import plain

_MOST_TEMPLATES = 10_000
_NO_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'")


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The documented values: plain names, and objects with the names inside them."""

    names: frozenset[str]
    objects: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a template, and in which of its lines."""

    message: str
    line: int


def _sandbox() -> ImmutableSandboxedEnvironment:
    sandbox = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text goes in and out; a tracker's adapter escapes for its tracker
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sandbox.globals.clear()
    return sandbox


_SANDBOX = _sandbox()


@lru_cache(maxsize=_MOST_TEMPLATES)
def compiled(text: str) -> Template:
    """The template that `text` is. Raises jinja2.TemplateSyntaxError."""
    return _SANDBOX.from_string(text)


def filled(text: str, values: Mapping[str, object], where: str) -> str:
    """The template with its values. Raises ConfigurationError, which quotes neither, if it cannot be filled in."""
    try:
        return compiled(text).render(values)
    except Exception as error:  # noqa: BLE001 - a template can fail in every way that Python can
        message = f"its template cannot be filled in ({type(error).__name__})"
        raise ConfigurationError([Problem(where, message)]) from None


def failure_of(text: str, samples: Iterable[Mapping[str, object]]) -> str | None:
    """How the template fails with the first of the samples that it fails with; the samples may be quoted."""
    for values in samples:
        try:
            written = compiled(text).render(values)
        except UndefinedError as error:
            missing = _NO_ATTRIBUTE.search(error.message or "")
            return undefined_value(missing[1]) if missing else plain(f"cannot be filled in: {error.message}", 200)
        except Exception as error:  # noqa: BLE001 - a template can fail in every way that Python can
            return plain(f"cannot be filled in: {error}", 200)
        if not written.strip():
            return "comes out empty where values are missing: add words of its own"
    return None


def undefined_value(name: str) -> str:
    """How a template fails that asks for a value which is not there."""
    return f"there is no {name} here"


def flaws_of(text: str, vocabulary: Vocabulary) -> tuple[Flaw, ...]:
    """What can be told without filling the template in: its grammar, and every name that is not documented."""
    try:
        tree = _SANDBOX.parse(text)
        compiled(text)
    except TemplateSyntaxError as error:
        return (Flaw(f"is not a valid template: {error.message}", error.lineno),)
    except (RecursionError, ValueError, TypeError, AssertionError, SyntaxError, OverflowError, MemoryError):
        return (Flaw("is not a valid template", 1),)
    return tuple(_unknown_names(tree, vocabulary))


def _unknown_names(tree: nodes.Template, vocabulary: Vocabulary) -> Iterator[Flaw]:
    known = vocabulary.names | vocabulary.objects.keys()
    undeclared = meta.find_undeclared_variables(tree)
    lookups: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    inside: set[int] = set()
    for lookup in lookups:
        owner = lookup.node
        if isinstance(owner, nodes.Name) and owner.name in vocabulary.objects:
            inside.add(id(owner))
            yield from _unknown_inside(lookup, owner.name, vocabulary.objects[owner.name])
    for name in tree.find_all(nodes.Name):
        if name.name in undeclared - known:
            yield Flaw(f"there is no {name.name}; there is {_choice(name.name, known)}", name.lineno)
        elif name.name in vocabulary.objects and id(name) not in inside:
            words = listed(vocabulary.objects[name.name])
            yield Flaw(f"{name.name} is used only with one of its values: {words}", name.lineno)


def _unknown_inside(node: nodes.Getattr | nodes.Getitem, name: str, known: frozenset[str]) -> Iterator[Flaw]:
    key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if key not in known:
        word = key if isinstance(key, str) else "?"
        yield Flaw(f"there is no {name}.{word}; {name} has {_choice(word, known)}", node.lineno)


def _choice(word: str, known: Collection[str]) -> str:
    return f"{listed(known)}{did_you_mean(word, known)}"
