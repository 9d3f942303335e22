"""The words of messages: plain text, in ids, counts and words of ours. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remediation.read_model.notifications.notices import Notice, NoticeKey
from remediation.read_model.notifications.planning import NotificationPlan
from remediation.read_model.wording import count_words

MOST_LINES = 20
"""Notices of one kind that a message names; the others are counted."""

_LONGEST_TITLE = 70
_AFTER = "remedy status says how it is now, and remedy doctor looks deeper."


@dataclass(frozen=True, slots=True)
class Notification:
    """A message: a title of one line, and text."""

    title: str
    text: str


def message_of(plan: NotificationPlan) -> Notification:
    """All that is due, in one message."""
    parts = [
        *_part("New", list(map(_lines, plan.new))),
        *_part("Still there", list(map(_lines, plan.again))),
        *_part("Over", [[over_words(key)] for key in plan.over]),
        _AFTER,
    ]
    return Notification(_title(plan), "\n".join(parts))


def trial_message(channel: str) -> Notification:
    """A test message; it says that it is a test."""
    text = f"This is a test of the channel {channel}. Nothing happened, and nothing is to be done."
    return Notification("remedy: a test", text)


def over_words(key: NoticeKey) -> str:
    """What is over, by its kind and what it was about."""
    about = f" ({key.about})" if key.about else ""
    return f"{key.code.replace('-', ' ')}{about}"


def _title(plan: NotificationPlan) -> str:
    told = [*map(_short_words, (*plan.new, *plan.again)), *(f"over: {over_words(key)}" for key in plan.over)]
    if len(told) == 1:
        return f"remedy: {told[0]}"[:_LONGEST_TITLE]
    counts = ((len(plan.new), "new"), (len(plan.again), "still there"), (len(plan.over), "over"))
    return f"remedy: {', '.join(f'{count} {words}' for count, words in counts if count)}"


def _short_words(notice: Notice) -> str:
    """What a notice is about, and its kind."""
    return f"{notice.says.partition(': ')[0]}: {notice.key.code.replace('-', ' ')}"


def _lines(notice: Notice) -> list[str]:
    return [notice.says, *([notice.advice] if notice.advice else [])]


def _part(title: str, notices: Sequence[list[str]]) -> Iterator[str]:
    if not notices:
        return
    yield f"{title}:"
    for first, *rest in notices[:MOST_LINES]:
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)
    if len(notices) > MOST_LINES:
        yield f"- and {count_words(len(notices) - MOST_LINES, 'other')}"
    yield ""
