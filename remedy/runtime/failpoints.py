"""Turns on the failpoints of a process, where two settings agree to it."""

import structlog

from remediation.domain.errors import ConfigurationError, Problem
from remediation.failpoints import SETTING, turn_on
from remediation.settings import Settings

logger = structlog.get_logger()


def turn_on_failpoints(settings: Settings) -> None:
    """Turn on the failpoints of REMEDY_FAILPOINTS and log them.

    Raises ConfigurationError unless ALLOW_FAILPOINTS is set, too: one variable that got into a production process by
    mistake must not kill it.
    """
    if settings.remedy_failpoints is None:
        return
    if not settings.allow_failpoints:
        message = (
            "is set, so this process would break on purpose. Unset it; a fault test sets ALLOW_FAILPOINTS=true, too"
        )
        raise ConfigurationError([Problem(SETTING, message)])
    for point in turn_on(settings.remedy_failpoints):
        logger.warning("failpoint_is_on", place=point)
