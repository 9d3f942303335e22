"""Charts of what was counted one by one: deliveries, how long they took, and what workers did. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from remediation.domain.status import Severity
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.read_model.activity.history import ActivityHistory, ActivityPoint
from remediation.read_model.activity.responses import ResponseTimes, response_times, times_in
from remediation.read_model.activity.tables import ActivityChart, ChartName, made_chart
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, Value
from remediation.read_model.wording import count_words
from remediation.store.activity.tally import (
    DeliveryAnswer,
    ResponseKind,
    WorkCount,
    delivery_name,
    look_name,
    responses_in,
)

_NOBODY = "unknown"
"""The sender of deliveries to addresses that are nobody's."""

_ANSWERS: Mapping[DeliveryAnswer, str] = {
    DeliveryAnswer.STORED: "Accepted",
    DeliveryAnswer.REPEATED: "Accepted, came before",
    DeliveryAnswer.IGNORED: "Accepted, no event for us",
    DeliveryAnswer.QUARANTINED: "Accepted, not readable",
    DeliveryAnswer.UNSIGNED: "401: signature",
    DeliveryAnswer.REFUSED: "Other 4xx",
    DeliveryAnswer.LATER: "503: come again",
}


@cache
def _senders() -> tuple[str, ...]:
    return (*dict.fromkeys(each.name for each in all_senders()), _NOBODY)


def deliveries_chart(history: ActivityHistory) -> ActivityChart:
    """How deliveries were answered."""

    def values(point: ActivityPoint) -> list[Value]:
        return [_delivered(point, sender=None, answers=(answer,)) for answer in DeliveryAnswer]

    columns = [ReportColumn(answer.value, words, ColumnKind.COUNT) for answer, words in _ANSWERS.items()]
    titles = ("Deliveries and answers", "Deliveries by their answer")
    return made_chart(ChartName.DELIVERIES, titles, columns, history, values, _delivered_words(history))


def senders_chart(history: ActivityHistory) -> ActivityChart:
    """How many deliveries of each kind of sender were taken, and how many were not."""

    def values(point: ActivityPoint) -> list[Value]:
        return [_delivered(point, sender, answers) for sender in _senders() for answers in (_TAKEN, _NOT_TAKEN)]

    columns = [
        ReportColumn(f"{sender}_{word}", f"{sender}, {word}", ColumnKind.COUNT)
        for sender in _senders()
        for word in ("accepted", "refused")
    ]
    titles = ("Deliveries by sender", "Deliveries by the kind of their sender")
    return made_chart(ChartName.SENDERS, titles, columns, history, values, _delivered_words(history))


_TAKEN = tuple(answer for answer in DeliveryAnswer if answer.is_accepted)
_NOT_TAKEN = tuple(answer for answer in DeliveryAnswer if not answer.is_accepted)


def _delivered(point: ActivityPoint, sender: str | None, answers: Sequence[DeliveryAnswer]) -> int:
    senders = _senders() if sender is None else (sender,)
    return sum(point.counts.get(delivery_name(each, answer), 0) for each in senders for answer in answers)


def _delivered_words(history: ActivityHistory) -> str:
    taken, refused = (
        sum(_delivered(point, None, answers) for point in history.points) for answers in (_TAKEN, _NOT_TAKEN)
    )
    return f"{count_words(taken, 'delivery', 'deliveries')} accepted, {refused:,} refused."


def responses_chart(history: ActivityHistory, severity: Severity | None) -> ActivityChart:
    """How long deliveries took to what they led to: of all cases, or of those of one severity."""

    def values(point: ActivityPoint) -> list[Value]:
        times = [_times([point], kind, severity) for kind in ResponseKind]
        return [value for each in times for value in (each.count, each.median, each.p95)]

    columns = [
        column
        for kind, heading in ((ResponseKind.TICKET, "First ticket"), (ResponseKind.STATUS, "Change of status"))
        for column in (
            ReportColumn(f"{kind}_count", f"{heading}: deliveries", ColumnKind.COUNT),
            ReportColumn(f"{kind}_p50", f"{heading}: half within", ColumnKind.SPAN),
            ReportColumn(f"{kind}_p95", f"{heading}: 95 % within", ColumnKind.SPAN),
        )
    ]
    of = f" of severity {severity}" if severity else ""
    titles = ("Time to ticket and to change of status", f"From a delivery to what it led to{of}")
    ticket, status = (_times(history.points, kind, severity).says for kind in ResponseKind)
    says = f"To the first ticket: {ticket}. To the change of status: {status}."
    return made_chart(ChartName.RESPONSES, titles, columns, history, values, says)


def _times(points: Sequence[ActivityPoint], kind: ResponseKind, severity: Severity | None) -> ResponseTimes:
    if severity is None:
        return response_times([point.counts for point in points], kind)
    buckets: Counter[int] = Counter()
    for point in points:
        buckets.update(responses_in(point.counts, kind).get(severity, {}))
    return times_in(buckets)


_WORK: Mapping[str, str] = {
    look_name("settled"): "Looks that came to rest",
    look_name("put_off"): "Looks put off",
    look_name("parked"): "Looks parked",
    WorkCount.OPENED: "Tickets opened",
    WorkCount.PATCHED: "Findings changed",
}


def work_chart(history: ActivityHistory) -> ActivityChart:
    """How looks ended, and what they did."""

    def values(point: ActivityPoint) -> list[Value]:
        return [point.counts.get(name, 0) for name in _WORK]

    columns = [ReportColumn(name.replace(":", "_"), words, ColumnKind.COUNT) for name, words in _WORK.items()]
    opened, patched = (sum(each.counts.get(name, 0) for each in history.points) for name in WorkCount)
    says = f"{count_words(opened, 'ticket')} opened, {count_words(patched, 'change')} of a finding's status."
    titles = ("Looks and what they did", "Looks, tickets and changes of status")
    return made_chart(ChartName.WORK, titles, columns, history, values, says)
