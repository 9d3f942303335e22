"""Questions to the person at the terminal; where nobody may be asked, the options that would have answered them."""

import shutil
from collections.abc import Callable, Sequence
from typing import Any

import click

from remediation.redaction import terminal

_MOST_SHOWN = 30


class Asker:
    """Asks on stderr, so that what the command prints can be piped. Nothing of a secret is ever shown."""

    def __init__(self, *, may_ask: bool) -> None:
        self.may_ask = may_ask
        self._missing: list[str] = []

    def text(self, option: str, question: str) -> str:
        """The answer; empty where there is none, and then `must_be_complete` names the option."""
        answer = _prompt(question).strip() if self.may_ask else ""
        if not answer:
            self.missing(option)
        return answer

    def missing(self, option: str) -> None:
        """Note that something is needed which nobody has said."""
        self._missing.append(option)

    def perhaps(self, question: str) -> str:
        """The answer, which may be empty; empty where nobody may be asked."""
        return _prompt(question, "").strip() if self.may_ask else ""

    def secret(self, question: str) -> str:
        """A secret, for this command alone."""
        return _prompt(question, hide_input=True)

    def choice(
        self, question: str, choices: Sequence[tuple[str, str]], usual: str | None = None, *, takes_others: bool = False
    ) -> str:
        """One of these words, each of which is explained, or any other; empty where nobody may be asked."""
        if not self.may_ask or not choices:
            return ""
        width = shutil.get_terminal_size().columns - 1
        for word, says in choices[:_MOST_SHOWN]:
            click.echo(terminal(f"  {word}  {says}")[:width].rstrip(), err=True)
        if len(choices) > _MOST_SHOWN:
            click.echo(f"  … and {len(choices) - _MOST_SHOWN} more", err=True)
        checked = None if takes_others else _one_of([word for word, _ in choices])
        return _prompt(question, usual, value_proc=checked).strip()

    def must_be_complete(self) -> None:
        """Raises UsageError with all that is missing."""
        if self._missing:
            asks = "" if self.may_ask else ", or call this on a terminal, where you are asked"
            raise click.UsageError(f"say {', '.join(self._missing)}{asks}.")


def _prompt(question: str, usual: str | None = None, **how: Any) -> str:
    """The answer, or `usual` for none. What systems say is shown without what a terminal would obey."""
    shown = terminal(f"{question} [{usual}]" if usual else question)
    return str(click.prompt(shown, default=usual, show_default=False, err=True, **how))


def _one_of(words: Sequence[str]) -> Callable[[str], str]:
    def checked(answer: str) -> str:
        found = next((word for word in words if word.lower() == answer.strip().lower()), None)
        if found is None:
            raise click.UsageError("it is none of those that are listed")
        return found

    return checked
