"""All that the receiver takes deliveries with. A test may put something else in the place of each part."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from receiver.accounts import Account
from receiver.admission import Admission
from receiver.answers import NotTaken
from receiver.stopping import Stop
from remediation.store.activity.tally import ActivityTally
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.signing import SignedTimes


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request. `max_body_bytes` is counted while streaming; `body_deadline` is in seconds."""

    max_body_bytes: int = 256 * 1024
    body_deadline: float = 10.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Two clocks in Unix seconds.

    Times that senders sign are compared with `signed`. `stored` is Redis's time, for what is written to the store.
    """

    signed: Callable[[], float]
    stored: Callable[[], float]


@dataclass(slots=True)
class ReceiverContext:
    """What deliveries are taken with. `addresses` are the accounts by the paths of their webhooks."""

    inbox: Inbox
    signed_times: SignedTimes
    clocks: Clocks
    limits: Limits
    addresses: Mapping[str, Account] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)
    admission: Admission = field(default_factory=Admission)
    not_taken: NotTaken = field(default_factory=lambda: NotTaken(time.monotonic))
    tally: ActivityTally = field(default_factory=ActivityTally)
    logger: Any = field(default_factory=lambda: structlog.get_logger().bind())
    """For the line that each delivery writes. It is made once; what `get_logger` returns is made anew for each line."""
