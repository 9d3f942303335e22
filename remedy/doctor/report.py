"""The results, as a table for people and as one object for programs."""

import sys
from collections.abc import Sequence

import click

from remediation.operations.examining.checks import Report
from remediation.operations.examining.diagnosis import Diagnosis
from remediation.read_model.status.levels import Level
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remedy.screen_levels import signed_lines

_WIDEST = 28
"""The widest first column: a longer path moves its own line only."""
_PROGRESS = 100


def table_lines(found: Sequence[Diagnosis], width: int | None) -> list[str]:
    """A line for each result, in columns; below each trouble its advice. The last line counts them.

    `width` is that of a terminal, or None where nothing limits them.
    """
    column = max((len(each.what) + 1 for each in found if len(each.what) < _WIDEST), default=1)
    lines = [line for each in found for line in _lines(each, column, width)]
    counts = [sum(each.severity is severity for each in found) for severity in Level]
    told = f"{counts[0]} well, {count_words(counts[1], 'warning')}, {count_words(counts[2], 'failure')}"
    return [*lines, told]


def _lines(each: Diagnosis, column: int, width: int | None) -> list[str]:
    code = f" [{each.code}]" if each.code else ""
    words = [f"{terminal(each.what) + ':':{column}} {terminal(each.says)}{code}"]
    if each.advice and each.severity is not Level.OK:
        words.append(f"{'':{column}} {terminal(each.advice)}")
    return signed_lines(each.severity, words, width, hang=column + 1)


def as_object(found: Sequence[Diagnosis]) -> dict[str, object]:
    """All results; `well` says that nothing failed, `worst` is the worst severity."""
    order = list(Level)
    worst = max((each.severity for each in found), key=order.index, default=Level.OK)
    return {"well": worst is not Level.FAILURE, "worst": worst.value, "checks": [_told(each) for each in found]}


def _told(each: Diagnosis) -> dict[str, object]:
    return {
        "what": each.what,
        "severity": each.severity.value,
        "code": each.code,
        "well": each.is_well,
        "says": each.says,
        "advice": each.advice,
    }


def progress() -> Report:
    """Shows on one line of a terminal which checks still run; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda _names: None
    widest = 0

    def show(names: Sequence[str]) -> None:
        nonlocal widest
        line = terminal(f"waiting for {', '.join(names)}")[:_PROGRESS] if names else ""
        click.echo(f"\r{line:{widest}}\r{line}", err=True, nl=False)
        widest = max(widest, len(line))

    return show
