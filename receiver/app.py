"""The receiver as a value: every route, middleware and resource on one screen."""

import math
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from receiver import health, webhooks
from receiver.accounts import SCHOOLSCAN_PATH, Accounts
from receiver.context import Clocks, Limits, ReceiverContext
from receiver.correlation import Correlated
from receiver.limits import LastResort
from receiver.metrics import NOT_KEPT, OVER_LIMIT, SECRET_ENDS, SECRET_USES, SIGNATURE_FAILURES
from receiver.stopping import LastAnswers, Stop
from remediation.domain.errors import FirstLooksFull, QuarantineFull
from remediation.readiness import STOPPING, Readiness
from remediation.sharing import SharedReading
from remediation.store.activity.tally import ActivityTally
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.signing import SignedTimes
from remediation.store.server.connection import Connection
from remediation.store.server.readiness import store_problems

Application = Starlette
"""The type that `create_app` returns, for the code that serves it."""


def create_app(
    accounts: Accounts,
    connection: Connection,
    inbox: Inbox,
    clocks: Clocks,
    *,
    limits: Limits,
    allow_weak_durability: bool = False,
    troubles: Callable[[], Sequence[str]] = tuple,
) -> Starlette:
    """The application that senders call. Whatever it holds open is closed by the caller.

    `troubles` returns what a person must correct although deliveries can be taken; /readyz says only that there is
    some.
    """
    context = ReceiverContext(inbox, SignedTimes(connection), clocks, limits)
    app = Starlette(
        routes=[
            Route(SCHOOLSCAN_PATH, webhooks.unknown_district, methods=["POST"]),
            Route(f"{SCHOOLSCAN_PATH}/{{district}}", webhooks.unknown_district, methods=["POST"]),
            Route("/webhooks/{tracker}", webhooks.unknown_tracker, methods=["POST"]),
            Route("/livez", health.livez),
            Route("/readyz", health.readyz),
        ],
        middleware=[
            Middleware(LastAnswers, context.stop),
            Middleware(Correlated),
            Middleware(LastResort),
        ],
    )
    app.middleware_stack = webhooks.Webhooks(app.build_middleware_stack(), context)  # around Starlette's own, too
    app.router.redirect_slashes = False  # a sender must not be answered with a redirect
    app.state.context = context
    replace_accounts(app, accounts)

    async def asked() -> Readiness:
        return Readiness(await store_problems(connection, allow_weak_durability=allow_weak_durability), troubles())

    shared = SharedReading(asked)

    async def readiness() -> Readiness:
        return Readiness([STOPPING]) if context.stop.is_begun else await shared()

    app.state.readiness = readiness
    return app


def stop_of(app: Starlette) -> Stop:
    """The application's stop, for the code that ends the process."""
    return _context_of(app).stop


def tally_of(app: Starlette) -> ActivityTally:
    """What the application counts for charts, for the code that writes it to the store."""
    return _context_of(app).tally


def replace_accounts(app: Starlette, accounts: Accounts) -> None:
    """Use these senders from the next delivery on. A delivery that is being read keeps the accounts it began with."""
    _context_of(app).addresses = accounts.addresses()
    SECRET_ENDS.clear()
    for account in (*accounts.districts.values(), *accounts.trackers.values()):
        # starting at 0 lets the first increment show in a rate
        SIGNATURE_FAILURES.labels(account.sender.name, account.name)
        OVER_LIMIT.labels(account.sender.name, account.name)
        for full in (QuarantineFull, FirstLooksFull):
            NOT_KEPT.labels(account.sender.name, account.name, full.__name__)
        for secret in account.secrets:
            SECRET_USES.labels(account.sender.name, account.name, secret.id)
            if math.isfinite(secret.ends_at):
                SECRET_ENDS.labels(account.sender.name, account.name, secret.id).set(secret.ends_at)


def _context_of(app: Starlette) -> ReceiverContext:
    context: ReceiverContext = app.state.context
    return context


async def _nothing() -> None:
    """Read nothing before metrics are shown."""


def create_metrics_app(
    refresh: Callable[[], Awaitable[None]] = _nothing,
    readiness: Callable[[], Awaitable[Readiness]] | None = None,
    registry: CollectorRegistry = REGISTRY,
) -> Starlette:
    """The application for Prometheus and operators, on a port of its own.

    `refresh` runs before each answer, to read what other processes may have changed. `readiness` is what /readyz shows
    in full, and `registry` has the metrics.
    """
    app = Starlette(routes=[Route("/metrics", health.metrics)])
    app.state.refresh = refresh
    app.state.registry = registry
    if readiness:
        app.router.routes.append(Route("/readyz", health.readyz_in_full))
        app.state.readiness = readiness
    return app


def readiness_of(app: Starlette) -> Callable[[], Awaitable[Readiness]]:
    """The readiness check of an application that `create_app` made."""
    question: Callable[[], Awaitable[Readiness]] = app.state.readiness
    return question
