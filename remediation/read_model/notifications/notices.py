"""What there is to tell: the troubles that the status tells of, and accepted risks that end soon. Pure.

Nothing is judged here: what is no trouble for `remedy status` is none for a channel.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from remediation.mapping.config.notifying import NoticeKind, NotifyChannel
from remediation.read_model.status.codes import TroubleCode, TroubleName, notice_kind_of
from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusLine, StatusSection
from remediation.read_model.wording import count_words, day_words
from remediation.redaction import plain
from remediation.store.cases.appointments import EndingRisk

_RISK = "accepted-risk-ends"
_BETWEEN = "|"
_DIGITS = 20
_LONGEST = 300
"""Characters of what one notice says: the status quotes nothing, but names may be long."""


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """What makes a notice the same one as before. `code` is a TroubleCode, or that of a risk that ends."""

    code: str
    about: str
    district: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key as it was written. What an earlier or later version wrote has an unknown code at the worst."""
        code, _, rest = text.partition(_BETWEEN)
        district, _, about = rest.partition(_BETWEEN)
        return cls(code, about, district)

    def __str__(self) -> str:
        return _BETWEEN.join((self.code, self.district, self.about))

    @property
    def kind(self) -> NoticeKind | None:
        """Which kind it is; None where this version does not know its code."""
        if self.code == _RISK:
            return NoticeKind.RISKS
        return notice_kind_of(TroubleCode(self.code)) if self.code in set(TroubleCode) else None

    @property
    def has_an_end(self) -> bool:
        """Whether it is told when it is over. The end of a risk is not: its case tells what follows."""
        return self.kind not in {NoticeKind.RISKS, None}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that people are told: what is so, and what to do. `count` is how much there is of what grows."""

    key: NoticeKey
    says: str
    advice: str = ""
    is_failure: bool = False
    count: int = 0


def notices_of(sections: Iterable[StatusSection], risks: Iterable[EndingRisk]) -> list[Notice]:
    """All notices, failures first. Several lines about the same trouble are one."""
    notices: dict[NoticeKey, list[Notice]] = {}
    for line in (line for section in sections for line in section.lines):
        if line.trouble is not None:
            notice = _of_trouble(line, line.trouble)
            notices.setdefault(notice.key, []).append(notice)
    troubles = sorted(map(_joined, notices.values()), key=lambda notice: not notice.is_failure)
    return [*troubles, *map(_of_risk, risks)]


def wanted_by(name: str, channel: NotifyChannel, notices: Iterable[Notice]) -> Iterator[Notice]:
    """Those that the channel of this name is to tell."""
    return (notice for notice in notices if is_wanted(name, channel, notice.key))


def is_wanted(name: str, channel: NotifyChannel, key: NoticeKey) -> bool:
    """Whether the channel is to tell of this key. No channel tells that it does not work itself."""
    is_its_own = key.code == TroubleCode.NOTIFICATIONS_UNDELIVERED and key.about == name
    concerns = not channel.districts or not key.district or key.district in channel.districts
    return key.kind in channel.about and concerns and not is_its_own


def _joined(notices: Sequence[Notice]) -> Notice:
    """The first of notices with the same key, and how many others there are."""
    first, *others = notices
    return replace(first, says=f"{first.says} (and {count_words(len(others), 'other')})") if others else first


def _of_trouble(line: StatusLine, name: TroubleName) -> Notice:
    key = NoticeKey(name.code, plain(name.about, _LONGEST), name.district)
    says = plain(f"{line.what}: {line.says}", _LONGEST)
    return Notice(key, says, line.advice, line.level is Level.FAILURE, name.count)


def _of_risk(risk: EndingRisk) -> Notice:
    """What is remembered of it names no case: whoever has a case deleted need not look there."""
    says = f"{risk.ref}: its accepted risk ends on {day_words(risk.at)}"
    digest = hashlib.sha256(says.encode()).hexdigest()[:_DIGITS]
    return Notice(NoticeKey(_RISK, digest, risk.district), says)
