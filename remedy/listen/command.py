"""`remedy listen`: deliveries and cases as they happen, one line each."""

import asyncio
import json
import sys
import time
from collections.abc import Iterable

import click

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import ConfigurationError, Problem, StoreMissing, StoreUnavailable
from remediation.mapping.reading.loading import load_mappings
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.live_events import LiveEvent, LiveFilter
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.settings import Settings, load_settings
from remediation.store.cases.lists import CaseFilter
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remedy.case.names_asked import check_names
from remedy.embedded.server import EmbeddedServer
from remedy.listen.following import LiveFollower
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.clock import clock_of
from remedy.runtime.failures import ExitCode, exit_code_of
from remedy.screen_lines import print_line

_PATIENCE_SECONDS = 30.0
"""For so long a Redis that is away is waited for, once it was there."""

_PAUSE_SECONDS = 1.0
_NOT_RUNNING = "has no server that runs, so nothing happens there: remedy run receiver starts one"


@click.command
@click.option("--district", default="", help="Only cases of this district, and its deliveries.")
@click.option("--case", "ref", default="", metavar="REF", help="Only this case: its reference, or its ticket's key.")
@click.option("--sender", default="", help="Only of schoolscan or this tracker: its deliveries, and what they cause.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listen(*, district: str, ref: str, sender: str, as_json: bool) -> None:
    """Follow deliveries and cases as they happen, one line each, until Ctrl-C.

    A line has the time (UTC), the district or the tracker's account, what it is about, its reference, and what
    happened. Deliveries come in, and are read; a look at a case says why, what it saw, planned and did. What is refused
    comes a few seconds late, since receivers count it. Titles, addresses and anybody's words are not kept, so none are
    shown.

    Asks only Redis, four times a second while something happens, and every two seconds otherwise. Redis keeps the last
    deliveries for a minute meanwhile.

    \b
      remedy listen
      remedy listen --case SEC-12
      remedy listen --sender schoolscan --json | jq .outcome

    Exit codes: 0 after Ctrl-C; 2 there is no such district or sender, or no Redis is named and none runs here; 3 Redis
    has ended or is away for half a minute.
    """
    if ref and district:
        raise click.UsageError("--case names the district, too: it goes without --district")
    settings = load_settings()
    _must_run(settings)
    screen = Lines(as_json=as_json)
    with redis_address(settings) as address:
        try:
            asyncio.run(_followed(settings, address, LiveFilter(district, ref, sender), screen))
        except KeyboardInterrupt:
            raise SystemExit(ExitCode.DONE) from None
        except BrokenPipeError:  # whoever read the lines has enough of them
            sys.stderr.close()
            raise SystemExit(ExitCode.DONE) from None


class Lines:
    """Lines on standard output, each as soon as it is known; what is said beside them is on standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, events: Iterable[LiveEvent]) -> None:
        """A line for each event."""
        for event in events:
            click.echo(json.dumps(event.shown)) if self._as_json else print_line(event.line)

    def say(self, words: str) -> None:
        """Something about the listening itself."""
        click.echo(json.dumps({"says": words}) if self._as_json else terminal(words), err=True)


def _has_server(settings: Settings) -> bool:
    """Whether a Redis is named, or an embedded server runs."""
    return settings.redis_url is not None or EmbeddedServer(settings.data_dir).is_running


def _must_run(settings: Settings) -> None:
    """Raises StoreMissing where an embedded server would have to be started: nobody else would use that one."""
    if not _has_server(settings):
        raise StoreMissing([Problem(f"REDIS_URL is not set, and DATA_DIR ({settings.data_dir})", _NOT_RUNNING)])


async def _followed(settings: Settings, address: RedisAddress, wanted: LiveFilter, screen: Lines) -> None:
    async with open_for_command(address) as connection:
        await _check(wanted, settings, connection)
        key = await _case_meant(wanted.case, settings, connection)
        clock = await clock_of(connection)
        follower = LiveFollower(connection, wanted, time.monotonic, key)
        await follower.begin()
        screen.say("Listening, until Ctrl-C.")
        if key is not None and await Todo(connection).record(key.ref) is None:
            screen.say(f"Nothing is known of {key.ref} yet: it is waited for.")
        away_since: float | None = None
        while True:
            try:
                said, events = await follower.news(clock())
            except StoreUnavailable as error:
                away_since = _waited_for(error, away_since, settings, screen)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            away_since = None
            for words in said:
                screen.say(words)
            screen.show(events)
            await asyncio.sleep(follower.pause)


def _waited_for(error: StoreUnavailable, since: float | None, settings: Settings, screen: Lines) -> float:
    """Since when (by a steady clock) Redis is away. Raises the error where it has ended, or is away for too long."""
    _must_go_on(settings)
    now = time.monotonic()
    is_over = since is not None and now - since > _PATIENCE_SECONDS
    if is_over or exit_code_of(error) is not ExitCode.UNREACHABLE:
        raise error
    if since is None:
        screen.say(f"{error}: waiting for it")
    return now if since is None else since


def _must_go_on(settings: Settings) -> None:
    """Raises StoreUnavailable where what is listened to has ended for good."""
    try:
        load_settings()
    except ConfigurationError:
        raise StoreUnavailable("what the context belongs to has ended") from None
    if not _has_server(settings):
        raise StoreUnavailable("the embedded server has ended: whoever ran it has stopped") from None


async def _check(wanted: LiveFilter, settings: Settings, connection: Connection) -> None:
    """Raises UsageError for a district or a sender that there is not: nothing would ever be heard of it."""
    tracker = wanted.sender if wanted.sender != SCHOOLSCAN.name else None
    await check_names(CaseFilter(wanted.district or None, tracker=tracker or None), settings, connection)


async def _case_meant(ref: str, settings: Settings, connection: Connection) -> CaseKey | None:
    """The one case that is asked for. Raises ConfigurationError."""
    if not ref:
        return None
    key = await case_named(ref, lambda: load_mappings(settings.mappings_path).mappings, connection)
    if isinstance(key, UnclearName):
        raise ConfigurationError([Problem("--case", key.says)])
    return key
