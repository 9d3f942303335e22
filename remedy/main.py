"""The `remedy` command. A subcommand's module is imported only when it is used, so that the start stays quick."""

import functools
import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from remediation.domain.errors import RemediationError
from remedy.runtime import failures

COMMANDS = {
    "audit": (
        "remedy.audit.command:audit",
        "Who did what, what was decided about cases, and whether that trail is as it was written.",
    ),
    "backfill": (
        "remedy.backfill.command:backfill",
        "Bring the findings that a district's account has already under care: each without a case gets one.",
    ),
    "case": (
        "remedy.case.command:case",
        "Which cases there are, what happened to one, what would be done about it now; and have it looked at now.",
    ),
    "console": (
        "remedy.console.command:console",
        "Who is let into the operator's pages: links that sign in once, and sessions.",
    ),
    "context": (
        "remedy.context.command:context",
        "Installations that a command can be pointed at with one word: which there are, and what each says.",
    ),
    "deliveries": (
        "remedy.deliveries.command:deliveries",
        "What senders have brought, what became of it, and what was refused.",
    ),
    "demo": (
        "remedy.demo:demo",
        "Play two incidents, a finding that is mended, found again, accepted, disputed, a group, and a scan of sixty.",
    ),
    "doctor": (
        "remedy.doctor.command:doctor",
        "Look at everything that the service needs, and say what is wrong and what to do about it.",
    ),
    "incidents": (
        "remedy.incidents.command:incidents",
        "Incidents that feeds have shown: list them, read a feed now, make the cases that a new rule asks for.",
    ),
    "init": (
        "remedy.init.command:init",
        "Ask SchoolScan, Jira and ServiceNow what there is, and write a mappings.yaml that fits.",
    ),
    "keys": ("remedy.keys.command:keys", "Make, show, rotate and retire the keys that seal what rests in Redis."),
    "listen": (
        "remedy.listen.command:listen",
        "Follow deliveries and cases as they happen, one line each, until Ctrl-C.",
    ),
    "mappings": (
        "remedy.mappings.command:mappings",
        "Look at mappings.yaml: which findings and incidents get which tickets.",
    ),
    "notify": (
        "remedy.notify.command:notify",
        "The channels by which people are told that something needs them: send a test by each.",
    ),
    "parked": (
        "remedy.parked.command:parked",
        "Work that was set aside: refused, unreadable, sealed with a missing key, or deadly to workers.",
    ),
    "purge": (
        "remedy.purge.command:purge",
        "Delete all that remedy keeps of a case, a finding or a district, and say what stays, why, and until when.",
    ),
    "reconcile": (
        "remedy.reconcile.command:reconcile",
        "Look at every finding, every incident and every ticket of ours again, and bring both sides into step.",
    ),
    "report": (
        "remedy.report.command:report",
        "Reports made of what is in Redis: accepted risks, how fast cases were dealt with, and what happened when.",
    ),
    "reports": (
        "remedy.reports.command:reports",
        "Compliance reports that SchoolScan makes of completed scans: have one made, and fetch it into a file.",
    ),
    "run": ("remedy.run:run", "Run the receiver, a worker or the console until SIGTERM or Ctrl-C."),
    "sandbox": (
        "remedy.sandbox.command:sandbox",
        "Run stand-ins for SchoolScan, a feed of incidents, ServiceNow and Jira, until Ctrl-C.",
    ),
    "scans": (
        "remedy.scans.command:scans",
        "Scans of a district's sites at SchoolScan: list them, follow one, start one, cancel one.",
    ),
    "send": ("remedy.send:send", "Send the receiver a signed test delivery."),
    "status": (
        "remedy.status:status",
        "Say on one screen whether the service works: what runs, what waits for what, and what is late.",
    ),
    "trigger": (
        "remedy.trigger.command:trigger",
        "Play EVENT through the installation as it is: receiver, Redis, workers, rules and trackers.",
    ),
    "webhooks": (
        "remedy.webhooks:webhooks",
        "Which districts' deliveries must carry a signed time, and how to take that back.",
    ),
}
"""Where each subcommand lives, and the line that `remedy --help` shows without importing it."""


_WITHOUT_CONTEXT = frozenset({"context", "demo", "sandbox"})
"""Those that take no context: they show contexts, or run systems of their own."""


class RemedyGroup(click.Group):
    """A group that imports its subcommands late, and handles every failure in one place."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all subcommands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand, or None where there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand that the first argument names. Raises NoSuchCommand, with the nearest names that there are."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in sorted(COMMANDS.items())])

    def main(  # type: ignore[override]  # click overloads this one on standalone_mode; a process of ours is always standalone
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **options: Any
    ) -> NoReturn:
        """Run the command that `args` name and end the process with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        if args is None:  # this is the whole process
            failures.hide_texts()
        signal.signal(signal.SIGTERM, _terminate)
        try:
            _must_be_text(words)
            code = super().main(words, prog_name or "remedy", **{**options, "standalone_mode": False})
        except (RemediationError, click.ClickException, click.Abort) as failure:
            failures.show(_with_advice(failure), as_json="--json" in words)
            code = failures.exit_code_of(failure)
        except Exception as defect:  # noqa: BLE001 - whatever it is, its text may quote what it was raised over
            failures.show_defect(defect, as_json="--json" in words)
            code = failures.ExitCode.FAILED
        sys.exit(code if isinstance(code, int) else failures.ExitCode.DONE)


def _must_be_text(words: Sequence[str]) -> None:
    """Raises UsageError for an argument that is not UTF-8: nothing that is asked for or stored has such a name."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        raise click.UsageError("an argument holds bytes that are no UTF-8") from None


def _with_advice(failure: failures.Failure) -> failures.Failure:
    """The failure, or another one that says what to write instead."""
    if isinstance(failure, click.NoSuchOption) and failure.option_name == "--context":
        return click.UsageError("--context stands before the subcommand: remedy --context NAME …", failure.ctx)
    return failure


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Exit through every `finally` and `with`: by default a signal would leave the embedded server behind."""
    del number, frame
    sys.exit(failures.ExitCode.TERMINATED)


@click.group(
    "remedy",
    cls=RemedyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 it did not work, 2 usage or configuration, 3 something outside is not reachable, "
    "4 something outside refused, 5 the embedded server ended again and again, 130 interrupted, 143 terminated.",
)
@click.version_option(package_name="remedy", message="%(prog)s %(version)s")
@click.option(
    "--context",
    "context_name",
    envvar="REMEDY_CONTEXT",
    help="The installation that is meant, by its name (see remedy context).  [env: REMEDY_CONTEXT]",
)
@click.pass_context
def main(ctx: click.Context, context_name: str | None) -> None:
    """Make exposed student data get fixed: SchoolScan findings to ServiceNow and Jira, and back.

    A feed of incidents of a school discipline system is a second source, which takes nothing back.

    \b
    Write a mappings.yaml that fits your SchoolScan, Jira and ServiceNow:
      remedy init
    Is mappings.yaml right, and is everything that it names reachable?
      remedy mappings check
      remedy doctor
    Run it, with a key that seals what rests in Redis:
      export DATA_KEYS="$(remedy keys generate)"
      remedy run receiver
    Does the receiver take a signed delivery?
      remedy send --district lakeside --finding fnd_9d2
    Are the feeds of incidents read, and what have they shown?
      remedy incidents poll
      remedy incidents list
    Scan a site now, and fetch the report?
      remedy scans start --domain www.lakeside.example --wait
      remedy reports get --scan scan_2k9x4f --output scan_2k9x4f.pdf
    Is it working?
      remedy status
    Where is the installation that is meant?
      remedy context list
      remedy --context prod status
    Which risks are accepted, and how fast are cases dealt with?
      remedy report accepted-risks
      remedy report sla --since 90d
    What happened to a case, and is everything in step?
      remedy case show SEC-12
      remedy reconcile --dry-run
    """
    if context_name and ctx.invoked_subcommand not in _WITHOUT_CONTEXT:
        _use_context(context_name)
    elif context_name and ctx.get_parameter_source("context_name") is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"remedy {ctx.invoked_subcommand} takes no --context")


def _use_context(name: str) -> None:
    from remediation.contexts import OF_AN_INSTALLATION, chosen_variables  # noqa: PLC0415 - for whoever names one
    from remediation.settings import use_context  # noqa: PLC0415 - as above

    use_context(functools.partial(chosen_variables, name), OF_AN_INSTALLATION)
