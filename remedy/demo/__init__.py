"""`remedy demo`: the main job on this machine: real processes, an embedded server, and a sandbox of all systems."""

import contextlib
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from remediation.settings import load_settings
from remedy.demo.context import demo_context
from remedy.demo.screen import show_addresses, show_console, show_table, show_timeline, show_times, tell
from remedy.demo.story import Story
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import open_stage
from sandbox.stage.systems import open_outside_world

_WIDTH = 160
"""Columns where there is no terminal to fill: an address that is broken in two cannot be opened."""


@click.command()
@click.option("--once", is_flag=True, help="End after the story, also on a terminal.")
def demo(*, once: bool) -> None:
    """Play two incidents, a finding that is mended, found again, accepted, disputed, a group, and a scan of sixty.

    Starts an embedded server, a sandbox of SchoolScan, an incident feed, ServiceNow and Jira, a receiver, a worker and
    the console: all of it on this machine, in DATA_DIR/demo. A link lets you follow the story on the console's pages.
    On a terminal everything stays up until Ctrl-C, so that the tickets can be opened in a browser and closed there, and
    every command works against it: remedy --context demo …
    Exit code 0: the whole story happened; 1: a step of it did not.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # the terminal is closed: that ends all that runs here, too
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    settings = load_settings()
    wide = None if sys.stdout.isatty() else _WIDTH
    console = Console(soft_wrap=True, highlight=False, width=wide)
    console.print("Starting an embedded server, a sandbox of all systems, a receiver, a worker and the console …")
    with contextlib.ExitStack() as stack:
        folder, mappings = settings.data_dir.resolve() / "demo", _shipped(settings.mappings_path)
        stage = stack.enter_context(open_stage(folder, mappings, EmbeddedServer, feed=True, archive=True))
        outside = stack.enter_context(open_outside_world(stage.outside))
        pages = stage.start_console()
        stage.start_receiver()
        pages.address("console_listens")
        told_of_context = stack.enter_context(demo_context(stage))
        console.print(told_of_context, markup=False)
        show_console(stage, console)
        story = Story(outside, lambda: stage.start("worker").address("worker_runs"), has_archive=True)
        told = tell(story.steps(), console)
        show_table(story, outside.findings(), console)
        show_timeline(stage, story, console)
        show_times(told, console)
        if sys.stdout.isatty() and not once:
            show_addresses(stage, console)
            show_console(stage, console)
            console.print(f"\n{told_of_context}", markup=False)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
            console.print("\nStopping.")


def _shipped(path: Path) -> Path:
    """The rules to show: MAPPINGS_PATH, or those that come with the project."""
    return path if path.exists() else Path(__file__).resolve().parents[2] / "mappings.yaml"
