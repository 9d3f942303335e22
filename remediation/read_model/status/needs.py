"""What needs a person, the worst first: the troubles of the status, for who may read all or some districts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from remediation.read_model.activity.responses import ResponseTimes
from remediation.read_model.status.codes import TroubleCode, district_of
from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusSection, status_sections
from remediation.read_model.status.overview import ServiceStatus
from remediation.read_model.wording import by_count, count_words
from remediation.store.activity.tally import ResponseKind
from remediation.store.budgets.learned import BudgetFigures
from remediation.store.cases.waiting import WaitingCase
from remediation.store.systems import SystemTrouble

_WORST_FIRST = (Level.FAILURE, Level.WARNING)

_BY_CAUSE = frozenset({TroubleCode.PARKED, TroubleCode.QUARANTINED})
"""What the status counts by cause, for all districts together."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs a person: what it is and how it is, how bad that is, and what to do about it in words.

    `code` is the kind of the trouble, `about` which one of its kind, and `district` whose it is; empty for none.
    """

    what: str
    says: str
    level: Level
    advice: str
    code: TroubleCode
    about: str = ""
    district: str = ""


@dataclass(frozen=True, slots=True)
class PresentState:
    """What one looks at first. Times are Unix seconds; None where there is nothing, or the reader may not know.

    `needs` are the worst first. `undone` is the case that waits longest, and `unread_since` since when the oldest
    delivery does. `seen` tells what was last seen to work. `districts` are those of the reader; None for all.
    """

    at: float
    needs: tuple[Need, ...]
    responses: Mapping[ResponseKind, ResponseTimes]
    undone: WaitingCase | None
    unread: int | None
    unread_since: float | None
    budgets: tuple[BudgetFigures, ...]
    troubles: tuple[SystemTrouble, ...]
    last_delivery: float | None
    last_sweep: float | None
    processes: Mapping[str, int] = field(default_factory=dict)
    districts: AbstractSet[str] | None = None

    @property
    def says(self) -> str:
        """The answer to "does anything need me?"."""
        if not self.needs:
            return "Nothing needs you."
        bad = sum(need.level is Level.FAILURE for need in self.needs)
        told = f"{count_words(len(self.needs), 'thing')} {by_count(len(self.needs), 'needs', 'need')} a person"
        if bad == len(self.needs):
            return f"{told} now."
        return f"{told}: {bad:,} now, the others can wait for the day." if bad else f"{told}, and can wait for the day."

    @property
    def level(self) -> Level:
        """How bad the worst is."""
        return self.needs[0].level if self.needs else Level.OK


def present_state(
    status: ServiceStatus,
    responses: Mapping[ResponseKind, ResponseTimes],
    undone: WaitingCase | None,
    districts: AbstractSet[str] | None = None,
) -> PresentState:
    """What the status comes to, for whoever may read these districts; None for all."""
    needs = needs_of(status_sections(status), districts)
    if districts is not None:
        parked = _parked_in(status.figures.parked_accounts, districts)
        needs = [*(need for need in needs if need.code not in _BY_CAUSE), *parked]
    sees_all, figures = districts is None, status.figures
    accepted = [each.accepted for each in status.senders if _is_shown(district_of(each.account), districts)]
    roles = [each.role for each in status.processes]
    return PresentState(
        status.at,
        tuple(sorted(needs, key=lambda need: _WORST_FIRST.index(need.level))),
        responses,
        undone,
        figures.unread if sees_all else None,
        figures.oldest_unread if sees_all else None,
        tuple(each for each in status.budgets if _is_shown(district_of(each.system), districts)),
        tuple(each for each in status.troubles if _is_shown(district_of(each.system), districts)),
        max((at for at in accepted if at is not None), default=None),
        figures.last_sweep if sees_all else None,
        {role: roles.count(role) for role in sorted(set(roles))} if sees_all else {},
        districts,
    )


def needs_of(sections: Sequence[StatusSection], districts: AbstractSet[str] | None = None) -> list[Need]:
    """The lines that tell of a trouble, in their order: all, or those of these districts."""
    found = []
    for line in (line for section in sections for line in section.lines):
        name = line.trouble
        if name is not None and line.level is not Level.OK and _is_shown(name.district, districts):
            found.append(Need(line.what, line.says, line.level, line.advice, name.code, name.about, name.district))
    return found


def _is_shown(district: str, districts: AbstractSet[str] | None) -> bool:
    return districts is None or district in districts


def _parked_in(counts: Mapping[str, int], districts: AbstractSet[str]) -> Iterator[Need]:
    """The parked work of these districts, a need for each."""
    for district in sorted(districts & counts.keys()):
        says = f"{count_words(counts[district], 'piece')} of {district}"
        advice = f"remedy parked list --district {district} says why."
        yield Need("parked", says, Level.FAILURE, advice, TroubleCode.PARKED, district=district)
