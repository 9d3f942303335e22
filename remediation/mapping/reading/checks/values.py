"""Checks across values: names that must be unique or known, words that must or must not be given, files that must open.

They read what was written, whether or not it fits the schema, so that a person sees every mistake at once.
"""

from collections.abc import Iterable, Iterator, Mapping

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.rules import KIND_OF, OWN_CONDITIONS
from remediation.mapping.config.suggestions import did_you_mean, listed, nearest, with_choice
from remediation.mapping.config.trackers.kinds import KINDS, TrackerKind, kind_of
from remediation.mapping.reading.positions import Complaint, Steps, key_text
from remediation.outbound.certificates import certificate_flaw

_RESERVED_TRACKERS = frozenset({"schoolscan"})
"""Names that no tracker may have, because /webhooks/ uses them for something else."""

_DEEPEST_SETS = 5
_SETS = ("any", "not")
_BOTH = "both have district, status, age, any and not"

Map = Mapping[str, object]


def complaints_about(data: object) -> Iterator[Complaint]:
    """Every mistake that the schema alone cannot find; parts of the wrong shape are skipped."""
    top = map_of(data)
    yield from _reserved_names(top)
    yield from _repeated_rules(top)
    yield from _unknown_trackers(top)
    yield from _former_names(top)
    yield from _missing_words(top)
    yield from _shared_places(top)
    for steps, rule in rules_of(top):
        yield from _in_conditions((*steps, "match"), map_of(rule.get("match")), top, 0)
    yield from _words_of_other_kinds(top)
    yield from _unmade_relations(top)
    yield from _bad_certificates(top)
    for name, channel in map_of(top.get("notify")).items():
        yield from _unknown_districts(("notify", name, "districts"), map_of(channel).get("districts"), top)
    grants = map_of(top.get("console")).get("access")
    for number, grant in enumerate(grants if isinstance(grants, list) else ()):
        yield from _unknown_districts(("console", "access", number, "districts"), map_of(grant).get("districts"), top)


def map_of(value: object) -> Map:
    """The value, if it is a map; an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def rules_of(top: Map) -> Iterator[tuple[Steps, Map]]:
    """The path of each rule, and the rule."""
    rules = top.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        yield ("rules", number), map_of(rule)


def summaries_of(top: Map) -> Iterator[tuple[Steps, Map]]:
    """The path of each district's summary of scans, and what it says."""
    for name, district in map_of(top.get("districts")).items():
        if "scan_summary" in map_of(district):
            yield ("districts", name, "scan_summary"), map_of(map_of(district)["scan_summary"])


def _reserved_names(top: Map) -> Iterator[Complaint]:
    for name in _RESERVED_TRACKERS & map_of(top.get("trackers")).keys():
        yield Complaint(("trackers", name), "is the name of the source: call the tracker something else", "key")


def _repeated_rules(top: Map) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for number, (steps, rule) in enumerate(rules_of(top)):
        name = rule.get("name")
        if isinstance(name, str) and seen.setdefault(name, number) != number:
            yield Complaint((*steps, "name"), f"is already the name of rules[{seen[name]}]")


def _unknown_trackers(top: Map) -> Iterator[Complaint]:
    trackers = map_of(top.get("trackers")).keys()
    for steps, written in (*rules_of(top), *summaries_of(top), (("defaults",), map_of(top.get("defaults")))):
        for tracker in map_of(written.get("tickets")).keys() - trackers:
            yield _unknown_tracker((*steps, "tickets", tracker), tracker, trackers)


def _former_names(top: Map) -> Iterator[Complaint]:
    """Former names that are a tracker's present name, or that two trackers have."""
    trackers = map_of(top.get("trackers"))
    whose: dict[str, str] = {}
    for name, tracker in trackers.items():
        written = map_of(tracker).get("formerly")
        for number, former in enumerate(written if isinstance(written, list) else ()):
            if not isinstance(former, str):
                continue
            steps = ("trackers", name, "formerly", number)
            if former in trackers:
                yield Complaint(steps, "is the name of a tracker now: what is kept under it is that one's")
            elif former in whose:
                yield Complaint(steps, f"is a former name of trackers.{key_text(whose[former])} already")
            whose.setdefault(former, name)


def _missing_words(top: Map) -> Iterator[Complaint]:
    """Words that a kind's tickets need, in a rule or in `defaults`; and those that a summary's ticket needs."""
    trackers = map_of(top.get("trackers"))
    usual = map_of(map_of(top.get("defaults")).get("tickets"))
    for steps, rule in rules_of(top):
        for tracker, ticket in map_of(rule.get("tickets")).items():
            kind = kind_of(trackers.get(tracker))
            written = {**map_of(usual.get(tracker)), **map_of(ticket)}
            for word in _needed(kind, ticket):
                if word not in written:
                    message = f"is missing: write it here, or for all rules under defaults.tickets.{key_text(tracker)}"
                    yield Complaint((*steps, "tickets", tracker, word), message, "key")
    for steps, summary in summaries_of(top):
        for tracker, ticket in map_of(summary.get("tickets")).items():
            kind = kind_of(trackers.get(tracker))
            for word in _needed(kind, ticket):
                if word not in map_of(ticket):
                    message = "is missing: a summary takes nothing from defaults.tickets"
                    yield Complaint((*steps, "tickets", tracker, word), message, "key")


def _needed(kind: TrackerKind | None, ticket: object) -> Iterator[str]:
    """The words that a ticket of this kind needs, without those that are written and misspelt."""
    if kind is None or not isinstance(ticket, dict | None):
        return
    known = kind.ticket.model_fields
    misspelt = {nearest(word, known) for word in map_of(ticket) if word not in known}
    yield from (word for word in kind.ticket.needed if word not in misspelt)


def _shared_places(top: Map) -> Iterator[Complaint]:
    """Trackers of one rule that share a place of one system: whose a ticket there is could not be told."""
    trackers = map_of(top.get("trackers"))
    for steps, rule in (*rules_of(top), *summaries_of(top)):
        first: dict[tuple[str, str], str] = {}
        for tracker in map_of(rule.get("tickets")):
            for place, words in _places_of(map_of(trackers.get(tracker))):
                if (other := first.setdefault(place, tracker)) != tracker:
                    message = f"is the {words} as {key_text(other)}"
                    message += ": their tickets of one case could not be told apart; leave one of them out"
                    yield Complaint((*steps, "tickets", tracker), message, "key")
                    break


def _places_of(tracker: Map) -> Iterator[tuple[tuple[str, str], str]]:
    """Each place of a tracker's tickets as its address and the name of the place, and the words for it in messages."""
    kind, url = kind_of(tracker), tracker.get("url")
    if kind and isinstance(url, str):
        for place in kind.tracker.places_written(tracker):
            words = f"{kind.tracker.place_word} {key_text(place)} of the same {kind.tracker.title}"
            yield (url.rstrip("/").lower(), place), words


def _unknown_districts(steps: Steps, written: object, top: Map) -> Iterator[Complaint]:
    districts = map_of(top.get("districts"))
    for where, district in _entries(steps, written):
        if isinstance(district, str) and district not in districts:
            yield _unknown(where, "district", district, districts)


def _in_conditions(steps: Steps, match: Map, top: Map, depth: int) -> Iterator[Complaint]:
    """Unknown districts, and sets of conditions that are nested too deeply."""
    yield from _unknown_districts((*steps, "district"), match.get("district"), top)
    if depth > _DEEPEST_SETS:
        yield Complaint(steps, f"is nested too deeply: any and not go {_DEEPEST_SETS} deep")
        return
    for word in _SETS:
        for where, inner in _entries((*steps, word), match.get(word)):
            if isinstance(inner, dict):
                yield from _in_conditions(where, inner, top, depth + 1)


def _entries(steps: Steps, written: object) -> Iterator[tuple[Steps, object]]:
    """Each entry of a list with its path; a value that is no list is its only entry."""
    if isinstance(written, list):
        yield from (((*steps, number), entry) for number, entry in enumerate(written))
    else:
        yield steps, written


def _unknown(steps: Steps, kind: str, name: str, known: Iterable[str]) -> Complaint:
    there = {key_text(word) for word in known}
    message = with_choice(f"there is no {kind} {key_text(name)}", did_you_mean(name, there), "there is", there)
    return Complaint(steps, message, "key" if kind == "tracker" else "value", is_whole=True)


def _unknown_tracker(steps: Steps, name: str, trackers: Iterable[str]) -> Complaint:
    if any(name in kind.ticket.model_fields for kind in KINDS.values()):
        message = f"is a word of a ticket and no tracker: indent it below its tracker ({listed(set(trackers))})"
        return Complaint(steps, message, "key", is_whole=True)
    return _unknown(steps, "tracker", name, trackers)


def _bad_certificates(top: Map) -> Iterator[Complaint]:
    for name, tracker in map_of(top.get("trackers")).items():
        path = map_of(tracker).get("ca_file")
        if isinstance(path, str) and (flaw := certificate_flaw(path)):
            yield Complaint(("trackers", name, "ca_file"), flaw)


def kind_written(rule: Map) -> CaseKind | None:
    """The kind of the cases that a rule takes; None where its `of` is no word that we know."""
    word = rule.get("of", "findings")
    return next((kind for known, kind in KIND_OF.items() if known == word), None)


def _words_of_other_kinds(top: Map) -> Iterator[Complaint]:
    """A complaint for each word that a rule of its kind does not have, and for each severity that is missing."""
    for steps, rule in rules_of(top):
        kind = kind_written(rule)
        if kind is None:
            continue
        yield from _severity(steps, rule, kind)
        yield from _other_conditions((*steps, "match"), map_of(rule.get("match")), kind, 0)


def _severity(steps: Steps, rule: Map, kind: CaseKind) -> Iterator[Complaint]:
    where = (*steps, "severity")
    if kind is CaseKind.INCIDENT and rule.get("severity") is None:
        yield Complaint(where, "is missing: a rule of incidents says how bad they are, such as severity: high", "key")
    if kind is CaseKind.FINDING and rule.get("severity") is not None:
        message = (
            "belongs to a rule with of: incidents; a finding says it itself: write match: {severity: …} to take some"
        )
        yield Complaint(where, message, "key")


def _unmade_relations(top: Map) -> Iterator[Complaint]:
    """A complaint for each rule that relates what it cannot: findings, no known school, in trackers without links."""
    trackers = map_of(top.get("trackers"))
    for steps, rule in rules_of(top):
        where = (*steps, "relate")
        if rule.get("relate") is None:
            continue
        if kind_written(rule) is CaseKind.FINDING:
            message = "belongs to a rule with of: incidents: it is incidents that are related to findings"
            yield Complaint(where, message, "key")
            continue
        if not any(map_of(each).get("schools") for each in map_of(top.get("districts")).values()):
            message = 'needs to know whose sites are whose: write schools: {"101": [www.example.org]} in a district'
            yield Complaint(where, message, "key")
        for name in map_of(rule.get("tickets")):
            kind = kind_of(trackers.get(name))
            if kind and not kind.tracker.relates:
                message = (
                    f"cannot be done in {key_text(name)}: {kind.tracker.title} has no way to tell of other tickets"
                )
                yield Complaint(where, message, "key")


def _other_conditions(steps: Steps, match: Map, kind: CaseKind, depth: int) -> Iterator[Complaint]:
    for word in match:
        other = next((each for each, words in OWN_CONDITIONS.items() if each is not kind and word in words), None)
        if other is not None:
            yield Complaint((*steps, word), _refusal(kind, other), "key")
    for word in _SETS if depth < _DEEPEST_SETS else ():
        sets = match.get(word)
        for number, inner in enumerate(sets) if isinstance(sets, list) else ():
            yield from _other_conditions((*steps, word, number), map_of(inner), kind, depth + 1)
        if isinstance(sets, dict):
            yield from _other_conditions((*steps, word), sets, kind, depth + 1)


def _refusal(kind: CaseKind, other: CaseKind) -> str:
    own, words = _word_of(kind), listed(OWN_CONDITIONS[kind])
    return f"is a condition on {_word_of(other)}, and the rule is of: {own}, which have {words}; {_BOTH}"


def _word_of(kind: CaseKind) -> str:
    return next(word for word, each in KIND_OF.items() if each is kind)
