"""What spans cost while nobody listens: those of a receipt and of a look, beside parsing one delivery."""

import json
from statistics import median

from bench.effort import Effort
from bench.report import Line, Report, median_ratio
from bench.senders.deliveries import Deliveries
from bench.topics.deciding import Contest
from remediation import telemetry
from remediation.telemetry import Role

YARDSTICK = "anchor: json.loads of a delivery"
RECEIPT = "spans of a receipt, nobody listens"
LOOK = "spans of a look with two calls and two actions, the same"
MOST_ANCHORS = 2.0
"""A look takes a thousand of them."""

_ROUND_SHARE = 0.1


def receipt() -> None:
    """As the receiver tells a delivery."""
    with telemetry.span("receive_request", role=Role.SERVER, links=(), request_id="0123456789abcdef"):
        telemetry.note(sender="schoolscan", district="lakeside")
        with telemetry.span("store_delivery"):
            telemetry.note(delivery="0123456789abcdef", outcome="stored")
        telemetry.note(status=202)


def look() -> None:
    """As a worker tells a look."""
    with telemetry.span("look_at_case", role=Role.CONSUMER, follows=(), request_id=None, case="lakeside:finding:fnd_1"):
        for name in ("observe", "plan"):
            with telemetry.span(name):
                telemetry.note(count=2)
        for action in ("open:jira", "patch:reviewing"):
            with (
                telemetry.span("action", action=action),
                telemetry.span("create", role=Role.CLIENT, system="jira", operation="create", access="write"),
            ):
                telemetry.note(status=201)


def measure(effort: Effort) -> Report:
    """Interleaved rounds, all in this process."""
    body = Deliveries("http://127.0.0.1", "telling").body()
    entries = (
        Contest(YARDSTICK, lambda: json.loads(body), 1),
        Contest(RECEIPT, receipt, 1),
        Contest(LOOK, look, 1),
    )
    taken: dict[str, list[float]] = {each.name: [] for each in entries}
    telemetry.listen(None, None)
    for _ in range(effort.rounds):
        for each in entries:
            taken[each.name].append(each.microseconds(effort.seconds * _ROUND_SHARE))
    return Report(
        topic="telling",
        lines=(Line("", YARDSTICK, f"{median(taken[YARDSTICK]):.1f} µs"), _line(RECEIPT, taken), _line(LOOK, taken)),
        figures={"us": taken},
        unit="µs each, median",
        bars={name: median(values) for name, values in taken.items()},
    )


def _line(name: str, taken: dict[str, list[float]]) -> Line:
    anchors = median_ratio(taken[name], taken[YARDSTICK])
    measured = f"{median(taken[name]):.1f} µs, {anchors:.2f} anchors"
    return Line("", name, measured, f"≤ {MOST_ANCHORS:.0f} anchors", anchors <= MOST_ANCHORS)
