"""How state machines are played: the same histories every time, or with `--rounds` more of them, and others."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.examples import share


def play(machine: type[RuleBasedStateMachine], config: pytest.Config, histories: int, steps: int) -> None:
    """Play so many histories of so many steps in each round, or the share of the profile. Raises what it raises."""
    rounds = config.getoption("--rounds")
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=share(histories) * rounds,
            stateful_step_count=steps,
            derandomize=rounds == 1,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
