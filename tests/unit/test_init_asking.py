"""What systems say reaches the terminal without what a terminal would obey, and answers stay what they are."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from remedy.init.asking import Asker

HOSTILE = "Sch\x1b[2Jool\x1b]0;mine\x07 site\u202e"
CHOICES = [(HOSTILE, "a type\x9b2J"), ("Other", "")]


def asked(question: Callable[[Asker], str], answers: str) -> tuple[str, Result]:
    """What the question gave, and what was shown."""
    found: list[str] = []
    command = click.Command("asks", callback=lambda: found.append(question(Asker(may_ask=True))))
    result = CliRunner().invoke(command, input=answers)
    assert result.exit_code == 0, result.output
    return found[0], result


@pytest.mark.parametrize(
    "question",
    [
        lambda asker: asker.text("--option", HOSTILE),
        lambda asker: asker.perhaps(HOSTILE),
        lambda asker: asker.secret(HOSTILE),
        lambda asker: asker.choice(HOSTILE, CHOICES, HOSTILE),
        lambda asker: asker.choice("Type", CHOICES, HOSTILE, takes_others=True),
    ],
    ids=["text", "perhaps", "secret", "choice", "other choices"],
)
def test_no_question_brings_control_characters_to_the_terminal(question: Callable[[Asker], str]) -> None:
    answer, result = asked(question, "Other\n")
    assert answer == "Other"
    assert "School site" in result.output
    assert result.output.replace("\n", "").isprintable()


def test_the_usual_answer_is_given_as_the_system_has_it() -> None:
    answer, result = asked(lambda asker: asker.choice("Type", CHOICES, HOSTILE), "\n")
    assert answer == HOSTILE
    assert "Type [School site]: " in result.output


def test_a_usual_answer_that_is_empty_is_not_shown() -> None:
    answer, result = asked(lambda asker: asker.perhaps("Address (empty: none)"), "\n")
    assert (answer, result.output) == ("", "Address (empty: none): \n")
