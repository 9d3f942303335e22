"""May this process break on purpose? Only where somebody said so twice."""

import structlog

from remediation.domain.errors import ConfigurationError, Problem
from remediation.failpoints import SETTING, turn_on
from remediation.settings import Settings

logger = structlog.get_logger()


def turn_on_failpoints(settings: Settings) -> None:
    """Do what REMEDY_FAILPOINTS says, and say so loudly. Raises ConfigurationError unless ALLOW_FAILPOINTS is set, too.

    One variable that strayed into a production process must not be enough to kill it: it does not start, and says why.
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
