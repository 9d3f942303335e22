"""What would be done about a case now, as an answer that the console shows. Pure."""

import msgspec

from remediation.read_model.answers.troubles import outside_words
from remediation.read_model.cases.forecasts import CaseForecast, forecast_facts, plan_lines


class AnsweredFact(msgspec.Struct, frozen=True):
    """Something about the case: `words` under a short `name`. `parked` names the parked work that it is about."""

    name: str
    words: str
    parked: str = ""


class PlanAnswer(msgspec.Struct, frozen=True, tag="plan"):
    """What was seen of the case of `ref` at `at` (Unix seconds), and what would be done, in sentences.

    `unseen` are the systems that did not answer: then this may not be the whole of it. `steps` is how many steps there
    are.
    """

    ref: str
    at: float
    facts: tuple[AnsweredFact, ...]
    lines: tuple[str, ...]
    steps: int
    unseen: tuple[str, ...] = ()


def plan_answer(shown: CaseForecast) -> PlanAnswer:
    """The forecast without any words of other systems."""
    facts = tuple(AnsweredFact(each.name, each.words, each.parked) for each in forecast_facts(shown, outside_words))
    unseen = tuple(sorted(shown.snapshot.failures))
    return PlanAnswer(shown.key.ref, shown.seen.at, facts, tuple(plan_lines(shown)), len(shown.steps), unseen)
