"""`remedy doctor`: is everything there that the service needs? Looks, and changes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus

import click

from cli.assembly import Outside, accounts_of, keyring_of, open_connection, open_outside, redis_address
from cli.case_words import time_words, waiting_words
from cli.clock import WORTH_TELLING, clock_of
from cli.failures import ExitCode
from cli.tracker_sites import remembered, site_of
from receiver.accounts import Accounts
from remediation.errors import ConfigurationError, OutsideError, Refused, RemediationError, TryLater, Waiting
from remediation.mapping.loading import Loaded, load_mappings
from remediation.mapping.schema import Mappings
from remediation.mapping.secrets import identities_of, worker_secrets
from remediation.mapping.trackers import ServiceNowTracker, TrackerConfig
from remediation.ports import Tracker
from remediation.redaction import terminal
from remediation.settings import Settings, environ, load_settings
from remediation.signatures import TOLERANCE
from remediation.sites import Site, SiteHistory
from remediation.store.readiness import durability_problems, standing_problem
from remediation.store.systems import Systems, Trouble
from remediation.trackers.servicenow_sign_in import sign_in_advice

_MENDS = {
    Waiting.SIGN_IN: "Renew its token or password, or let us in: the cases go on by themselves.",
    Waiting.LIMIT: "The cases go on when the limit ends; who else spends it?",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. `advice` says how to mend it."""

    what: str
    well: bool
    says: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option("--offline", is_flag=True, help="Only what can be told from here: settings, secrets, mappings.")
def doctor(*, as_json: bool, offline: bool) -> None:
    """Look at settings, secrets, mappings, Redis, SchoolScan and the trackers, and say what is wrong.

    Sends only requests that read. Exit code 0: all is well; 1: something is not.
    """
    settings = load_settings()
    findings = asyncio.run(_diagnoses(settings, offline=offline))
    if as_json:
        click.echo(json.dumps({"well": all(each.well for each in findings), "checks": [asdict(e) for e in findings]}))
    else:
        for each in findings:
            _show(each)
    raise SystemExit(ExitCode.DONE if all(each.well for each in findings) else ExitCode.FAILED)


def _show(each: Diagnosis) -> None:
    sign = click.style("ok  ", fg="green") if each.well else click.style("FAIL", fg="red")
    click.echo(f"{sign} {each.what}: {terminal(each.says)}")
    if each.advice and not each.well:
        click.echo(f"     {each.advice}")


async def _diagnoses(settings: Settings, *, offline: bool) -> list[Diagnosis]:
    found = [_configured("DATA_KEYS", lambda: f"{len(keyring_of(settings).key_ids)} data key(s)")]
    try:
        loaded = load_mappings(settings.mappings_path)
    except ConfigurationError as error:
        return [*found, *_problems(str(settings.mappings_path), error)]
    found.append(Diagnosis(str(settings.mappings_path), well=True, says=f"{len(loaded.mappings.rules)} rules"))
    found.append(_configured("webhook secrets", lambda: _senders(accounts_of(loaded))))
    if offline:
        found.append(_configured("other secrets", lambda: f"{_other_secrets(loaded)} found"))
        return found
    diagnoses, sites = await _redis(settings, loaded.mappings.trackers)
    found += diagnoses
    try:
        async with open_outside(loaded) as outside:
            found += await _outside(outside, loaded.mappings)
            found += [each async for each in _sites(outside, sites)]
    except ConfigurationError as error:
        found += _problems("secrets", error)
    return found


def _other_secrets(loaded: Loaded) -> int:
    """How many there are. Raises ConfigurationError for those that are missing."""
    tokens, trackers = worker_secrets(loaded, environ())
    return len(tokens) + len(trackers) + len(identities_of(loaded, environ()))


def _senders(accounts: Accounts) -> str:
    return f"{len(accounts.districts)} district(s), {len(accounts.trackers)} tracker(s)"


def _configured(what: str, look: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(what, well=True, says=look())
    except ConfigurationError as error:
        return Diagnosis(what, well=False, says="; ".join(str(problem) for problem in error.problems))


def _problems(what: str, error: ConfigurationError) -> list[Diagnosis]:
    return [Diagnosis(what, well=False, says=str(problem)) for problem in error.problems]


async def _redis(
    settings: Settings, trackers: Mapping[str, object]
) -> tuple[list[Diagnosis], Mapping[str, SiteHistory]]:
    """How Redis is, and what is remembered there of the sites of these trackers."""
    try:
        with redis_address(settings) as url:
            async with open_connection(url, socket_timeout=2.0, retries=0) as connection:
                standing = await standing_problem(connection)
                problems, clock = await durability_problems(connection.redis), await clock_of(connection)
                sites = await remembered(connection, trackers)
                troubles = [] if standing else await Systems(connection).in_trouble()
    except RemediationError as error:
        away = Diagnosis("Redis", well=False, says=str(error), advice="Is it running, and is REDIS_URL right?")
        return [away], {}
    if standing:
        return [Diagnosis("Redis", well=False, says=standing, advice="Does REDIS_URL lead to the primary?")], sites
    return [_durability(settings, problems), _clock(clock.difference), *map(_waited_for, troubles)], sites


def _waited_for(trouble: Trouble) -> Diagnosis:
    """A system for which the workers have to wait, whatever it answers to us here and now."""
    advice = _MENDS.get(trouble.waiting, "Nothing is lost: the cases go on when it answers.")
    cases = f"{trouble.cases} case(s) wait for it" if trouble.cases else "no case waits for it yet"
    return Diagnosis(
        f"waiting for {trouble.system}", well=False, says=f"{waiting_words(trouble)}; {cases}", advice=advice
    )


def _durability(settings: Settings, problems: list[str]) -> Diagnosis:
    if problems and not settings.allow_weak_durability:
        advice = "Set appendonly yes, appendfsync always, maxmemory-policy noeviction; or ALLOW_WEAK_DURABILITY=true."
        return Diagnosis("Redis", well=False, says="; ".join(problems), advice=advice)
    where = "embedded" if settings.redis_url is None else "at REDIS_URL"
    return Diagnosis("Redis", well=True, says=f"{where}, " + ("; ".join(problems) or "keeps what it is told"))


def _clock(difference: float) -> Diagnosis:
    """Whether this machine and Redis's agree on the time; nobody here can tell which of them is right."""
    if abs(difference) <= WORTH_TELLING:
        return Diagnosis("clock", well=True, says="agrees with Redis's")
    behind = "behind" if difference > 0 else "ahead of"
    advice = f"Does NTP run on both? Signatures that seem over {TOLERANCE // 60} minutes old or new are refused."
    return Diagnosis("clock", well=False, says=f"{abs(difference):.0f} s {behind} Redis's", advice=advice)


async def _sites(outside: Outside, known: Mapping[str, SiteHistory]) -> AsyncIterator[Diagnosis]:
    """Whether each tracker is the site that our links are of; one that does not answer is told of elsewhere."""
    for name, history in known.items():
        site = await site_of(outside.trackers[name])
        if site is not None:
            yield _site(name, history, site)


def _site(name: str, history: SiteHistory, site: Site) -> Diagnosis:
    what = f"site of {name}"
    if not history.site.is_same(site):
        says = f"is {site.key}, and our links were made on {history.site.key}"
        advice = (
            "If that is meant: a link counts there only where the ticket carries our mark. If not, correct its url."
        )
        return Diagnosis(what, well=False, says=says, advice=advice)
    if history.before is None:
        return Diagnosis(what, well=True, says=f"{site.key}, as it always was")
    since = time_words(history.since)
    return Diagnosis(what, well=True, says=f"{site.key} since {since} UTC, before that {history.before.key}")


async def _outside(outside: Outside, mappings: Mappings) -> list[Diagnosis]:
    sources = [_asked(f"SchoolScan of {name}", source.check) for name, source in outside.sources.items()]
    trackers = [
        _asked(f"tracker {name}", _told_who(tracker), _more_advice(mappings.trackers[name]))
        for name, tracker in outside.trackers.items()
    ]
    return list(await asyncio.gather(*sources, *trackers))


def _told_who(tracker: Tracker) -> Callable[[], Awaitable[str]]:
    """Who we are; that we are not told does not mean that we are not signed in."""

    async def look() -> str:
        try:
            return await tracker.whoami()
        except Refused as no:
            if no.status is not None:
                raise
            return f"signed in, but {no.words}"

    return look


def _more_advice(config: TrackerConfig) -> str:
    """What else may keep an account out whose secret is right."""
    return f" Besides: {sign_in_advice(config)}" if isinstance(config, ServiceNowTracker) else ""


async def _asked(what: str, look: Callable[[], Awaitable[str]], more_advice: str = "") -> Diagnosis:
    try:
        return Diagnosis(what, well=True, says=await look())
    except OutsideError as error:
        is_account = _is_about_account(error)
        advice = f"Is its token or password still valid?{more_advice}" if is_account else "Is its address right?"
        return Diagnosis(what, well=False, says=str(error), advice=advice)


def _is_about_account(error: OutsideError) -> bool:
    waits = isinstance(error, TryLater) and error.waiting is Waiting.SIGN_IN
    return waits or error.status == HTTPStatus.FORBIDDEN
