import pytest

from remediation.domain.errors import TryLater, Waiting


@pytest.mark.parametrize(
    ("status", "after", "waiting"),
    [
        (401, None, Waiting.SIGN_IN),
        (429, 5.0, Waiting.LIMIT),
        (503, 5.0, Waiting.AWAY),
        (999, None, Waiting.AWAY),
        (None, None, Waiting.AWAY),
        (None, 30.0, Waiting.OURS),
    ],
)
def test_a_status_tells_what_is_waited_for(status: int | None, after: float | None, waiting: Waiting) -> None:
    assert TryLater("jira", "no", status=status, after=after).waiting is waiting


def test_whoever_knows_better_says_what_is_waited_for() -> None:
    assert TryLater("jira", "no", status=403, waiting=Waiting.SIGN_IN).waiting is Waiting.SIGN_IN
