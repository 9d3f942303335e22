from pathlib import Path

import pytest
from pydantic import TypeAdapter

from cli.assembly import signed_in
from cli.outbound import Outbound, outbound
from remediation.errors import ConfigurationError
from remediation.mapping.trackers import JiraTracker
from remediation.settings import Settings, load_settings

PROXY = "http://proxy.example:3128"


def jira(**words: object) -> JiraTracker:
    said = {"kind": "jira", "url": "https://jira.example", "auth": {"bearer": {"env": "T"}}, **words}
    return TypeAdapter(JiraTracker).validate_python(said | {"deployment": "data_center"})


def test_a_tracker_goes_the_way_of_all_where_it_names_none() -> None:
    completed = Outbound(PROXY, Path("ca.pem")).completes(jira())
    assert (str(completed.proxy), completed.ca_file) == (PROXY, Path("ca.pem"))


def test_a_tracker_s_own_way_wins() -> None:
    completed = Outbound(PROXY, Path("ca.pem")).completes(jira(proxy="http://own.example:8080", ca_file="own.pem"))
    assert (str(completed.proxy), completed.ca_file) == ("http://own.example:8080/", Path("own.pem"))


def test_without_settings_the_way_is_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUTBOUND_PROXY", raising=False)
    assert outbound() == Outbound(None, None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OUTBOUND_PROXY", "http://user:test-only@proxy.example", "a proxy's address holds no user name or password"),
        ("OUTBOUND_PROXY", "http://proxy.example/path", "must be a proxy's address and nothing more"),
        ("OUTBOUND_CA_FILE", "/nowhere/ca.pem", "cannot be read: No such file or directory"),
        ("REDIS_CA_FILE", __file__, "holds no certificates in the form of PEM"),
        ("COMPLETION_WAIT", "0", "must be at least 1"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    (problem,) = refused.value.problems
    assert problem.where == name
    assert words in problem.message
    assert "test-only" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "said", "address"),
    [
        ("redis://r.example:6379/0", {}, "redis://r.example:6379/0"),
        (
            "redis://r.example:6379/0",
            {"redis_password": "p/#@:? %é"},
            "redis://:p%2F%23%40%3A%3F%20%25%C3%A9@r.example:6379/0",
        ),
        ("rediss://r.example/2", {"redis_username": "remedy", "redis_password": "x"}, "rediss://remedy:x@r.example/2"),
        ("unix:///run/valkey.sock", {"redis_password": "x"}, "unix://:x@/run/valkey.sock"),
    ],
)
def test_redis_is_signed_in_to_whatever_the_password_holds(url: str, said: dict[str, str], address: str) -> None:
    assert signed_in(url, Settings.model_validate(said)) == address


def test_certificates_go_with_an_encrypted_address_only(tmp_path: Path) -> None:
    said = Settings.model_construct(redis_ca_file=tmp_path / "ca.pem")
    assert signed_in("rediss://r.example/0", said).endswith(
        "/0?ssl_ca_certs=" + str(tmp_path / "ca.pem").replace("/", "%2F")
    )
    assert signed_in("redis://r.example/0", said) == "redis://r.example/0"


def test_two_passwords_for_redis_are_one_too_many() -> None:
    said = Settings.model_validate({"redis_password": "test-only-a"})
    with pytest.raises(ConfigurationError, match="has a user or a password already") as refused:
        signed_in("redis://:test-only-b@r.example/0", said)
    assert "test-only" not in str(refused.value)
