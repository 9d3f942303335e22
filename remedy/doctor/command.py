"""`remedy doctor`: is everything there that the service needs? Looks, and changes nothing."""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import click

from remediation.domain.errors import ConfigurationError, StoreMissing
from remediation.operations.examining.checks import Check, run_checks
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble
from remediation.read_model.status.levels import Level
from remediation.settings import Settings, environ, load_settings
from remediation.store.processes import Role
from remedy.doctor.configuration import look_at_console_address, look_at_mappings, look_at_settings
from remedy.doctor.console_sign_in import sign_in_checks
from remedy.doctor.outside import open_checks
from remedy.doctor.report import as_object, progress, table_lines
from remedy.doctor.secrets import look_at_data_keys, look_at_secrets
from remedy.doctor.stored.examination import REDIS_SECONDS, look_at_store, open_store
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import terminal_width

Tell = Callable[[Sequence[Diagnosis]], ExitCode]

_END_SECONDS = 10.0
"""Seconds for which a thread that still waits for a tracker may delay the end of the process, once all is printed."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--offline", is_flag=True, help="Only what can be told from here: settings, secrets, mappings.")
@click.option(
    "--as",
    "role",
    type=click.Choice(["receiver", "worker", "console"]),
    help="Only with the secrets of such a process: in its pod.",
)
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
def doctor(*, as_json: bool, offline: bool, role: Role | None, strict: bool) -> None:
    """Look at everything that the service needs, and say what is wrong and what to do about it.

    Settings, secrets, keys, mappings.yaml, Redis and what waits in it, the processes that run, SchoolScan, feeds of
    incidents, the trackers, and where people sign in to the console. Sends only requests that read. Each trouble has a
    code: docs/operations.md lists them.

    Exit code 0: nothing failed; 1: something did.
    """
    settings = load_settings()
    told = partial(_tell, as_json=as_json, strict=strict)
    with contextlib.ExitStack() as ended:
        code = asyncio.run(_examined(settings, told, ended, role, offline=offline))
    raise SystemExit(code)


def _tell(found: Sequence[Diagnosis], *, as_json: bool, strict: bool) -> ExitCode:
    """Print the result. Returns the exit code."""
    click.echo(json.dumps(as_object(found)) if as_json else "\n".join(table_lines(found, terminal_width())))
    bad = {Level.FAILURE, Level.WARNING} if strict else {Level.FAILURE}
    return ExitCode.FAILED if any(each.severity in bad for each in found) else ExitCode.DONE


async def _examined(
    settings: Settings, tell: Tell, ended: contextlib.ExitStack, role: Role | None, *, offline: bool
) -> ExitCode:
    """Check and print, and only then release what is open: a system that hangs may delay that."""
    keys, keyring = look_at_data_keys(settings)
    file, loaded = look_at_mappings(settings)
    secrets, is_complete = look_at_secrets(loaded, environ(), time.time(), role) if loaded else ([], False)
    of_settings = look_at_settings(settings, environ())
    reached = look_at_console_address(settings, loaded, role) if loaded else []
    found = [*of_settings, *reached, *keys, *file, *secrets]
    if offline:
        return tell(found)
    async with contextlib.AsyncExitStack() as stack:
        checks, connection = [], None
        try:
            connection = await stack.enter_async_context(open_store(settings))
            checks = [Check("Redis", REDIS_SECONDS, partial(look_at_store, connection, settings, keyring, loaded))]
        except StoreMissing as error:
            found += [trouble(Code.STORE_MISSING, "Redis", problem.message) for problem in error.problems]
        except ConfigurationError as error:
            if not any(each.code == Code.SETTINGS_CONTRADICT for each in of_settings):  # that was told by then
                found += [trouble(Code.REDIS_AWAY, "Redis", str(problem)) for problem in error.problems]
        if loaded and role in {None, "console"}:
            checks += sign_in_checks(loaded)
        if loaded and is_complete:
            checks += await open_checks(stack, loaded, connection)
        code = tell([*found, *await run_checks(checks, progress())])
        _end_within(_END_SECONDS, code, ended)
        return code


def _end_within(seconds: float, code: ExitCode, ended: contextlib.ExitStack) -> None:
    """End the process with this code after `seconds`, unless `ended` is closed before: a thread cannot be ended."""
    timer = threading.Timer(seconds, os._exit, [int(code)])
    timer.daemon = True
    timer.start()
    ended.callback(timer.cancel)
