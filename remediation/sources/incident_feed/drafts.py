"""What is collected of one incident while its element is read: the allow list, in whatever order it comes. Pure."""

from collections.abc import Callable, Mapping
from datetime import date, tzinfo

from remediation.domain.cases.records import outside_id
from remediation.domain.incidents import Incident, IncidentFlaw, IncidentType
from remediation.sources.incident_feed.days import day_of
from remediation.sources.incident_feed.words import code_of, count_of, flag_of, type_of, version_of

MOST_CODES = 200
"""Different codes of one kind in one incident."""

Attributes = Mapping[str, str]


def attribute(attributes: Attributes, name: str) -> str | None:
    """The value of an attribute, whatever its namespace."""
    found = attributes.get(name)
    return _by_local_names(attributes).get(name) if found is None else found


def _by_local_names(attributes: Attributes) -> Attributes:
    """The attributes without the prefixes of namespaces; one that has none counts before one that has."""
    prefixed = {name: value for name, value in attributes.items() if ":" in name}
    if not prefixed:
        return attributes
    local = {name.rpartition(":")[2]: value for name, value in prefixed.items() if not name.startswith("xmlns:")}
    return {**local, **attributes}


class IncidentDraft:
    """One incident, as far as it has come. `flaws` is what could not be read in it."""

    __slots__ = (
        "_came",
        "_codes",
        "_days",
        "_is_bounced",
        "_is_deleted",
        "_last_modified",
        "_stated",
        "_type",
        "_uuid",
        "_zone",
        "flaws",
    )

    def __init__(self, attributes: Attributes, zone: tzinfo) -> None:
        attributes = _by_local_names(attributes)
        self.flaws: set[IncidentFlaw] = set()
        self._zone = zone
        self._uuid = outside_id((attributes.get("uuid") or "").strip())
        self._type = self._read_type(attributes.get("type"))
        self._last_modified = self._read_version(attributes.get("last-modified"))
        self._is_deleted = self._read_flag(attributes, "deleted", IncidentFlaw.DELETED)
        self._is_bounced = self._read_flag(attributes, "bounced", IncidentFlaw.BOUNCED)
        self._codes: dict[str, set[str]] = {}
        self._days: set[date] = set()
        self._came: dict[str, int] = {}
        self._stated: dict[str, int] = {}

    def add_code(self, kind: str, text: str | None) -> None:
        """One more code of a kind, which is the name of its element. An empty one is none."""
        if text is None or not text.strip():
            return
        code = code_of(text)
        codes = self._codes.setdefault(kind, set())
        if code is None:
            self.flaws.add(IncidentFlaw.CODE)
        elif len(codes) < MOST_CODES or code in codes:
            codes.add(code)
        else:
            self.flaws.add(IncidentFlaw.TOO_MANY_CODES)

    def add_person(self, kind: str) -> None:
        """One more `offender` or `victim`."""
        self._came[kind] = self._came.get(kind, 0) + 1

    def state_count(self, kind: str, text: str | None) -> None:
        """How many of a kind there are, as the list of them says."""
        if text is None or not text.strip():
            return
        count = count_of(text)
        if count is None:
            self.flaws.add(IncidentFlaw.COUNT)
        else:
            self._stated[kind] = max(count, self._stated.get(kind, 0))

    def add_day(self, text: str) -> None:
        """The text of a `date`."""
        if not text.strip():
            return
        day = day_of(text, self._zone)
        if day is None:
            self.flaws.add(IncidentFlaw.DATE)
        else:
            self._days.add(day)

    def incident(self) -> Incident | None:
        """The incident, which is complete now; None where it has no id.

        Of several schools or days it has the first one in their own order, whatever order they came in. Of people there
        are as many as came, or as a list of them states, whichever is more.
        """
        if self._uuid is None:
            self.flaws.add(IncidentFlaw.UUID)
            return None
        return Incident(
            uuid=self._uuid,
            type=self._type,
            last_modified=self._last_modified,
            is_deleted=self._is_deleted,
            is_bounced=self._is_bounced,
            day=min(self._days, default=None),
            school=min(self._codes.get("school", ()), default=None),
            offenses=self._sorted("offense"),
            weapons=self._sorted("weapon"),
            injuries=self._sorted("injury"),
            actions=self._sorted("action"),
            offenders=self._counted("offender"),
            victims=self._counted("victim"),
        )

    def _read_type(self, text: str | None) -> IncidentType:
        if text is None or not text.strip():
            return IncidentType.UNKNOWN
        found = type_of(text)
        if found is IncidentType.UNKNOWN:
            self.flaws.add(IncidentFlaw.TYPE)
        return found

    def _read_version(self, text: str | None) -> str | None:
        if text is None or not text.strip():
            return None
        version = version_of(text)
        if version is None:
            self.flaws.add(IncidentFlaw.LAST_MODIFIED)
        return version

    def _read_flag(self, attributes: Attributes, name: str, flaw: IncidentFlaw) -> bool | None:
        flag = flag_of(attributes.get(name), name)
        if flag is None:
            self.flaws.add(flaw)
        return flag

    def _sorted(self, kind: str) -> tuple[str, ...]:
        return tuple(sorted(self._codes.get(kind, ())))

    def _counted(self, kind: str) -> int:
        return max(self._came.get(kind, 0), self._stated.get(kind, 0))


Reader = Callable[[IncidentDraft, str, Attributes], bool]
"""Reads the beginning of an element with this name; whether what is in the element is to be read as well."""

_LISTS = {"offenders": "offender", "victims": "victim"}


def _look_inside(_draft: IncidentDraft, _name: str, _attributes: Attributes) -> bool:
    return True


def _add_person(draft: IncidentDraft, name: str, _attributes: Attributes) -> bool:
    draft.add_person(name)
    return True


def _state_count(draft: IncidentDraft, name: str, attributes: Attributes) -> bool:
    draft.state_count(_LISTS[name], attribute(attributes, "count"))
    return True


def _add_code(draft: IncidentDraft, name: str, attributes: Attributes) -> bool:
    draft.add_code(name, attribute(attributes, "code"))
    return False


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("offenses", "weapons", "injuries", "actions"), _look_inside),
    **dict.fromkeys(("offender", "victim"), _add_person),
    **dict.fromkeys(_LISTS, _state_count),
    **dict.fromkeys(("school", "offense", "weapon", "injury", "action"), _add_code),
}
"""The elements inside an incident that are known, by name. Each may be in any of those that are looked into: the vendor
has moved some before."""
