"""Names of actions for tests, written as people write them."""

from remediation.domain.actions import ActionName


def action_named(written: str) -> ActionName:
    return ActionName.parse(written)


def actions_named(*written: str) -> frozenset[ActionName]:
    return frozenset(map(action_named, written))
