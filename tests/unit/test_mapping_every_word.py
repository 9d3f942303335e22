"""No word of mappings.yaml is idle: each has values between which something that can be seen differs."""

import copy
import inspect
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from certifi import where as usual_certificates

from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.render.occasions import CommentKind, IncidentCommentKind, NoteKind, SummaryCommentKind
from tests.unit.console_observers import (
    console_access,
    console_claims,
    console_provider,
    console_proxied,
    key_files,
)
from tests.unit.mapping_observers import (
    Observer,
    account,
    accounts_of,
    audit_retention,
    closings,
    commenting,
    downloads,
    former_names,
    former_records,
    former_sites,
    groups,
    horizons,
    identities,
    incident_retention,
    incident_routing,
    incident_texts,
    jira_connection,
    kinds,
    limits,
    policies,
    pools,
    records,
    resolutions,
    retention,
    risks,
    routing,
    scan_times,
    secrets,
    servicenow_connection,
    signatures,
    summarizing,
    summary_texts,
    texts,
    timetables,
    told_by,
    told_by_channels,
    vicinities,
    weekly,
    work_retention,
)
from tests.unit.mapping_words import leaves_below

BASE: dict[str, Any] = {
    "version": 1,
    "districts": {
        name: {"schoolscan": {"token": {"env": "ONE"}, "webhook": {"secrets": [{"env": "ONE"}]}}}
        for name in ("lakeside", "hillside")
    },
    "trackers": {
        "jira": {
            "kind": "jira",
            "url": "https://jira.example",
            "auth": {"basic": {"user": "remedy", "password": {"env": "ONE"}}},
        },
        "servicenow": {
            "kind": "servicenow",
            "url": "https://now.example",
            "auth": {"basic": {"user": "remedy", "password": {"env": "ONE"}}},
        },
    },
    "defaults": {"tickets": {"jira": {"project": "SEC"}}},
    "templates": {"body": "{{ finding.link }} {% if finding.title is defined %}{{ finding.title }}{% endif %}."},
    "rules": [
        {"name": "first", "tickets": {"jira": {}, "servicenow": {}}},
        {"name": "rest", "tickets": "none"},
    ],
}
"""A file in which every word can be written."""


@dataclass(frozen=True, slots=True)
class Change:
    """A word's values, each of which looks different to the observer; `around` is what else must be written then."""

    observer: Observer
    values: tuple[object, ...]
    around: Mapping[str, object] = field(default_factory=dict)


def change(observer: Observer, *values: object, **around: object) -> Change:
    """As above; in the names of what is around, two underscores stand for a dot."""
    return Change(observer, values, {name.replace("__", "."): value for name, value in around.items()})


RISK = ("risk_reason", "risk_expiry")
ONE, TWO = {"env": "ONE"}, {"env": "TWO"}
OTHER = {"kind": "jira", "url": "https://other.example", "auth": {"bearer": ONE}}
ONLY_NOW = [{"name": "all", "tickets": {"servicenow": {}}}]
ONLY_JIRA = [{"name": "all", "tickets": {"jira": {"project": "SEC"}}}]
SCOPED = {"scoped": {"cloud_id": "11223344-a1b2", "token": ONE, "user": "somebody"}}
HOOK = {"secrets": [ONE]}
ROTATIONS = ([ONE], [TWO], [ONE, TWO], [{**ONE, "id": "new"}], [{**ONE, "until": "2030-01-31"}])
OAUTH = {"oauth": {"client_id": "client", "client_secret": ONE}}


def allowances(above: str, **around: object) -> dict[str, Change]:
    """How many deliveries may come, of one sender or in `defaults`."""
    rate = {f"{above.replace('.', '__')}__rate": "10/s"}
    return {
        f"{above}.rate": change(limits, "10/s", "10/m", "11/s", **around),
        f"{above}.burst": change(limits, None, 1, 2, **around, **rate),
    }


def connections() -> dict[str, Change]:
    """What both kinds of tracker have."""
    found: dict[str, Change] = {}
    for name, seen in (("jira", jira_connection), ("servicenow", servicenow_connection)):
        found |= {
            f"trackers.{name}.url": change(seen, "https://one.example", "https://two.example"),
            f"trackers.{name}.connect_timeout": change(seen, "3s", "2s"),
            f"trackers.{name}.read_timeout": change(seen, "8s", "7s"),
            f"trackers.{name}.ca_file": change(seen, None, usual_certificates()),
            f"trackers.{name}.proxy": change(seen, None, "http://one.example:3128", "http://two.example:3128"),
            f"trackers.{name}.auth.basic.user": change(seen, "remedy", "other"),
            f"trackers.{name}.auth.basic.password": change(secrets, ONE, TWO),
            f"trackers.{name}.concurrency": change(pools, 8, 4),
            f"trackers.{name}.search_horizon": change(horizons, "1m", "3m"),
            **{f"trackers.{name}.{word}": change(risks, None, "u_one", "u_two") for word in RISK},
            f"trackers.{name}.formerly": change(former_names, [], ["before"], ["before", "older"]),
            f"trackers.{name}.former_accounts": change(accounts_of(name), [], ["before"], ["before", "importer"]),
            f"trackers.{name}.former_sites": change(former_sites, [], ["https://old.example"]),
            f"trackers.{name}.webhook.secrets": change(secrets, *ROTATIONS),
            **allowances(f"trackers.{name}.webhook.delivery_limit", **{f"trackers__{name}__webhook": HOOK}),
            f"trackers.{name}.webhook.signature": Change(
                told_by(name), ("auto", "hex", "timestamped", "standard"), {f"trackers.{name}.webhook": HOOK}
            ),
        }
    return found


def tickets(above: str) -> dict[str, Change]:
    """What tickets have, in rules and in `defaults`."""
    both: dict[str, tuple[object, ...]] = {
        "due": (None, "2d", {"high": "3d"}),
        "summary": ("one", "two"),
        "body": ("one", "two"),
    }
    jira: dict[str, tuple[object, ...]] = {
        "project": ("SEC", "WEB"),
        "type": ("Task", "Bug"),
        "priority": (None, "High", {"high": "Highest"}),
        "labels": ([], ["one"], ["two"]),
        "assignee": (None, "one", {"low": "two"}),
        "security_level": (None, "Few", "Fewer"),
        "fields": ({}, {"environment": "one"}, {"environment": "{{ finding.id }}"}),
    }
    servicenow: dict[str, tuple[object, ...]] = {
        "impact": (None, 1, {"high": 2}),
        "urgency": (None, 1, {"high": 2}),
        "assignment_group": (None, "one", {"low": "two"}),
        "assigned_to": (None, "one", {"low": "two"}),
        "fields": ({}, {"category": "one"}, {"category": "{{ finding.id }}"}),
    }
    words = {"jira": both | jira, "servicenow": both | servicenow}
    found = {
        f"{above}.tickets.{name}.{word}": change(routing, *values)
        for name, written in words.items()
        for word, values in written.items()
    }
    closing = change(closings, {}, {"custom_1": "one"}, {"custom_1": "{{ finding.id }}"})
    return found | {f"{above}.tickets.{name}.close_fields": closing for name in words}


def keeping_in_step(above: str) -> dict[str, Change]:
    """How both sides are kept in step, in rules and in `defaults`."""
    fields = {f"trackers__{name}__{word}": "u_field" for name in ("jira", "servicenow") for word in RISK}
    restricted = {f"{above.replace('.', '__')}__detail": "restricted"}
    return {
        f"{above}.resolve_when": change(policies, "all", "any"),
        f"{above}.reopen.within": change(policies, "14d", "30d"),
        f"{above}.outcomes": change(policies, {}, {"cancelled": "resolved"}, {"duplicate": "reviewing"}),
        f"{above}.accept.reason": change(policies, "optional", "required", **fields, **restricted),
        f"{above}.accept.expiry": change(policies, "optional", "required", **fields),
        f"{above}.accept.at_most": change(policies, None, "90d", "365d"),
        f"{above}.when_gone": change(policies, "comment", "close"),
        f"{above}.copy_comments": change(policies, "none", "closing", **restricted),
        f"{above}.people": change(policies, "ids", "names"),
        f"{above}.verify": change(policies, "none", "scan"),
    }


DISTRICTS = {
    "districts.lakeside.schoolscan.url": change(account, "https://one.example", "https://two.example"),
    "districts.lakeside.schoolscan.token": change(secrets, ONE, TWO),
    "districts.lakeside.schoolscan.webhook.secrets": change(secrets, *ROTATIONS),
    **allowances("districts.lakeside.schoolscan.webhook.delivery_limit"),
    "districts.lakeside.schoolscan.webhook.signature": change(
        signatures, "hex", "prefixed", "base64", "timestamped", "standard", "auto"
    ),
    "districts.lakeside.identity.by": change(
        identities, ["url"], ["url", "title"], ["domain_type", "url"], districts__lakeside__identity={"key": ONE}
    ),
    "districts.lakeside.identity.key": change(secrets, ONE, TWO, districts__lakeside__identity={"by": ["url"]}),
    "districts.lakeside.schoolscan.finding_link": change(routing, None, "https://one.example/{id}"),
    "districts.lakeside.schoolscan.scans.wait": change(scan_times, "10m", "1s"),
    "districts.lakeside.schoolscan.scans.every": change(scan_times, "1h", "1d"),
    "districts.lakeside.schoolscan.scans.within": change(scan_times, "24h", "2h"),
    "districts.lakeside.schoolscan.download_hosts": change(
        downloads, [], ["files.example"], ["*.files.example"], ["files.example", "other.example"]
    ),
}

FEED = "districts.lakeside.incidents.handbook"


def feeding(observer: Observer, *values: object, **around: object) -> Change:
    """A change of a feed of incidents, or of what a rule of incidents makes of them."""
    rule = {"rules__0__of": "incidents", "rules__0__severity": "high", "rules__0__detail": "restricted"}
    return change(observer, *values, districts__lakeside__incidents__handbook={"token": ONE}, **{**rule, **around})


FEEDS = {
    f"{FEED}.url": feeding(timetables, "https://one.example", "https://two.example"),
    f"{FEED}.token": feeding(secrets, ONE, TWO),
    f"{FEED}.school_year.begins": feeding(timetables, "08-01", "02-29", "07-15"),
    f"{FEED}.time_zone": feeding(timetables, "UTC", "America/Chicago"),
    f"{FEED}.every": feeding(timetables, "10m", "1h"),
    f"{FEED}.overlap": feeding(timetables, "7d", "14d"),
    f"{FEED}.sweep_at": feeding(timetables, "02:00", "23:30"),
    f"{FEED}.incident_link": feeding(
        incident_routing, None, "https://one.example/{id}", templates__incidents={"body": "See: {{ incident.link }}"}
    ),
    "rules.0.severity": feeding(incident_routing, "critical", "high", "medium", "low"),
    "rules.0.match.type": feeding(incident_routing, "referral", ["pending"], ["pending", "referral"]),
    "rules.0.match.school": feeding(incident_routing, "101", ["102"], ["101", "102"]),
    "rules.0.match.offense": feeding(incident_routing, "O1", ["O2"], ["O1", "O2"]),
    "rules.0.match.weapon": feeding(incident_routing, "W1", ["W2"], ["W1", "W2"]),
    "rules.0.match.injury": feeding(incident_routing, "I1", ["I2"], ["I1", "I2"]),
    "rules.0.match.action": feeding(incident_routing, "A1", ["A2"], ["A1", "A2"]),
    **{
        f"templates.incidents.{word}": feeding(incident_routing, "one", "two")
        for word in ("summary", "body", "follows")
    },
    **{f"comments.incidents.{word}": change(incident_texts, "one", "two") for word in IncidentCommentKind},
    "rules.0.relate.within": feeding(
        vicinities, "1d", "14d", districts__lakeside__schools={"101": "www.lakeside.example"}
    ),
    "districts.lakeside.schools": feeding(
        vicinities,
        {"101": "www.lakeside.example"},
        {"102": "www.lakeside.example"},
        {"101": ["www.lakeside.example", "old.lakeside.example"]},
        rules__0__relate={"within": "2d"},
    ),
    "retention.incidents": change(incident_retention, "7d", "400d"),
    "retention.parked": change(work_retention, "30d", "400d"),
    "retention.cases": change(work_retention, "30d", "400d"),
}

SUMMARY = "districts.lakeside.scan_summary"


def summed_up(observer: Observer, *values: object, **around: object) -> Change:
    """A change of the ticket that sums up a scan."""
    written = {"tickets": {"jira": {"project": "SEC"}, "servicenow": {}}, "detail": "restricted"}
    return change(observer, *values, districts__lakeside__scan_summary=written, **around)


def summary_tickets() -> dict[str, Change]:
    """The words of rules' tickets; a template speaks of a scan, and of values by severity that of `unknown` counts."""

    def spoken(value: object) -> object:
        return json.loads(json.dumps(value).replace("finding.id", "summary.grade").replace('"high"', '"unknown"'))

    found = {}
    for word, asked in tickets(SUMMARY).items():
        values = tuple(value if isinstance(value, str | None) else spoken(value) for value in asked.values)
        levels = word.rpartition(".")[2] in {"assignee", "assignment_group", "assigned_to"}
        values = tuple(value for value in values if not (levels and isinstance(value, dict)))
        found[word] = summed_up(summarizing, *values)
    return found


SUMMARIES = {
    **summary_tickets(),
    f"{SUMMARY}.detail": summed_up(
        summarizing, "minimal", "restricted", **{f"{SUMMARY}.every".replace(".", "__"): "15m"}
    ),
    f"{SUMMARY}.close": summed_up(summarizing, "people", "solved"),
    f"{SUMMARY}.lists": summed_up(summarizing, "tickets", "numbers"),
    f"{SUMMARY}.every": summed_up(summarizing, "15m", "1h"),
    f"{SUMMARY}.report.format": summed_up(summarizing, "pdf", "csv", "json", "markdown"),
    f"{SUMMARY}.report.every": summed_up(summarizing, "1d", "2d"),
    f"{SUMMARY}.report.largest_mib": summed_up(summarizing, 10, 11),
    **{
        f"templates.scan_summaries.{word}": summed_up(summarizing, "one", "two")
        for word in ("summary", "body", "follows")
    },
    **{f"comments.scan_summaries.{word}": change(summary_texts, "one", "two") for word in SummaryCommentKind},
}

TRACKERS = {
    "trackers.jira.kind": change(kinds, "jira", "servicenow", defaults={}, rules=ONLY_NOW),
    "trackers.jira.deployment": change(
        routing, "cloud", "data_center", defaults__tickets__jira={"project": "SEC", "assignee": "one"}
    ),
    "trackers.jira.comments": change(commenting, "public", "internal"),
    "trackers.jira.auth.scoped.cloud_id": change(
        jira_connection, "11223344-a1b2", "11223344-a1b3", trackers__jira__auth=SCOPED
    ),
    "trackers.jira.auth.scoped.token": change(secrets, ONE, TWO, trackers__jira__auth=SCOPED),
    "trackers.jira.auth.scoped.user": change(jira_connection, None, "one", "two", trackers__jira__auth=SCOPED),
    "trackers.jira.auth.scoped.gateway": change(
        jira_connection, "https://one.example", "https://two.example", trackers__jira__auth=SCOPED
    ),
    "trackers.jira.auth.bearer": change(secrets, ONE, TWO, trackers__jira__auth={}),
    "trackers.jira.resolutions": change(resolutions, {"Done": "fixed"}, {"mended": "fixed"}, {"Done": "duplicate"}),
    "trackers.servicenow.kind": change(kinds, "jira", "servicenow", rules=ONLY_JIRA),
    "trackers.servicenow.auth.oauth.client_id": change(
        servicenow_connection, "one", "two", trackers__servicenow__auth=OAUTH
    ),
    "trackers.servicenow.auth.oauth.client_secret": change(secrets, ONE, TWO, trackers__servicenow__auth=OAUTH),
    "trackers.servicenow.auth.bearer": change(secrets, ONE, TWO, trackers__servicenow__auth={}),
    "trackers.servicenow.auth.api_key": change(secrets, ONE, TWO, trackers__servicenow__auth={}),
    "trackers.servicenow.table": change(routing, "incident", "sn_si_incident"),
    "trackers.servicenow.states": change(
        records, {1: "open", 2: "in_progress", 6: "done"}, {1: "in_progress", 2: "open", 6: "done"}
    ),
    "trackers.servicenow.close_codes": change(
        records,
        {"Solution provided": "fixed"},
        {"Solution provided": "fixed", "MENDED": "accepted_risk"},
        trackers__servicenow__resolve_codes={},
    ),
    "trackers.servicenow.state_reasons": change(records, {}, {"8": "cancelled"}, {"8": "fixed"}),
    "trackers.servicenow.final_states": change(records, [], ["7"], [7, 8]),
    "trackers.servicenow.resolve_state": change(records, 6, 7),
    "trackers.servicenow.reopen_state": change(records, 2, 3),
    "trackers.servicenow.resolve_code": change(records, "Solution provided", "Resolved by caller"),
    "trackers.servicenow.resolve_codes": change(records, {}, {"duplicate": "Duplicate"}, {"duplicate": "User error"}),
}

FORMERLY = {
    each.replace("servicenow.", "servicenow.former_tables.incident."): replace(
        asked,
        observer=former_records,
        around={
            "trackers.servicenow.table": "sn_si_incident",
            **{
                name.replace("servicenow.", "servicenow.former_tables.incident."): at
                for name, at in asked.around.items()
            },
        },
    )
    for each, asked in TRACKERS.items()
    if asked.observer is records
}
"""What the file says of another table's words means the same there."""

RULES = {
    **allowances("defaults.delivery_limit"),
    "defaults.detail": change(routing, "minimal", "restricted"),
    "defaults.due": change(routing, None, "2d", {"high": "3d"}),
    "rules.0.name": change(routing, "one", "two"),
    "rules.0.detail": change(routing, "minimal", "restricted"),
    "rules.0.group_by": change(groups, None, "domain_type", ["site"], ["site", "domain_type"]),
    "rules.0.due": change(routing, None, "2d", {"high": "3d"}),
    "rules.0.match.severity": change(routing, "high", ["low"], ["high", "low"]),
    "rules.0.match.domain_type": change(routing, "direct_pii", ["metadata"], ["direct_pii", "metadata"]),
    "rules.0.match.district": change(routing, "lakeside", ["hillside"], ["hillside", "lakeside"]),
    "rules.0.match.site": change(routing, "www.lakeside.example", ["old.lakeside.example"], "*.lakeside.example"),
    "rules.0.match.path": change(routing, "/board/**", ["/b"], ["/**"]),
    "rules.0.match.status": change(routing, "open", ["reviewing"], ["open", "reviewing"]),
    "rules.0.match.age.over": change(routing, "5d", "15d", "40d"),
    "rules.0.match.age.under": change(routing, "5d", "15d", "40d"),
    "rules.0.match.not": change(routing, {"severity": "high"}, [{"severity": "low"}, {"status": "open"}]),
    "rules.0.match.any": change(routing, {"severity": "high"}, [{"severity": "low"}, {"status": "open"}]),
}

TEXTS = {
    **{f"templates.{word}": change(routing, "one", "two") for word in ("summary", "body", "follows")},
    **{f"notes.{word}": change(texts, "one", "two") for word in NoteKind},
    **{f"comments.{word}": change(texts, "one", "two") for word in CommentKind},
    "retention.deliveries": change(retention, "1d", "30d"),
    "retention.timelines": change(retention, "7d", "400d"),
    "retention.quarantined": change(retention, "7d", "90d"),
    "retention.not_found": change(retention, "1d", "30d"),
    "retention.audit": change(audit_retention, "30d", "400d"),
}

CHANNEL = {"notify__desk": {"url": ONE}}
CHANNELS = {
    "notify.desk.url": change(secrets, ONE, TWO),
    "notify.desk.about": change(told_by_channels, "parked", ["sign_in"], ["feeds", "parked"], ["risks"], **CHANNEL),
    "notify.desk.districts": change(told_by_channels, None, "lakeside", ["hillside"], **CHANNEL),
    "notify.desk.per_hour": change(told_by_channels, 1, 2, 60, **CHANNEL),
    "notify.desk.after": change(told_by_channels, "1m", "30m", **CHANNEL),
    "notify.desk.repeat": change(told_by_channels, "1h", "3h", **CHANNEL),
    "notify.desk.weekly.day": change(weekly, "monday", "friday", **CHANNEL),
    "notify.desk.weekly.at": change(weekly, "08:00", "09:30", **CHANNEL),
    "notify.desk.weekly.time_zone": change(weekly, "UTC", "America/Chicago", **CHANNEL),
}

SIGN_IN = {
    "issuer": "https://id.example",
    "client_id": "console",
    "client_secret": ONE,
}
PROXY = {"header": "X-One", "jwks": "https://proxy.example/keys", "issuer": "https://id.example", "audience": "console"}
ACCESS = [{"group": "privacy", "role": "viewer"}]
PEOPLE = {
    "console__url": "https://console.example",
    "console__sign_in__oidc": SIGN_IN,
    "console__access": ACCESS,
}
PROXIED = {"console__url": "https://console.example", "console__sign_in__proxy": PROXY, "console__access": ACCESS}
BOTH_KEYS = tempfile.mkdtemp(prefix="remedy-keys-")


def of_people(above: str, around: Mapping[str, object]) -> dict[str, Change]:
    """What both ways of signing in have."""
    return {
        f"{above}.user_claim": change(console_claims, "email", "sub", **around),
        f"{above}.groups_claim": change(console_claims, "groups", "email", "realm.roles", "none", **around),
        f"{above}.algorithms": change(console_claims, ["ES256", "Ed25519"], "ES256", ["Ed25519"], **around),
    }


CONSOLE = {
    "console.url": change(console_access, "https://one.example", "https://two.example/remedy", **PEOPLE),
    "console.sign_in.oidc.issuer": change(console_access, "https://id.example", "https://other.example", **PEOPLE),
    "console.sign_in.oidc.client_id": change(console_provider, "console", "other", **PEOPLE),
    "console.sign_in.oidc.client_secret": change(console_provider, ONE, TWO, **PEOPLE),
    "console.sign_in.oidc.scopes": change(console_provider, "openid", ["openid", "groups"], **PEOPLE),
    **of_people("console.sign_in.oidc", PEOPLE),
    "console.sign_in.proxy.header": change(console_proxied, "X-One", "x-two", "X-Three", **PROXIED),
    "console.sign_in.proxy.jwks": change(console_proxied, "https://a.example", "https://b.example/k", **PROXIED),
    "console.sign_in.proxy.key": change(
        console_proxied, *key_files(Path(BOTH_KEYS)), **PROXIED, console__sign_in__proxy__jwks=None
    ),
    "console.sign_in.proxy.issuer": change(console_proxied, "https://id.example", "https://b.example", **PROXIED),
    "console.sign_in.proxy.audience": change(console_proxied, "console", "other", **PROXIED),
    **of_people("console.sign_in.proxy", PROXIED),
    "console.access.0.group": change(console_access, "privacy", "ops", **PEOPLE),
    "console.access.0.user": change(
        console_access, "ana@example.org", "bo@example.org", **PEOPLE, console__access__0__group=None
    ),
    "console.access.0.role": change(console_access, "viewer", "operator", "administrator", **PEOPLE),
    "console.access.0.districts": change(console_access, None, "lakeside", ["hillside"], **PEOPLE),
    "console.session.idle": change(console_access, "30m", "10m", **PEOPLE),
    "console.session.longest": change(console_access, "8h", "1h", **PEOPLE),
}

OF_RULES = {**tickets("rules.0"), **keeping_in_step("rules.0")}
OF_DEFAULTS = {**tickets("defaults"), **keeping_in_step("defaults")}
CHANGES = {
    **DISTRICTS,
    **FEEDS,
    **SUMMARIES,
    **connections(),
    **TRACKERS,
    **FORMERLY,
    **RULES,
    **OF_RULES,
    **OF_DEFAULTS,
    **TEXTS,
    **CHANNELS,
    **CONSOLE,
}

ALONE = {"version", "rules.0.of"}
"""What has one value only, or needs another word for one of its values; it is looked at in a test of its own."""


def put(data: Any, word: str, value: object) -> None:
    *above, last = word.split(".")
    for step in above:
        data = data[int(step)] if isinstance(data, list) else data.setdefault(step, {})
    data[last] = value


def written(words: Mapping[str, object]) -> Loaded:
    """The base with these words, in their order, through the real loader: JSON is YAML."""
    data = copy.deepcopy(BASE)
    for word, value in words.items():
        put(data, word, copy.deepcopy(value))
    return loaded_of(json.dumps(data), "mappings.yaml")


async def seen(observer: Observer, loaded: Loaded) -> object:
    found = observer(loaded)
    return await found if inspect.isawaitable(found) else found


def test_every_word_of_the_schema_is_in_the_table_and_nothing_else_is() -> None:
    assert sorted(leaves_below()) == sorted(CHANGES.keys() | ALONE)


@pytest.mark.parametrize("word", CHANGES)
async def test_every_word_changes_something(word: str) -> None:
    asked = CHANGES[word]
    files = [written({**asked.around, word: value}) for value in asked.values]
    looks = [await seen(asked.observer, file) for file in files]
    assert len(looks) > 1
    assert all(one != other for one, other in combinations(looks, 2))
    assert looks[-1] == await seen(asked.observer, files[-1]), "what is seen depends on the file alone"


@pytest.mark.parametrize("above", ["defaults", "rules.0"])
def test_a_word_and_a_map_say_different_things_of_reopening(above: str) -> None:
    looks = [policies(written({f"{above}.reopen": value})) for value in ("always", "never", {"within": "14d"})]
    assert all(one != other for one, other in combinations(looks, 2))


def test_a_rule_takes_findings_or_incidents() -> None:
    files = [written({}), written({"rules.0.of": "findings"})]
    files.append(written({"rules.0.of": "incidents", "rules.0.severity": "high"}))
    looks = [(repr(routing(file)), repr(incident_routing(file))) for file in files]
    assert looks[0] == looks[1]
    assert all(one != other for one, other in zip(looks[1], looks[2], strict=True))


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_a_version_that_is_not_this_one_is_refused(version: object) -> None:
    assert written({"version": 1}).mappings.version == 1
    with pytest.raises(ConfigurationError, match="version"):
        written({"version": version})


@pytest.mark.parametrize("word", [word for word, asked in CHANGES.items() if asked.values == (ONE, TWO)])
def test_every_secret_may_be_in_a_file(word: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("test-only-secret-of-a-file-that-is-long\n", encoding="utf-8")
    assert "test-only-secret-of-a-file-that-is-long" in repr(
        secrets(written({**CHANGES[word].around, word: {"file": str(file)}}))
    )


@pytest.mark.parametrize(
    ("tracker", "observer", "ways"),
    [
        ("jira", jira_connection, [BASE["trackers"]["jira"]["auth"], SCOPED, {"bearer": ONE}]),
        (
            "servicenow",
            servicenow_connection,
            [BASE["trackers"]["servicenow"]["auth"], OAUTH, {"bearer": ONE}, {"api_key": ONE}],
        ),
    ],
)
async def test_every_way_of_signing_in_looks_different(tracker: str, observer: Observer, ways: list[object]) -> None:
    looks = [await seen(observer, written({f"trackers.{tracker}.auth": way})) for way in ways]
    assert all(one != other for one, other in combinations(looks, 2))
