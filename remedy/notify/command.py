"""`remedy notify`: the channels by which people are told that something needs them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.suggestions import did_you_mean, with_choice
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.mapping.reading.secrets import channel_urls
from remediation.outbound.channels import AT_ONCE, SendOutcome, SendResult, address_flaw, flaw_words, send
from remediation.read_model.notifications.wording import trial_message
from remediation.redaction import terminal
from remediation.settings import environ, load_settings
from remedy.runtime.calls.channels import channel_way
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line

_DONE = SendResult(SendOutcome.SENT)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of the test message of one channel; with `dry_run` of its address alone."""

    channel: str
    result: SendResult
    dry_run: bool

    @property
    def words(self) -> str:
        """In words for people."""
        if not self.dry_run:
            return self.result.words
        is_usable = self.result == _DONE
        return "its address has a form that can be used; nothing was sent" if is_usable else flaw_words(self.result)

    @property
    def shown(self) -> dict[str, object]:
        """For programs."""
        result = self.result
        outcome = "usable" if self.dry_run and result == _DONE else result.outcome.value
        return {"channel": self.channel, "outcome": outcome, "status": result.status, "message": self.words}


@click.group()
def notify() -> None:
    """The channels by which people are told that something needs them: send a test by each.

    They stand under notify in mappings.yaml. Workers tell by them what remedy status calls a trouble, accepted risks
    that end within 14 days, and the figures of the week: docs/notifications.md.

    \b
      remedy notify test
      remedy notify test helpdesk --dry-run
    """


@notify.command()
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@click.option("--dry-run", is_flag=True, help="Look only whether each address can be used, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def test(channels: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Send a message that says that it is a test by each CHANNEL; by all of them where none is named.

    It counts towards no limit, and needs no Redis. No address is shown.

    Exit codes: 0 all have it; 1 some channel does not, or not all of its recipients; 2 mappings.yaml or an address is
    wrong.
    """
    loaded = load_mappings(load_settings().mappings_path)
    urls = _chosen(loaded, channels)
    tried = asyncio.run(_try(urls, dry_run=dry_run))
    for each in tried:
        line = json.dumps(each.shown) if as_json else f"{each.channel}: {each.words}"
        click.echo(line) if as_json else print_line(line)
    raise SystemExit(_code(tried))


def _chosen(loaded: Loaded, names: Sequence[str]) -> Mapping[str, str]:
    """The addresses of the channels that are named. Raises ConfigurationError for a channel that there is not."""
    known = loaded.mappings.notify
    if not known:
        raise ConfigurationError([Problem(loaded.where, "has no notify: there is no channel to test")])
    for name in names:
        if name not in known:
            words = with_choice(f"there is no channel {name}", did_you_mean(name, known), "there is", known)
            raise click.UsageError(terminal(words))
    return channel_urls(loaded, environ(), dict.fromkeys(names or known))


async def _try(urls: Mapping[str, str], *, dry_run: bool) -> list[_Tried]:
    slots = asyncio.Semaphore(AT_ONCE)
    way = channel_way()

    async def one(name: str, url: str) -> _Tried:
        async with slots:
            if dry_run:
                return _Tried(name, await address_flaw(url) or _DONE, dry_run=True)
            message = trial_message(name)
            return _Tried(name, await send(url, way, message.title, message.text), dry_run=False)

    return list(await asyncio.gather(*(one(name, url) for name, url in urls.items())))


def _code(tried: Sequence[_Tried]) -> ExitCode:
    outcomes = {each.result.outcome for each in tried}
    if any(each.is_about_address for each in outcomes):
        return ExitCode.CONFIGURATION
    return ExitCode.DONE if outcomes <= {SendOutcome.SENT} else ExitCode.FAILED
