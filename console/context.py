"""What the pages work with: built once, and handed to each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from console.assets import Assets
from console.people.roles import Person
from console.rendering import PageTemplates
from remediation.mapping.reading.loading import Loaded
from remediation.operations.auditing import OperationAudit
from remediation.sealing import Keyring
from remediation.store.cases.lists import CaseLists
from remediation.store.console.sessions import ConsoleIdentity
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What every page may use. `clock` returns Unix seconds by Redis's clock; `loaded` the mappings.yaml in force.

    `reach` has how an identity provider is reached: terms of its HTTP client (`verify`, `proxy`).
    """

    connection: Connection
    keyring: Keyring
    clock: Callable[[], float]
    loaded: Callable[[], Loaded]
    templates: PageTemplates
    audit: OperationAudit
    assets: Assets = field(default_factory=Assets)
    reach: Mapping[str, Any] = field(default_factory=dict)


def context_of(request: Request) -> ConsoleContext:
    """The context of the application that got this request."""
    context: ConsoleContext = request.app.state.context
    return context


def person_of(request: Request) -> Person:
    """Who asks. Only for routes behind the sign-in, where there is always somebody."""
    person: Person = request.state.person
    return person


def identity_of(request: Request) -> ConsoleIdentity:
    """Who asks, as their session says: what they may do is worked out from it, now or later."""
    identity: ConsoleIdentity = request.state.identity
    return identity


def lists_of(request: Request) -> CaseLists:
    """The lists of cases, of which this process remembers the names between requests."""
    lists: CaseLists = request.app.state.case_lists
    return lists
