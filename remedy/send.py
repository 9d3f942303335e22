"""`remedy send`: a delivery signed as SchoolScan signs it, to see whether a receiver takes it."""

import contextlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx2

from remediation.deliveries.events import EventKind
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.domain.errors import ConfigurationError, Problem, RemediationError, TryLater
from remediation.mapping.config.references import SecretFromEnv, SecretFromFile
from remediation.mapping.reading.loading import load_mappings
from remediation.mapping.reading.secrets import read_secret
from remediation.read_model.rules.previews import district_of
from remediation.redaction import terminal
from remediation.settings import Settings, environ, load_settings
from remediation.store.audit.entries import AuditAct
from remediation.store.server.connection import Connection
from remedy.from_store import from_store
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import has_keys, keyring_of
from remedy.runtime.failures import ExitCode
from remedy.runtime.http.alive import reachable
from remedy.screen_lines import print_line
from remedy.signing import Signing, signing_of

TIMEOUT_SECONDS = 10.0

MEANINGS: Mapping[int, str] = {
    202: "taken: it is stored durably and will be worked on (or it is a repeat of one that is)",
    400: "the receiver does not read it as HTTP: is the address right, and is it http or https?",
    401: "the signature or its time is wrong: is this the district's secret, and the format it expects?",
    404: "the receiver knows no such district",
    405: "something before the receiver changed the method, or this is not the receiver",
    408: "the body arrived too slowly",
    413: "the body is larger than the receiver allows",
    414: "the address is longer than the receiver allows",
    415: "the receiver takes plain application/json only: something before it changed the request",
    431: "the headers are larger than the receiver allows: does something before it add to them?",
    503: "the receiver cannot take it now: is its Redis there, and configured as it must be? Or is a limit reached?",
}
"""What each answer of the receiver means to its sender."""

WORTH_REPEATING = frozenset({408, 503})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that is ready to be sent."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """The answer. `milliseconds` is the time from sending to the complete answer."""

    status: int
    meaning: str
    milliseconds: int
    retry_after: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """DONE where the delivery was taken, UNREACHABLE where it may be taken later, REFUSED otherwise."""
        if self.status == httpx2.codes.ACCEPTED:
            return ExitCode.DONE
        return ExitCode.UNREACHABLE if self.status in WORTH_REPEATING else ExitCode.REFUSED


@click.command
@click.option("--url", help="Address of the receiver.  [default: RECEIVER_URL, or where it listens on this machine]")
@click.option("--district", help="The district's name. Not needed where there is only one.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([kind.value for kind in EventKind]),
    default=EventKind.FINDING_CRITICAL.value,
    show_default=True,
    help="What the delivery says has happened.",
)
@click.option("--finding", help="Id of the finding (for finding.* types).")
@click.option("--scan", help="Id of the scan (for scan.* types; allowed for the others).")
@click.option("--event-id", help="Id of the event; two deliveries with one id are one event.  [default: a new one]")
@click.option(
    "--format",
    "format_name",
    type=click.Choice([name.value for name in SignatureFormat if name is not SignatureFormat.AUTO]),
    help="How to write the signature down.  [default: as mappings.yaml says; hex with a secret that is named here]",
)
@click.option("--secret-env", help="Name of the environment variable that holds the webhook secret.")
@click.option("--secret-file", type=click.Path(path_type=Path), help="File that holds the webhook secret, instead.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Send the same delivery so many times.")
@click.option("--dry-run", is_flag=True, help="Print the request, without its signature, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def send(  # noqa: PLR0913, PLR0917 - one parameter for each option
    ctx: click.Context,
    url: str | None,
    district: str | None,
    kind: str,
    finding: str | None,
    scan: str | None,
    event_id: str | None,
    format_name: str | None,
    secret_env: str | None,
    secret_file: Path | None,
    repeat: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send the receiver a signed test delivery.

    Prints the answer's status and what it means. It is signed as mappings.yaml says of the district: with the secret
    that is valid longest, in the format of `signature`; where that is auto, with a bare signature, or with a signed
    time where the receiver demands one. The secret is never an argument. The exit code is 0 for 202, 3 where it is
    worth trying again, 4 where the receiver refused.

    \b
    Examples:
      remedy send --district lakeside --finding fnd_9d2
      remedy send --type scan.completed --scan scn_17 --format timestamped
      remedy send --finding fnd_9d2 --event-id evt_1 --repeat 3     (one event, sent three times)
    """
    event = EventKind(kind)
    _require_subject(event, finding, scan)
    if secret_env and secret_file:
        raise click.UsageError("the secret comes from --secret-env or from --secret-file, not from both")
    signing = _signing(district, secret_env, secret_file)
    format_ = SignatureFormat(format_name) if format_name else signing.format
    event_id = event_id or f"evt_test_{secrets.token_hex(8)}"
    now = time.time()
    body = body_of(event, event_id, finding, scan, now)
    address = address_of(url or receiver_url(load_settings()), district)
    delivery = signed_delivery(address, body, Signing(signing.secret, format_), now, event_id)
    if dry_run:
        _show_request(delivery, as_json=as_json)
        return
    _note(event_id, f"{delivery.url} {kind} {finding or scan}", repeat)
    answers = [sent(delivery) for _ in range(repeat)]
    _show_answers(delivery, event_id, answers, as_json=as_json)
    ctx.exit(max(answer.exit_code for answer in answers))


def _note(event_id: str, choice: str, count: int) -> None:
    """Write into the audit what is going to be sent, where this process is given the Redis and the keys of one.

    A test delivery may be sent from anywhere: it decides nothing, and the receiver's log has it.
    """

    async def noted(connection: Connection) -> bool:
        audit = CommandAudit(connection, keyring_of(load_settings()), await clock_of(connection))
        await audit.note(audit.entry(AuditAct.SEND, piece=event_id, choice=choice, count=count))
        return True

    with contextlib.suppress(RemediationError):
        if has_keys(load_settings()):
            from_store(noted, nothing=False)


def _signing(district: str | None, secret_env: str | None, secret_file: Path | None) -> Signing:
    """Raises ConfigurationError."""
    if secret_file:
        return Signing(read_secret(SecretFromFile(file=secret_file), environ()), SignatureFormat.HEX)
    if secret_env:
        return Signing(read_secret(SecretFromEnv(env=secret_env), environ()), SignatureFormat.HEX)
    loaded = load_mappings(load_settings().mappings_path)
    return signing_of(loaded, district_of(loaded, district))


def receiver_url(settings: Settings) -> str:
    """The address of the receiver: RECEIVER_URL, or where one of this machine listens. Raises ConfigurationError."""
    if settings.receiver_url:
        return settings.receiver_url
    if not settings.receiver_port:
        words = "is 0, any free port, so nobody knows where the receiver listens: set RECEIVER_URL, or say --url"
        raise ConfigurationError([Problem("RECEIVER_PORT", words)])
    return f"http://{reachable(settings.receiver_host)}:{settings.receiver_port}"


def signed_delivery(address: str, body: bytes, signing: Signing, now: float, event_id: str) -> Delivery:
    """A delivery of SchoolScan's to an address; `now` is Unix seconds."""
    signature = sign(body, signing.secret, signing.format, now, event_id)
    headers = tuple((name.decode(), value.decode()) for name, value in signature)
    return Delivery(address, (("content-type", "application/json"), *headers), body)


def address_of(url: str, district: str | None) -> str:
    """The address for SchoolScan's deliveries of the district, below the receiver's own."""
    place = f"{url.rstrip('/')}/webhooks/schoolscan"
    return f"{place}/{district}" if district else place


def body_of(kind: EventKind, event_id: str, finding: str | None, scan: str | None, now: float) -> bytes:
    """The body of a delivery as SchoolScan words it. `now` is Unix seconds."""
    subject = {"finding_id": finding, "scan_id": scan}
    document = {
        "id": event_id,
        "type": kind.value,
        "created_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {name: value for name, value in subject.items() if value},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _require_subject(kind: EventKind, finding: str | None, scan: str | None) -> None:
    option, value = ("--scan", scan) if kind.is_about_scan else ("--finding", finding)
    if not value:
        raise click.UsageError(f"{kind} is about something: say which with {option} ID.")


def sent(delivery: Delivery) -> ReceiverAnswer:
    """The receiver's answer. Raises TryLater where there is none, and BadParameter for what is no address."""
    started = time.monotonic()
    try:
        response = httpx2.post(
            delivery.url, content=delivery.body, headers=list(delivery.headers), timeout=TIMEOUT_SECONDS
        )
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise click.BadParameter("it is no http:// or https:// address", param_hint="--url") from None
    except httpx2.TransportError as error:
        words = f"no answer ({type(error).__name__}); is it running at the address of --url?"
        raise TryLater("the receiver", words) from error
    return ReceiverAnswer(
        status=response.status_code,
        meaning=MEANINGS.get(response.status_code, "this is no answer of the receiver: is the address right?"),
        milliseconds=round((time.monotonic() - started) * 1000),
        retry_after=response.headers.get("retry-after"),
    )


def _show_request(delivery: Delivery, *, as_json: bool) -> None:
    headers = {name: _without_signature(name, value) for name, value in delivery.headers}
    if as_json:
        shown = {"method": "POST", "url": delivery.url, "headers": headers, "body": json.loads(delivery.body)}
        click.echo(json.dumps(shown))
        return
    lines = [
        f"POST {delivery.url}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        delivery.body.decode(),
    ]
    click.echo(terminal("\n".join(lines), lines=True))


def _without_signature(name: str, value: str) -> str:
    """The header's value, except a signature.

    Anybody who reads a signature that covers no time could send this delivery again, at any time.
    """
    return f"({len(value)} characters, not shown)" if name.endswith("signature") else value


def _show_answers(delivery: Delivery, event_id: str, answers: list[ReceiverAnswer], *, as_json: bool) -> None:
    if as_json:
        rows = [asdict(answer) for answer in answers]
        click.echo(json.dumps({"url": delivery.url, "event_id": event_id, "answers": rows}))
        return
    print_line(f"POST {delivery.url} ({event_id})")
    for answer in answers:
        again = f" (again after {answer.retry_after} s)" if answer.retry_after else ""
        print_line(f"{answer.status}  {answer.meaning}{again}  [{answer.milliseconds} ms]")
