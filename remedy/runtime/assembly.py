"""The composition root: settings and mappings.yaml become the objects that processes hold open."""

import asyncio
import contextlib
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial
from pathlib import Path

import httpx2
import structlog
from redis.asyncio import Redis

from receiver.accounts import Account, Accounts
from remediation.deliveries.events import SCHOOLSCAN, Sender
from remediation.deliveries.webhook_secrets import WebhookSecret
from remediation.domain.cases.identities import Identity
from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import ConfigurationError, Problem, StoreMissing, StoreUnavailable
from remediation.failpoints import SETTING, turn_on
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.signing_in import Webhook
from remediation.mapping.config.trackers.tracker_settings import former_names_of
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import identities_of, worker_secrets
from remediation.mapping.reading.watching import files_named
from remediation.mapping.reading.webhook_secrets import webhook_secrets
from remediation.outbound.certificates import own_certificate_flaw
from remediation.ports import ListedSource, SourceKey, Tracker
from remediation.redis_address import RedisAddress, RedisSignIn, SentinelGroup, TlsFiles
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.settings import Settings, environ
from remediation.sources.incident_feed.polled import PolledFeed
from remediation.sources.incident_feed.source import IncidentSource
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.drills import DrilledSource
from remediation.sources.schoolscan.scanning import AccountScans, Scanner
from remediation.sources.schoolscan.source import FindingSource
from remediation.sources.schoolscan.summaries import CountedScans, FinishedReports, SummarySource
from remediation.sources.schoolscan.transport import Spending, freely
from remediation.store.drills import Drills
from remediation.store.incidents.records import IncidentRecords
from remediation.store.scans.counting import ScanNumbers
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection, open_pool
from remediation.store.server.readiness import must_be_ours
from remediation.trackers.adapters import adapter_of
from remedy.embedded.keeper import kept
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.calls.channels import open_channels
from remedy.runtime.calls.outbound import outbound
from remedy.runtime.data_keys import keyring_of
from remedy.runtime.systems import open_systems
from workers.audit_targets import AuditFile, AuditSyslog, AuditTarget
from workers.calls import counted_feeds, counted_scanners, counted_sources, counted_trackers
from workers.channels import Notifying
from workers.resources import AskedFile, NamedSystems, WorkerContexts, context_on
from workers.rounds.auditing import chain_audit

logger = structlog.get_logger()

_NO_STORE = (
    "is not set, and no embedded server has run in {folder} (DATA_DIR): nothing is known here, and nothing was created."
    " Set REDIS_URL, or call this where remedy run was started, or start it: remedy run receiver"
)


def turn_on_failpoints(settings: Settings) -> None:
    """Turn on the failpoints of REMEDY_FAILPOINTS and log them.

    Raises ConfigurationError unless ALLOW_FAILPOINTS is set, too: one variable that got into a production process by
    mistake must not kill it.
    """
    if settings.remedy_failpoints is None:
        return
    if not settings.allow_failpoints:
        message = (
            "is set, so this process would break on purpose. Unset it; a fault test sets ALLOW_FAILPOINTS=true, too"
        )
        raise ConfigurationError([Problem(SETTING, message)])
    for point in turn_on(settings.remedy_failpoints):
        logger.warning("failpoint_is_on", place=point)


@contextlib.contextmanager
def redis_address(settings: Settings, *, keep: bool = False) -> Iterator[RedisAddress]:
    """The address of Redis: REDIS_URL, or an embedded server in DATA_DIR while this context is open.

    With `keep`, which is for processes, the server is begun where there is none, and restarted when it dies. Where that
    is given up, the process is told to end, and leaving the context raises StoreEnded.

    Without it, which is for commands, one that runs is joined, and one that has run there is started for as long as
    this is open. Raises StoreMissing, and creates nothing, where there was none: nothing can be known there.
    """
    if settings.redis_url is not None:
        yield signed_in(settings.redis_url, settings)
        return
    server = EmbeddedServer(settings.data_dir)
    if keep:
        with server, kept(server):
            yield server.address
    elif server.is_running:
        yield server.address
    elif not server.is_new:
        with server:
            yield server.address
    else:
        raise StoreMissing([Problem("REDIS_URL", _NO_STORE.format(folder=server.folder))])


def has_store(settings: Settings) -> bool:
    """Whether there is a Redis to speak of: REDIS_URL, or an embedded server that runs or has run in DATA_DIR."""
    return settings.redis_url is not None or not EmbeddedServer(settings.data_dir).is_new


def signed_in(address: RedisAddress, settings: Settings) -> RedisAddress:
    """The address of Redis with the user, password and certificates of their own settings.

    Raises ConfigurationError where the address names a user or a password as well, and where a setting has no effect.
    """
    separate = RedisSignIn(settings.redis_username, settings.redis_password)
    if separate and address.sign_in:
        message = "has a user or a password already: leave it out there, or leave these unset"
        raise ConfigurationError([Problem("REDIS_URL, REDIS_USERNAME and REDIS_PASSWORD", message)])
    of_sentinels = RedisSignIn(settings.redis_sentinel_username, settings.redis_sentinel_password)
    if of_sentinels and not isinstance(address.place, SentinelGroup):
        message = "are set, and REDIS_URL names no sentinels (redis+sentinel://)"
        raise ConfigurationError([Problem("REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD", message)])
    return replace(
        address, sign_in=separate or address.sign_in, sentinel_sign_in=of_sentinels, tls=_tls_files(address, settings)
    )


def _tls_files(address: RedisAddress, settings: Settings) -> TlsFiles:
    """The files for TLS with Redis. Raises ConfigurationError where our own certificate cannot be used."""
    certificate, key = settings.redis_cert_file, settings.redis_key_file
    if (certificate or key) and not address.uses_tls:
        raise ConfigurationError(
            [Problem("REDIS_CERT_FILE, REDIS_KEY_FILE", "are of no use: REDIS_URL is not rediss://")]
        )
    if key and not certificate:
        raise ConfigurationError([Problem("REDIS_KEY_FILE", "is the key of a certificate: set REDIS_CERT_FILE, too")])
    if certificate and (flaw := own_certificate_flaw(str(certificate), str(key) if key else None)):
        raise ConfigurationError([Problem("REDIS_CERT_FILE, REDIS_KEY_FILE", flaw)])
    return TlsFiles(settings.redis_ca_file, certificate, key, verify_name=settings.redis_tls_verify_name)


@contextlib.asynccontextmanager
async def open_connection(
    address: RedisAddress, *, socket_timeout: float, retries: int, max_connections: int = 64
) -> AsyncIterator[Connection]:
    """Redis, for as long as this is open."""
    pool = open_pool(address, socket_timeout=socket_timeout, retries=retries, max_connections=max_connections)
    try:
        yield Connection(Redis(connection_pool=pool))
    finally:
        await pool.aclose()


@contextlib.asynccontextmanager
async def open_for_command(
    address: RedisAddress, *, socket_timeout: float = 5.0, retries: int = 1
) -> AsyncIterator[Connection]:
    """A connection for one command, after a check that it leads to a usable Redis. Raises StoreUnavailable."""
    async with open_connection(address, socket_timeout=socket_timeout, retries=retries) as connection:
        await must_be_ours(connection)
        yield connection


def accounts_of(loaded: Loaded, now: float) -> Accounts:
    """The accounts of the receiver at `now` (Unix seconds). Reads webhook secrets only."""
    districts, trackers = webhook_secrets(loaded, environ(), now)
    written, usual = loaded.mappings, loaded.mappings.defaults.delivery_limit

    def account(name: str, sender: Sender, secrets: tuple[WebhookSecret, ...], webhook: Webhook) -> Account:
        return Account(name, secrets, webhook.signature, sender, webhook.limit(usual))

    of_trackers = {
        name: account(name, tracker.sender, secrets, webhook)
        for name, secrets in trackers.items()
        if (webhook := (tracker := written.trackers[name]).webhook)
    }
    former = former_names_of(written.trackers).items()  # a sender may still use the address with the former name
    return Accounts(
        {
            name: account(name, SCHOOLSCAN, secrets, written.districts[name].schoolscan.webhook)
            for name, secrets in districts.items()
        },
        of_trackers | {before: of_trackers[name] for before, name in former if name in of_trackers},
    )


def receiver_files(mappings: Mappings) -> Iterable[Path]:
    """The files with webhook secrets."""
    webhooks = [district.schoolscan.webhook for district in mappings.districts.values()]
    return files_named([webhooks, [tracker.webhook for tracker in mappings.trackers.values()]])


def worker_files(mappings: Mappings, outbound_ca: Path | None = None) -> Iterable[Path]:
    """The files with tokens, keys of identities, passwords, addresses of channels, and certificates.

    `outbound_ca` is that of the settings.
    """
    tokens = [(district.schoolscan.token, district.incidents) for district in mappings.districts.values()]
    identities = [district.identity for district in mappings.districts.values()]
    trackers = [(tracker.secret, tracker.ca_file) for tracker in mappings.trackers.values()]
    yield from files_named([tokens, identities, trackers, [channel.url for channel in mappings.notify.values()]])
    if outbound_ca is not None:
        yield outbound_ca


@dataclass(frozen=True, slots=True)
class OutsideSystems:
    """The clients of a worker, by the names that mappings.yaml gives them.

    `accounts` are those at SchoolScan, by district; `feeds` are those of incidents, by `district/feed`; `identities`
    are those of the districts that have one.
    """

    accounts: dict[str, SchoolScan]
    trackers: dict[str, Tracker]
    feeds: dict[str, PolledFeed]
    identities: dict[str, Identity]

    @property
    def sources(self) -> dict[SourceKey, ListedSource]:
        """Where the cases of each district and kind come from."""
        return {(name, CaseKind.FINDING): FindingSource(name, each) for name, each in self.accounts.items()}

    def summary_sources(self, counted: CountedScans, reports: FinishedReports) -> dict[SourceKey, ListedSource]:
        """The scans of each district, with what was counted of them, and their reports."""
        return {
            (name, CaseKind.SUMMARY): SummarySource(name, each, counted, reports)
            for name, each in self.accounts.items()
        }

    def scanners(self, mappings: Mappings) -> dict[str, Scanner]:
        """What starts scans of each district, and when that may be."""
        return {
            name: Scanner(AccountScans(each), mappings.districts[name].schoolscan.scans.times, each)
            for name, each in self.accounts.items()
        }

    def incident_sources(self, records: IncidentRecords) -> dict[SourceKey, ListedSource]:
        """What the feeds have shown, as it is kept in these records: the source of each district's incidents."""
        zones: dict[str, dict[str, tzinfo]] = defaultdict(dict)
        for name, feed in self.feeds.items():
            zones[feed.district][name] = feed.timetable.zone
        return {(name, CaseKind.INCIDENT): IncidentSource(name, feeds, records) for name, feeds in zones.items()}


@contextlib.asynccontextmanager
async def open_outside(
    loaded: Loaded, spending_of: Callable[[str], Spending] = lambda _: freely
) -> AsyncIterator[OutsideSystems]:
    """All districts' accounts and all trackers, while this context is open. Sends nothing yet.

    Each request to a district's account is sent within what `spending_of` returns for the district.
    """
    tokens, secrets, feed_tokens = worker_secrets(loaded, environ())
    identities = identities_of(loaded, environ())
    async with contextlib.AsyncExitStack() as stack:
        way = outbound()
        trusted = way.trusted()

        async def client() -> httpx2.AsyncClient:
            return await stack.enter_async_context(way.open_client(trusted))

        accounts = {
            name: way.source(name, district.schoolscan, tokens[name], await client(), spending_of(name))
            for name, district in loaded.mappings.districts.items()
        }
        feeds = {
            name: way.feed(name, written, feed_tokens[name], await client())
            for district, each in loaded.mappings.districts.items()
            for name, written in ((f"{district}/{feed}", written) for feed, written in each.incidents.items())
        }
        for each in loaded.mappings.trackers.values():
            await asyncio.to_thread(adapter_of, each)  # the first of a kind imports its library: up to a second
        trackers = {name: way.tracker(name, each, secrets[name]) for name, each in loaded.mappings.trackers.items()}
        for tracker in trackers.values():
            stack.push_async_callback(tracker.close)
        yield OutsideSystems(accounts, trackers, feeds, identities)


def audit_targets(settings: Settings) -> list[AuditTarget]:
    """Where lines of the audit are written besides the log."""
    file = [AuditFile(settings.audit_file)] if settings.audit_file is not None else []
    syslog = [AuditSyslog(settings.audit_syslog, socket.gethostname())] if settings.audit_syslog is not None else []
    return [*file, *syslog]


@contextlib.asynccontextmanager
async def open_contexts(
    loaded: Loaded,
    settings: Settings,
    connection: Connection,
    clock: Callable[[], float],
    keyring: Keyring | None = None,
    is_refused: Callable[[], bool] = lambda: False,
) -> AsyncIterator[WorkerContexts]:
    """All that a worker works with, while this context is open. Raises ConfigurationError for a missing secret.

    `keyring` has the data keys; without one they are read as the settings say. `is_refused` returns whether the file
    was changed since, and cannot be used.
    """
    keyring, notifying = keyring or keyring_of(settings), open_channels(loaded, is_refused)
    async with contextlib.AsyncExitStack() as stack:
        outside = await stack.enter_async_context(open_outside(loaded))
        incidents = outside.incident_sources(IncidentRecords(connection, keyring))
        kept = outside.summary_sources(ScanNumbers(connection), ScanReports(connection)) | incidents
        rulebook = MappingsRulebook(loaded.mappings, outside.identities)
        named = _named(outside, kept, rulebook, loaded, notifying, _drilled_on(connection, clock))
        context = context_on(connection, keyring, named, clock, audit_targets(settings))
        async with contextlib.aclosing(WorkerContexts(context, stack.pop_all().aclose)) as contexts:
            await ask_again(contexts)
            await _begin_audit(contexts)
            yield contexts


async def refurnish(contexts: WorkerContexts, loaded: Loaded) -> None:
    """Use `loaded` for the jobs to come. For a missing secret, raises ConfigurationError and changes nothing."""
    with contexts.at_work() as before:
        notifying = open_channels(loaded, before.notifying.is_refused)
    async with contextlib.AsyncExitStack() as stack:
        outside = await stack.enter_async_context(open_outside(loaded))
        rulebook = await asyncio.to_thread(MappingsRulebook, loaded.mappings, outside.identities)
        with contexts.at_work() as context:
            summaries = outside.summary_sources(context.countings.numbers, context.reports)
            kept = summaries | outside.incident_sources(context.incidents)
            drilled = _drilled_on(context.connection, context.clock)
        contexts.replace(_named(outside, kept, rulebook, loaded, notifying, drilled), stack.pop_all().aclose)
    await ask_again(contexts)


def _named(
    outside: OutsideSystems,
    kept: Mapping[SourceKey, ListedSource],
    rulebook: MappingsRulebook,
    loaded: Loaded,
    notifying: Notifying,
    drilled: Callable[[ListedSource], ListedSource],
) -> NamedSystems:
    """What the file names. Calls of what is outside are counted; `kept` are the sources that read our own rows, too.

    `drilled` returns a source of findings that has drills among them.
    """
    incidents = {which: source for which, source in kept.items() if which[1] is CaseKind.INCIDENT}
    counted = counted_sources({**outside.sources, **kept})
    sources = {**counted, **{which: drilled(counted[which]) for which in outside.sources}, **incidents}
    trackers = counted_trackers(outside.trackers.values())
    feeds = counted_feeds(outside.feeds)
    scanners = counted_scanners(outside.scanners(loaded.mappings))
    kept_for, rules = loaded.mappings.retention, loaded.digest
    systems = partial(open_systems, loaded, outside.accounts, outside.feeds, outside.trackers)
    asked = AskedFile(loaded, systems)
    return NamedSystems(sources, trackers, rulebook, feeds, kept_for, rules, scanners, notifying, asked)


def with_drills(
    sources: Mapping[SourceKey, ListedSource], connection: Connection, clock: Callable[[], float]
) -> Mapping[SourceKey, ListedSource]:
    """Sources of findings with the drills among them that are kept in this Redis."""
    drilled = _drilled_on(connection, clock)
    return {which: drilled(source) for which, source in sources.items()}


def _drilled_on(connection: Connection, clock: Callable[[], float]) -> Callable[[ListedSource], ListedSource]:
    return lambda source: DrilledSource(source, Drills(connection), clock)


async def _begin_audit(contexts: WorkerContexts) -> None:
    """Begin the audit of an empty Redis before there is any case, so that its first line says that it was empty.

    Does nothing while Redis is away.
    """
    with contexts.at_work() as context, contextlib.suppress(StoreUnavailable):
        await chain_audit(context)


async def ask_again(contexts: WorkerContexts) -> None:
    """Secrets may have been renewed: ask each system in trouble with the next sweep.

    Does nothing while Redis is away.
    """
    with contexts.at_work() as context, contextlib.suppress(StoreUnavailable):
        await context.systems.ask_again(context.clock())
