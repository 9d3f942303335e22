import os
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import TypeAdapter

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.outbound.certificates import certificate_flaw, own_certificate_flaw
from remediation.redis_address import RedisAddress, RedisSignIn, TlsFiles
from remediation.settings import Settings, load_settings
from remedy.runtime.assembly import signed_in
from remedy.runtime.calls.outbound import Outbound, outbound
from tests.certificates import Authority

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
    ("url", "said", "sign_in"),
    [
        ("redis://r.example:6379/0", {}, RedisSignIn()),
        ("redis://r.example:6379/0", {"redis_password": "p/#@:? %é"}, RedisSignIn(None, "p/#@:? %é")),
        ("rediss://r.example/2", {"redis_username": "remedy", "redis_password": "x"}, RedisSignIn("remedy", "x")),
        ("unix:///run/valkey.sock", {"redis_password": "x"}, RedisSignIn(None, "x")),
        ("redis+sentinel://s.example/main", {"redis_password": "x"}, RedisSignIn(None, "x")),
        ("redis://remedy:x@r.example/0", {}, RedisSignIn("remedy", "x")),
    ],
)
def test_redis_is_signed_in_to_whatever_the_password_holds(
    url: str, said: dict[str, str], sign_in: RedisSignIn
) -> None:
    address = RedisAddress.parse(url)
    assert signed_in(address, Settings.model_validate(said)) == replace(address, sign_in=sign_in)


def test_what_tls_goes_by_goes_with_the_address(tmp_path: Path) -> None:
    said = Settings.model_construct(redis_ca_file=tmp_path / "ca.pem", redis_tls_verify_name=False)
    address = signed_in(RedisAddress.parse("rediss://r.example/0"), said)
    assert address.tls == TlsFiles(tmp_path / "ca.pem", verify_name=False)


def test_two_passwords_for_redis_are_one_too_many() -> None:
    said = Settings.model_validate({"redis_password": "test-only-a"})
    with pytest.raises(ConfigurationError, match="has a user or a password already") as refused:
        signed_in(RedisAddress.parse("redis://:test-only-b@r.example/0"), said)
    assert "test-only" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "said", "words"),
    [
        ("redis://r.example", {"redis_sentinel_password": "test-only"}, "names no sentinels"),
        ("redis://r.example", {"redis_cert_file": "/c.pem"}, "REDIS_URL is not rediss://"),
        ("rediss://r.example", {"redis_key_file": "/k.pem"}, "set REDIS_CERT_FILE, too"),
        ("rediss://r.example", {"redis_cert_file": "/no/such.pem"}, "cannot be read: No such file"),
    ],
)
def test_what_would_be_of_no_use_is_refused(url: str, said: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        signed_in(RedisAddress.parse(url), Settings.model_validate(said))
    assert "test-only" not in str(refused.value)


def test_a_certificate_of_ours_must_fit_its_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (certificate, key), (_, other) = authority.issue("remedy"), authority.issue("other")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert own_certificate_flaw(str(certificate), str(key)) is None
    assert own_certificate_flaw(str(both), None) is None
    assert own_certificate_flaw(str(certificate), str(other)) == "the key is that of another certificate"
    for certificate_file, key_file in ((certificate, None), (key, None), (certificate, certificate)):
        flaw = own_certificate_flaw(str(certificate_file), str(key_file) if key_file else None)
        assert flaw == "hold no certificate and key in the form of PEM"


def test_a_key_that_needs_a_password_asks_nobody(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("remedy")
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    key.write_bytes(plain.private_bytes(*form, serialization.BestAvailableEncryption(b"test-only")))
    assert "encrypted with a password" in str(own_certificate_flaw(str(certificate), str(key)))


def test_certificates_are_only_read_from_regular_files_of_a_usual_size(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    certificate, key = Authority(tmp_path).issue("remedy")
    irregular = "cannot be read: it is no regular file"
    for path in (pipe, tmp_path, Path("/dev/zero")):
        assert certificate_flaw(str(path)) == irregular
        assert own_certificate_flaw(str(path), None) == irregular
        assert own_certificate_flaw(str(certificate), str(path)) == irregular
    os.truncate(key, 11_000_000)
    assert certificate_flaw(str(key)) == "is larger than 10,000,000 bytes"
