"""The settings of a process, read from its environment. Only this module reads it."""

import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.words import ProxyAddress
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.outbound.certificates import certificate_flaw
from remediation.redis_address import RedisAddress

_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f]")
_PROJECT = re.compile(r"(?:/.*)?/[0-9]+")
"""The path of a DSN: Sentry may run below one, and its package accepts only a number for the project."""
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
"""A path that needs no escape in an address."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
"""What RFC 9110 allows and the exporter's HTTP client can send."""


def _redis_address(written: object) -> object:
    return RedisAddress.parse(written) if isinstance(written, str) else written


def _encodable(word: str) -> str:
    """The value, where it can be sent: an environment may hold bytes that are no text."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ValueError("holds bytes that are no UTF-8") from None
    return word


def _certificates(path: Path) -> Path:
    if flaw := certificate_flaw(str(path)):
        raise ValueError(flaw)
    return path


def _parts(address: str) -> SplitResult | None:
    """The parts of an http or https address; None where it is none.

    The message of `urlsplit` is not used: it quotes the host, and the password before it.
    """
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable and not _UNSEEN.search(address) else None


def _http_address(address: str) -> str:
    parts = _parts(address)
    if parts is None or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an http or https address without a user, a query or a fragment")
    return address


def _dsn(address: str) -> str:
    parts = _parts(address)
    if parts is None or not parts.username or not _PROJECT.fullmatch(parts.path):
        raise ValueError("must be a DSN as Sentry shows it: https://KEY@HOST/PROJECT, where the project is a number")
    return address


def _syslog_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_usable = parts.port != 0 and not parts.query and not parts.fragment and parts.username is None
    except ValueError:
        is_usable, parts = False, SplitResult("", "", "", "", "")
    is_socket = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
    is_server = parts.scheme in {"udp", "tcp"} and bool(parts.hostname) and parts.path in {"", "/"}
    if not is_usable or not (is_socket or is_server):
        raise ValueError("must be udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH")
    return address


def _pairs(text: str) -> str:
    """Names and values in OpenTelemetry's form. The message quotes none of them: they may hold a token."""
    if any(not each.partition("=")[0].strip() or "=" not in each for each in text.split(",")):
        raise ValueError("must be NAME=VALUE, with a comma between several")
    return text


def _headers(text: str) -> str:
    """The same for headers, of which only these can be sent."""
    for each in text.split(","):
        name, equals, value = (part.strip() for part in each.partition("="))
        if not (equals and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(unquote(value))):
            raise ValueError(
                "must be NAME=VALUE with a header's name and a value in ASCII, percent-encoded, "
                "with a comma between several"
            )
    return text


def _root_path(text: str) -> str:
    """A prefix without a slash at its end: "/" and "" are none."""
    if text and not _PREFIX.fullmatch(text):
        raise ValueError("must be a path such as /remedy, of letters, digits and - . _ ~, without a query")
    return text.rstrip("/")


def _lower(word: object) -> object:
    return word.lower() if isinstance(word, str) else word


Word = Annotated[str, AfterValidator(_encodable)]
RootPath = Annotated[str, AfterValidator(_root_path)]
Port = Annotated[int, Field(ge=0, le=65_535)]
RedisUrl = Annotated[RedisAddress, NoDecode, BeforeValidator(_redis_address)]
CertificateFile = Annotated[Path, AfterValidator(_certificates)]
HttpAddress = Annotated[Word, AfterValidator(_http_address)]
SyslogAddress = Annotated[Word, AfterValidator(_syslog_address)]
Dsn = Annotated[Word, AfterValidator(_dsn)]
Pairs = Annotated[Word, AfterValidator(_pairs)]
Headers = Annotated[Word, AfterValidator(_headers)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class Settings(BaseSettings):
    """The process settings. Each field is the environment variable of the same name in capitals; an empty one is unset.

    A port of 0 takes any free one.
    """

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    redis_url: RedisUrl | None = Field(default=None, repr=False, description="None starts the embedded server.")
    redis_username: Word | None = Field(default=None, description="The ACL user, where REDIS_URL names none.")
    redis_password: Word | None = Field(
        default=None, repr=False, description="The password, where REDIS_URL has none; any character may stand in it."
    )
    redis_ca_file: CertificateFile | None = Field(
        default=None, description="Certificates to trust with rediss:// instead of the usual ones (PEM)."
    )
    redis_cert_file: Path | None = Field(default=None, description="Our own certificate for rediss:// (PEM).")
    redis_key_file: Path | None = Field(default=None, description="Its key, where it does not lie in the same file.")
    redis_tls_verify_name: bool = Field(
        default=True, description="Whether Redis's certificate must be for the host that is dialled."
    )
    redis_sentinel_username: Word | None = Field(default=None, description="The ACL user of the sentinels.")
    redis_sentinel_password: Word | None = Field(default=None, repr=False, description="The password of the sentinels.")
    mappings_path: Path = Field(default=Path("mappings.yaml"), description="Where mappings.yaml is.")
    data_keys: str | None = Field(default=None, repr=False, description="The keys that seal; the first one seals.")
    data_keys_file: Path | None = Field(
        default=None, description="A file with them instead, which is read again when it changes."
    )
    data_dir: Path = Field(default=Path(".remedy"), description="Where the embedded server keeps its data.")
    log_level: LogLevel = Field(default="info", description="The least that is logged.")
    receiver_host: Word = Field(default="127.0.0.1", description="Where the receiver listens.")
    receiver_port: Port = Field(default=8080, description="Where the receiver listens.")
    receiver_url: HttpAddress | None = Field(
        default=None, description="Where senders reach the receiver; None where it listens on this machine."
    )
    metrics_host: Word = Field(default="127.0.0.1", description="Where the receiver shows its metrics.")
    metrics_port: Port = Field(default=9090, description="Where the receiver shows its metrics.")
    worker_host: Word = Field(default="127.0.0.1", description="Where a worker shows that it lives, and its metrics.")
    worker_port: Port = Field(default=9091, description="Where a worker shows that it lives, and its metrics.")
    console_host: Word = Field(default="127.0.0.1", description="Where the console listens.")
    console_port: Port = Field(default=8081, description="Where the console listens.")
    console_metrics_host: Word = Field(default="127.0.0.1", description="Where the console shows its metrics.")
    console_metrics_port: Port = Field(default=9092, description="Where the console shows its metrics.")
    root_path: RootPath | None = Field(
        default=None, description="What a proxy puts before the console's addresses, whether it leaves it in or not."
    )
    max_body_bytes: int = Field(default=262_144, ge=1_024, le=16_777_216, description="The largest delivery taken.")
    max_answer_bytes: int = Field(
        default=LARGEST_ANSWER,
        ge=65_536,
        le=268_435_456,
        description="The largest answer taken of SchoolScan and the trackers, after decompression.",
    )
    body_deadline: float = Field(
        default=10, gt=0, le=300, allow_inf_nan=False, description="Seconds that a delivery's body may take."
    )
    max_connections: int = Field(
        default=1_000, ge=16, le=100_000, description="Connections that senders may hold open at once."
    )
    max_url_bytes: int = Field(default=4_096, ge=256, le=65_536, description="The longest address in a request.")
    max_header_bytes: int = Field(
        default=16_384, ge=1_024, le=262_144, description="The largest head of a request, and its trailers and framing."
    )
    header_deadline: float = Field(
        default=10, gt=0, le=300, allow_inf_nan=False, description="Seconds that a request's head may take."
    )
    idle_seconds: float = Field(
        default=30,
        gt=0,
        le=3_600,
        allow_inf_nan=False,
        description="Seconds that a connection may rest between requests.",
    )
    allow_weak_durability: bool = Field(
        default=False, description="Take a Redis that may lose the last second of what it acknowledged."
    )
    max_jobs: int = Field(default=64, ge=1, le=1_000, description="Jobs at once in one worker.")
    poll_seconds: int = Field(default=30, ge=1, le=60, description="How often trackers are asked what changed.")
    completion_wait: int = Field(
        default=15, ge=1, le=3_600, description="Seconds that work in hand gets after SIGTERM."
    )
    outbound_proxy: ProxyAddress | None = Field(
        default=None, description="A proxy to SchoolScan, feeds, and every tracker that mappings.yaml names none for."
    )
    outbound_ca_file: CertificateFile | None = Field(
        default=None, description="Certificates to trust there instead of the usual ones (PEM), likewise."
    )
    otel_exporter_otlp_endpoint: HttpAddress | None = Field(
        default=None, description="Where spans go by OTLP over HTTP, /v1/traces left out; None turns traces off."
    )
    otel_exporter_otlp_headers: Headers | None = Field(
        default=None, repr=False, description="Headers to send there: NAME=VALUE, with a comma between several."
    )
    otel_exporter_otlp_certificate: CertificateFile | None = Field(
        default=None, description="Certificates to trust there instead of the usual ones (PEM)."
    )
    otel_service_name: Word = Field(default="remedy", description="What the processes are called in traces.")
    otel_resource_attributes: Pairs | None = Field(
        default=None, description="More about the process in traces: NAME=VALUE, with a comma between several."
    )
    otel_traces_sampler_arg: float = Field(
        default=1.0, ge=0, le=1, allow_inf_nan=False, description="Which part of all deliveries is traced."
    )
    otel_sdk_disabled: bool = Field(default=False, description="Turns traces off whatever else is set.")
    sentry_dsn: Dsn | None = Field(
        default=None, repr=False, description="Where errors that nobody foresaw are reported; None turns reports off."
    )
    sentry_environment: Word = Field(default="production", description="What the installation is called in reports.")
    audit_file: Path | None = Field(
        default=None, description="A file to which a worker adds each line of the audit; None for none."
    )
    audit_syslog: SyslogAddress | None = Field(
        default=None,
        description="A syslog server that is sent each line: udp://HOST:514, tcp://HOST:601, unix:///dev/log.",
    )
    remedy_failpoints: str | None = Field(default=None, description="Where this process breaks on purpose (tests).")
    allow_failpoints: bool = Field(default=False, description="Whether REMEDY_FAILPOINTS may be set at all.")


@dataclass(slots=True)
class _Context:
    """What stands before the environment in this process: a context, read when it is needed, and what it hides."""

    read: Callable[[], Mapping[str, str]] | None = None
    hidden: frozenset[str] = frozenset()


_context = _Context()


def use_context(read: Callable[[], Mapping[str, str]] | None, hidden: frozenset[str] = frozenset()) -> None:
    """From now on, let the variables that `read` returns stand before those of the environment; None for no context.

    Variables that are `hidden` do not come from the environment, whether or not the context has them. `read` is called
    each time, and raises ConfigurationError where the context cannot be used.
    """
    _context.read, _context.hidden = read, hidden


def load_settings() -> Settings:
    """The settings of this process. Raises ConfigurationError with one problem per variable, without its value."""
    try:
        return Settings(**_given_by_context())
    except ValidationError as error:
        problems = {str(each["loc"][0]): _problem(each) for each in error.errors(include_url=False)}
        raise ConfigurationError(list(problems.values())) from None


def _given_by_context() -> dict[str, Any]:
    """What a context says of the settings, and the defaults of those that it hides and does not name."""
    if _context.read is None:
        return {}
    variables, given = _context.read(), {}
    for name, field in Settings.model_fields.items():
        if name.upper() in variables:
            given[name] = variables[name.upper()]
        elif name.upper() in _context.hidden:
            given[name] = field.default
    return given


def environ() -> Mapping[str, str]:
    """The environment as it is now, behind the context: where secrets given by `{env: NAME}` are looked up.

    To look up a secret of a context raises ConfigurationError where it cannot be read.
    """
    if _context.read is None:
        return environ_itself()
    outer = {name: value for name, value in environ_itself().items() if name not in _context.hidden}
    return ChainMap(cast("dict[str, str]", _context.read()), outer)


def environ_itself() -> Mapping[str, str]:
    """The environment as it is now, without a context."""
    return dict(os.environ)  # noqa: TID251 - this is the one place


def contexts_folder() -> Path:
    """Where contexts are: REMEDY_CONTEXTS, or a folder of the user's configuration."""
    variables = environ_itself()
    if named := variables.get("REMEDY_CONTEXTS"):
        return Path(named).absolute()
    usual = variables.get("XDG_CONFIG_HOME", "")
    try:
        return (Path(usual) if usual.startswith("/") else Path.home() / ".config") / "remedy" / "contexts"
    except RuntimeError:
        raise ConfigurationError([Problem("REMEDY_CONTEXTS", "must name a folder: this user has no home")]) from None


def _problem(error: ErrorDetails) -> Problem:
    words = _MESSAGES.get(error["type"], "is not what is allowed")
    return Problem(str(error["loc"][0]).upper(), words if isinstance(words, str) else words(error))


_PROXY = "must be an address such as http://proxy.example:3128, without a user and a password"

_MESSAGES: Mapping[str, str | Callable[[ErrorDetails], str]] = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
    "literal_error": lambda error: f"must be {error['ctx']['expected'].replace(chr(39), '')}",
    "greater_than": lambda error: f"must be more than {error['ctx']['gt']:,.0f}",
    "greater_than_equal": lambda error: f"must be at least {error['ctx']['ge']:,}",
    "less_than_equal": lambda error: f"must be at most {error['ctx']['le']:,.0f}",
    "url_parsing": _PROXY,
    "url_scheme": _PROXY,
    "url_too_long": _PROXY,
    "value_error": lambda error: str(error["ctx"]["error"]),
}
