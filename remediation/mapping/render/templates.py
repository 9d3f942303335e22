"""Templates: which values they may use, and whether they can fail; and times as they stand in texts.

Compiled once, in a sandbox, with undefined names refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.suggestions import did_you_mean, listed, with_choice
from remediation.mapping.render.flaws import Flaw, syntax_flaw
from remediation.redaction import plain

_MOST_TEMPLATES = 10_000
_NO_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'")
_MARKS = ("{{", "{%", "{#")
_TEMPLATE_FILE = "<template>"
"""What Jinja2 calls a template without a name in tracebacks."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The documented values: plain names, and objects with the names inside them."""

    names: frozenset[str]
    objects: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Mention:
    """One use of a name in a template, or of a word inside it; None: only running the template tells it."""

    name: str
    line: int
    inside: bool = False
    word: str | None = None

    @property
    def words(self) -> str:
        """What stands in the template."""
        return f"{self.name}.{self.word}" if self.word else self.name


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled template.

    A plain template only puts values between its words, whatever they are. `free` are the names that the template does
    not set itself.
    """

    render: Callable[[Values], str]
    is_plain: bool
    mentions: tuple[Mention, ...]
    free: frozenset[str]

    def speaks_of(self, name: str, word: str) -> bool:
        """Whether it uses this value."""
        return any(mention.name == name and mention.word == word for mention in self.mentions)


def _sandbox() -> ImmutableSandboxedEnvironment:
    sandbox = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text in and out; a tracker's adapter escapes for its tracker
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sandbox.globals.clear()
    return sandbox


_SANDBOX = _sandbox()


def is_template(text: str) -> bool:
    """Whether the text has anything to fill in."""
    return any(mark in text for mark in _MARKS)


@lru_cache(maxsize=_MOST_TEMPLATES)
def prepared(text: str) -> Prepared:
    """The template that `text` is. Raises jinja2.TemplateSyntaxError, and what Python raises for absurd ones."""
    tree = _SANDBOX.parse(text)
    parts = _parts(tree)
    render = _joined(parts) if parts is not None else _SANDBOX.from_string(tree).render
    return Prepared(render, parts is not None, tuple(_mentions(tree)), _free_names(tree))


def _parts(tree: nodes.Template) -> list[str | tuple[str, str]] | None:
    """Words and the values between them; None for a template that does more."""
    parts: list[str | tuple[str, str]] = []
    for output in tree.body:
        for node in output.nodes if isinstance(output, nodes.Output) else (None,):
            match node:
                case nodes.TemplateData(data=str(words)):
                    parts.append(words)
                case nodes.Getattr(node=nodes.Name(name=str(name)), attr=str(word)) if not word.startswith("_"):
                    parts.append((name, word))
                case _:
                    return None
    return parts


def _joined(parts: list[str | tuple[str, str]]) -> Callable[[Values], str]:
    """Fills in a plain template as Jinja2 would, without the work of compiling it."""

    def render(values: Values) -> str:
        return "".join(part if isinstance(part, str) else _value(values, *part) for part in parts)

    return render


def _value(values: Values, name: str, word: str) -> str:
    try:
        return str(getattr(values[name], word))
    except (KeyError, AttributeError):
        raise UndefinedError(f"{name!r} has no attribute {word!r}") from None


def _mentions(tree: nodes.Template) -> Iterator[Mention]:
    lookups: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    looked_into: set[int] = set()
    for lookup in lookups:
        if isinstance(lookup.node, nodes.Name):
            looked_into.add(id(lookup.node))
            word = lookup.attr if isinstance(lookup, nodes.Getattr) else getattr(lookup.arg, "value", None)
            yield Mention(lookup.node.name, lookup.lineno, inside=True, word=word if isinstance(word, str) else None)
    for name in tree.find_all(nodes.Name):
        if id(name) not in looked_into:
            yield Mention(name.name, name.lineno)


def _free_names(tree: nodes.Template) -> frozenset[str]:
    names = list(tree.find_all(nodes.Name))
    if all(name.ctx == "load" for name in names):
        return frozenset(name.name for name in names)
    return frozenset(meta.find_undeclared_variables(tree))


def filled(text: str, values: Values, where: str) -> str:
    """The template filled in with these values. Raises ConfigurationError, which quotes neither, where that fails."""
    try:
        return prepared(text).render(values)
    except Exception as error:  # noqa: BLE001 - a template can fail in every way that Python can
        message = f"its template cannot be filled in ({type(error).__name__})"
        raise ConfigurationError([Problem(where, message)]) from None


def failure_of(text: str, samples: Iterable[Values], *, may_be_empty: bool = False) -> Flaw | None:
    """The error with the first sample that makes the template fail, which may be quoted; None where none does."""
    for values in samples:
        try:
            written = prepared(text).render(values)
        except UndefinedError as error:
            missing = _NO_ATTRIBUTE.search(error.message or "")
            if missing:
                return _missing_value(text, missing[1], _line_of(error))
            return Flaw(plain(f"cannot be filled in: {error.message}", 200), _line_of(error))
        except Exception as error:  # noqa: BLE001 - a template can fail in every way that Python can
            return Flaw(plain(f"cannot be filled in: {error}", 200), _line_of(error))
        if not written.strip() and not may_be_empty:
            return Flaw("comes out empty where values are missing: add words of its own")
    return None


def undefined_value(name: str) -> str:
    """The error of a template that uses a missing value."""
    return f"there is no {name} here"


def _missing_value(text: str, name: str, line: int) -> Flaw:
    """The error at the place of the value: in the line where filling in failed, or else where it is first spoken of."""
    mentions = [mention for mention in prepared(text).mentions if mention.word == name]
    here = next((mention for mention in mentions if mention.line == line), None) or next(iter(mentions), None)
    return Flaw(undefined_value(name), line or (here.line if here else 0), here.words if here else name)


def _line_of(error: Exception) -> int:
    """The line of a template in which filling it in failed; 0 where that is not known."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TEMPLATE_FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def flaws_of(text: str, vocabulary: Vocabulary) -> tuple[Flaw, ...]:
    """What is wrong with a template before it is filled in: its grammar, and names that are not documented."""
    try:
        template = prepared(text)
    except TemplateSyntaxError as error:
        return (syntax_flaw(text, error.message or "", error.lineno, _SANDBOX.filters),)
    except (RecursionError, ValueError, TypeError, AssertionError, SyntaxError, OverflowError, MemoryError):
        return (Flaw("is not a valid template", 1),)
    found = (_flaw_of(mention, template.free, vocabulary) for mention in template.mentions)
    return tuple(flaw for flaw in found if flaw)


def _flaw_of(mention: Mention, free: frozenset[str], vocabulary: Vocabulary) -> Flaw | None:
    name, known = mention.name, vocabulary.objects.get(mention.name)
    if known is not None and mention.inside:
        if mention.word in known:
            return None
        word = mention.word or "?"
        message = with_choice(f"there is no {name}.{word}", did_you_mean(word, known), f"{name} has", known)
        return Flaw(message, mention.line, mention.words)
    if known is not None:
        return Flaw(f"{name} is used only with one of its values: {listed(known)}", mention.line, name)
    every = vocabulary.names | vocabulary.objects.keys()
    if name in free - every:
        message = with_choice(f"there is no {name}", did_you_mean(name, every), "there is", every)
        return Flaw(message, mention.line, name)
    return None


def moment_text(at: datetime | None) -> str:
    """`2026-04-15 14:02 UTC`; empty for none. One without an offset is taken for UTC."""
    if at is None:
        return ""
    aware = at.astimezone(UTC) if at.tzinfo else at
    return f"{aware:%Y-%m-%d %H:%M} UTC"
