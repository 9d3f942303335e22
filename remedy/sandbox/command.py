"""`remedy sandbox`: stand-ins for every system outside, for whoever writes rules and has no tracker to try them on."""

import json
from collections.abc import Iterator, Mapping

import click

from remediation.domain.cases.records import DISTRICT_NAME
from remediation.domain.errors import ConfigurationError, Problem
from remedy.screen_lines import print_line
from sandbox.running import NAMES, SandboxOrder, run_sandbox
from sandbox.secrets import (
    DISTRICT,
    ENVIRONMENT,
    INCIDENT_FEED_TOKEN,
    JIRA_USER,
    SERVICENOW_USER,
    account_of,
    sign_in_words,
)
from sandbox.wire.server import PortTaken

_PORT = click.IntRange(0, 65_535)


def _names_districts(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(DISTRICT_NAME.fullmatch, value)):
        raise click.BadParameter("it is no name of a district: small letters, digits and -")
    return value


@click.command
@click.option("--schoolscan-port", type=_PORT, default=0, help="Where SchoolScan listens; 0 takes any free port.")
@click.option("--incident-feed-port", type=_PORT, default=0, help="The same of the feed of incidents.")
@click.option("--servicenow-port", type=_PORT, default=0, help="The same of ServiceNow.")
@click.option("--jira-port", type=_PORT, default=0, help="The same of Jira.")
@click.option(
    "--jira-search-lag",
    type=click.FloatRange(0, 3_600),
    default=1.0,
    show_default=True,
    help="Seconds that Jira's search lags behind.",
)
@click.option(
    "--incidents",
    type=click.IntRange(0, 1_000_000),
    default=0,
    show_default=True,
    help="How many incidents of this school year the feed shows.",
)
@click.option(
    "--district",
    "districts",
    multiple=True,
    default=(DISTRICT,),
    show_default=True,
    callback=_names_districts,
    help="A district with an account at SchoolScan; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the addresses by name.")
def sandbox(  # noqa: PLR0913 - one parameter for each option
    *,
    schoolscan_port: int,
    incident_feed_port: int,
    servicenow_port: int,
    jira_port: int,
    jira_search_lag: float,
    incidents: int,
    districts: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run stand-ins for SchoolScan, a feed of incidents, ServiceNow and Jira, until Ctrl-C.

    They listen on this machine only, forget everything at their end, and have pages for people: open an address in a
    browser, sign in, and close a ticket as the help desk does. docs/sandbox.md says what to write into mappings.yaml,
    and how to have something found. Exit code 0 after Ctrl-C or SIGTERM; 2 where a port is taken.

    \b
      remedy sandbox
      remedy sandbox --jira-port 8090 --servicenow-port 8091 --incidents 200
    """
    ports = dict(zip(NAMES, (schoolscan_port, incident_feed_port, servicenow_port, jira_port), strict=True))
    order = SandboxOrder(ports, jira_search_lag, incidents, districts)

    def announce(addresses: Mapping[str, str]) -> None:
        if as_json:
            click.echo(json.dumps(addresses))
            return
        for line in _lines(addresses, districts):
            print_line(line)

    try:
        run_sandbox(order, announce)
    except PortTaken as error:
        raise ConfigurationError([Problem("remedy sandbox", str(error))]) from None


def _lines(addresses: Mapping[str, str], districts: tuple[str, ...]) -> Iterator[str]:
    yield "Open these in a browser. Everything is gone at the end; the passwords open nothing else."
    yield from (f"  {name:<14} {address}{sign_in_words(name)}" for name, address in addresses.items())
    yield "For mappings.yaml (the paths below the addresses are /v1 for SchoolScan, /public/v1 for the feed):"
    yield f"  servicenow     auth: {{basic: {{user: {SERVICENOW_USER}, password: {{env: SERVICENOW_PASSWORD}}}}}}"
    yield f"  jira           auth: {{basic: {{user: {JIRA_USER}, password: {{env: JIRA_TOKEN}}}}}}"
    yield "For the shell:"
    accounts = dict(account_of(each) for each in districts)
    secrets = {**ENVIRONMENT, **accounts, "INCIDENT_FEED_TOKEN": INCIDENT_FEED_TOKEN}
    yield from (f"  export {name}={value}" for name, value in secrets.items())
    yield "Running, until Ctrl-C."
