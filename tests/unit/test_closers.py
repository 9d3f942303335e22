import pytest

from remediation.trackers.closings import named


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"login": "priya"}, "priya"),
        ({"login": "priya", "is_assignee": True}, "priya"),
        ({"is_assignee": True}, "the assignee (account 5b10)"),
        ({"is_app": True}, "an app (account 5b10)"),
        ({}, "somebody else than the assignee (account 5b10)"),
    ],
)
def test_an_account_is_named_by_login_or_by_role(given: dict[str, object], shown: str) -> None:
    assert named("5b10", **given) == shown  # type: ignore[arg-type]  # the table's values are of the right types
