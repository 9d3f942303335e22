"""What somebody who has signed in may do, worked out from mappings.yaml as it is now. Pure."""

from collections.abc import Iterator

from console.people.roles import ConsoleRole, Person, RoleGrant
from remediation.mapping.config.console import AccessGrant, ConsoleConfig, RoleName, SessionTimes, address_of
from remediation.store.console.sessions import ConsoleIdentity, SessionSpan

_ROLES = {
    RoleName.VIEWER: ConsoleRole.VIEWER,
    RoleName.OPERATOR: ConsoleRole.OPERATOR,
    RoleName.ADMINISTRATOR: ConsoleRole.ADMINISTRATOR,
}


def person_by(config: ConsoleConfig | None, who: ConsoleIdentity) -> Person:
    """Who it is, with what they may do by this mappings.yaml."""
    return Person(who.name, grants_of(config, who))


def grants_of(config: ConsoleConfig | None, who: ConsoleIdentity) -> tuple[RoleGrant, ...]:
    """Their roles; none where nothing (any more) lets them in.

    A link says itself what it lets somebody do. Whoever an issuer named that mappings.yaml does not name any more may
    do nothing.
    """
    if who.way == "link":
        return (RoleGrant(_ROLES[RoleName(who.role)], _frozen(who.districts)),)
    if config is None or who.source != source_of(config):
        return ()
    return tuple(_granted(config, who))


def source_of(config: ConsoleConfig) -> str:
    """Who says who people are: the issuer that is configured; empty where there is only the link."""
    if config.sign_in is None:
        return ""
    if oidc := config.sign_in.oidc:
        return address_of(oidc.issuer)
    return config.sign_in.proxy.issuer if config.sign_in.proxy else ""


def span_of(config: ConsoleConfig | None) -> SessionSpan:
    """How long sessions last."""
    times = config.session if config else SessionTimes()
    return SessionSpan(times.idle, times.longest)


def _granted(config: ConsoleConfig, who: ConsoleIdentity) -> Iterator[RoleGrant]:
    for grant in config.access:
        if _is_theirs(grant, who):
            yield RoleGrant(_ROLES[grant.role], _frozen(grant.districts))


def _is_theirs(grant: AccessGrant, who: ConsoleIdentity) -> bool:
    if grant.user is not None:
        return _folded(grant.user) == _folded(who.name)
    return grant.group in who.groups


def _folded(name: str) -> str:
    """A name in which the case of A to Z does not count. Other letters do: those that only look alike are another's."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _frozen(districts: list[str] | tuple[str, ...] | None) -> frozenset[str] | None:
    return None if districts is None else frozenset(districts)
