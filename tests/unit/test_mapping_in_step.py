"""How a rule keeps its cases in step, said in sentences: every choice changes one of them."""

import pytest

from remediation.domain.policy import FOR_EVER
from remediation.mapping.config.policies import PolicyWords, policy_of, spelt_out
from remediation.mapping.explain.in_step import in_step

USUAL = PolicyWords()


def words_of(**words: object) -> PolicyWords:
    return PolicyWords.model_validate(words)


def news(**words: object) -> list[str]:
    """The sentences that are others than usual."""
    return [sentence for sentence in in_step(words_of(**words)) if sentence not in in_step(USUAL)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"resolve_when": "any"},
            ["When one of its tickets is done, the finding is resolved and the others are closed with it."],
        ),
        ({"reopen": "never"}, ["When the finding is found again, new tickets follow the closed ones."]),
        (
            {"reopen": {"within": "14d"}},
            [
                (
                    "When the finding is found again, tickets closed within 14d are opened again; "
                    "new ones follow older ones."
                )
            ],
        ),
        (
            {"outcomes": {"none": "reviewing", "unknown": "resolved"}},
            [
                (
                    "Closed as cancelled, not solved or nothing at all, a ticket leaves the finding open, and is told "
                    "so."
                ),
                "Closed as false positive, duplicate or a word that nothing maps, it resolves the finding.",
            ],
        ),
        (
            {"outcomes": dict.fromkeys(("false_positive", "duplicate", "none"), "reviewing")},
            [
                (
                    "Closed as false positive, duplicate, cancelled, not solved, nothing at all or a word that nothing "
                    "maps, a ticket leaves the finding open, and is told so."
                )
            ],
        ),
        (
            {"accept": {"at_most": "365d"}},
            ["An accepted risk needs no reason and no end, and counts for 365d at the most."],
        ),
        (
            {"accept": {"expiry": "required"}},
            ["An accepted risk must have an end, and counts until then."],
        ),
        (
            {"accept": {"reason": "required", "expiry": "required", "at_most": "90d"}},
            [
                "An accepted risk must say why and have an end, and counts for 90d at the most.",
                "Of what people write, notes say the reason for which a risk is accepted, scrubbed and cut.",
            ],
        ),
        ({"when_gone": "close"}, ["When SchoolScan no longer has it, open tickets are closed with a comment."]),
        (
            {"people": "names"},
            ["Notes name who closed a ticket, as its tracker shows them to its own users."],
        ),
        (
            {"verify": "scan"},
            [
                (
                    "Where that claims a mending, the finding stays in review until a scan of its site, which begins "
                    "after the closing, does not find it any more. If it is still there, the tickets are brought back."
                )
            ],
        ),
        (
            {"copy_comments": "closing"},
            ["Notes say what the person who closed the ticket wrote, scrubbed and cut."],
        ),
    ],
)
def test_each_choice_is_said(words: dict[str, object], said: list[str]) -> None:
    assert news(**words) == said


def test_what_is_usual_is_said_as_well() -> None:
    assert len(in_step(USUAL)) == 7
    assert policy_of(USUAL, "", (), "minimal").reopen_within == FOR_EVER


def test_choices_are_spelt_as_they_are_written() -> None:
    assert spelt_out(USUAL) == {
        "resolve_when": "all",
        "reopen": "always",
        "outcomes.false_positive": "resolved",
        "outcomes.duplicate": "resolved",
        "outcomes.cancelled": "reviewing",
        "outcomes.not_solved": "reviewing",
        "outcomes.none": "resolved",
        "outcomes.unknown": "reviewing",
        "accept.reason": "optional",
        "accept.expiry": "optional",
        "accept.at_most": None,
        "when_gone": "comment",
        "copy_comments": "none",
        "people": "ids",
        "verify": "none",
    }
