"""What programs are told of the service's status. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusSection, status_level
from remediation.read_model.status.overview import FeedStatus, SenderStatus, ServiceStatus
from remediation.store.cases.entries import moment
from remediation.store.deliveries.parked_causes import ParkedCause
from remediation.store.notifications.memory import ChannelMemory
from remediation.store.systems import SystemTrouble


def status_json(status: ServiceStatus, sections: Sequence[StatusSection]) -> dict[str, Any]:
    """All of it for programs. Times are ISO 8601, ages are in seconds."""
    figures, worst = status.figures, status_level(sections)
    return {
        "at": _iso(status.at),
        "well": worst is not Level.FAILURE,
        "worst": worst,
        "version": status.version,
        "processes": [{**asdict(each), "started": _iso(each.started)} for each in status.processes],
        "last_sweep": _iso(figures.last_sweep),
        "mappings": {"here": status.here.digest if status.here else None, "in_use": _in_use(status)},
        "deliveries": {
            "unread": figures.unread,
            "oldest_unread": _age(figures.oldest_unread, status.at),
            "senders": {each.account: _sender_json(each) for each in status.senders},
        },
        "responses_today": {kind.value: asdict(times) for kind, times in status.responses.items()},
        "cases": {
            "undone": figures.dirty,
            "put_off": figures.put_off,
            "oldest_undone": _age(figures.oldest_dirty, status.at),
            "due": figures.due,
            "running": figures.running,
        },
        "waits": [_wait_json(each) for each in status.troubles],
        "unnamed": dict(status.unnamed),
        "parked": {"count": figures.parked, "causes": [_cause_json(each) for each in status.causes]},
        "budgets": [asdict(each) for each in status.budgets],
        "polls": {name: {"read": _iso(read), "lag": _age(read, status.at)} for name, read in status.polls.items()},
        "feeds": {each.figures.name: _feed_json(each, status.at) for each in status.feeds},
        "accepted_risks": {
            "ending": status.risks.count,
            "first": [{"case": each.ref, "ends": _iso(each.at)} for each in status.risks.first],
        },
        "channels": {name: _channel_json(memory) for name, memory in status.channels.items()},
        "lines": [{"section": section.title, **asdict(line)} for section in sections for line in section.lines],
    }


def _sender_json(sender: SenderStatus) -> dict[str, Any]:
    refused = sender.refused
    if refused is None:
        return {"accepted": _iso(sender.accepted), "refused": None}
    kind = {"status": refused.kind.status, "reason": refused.kind.reason, "seen": refused.kind.seen or None}
    return {
        "accepted": _iso(sender.accepted),
        "refused": {"last": _iso(refused.last), "count": refused.count, **kind},
    }


def _channel_json(memory: ChannelMemory) -> dict[str, Any]:
    return {"last": _iso(memory.last), "failures": memory.failures, "why": memory.why or None}


def _in_use(status: ServiceStatus) -> list[str]:
    return sorted({each.mappings for each in status.processes if each.mappings})


def _wait_json(trouble: SystemTrouble) -> dict[str, Any]:
    return {**asdict(trouble), "since": _iso(trouble.since)}


def _cause_json(cause: ParkedCause) -> dict[str, Any]:
    return {**asdict(cause), "first": _iso(cause.first), "last": _iso(cause.last)}


def _feed_json(feed: FeedStatus, now: float) -> dict[str, Any]:
    state, figures = feed.state, feed.figures
    return {
        "read": _iso(figures.polled_at),
        "lag": _age(figures.polled_at, now),
        "swept": _iso(state.swept_at),
        "overdue": int(figures.overdue(now)),
        "incidents": figures.incidents,
        "trouble": state.trouble or None,
    }


def _iso(at: float | None) -> str | None:
    return None if at is None else moment(at).isoformat()


def _age(at: float | None, now: float) -> int | None:
    return None if at is None else max(0, int(now - at))
