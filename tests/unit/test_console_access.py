"""Whom an entry of `access` in mappings.yaml means."""

import pytest

from console.people.access import grants_of
from remediation.mapping.config.console import ConsoleConfig
from remediation.store.console.sessions import ConsoleIdentity

ISSUER = "https://id.example"


def is_let_in(name: str, user: str) -> bool:
    """Whether somebody of this name is who mappings.yaml names so."""
    way = {"issuer": ISSUER, "client_id": "console", "client_secret": {"env": "SECRET"}}
    config = ConsoleConfig.model_validate(
        {
            "url": "https://console.example",
            "sign_in": {"oidc": way},
            "access": [{"user": user, "role": "administrator"}],
        }
    )
    return bool(grants_of(config, ConsoleIdentity(name, "oidc", ISSUER)))


def test_a_person_is_meant_in_capitals_too() -> None:
    assert is_let_in("Ana@Example.org", "ana@example.ORG")
    assert not is_let_in("ana@example.org", "bo@example.org")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("strasse@example.org", "stra\N{LATIN SMALL LETTER SHARP S}e@example.org"),
        ("\N{LATIN SMALL LIGATURE FI}nn@example.org", "finn@example.org"),
        ("\N{KELVIN SIGN}im@example.org", "kim@example.org"),
    ],
)
def test_a_name_that_only_looks_alike_is_another_persons(name: str, user: str) -> None:
    assert is_let_in(user, user)
    assert not is_let_in(name, user)
