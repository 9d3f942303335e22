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
TEST_TITLE = "remedy: a test"


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
    """A message that says that it is none."""
    text = f"This is a test of the channel {channel}. Nothing happened, and nothing is to be done."
    return Notification(TEST_TITLE, text)


def over_words(key: NoticeKey) -> str:
    """What is over, by its kind and what it was about."""
    about = f" ({key.about})" if key.about else ""
    return f"{key.code.replace('-', ' ')}{about}"


def _title(plan: NotificationPlan) -> str:
    new, again, over = len(plan.new), len(plan.again), len(plan.over)
    if new + again + over == 1:
        one = over_words(plan.over[0]) if over else (*plan.new, *plan.again)[0].says.partition(": ")[0]
        code = "" if over else f" {(*plan.new, *plan.again)[0].key.code.replace('-', ' ')}"
        words = f"over: {one}" if over else f"{one}:{code}"
        return f"remedy: {words}"[:_LONGEST_TITLE]
    counts = ((new, "new"), (again, "still there"), (over, "over"))
    return f"remedy: {', '.join(f'{count} {words}' for count, words in counts if count)}"


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
