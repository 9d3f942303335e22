"""What the doctor says of a sender's secrets, from when each of them was last seen to sign."""

import pytest

from remediation.store.deliveries.signing import SecretUse
from remedy.doctor.stored.rotation import rotation_of

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
IDS = ("new", "old")


def told(**uses: SecretUse) -> list[tuple[str, str]]:
    return [(each.code, each.says) for each in rotation_of("schoolscan/lakeside", IDS, uses, NOW)]


def use(since_days: float, last_days: float | None = None) -> SecretUse:
    return SecretUse(NOW - since_days * DAY, None if last_days is None else NOW - last_days * DAY)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (use(2, 0.1), use(40, 1.9)),  # the old one may still be on its way
        (use(0.9), use(40, 0.01)),  # the sender has yet to be changed
        (use(9, 0.1), use(40, 0.2)),  # both are used: it signs with both, or in turns
        (use(40), use(40)),  # neither is known to have signed
        (use(40, 20), use(40, 20)),  # nothing came for weeks
        (use(5), use(40, 9)),  # nothing has come since the new one is there
    ],
)
def test_a_rotation_that_goes_well_needs_nobody(new: SecretUse, old: SecretUse) -> None:
    ((code, says),) = told(new=new, old=old)
    assert code == ""
    assert says.startswith("new ")
    assert "; old " in says


@pytest.mark.parametrize("days", [3.0, 3.5, 30.0])
def test_an_old_secret_that_is_not_used_is_to_be_removed(days: float) -> None:
    new, old = use(days + 1, 0.01), use(40, days)
    assert told(new=new, old=old) == [("webhook-secret-unused", f"old was not used for {int(days)} days: remove it")]


def test_an_old_secret_that_nobody_saw_signing_may_be_the_new_one() -> None:
    says = "old was not used for 4 days: remove it, unless it is the new one"
    assert told(new=use(4, 0.1), old=use(4)) == [("webhook-secret-unused", says)]
    assert told(new=use(2.9, 0.1), old=use(2.9))[0][0] == ""


@pytest.mark.parametrize(("days", "words"), [(1.0, "1 day"), (1.9, "1 day"), (6.0, "6 days")])
def test_a_new_secret_that_signs_nothing_was_changed_on_one_side_only(days: float, words: str) -> None:
    says = f"new was never used in {words}, and another one is: it was changed on one side only"
    assert told(new=use(days), old=use(40, 0.01)) == [("webhook-secret-untaken", says)]


def test_a_secret_of_which_nothing_is_known_is_told_and_not_judged() -> None:
    ((code, says),) = told(old=use(40, 0.1))
    assert code == ""
    assert says.startswith("new has seen no delivery yet; old last used ")


def test_of_three_each_is_judged() -> None:
    uses = {"new": use(2), "old": use(30, 0.1), "older": use(60, 29)}
    found = rotation_of("jira/jira", ("new", "old", "older"), uses, NOW)
    assert [each.code for each in found] == ["webhook-secret-untaken", "webhook-secret-unused"]
    assert {each.what for each in found} == {"secrets of jira/jira"}
