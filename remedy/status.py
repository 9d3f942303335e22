"""`remedy status`: one screen that answers whether the service works."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import click

from remediation.domain.errors import ConfigurationError, StoreUnavailable
from remediation.mapping.reading.loading import load_mappings
from remediation.read_model.cases.words import time_words
from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import (
    StatusLine,
    StatusSection,
    status_level,
    status_sections,
    status_words,
)
from remediation.read_model.status.objects import status_json
from remediation.read_model.status.overview import InstalledFile, ServiceStatus, installed_file, service_status
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.settings import Settings, load_settings
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.clock import clock_of
from remedy.runtime.failures import ExitCode, exit_code_of
from remedy.runtime.heartbeat import version
from remedy.runtime.reload import digests_of, short_digest
from remedy.screen_levels import signed_lines
from remedy.screen_lines import filled, terminal_width

_INDENT = 2
"""Columns before the sign of a line."""

_CLEAR = "\x1b[H\x1b[2J"
"""Puts the cursor into the corner of a terminal, and clears it."""


@click.command()
@click.option("--watch", is_flag=True, help="Look again and again until Ctrl-C; on a terminal in one place.")
@click.option(
    "--every",
    type=click.FloatRange(0.5, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two looks of --watch.",
)
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --watch one for each look, on a line.")
def status(*, watch: bool, every: float, strict: bool, as_json: bool) -> None:
    """Say on one screen whether the service works: what runs, what waits for what, and what is late.

    The processes and their versions, the mappings.yaml in force, the last delivery of each sender, what is unread and
    undone, the systems that are waited for and why, parked work by its cause, what is left of limits, and when each
    tracker and feed was last read. Asks only Redis, within a second; remedy doctor asks all other systems, too.

    \b
      remedy status
      remedy status --watch
      remedy status --json | jq .worst

    Exit codes: 0 it works, perhaps with warnings; 1 something fails (--strict: or is a warning); 2 no Redis is named,
    and none has run here; 3 Redis is away.
    """
    settings = load_settings()
    with redis_address(settings) as address:
        if not watch:
            raise SystemExit(_shown(settings, address, as_json=as_json, strict=strict))
        while True:
            _watched(settings, address, as_json=as_json)
            time.sleep(every)


def _watched(settings: Settings, address: RedisAddress, *, as_json: bool) -> None:
    """One look of several: that Redis is away does not end them."""
    try:
        read = asyncio.run(_read(settings, address))
    except StoreUnavailable as error:
        code = exit_code_of(error)
        if code is not ExitCode.UNREACHABLE:
            raise
        words = json.dumps({"error": code.name.lower(), "message": str(error)}) if as_json else f"error: {error}"
        _draw(terminal(words), as_json=as_json)
    else:
        _draw(_text(read, as_json=as_json), as_json=as_json)


def _draw(text: str, *, as_json: bool) -> None:
    is_screen = sys.stdout.isatty() and not as_json
    click.echo(f"{_CLEAR}{text}" if is_screen else text if as_json else f"{text}\n", nl=True)


def _shown(settings: Settings, address: RedisAddress, *, as_json: bool, strict: bool) -> ExitCode:
    read = asyncio.run(_read(settings, address))
    click.echo(_text(read, as_json=as_json))
    bad = {Level.FAILURE, Level.WARNING} if strict else {Level.FAILURE}
    return ExitCode.FAILED if status_level(status_sections(read)) in bad else ExitCode.DONE


async def _read(settings: Settings, address: RedisAddress) -> ServiceStatus:
    async with open_for_command(address) as connection:
        return await _of(connection, settings)


async def _of(connection: Connection, settings: Settings) -> ServiceStatus:
    now = (await clock_of(connection))()
    return await service_status(connection, _file_here(settings, now), version(), now)


def _file_here(settings: Settings, now: float) -> InstalledFile | None:
    path = settings.mappings_path
    try:
        return installed_file(load_mappings(path).mappings, short_digest(digests_of([path])[path]), now)
    except ConfigurationError:
        return None


def _text(read: ServiceStatus, *, as_json: bool) -> str:
    sections = status_sections(read)
    if as_json:
        return json.dumps(status_json(read, sections))
    return "\n".join(_lines(read, sections, terminal_width()))


def _lines(read: ServiceStatus, sections: list[StatusSection], width: int | None) -> Iterator[str]:
    first = terminal(f"{time_words(read.at)} UTC: {status_words(sections)}")
    yield from [first] if width is None else filled(first, width)
    for section in sections:
        yield ""
        yield section.title
        for line in section.lines:
            yield from _line(line, width)


def _line(line: StatusLine, width: int | None) -> list[str]:
    words = [terminal(f"{line.what}: {line.says}")]
    if line.advice and line.level is not Level.OK:
        words.append(terminal(line.advice))
    return signed_lines(line.level, words, width, indent=_INDENT)
