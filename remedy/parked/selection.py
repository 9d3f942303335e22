"""Which parked work a command means: the names and options that `list`, `replay` and `discard` share."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import click

from remediation.mapping.config.words import duration_of, duration_text
from remediation.operations.stores import OperationStores
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.deliveries.parked import ParkedKind, Selection
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import keyring_of

ResultT = TypeVar("ResultT")

_WILD = frozenset("*?")


def with_stores(use: Callable[[OperationStores], Awaitable[ResultT]]) -> ResultT:
    """What `use` returns for the stores in the Redis of the settings. Raises StoreUnavailable, ConfigurationError."""
    settings = load_settings()
    keyring = keyring_of(settings)

    async def work(address: RedisAddress) -> ResultT:
        async with open_for_command(address) as connection:
            clock = await clock_of(connection)
            return await use(OperationStores(CommandAudit(connection, keyring, clock), clock, connection, keyring))

    with redis_address(settings) as address:
        return asyncio.run(work(address))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen on the command line."""

    names: tuple[str, ...] = ()
    district: str | None = None
    kind: ParkedKind | None = None
    system: str | None = None
    error: str | None = None
    action: str | None = None
    since: timedelta | None = None
    older_than: timedelta | None = None

    @property
    def exact(self) -> tuple[str, ...]:
        """The names, where only names without patterns were given: each of them must be parked."""
        return () if self._options() or any(_WILD & set(name) for name in self.names) else self.names

    @property
    def is_everything(self) -> bool:
        """Whether nothing limits the choice."""
        return not self.names and not self._options()

    def selection(self, now: float) -> Selection:
        """The choice as a selection for the store, its spans counted back from `now` (Unix seconds)."""
        return Selection(
            names=self.names,
            district=self.district,
            kind=self.kind,
            system=self.system,
            error=self.error,
            action=self.action,
            since=None if self.since is None else now - self.since.total_seconds(),
            until=None if self.older_than is None else now - self.older_than.total_seconds(),
        )

    def text(self) -> str:
        """The choice in the words of the command line."""
        return " ".join((*self._options(), *self.names)) or "--all"

    def _options(self) -> tuple[str, ...]:
        spans = (("--since", self.since), ("--older-than", self.older_than))
        words = [
            ("--district", self.district),
            ("--kind", self.kind),
            ("--system", self.system),
            ("--error", self.error),
            ("--action", self.action),
            *((option, duration_text(span)) for option, span in spans if span is not None),
        ]
        return tuple(f"{option} {word}" for option, word in words if word is not None)


class SpanOfTime(click.ParamType[timedelta]):
    """A span of time: `90s`, `15m`, `2h` or `14d`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span; a usage error where it is none."""
        try:
            return duration_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_OPTIONS = (
    click.argument("names", nargs=-1, metavar="[NAME-OR-PATTERN]..."),
    click.option("--district", help="Only of this district."),
    click.option("--kind", type=click.Choice([str(kind) for kind in ParkedKind]), help="Only of this kind."),
    click.option("--system", help="Only what this tracker (or schoolscan:DISTRICT) refused."),
    click.option("--error", help="Only with this error, for example Refused or KeyMissing."),
    click.option("--action", help="Only this action, for example open:jira; look is a whole case."),
    click.option("--since", type=SpanOfTime(), help="Only what was set aside within this span: 90s, 15m, 2h or 14d."),
    click.option("--older-than", type=SpanOfTime(), help="Only what was set aside longer ago."),
)
_FIELDS = tuple(Chosen.__dataclass_fields__)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator: adds the options that choose parked work; the command gets them as `chosen`."""

    @functools.wraps(command)
    def chosen(**given: Any) -> None:
        fields = {name: given.pop(name) for name in _FIELDS}
        fields["kind"] = ParkedKind(fields["kind"]) if fields["kind"] else None
        command(chosen=Chosen(**fields), **given)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), chosen)
