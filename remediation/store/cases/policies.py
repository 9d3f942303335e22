"""What the rule of a case said, as stored with the case: it still counts after mappings.yaml has lost that rule.

A million cases store it, so only what differs from the defaults is written. Pure.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from remediation.domain.policy import FOR_EVER, KEPT_OPEN, Acceptance, Policy, ResolveWhen
from remediation.domain.tickets import Reason

_YES: Mapping[str, Callable[[Policy], bool]] = {
    "any": lambda policy: policy.resolve_when is ResolveWhen.ANY,
    "reason": lambda policy: policy.acceptance.reason_required,
    "expiry": lambda policy: policy.acceptance.expiry_required,
    "close": lambda policy: policy.closes_gone,
    "copy": lambda policy: policy.copies_closing_words,
    "names": lambda policy: policy.names_people,
}
"""A word for each choice that is stored only where the rule made it."""


def said_of(policy: Policy) -> dict[str, object]:
    """What the rule says about existing tickets, as JSON has it; spans are in seconds. Empty for most rules."""
    within, longest = policy.reopen_within, policy.acceptance.at_most
    said: dict[str, object] = {
        "yes": [word for word, says in _YES.items() if says(policy)] or None,
        "within": None if within == FOR_EVER else int(within.total_seconds()),
        "at_most": None if longest is None else int(longest.total_seconds()),
        "kept": None if policy.kept_open == KEPT_OPEN else sorted(policy.kept_open),
    }
    return {word: value for word, value in said.items() if value is not None}


def policy_that(rule: str, said: Mapping[str, Any]) -> Policy:
    """The policy of a rule that said this and takes the case no more."""
    yes, within, longest = frozenset(said.get("yes", ())), said.get("within"), said.get("at_most")
    return Policy(
        rule=rule,
        resolve_when=ResolveWhen.ANY if "any" in yes else ResolveWhen.ALL,
        reopen_within=FOR_EVER if within is None else timedelta(seconds=within),
        kept_open=frozenset(map(Reason, said["kept"])) if "kept" in said else KEPT_OPEN,
        acceptance=Acceptance(
            "reason" in yes, "expiry" in yes, None if longest is None else timedelta(seconds=longest)
        ),
        closes_gone="close" in yes,
        copies_closing_words="copy" in yes,
        names_people="names" in yes,
        is_former=True,
    )
