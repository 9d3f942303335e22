import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.references import SecretFromEnv, SecretFromFile
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.secrets import identities_of, read_secret, worker_secrets

TEXT = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: LAKESIDE_TOKEN}
      webhook: {secrets: [{env: LAKESIDE_NEW}, {env: LAKESIDE_OLD}]}
  harbor:
    schoolscan:
      token: {file: HARBOR_FILE}
      webhook: {secrets: [{env: HARBOR_WEBHOOK}]}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}}
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: NOW_TOKEN}},
        webhook: {secrets: [{env: TOLD}]}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""
OTHERS = {"LAKESIDE_TOKEN": "test-only-token", "JIRA_TOKEN": "test-only-jira", "NOW_TOKEN": "test-only-now"}
BROKEN_OFF = "holds a line break or another control character"


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    path = tmp_path / "token"
    path.write_text("test-only-harbor\n")
    return loaded_of(TEXT.replace("HARBOR_FILE", str(path)), "m.yaml")


def test_a_worker_needs_tokens_and_tracker_secrets_and_nothing_else(loaded: Loaded) -> None:
    tokens = {"lakeside": "test-only-token", "harbor": "test-only-harbor"}
    trackers = {"jira": "test-only-jira", "now": "test-only-now"}
    assert worker_secrets(loaded, OTHERS) == (tokens, trackers, {})


def test_everything_that_is_missing_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    broken = loaded_of(TEXT.replace("HARBOR_FILE", str(missing)), "m.yaml")
    with pytest.raises(ConfigurationError) as caught:
        worker_secrets(broken, {"JIRA_TOKEN": "", "NOW_TOKEN": "test-only\nsecond line"})
    assert [str(problem) for problem in caught.value.problems] == [
        "m.yaml:5:14: districts.lakeside.schoolscan.token: environment variable LAKESIDE_TOKEN is not set",
        f"m.yaml:9:14: districts.harbor.schoolscan.token: file {missing} cannot be read: No such file or directory",
        "m.yaml:12:90: trackers.jira.auth.basic.password: environment variable JIRA_TOKEN is empty",
        f"m.yaml:13:70: trackers.now.auth.bearer: environment variable NOW_TOKEN {BROKEN_OFF}",
    ]


def with_identity(key: str = "{env: IDENTITY_KEY}", by: str = "[domain_type, url]") -> str:
    return TEXT.replace("  harbor:\n", f"    identity:\n      by: {by}\n      key: {key}\n  harbor:\n")


def test_an_identity_has_a_key_of_its_own() -> None:
    key = "test-only-key-of-an-identity-that-is-long"
    found = identities_of(loaded_of(with_identity(), "m.yaml"), {"IDENTITY_KEY": key})
    assert {name: (sorted(each.by), each.key) for name, each in found.items()} == {
        "lakeside": (["domain_type", "url"], key.encode())
    }


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "environment variable IDENTITY_KEY is not set"),
        ({"IDENTITY_KEY": "test-only-short-key"}, "holds fewer than 32 characters"),
    ],
)
def test_a_key_of_an_identity_that_is_of_no_use_is_told_with_its_place(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        identities_of(loaded_of(with_identity(), "m.yaml"), environ)
    assert str(caught.value) == f"m.yaml:9:12: districts.lakeside.identity.key: {says}"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (
            with_identity(by="[domain_type, adress]"),
            "m.yaml:8:25: districts.lakeside.identity.by[1]",
            "domain_type, title or url",
        ),
        (with_identity(by="[domain_type]"), "m.yaml:8:11: districts.lakeside.identity.by", "must name url"),
        (with_identity(by="[url, url]"), "m.yaml:8:11: districts.lakeside.identity.by", "twice"),
        (with_identity(by="[]"), "m.yaml:8:11: districts.lakeside.identity.by", ""),
        (
            with_identity(key="test-only-key-in-the-file"),
            "m.yaml:9:12: districts.lakeside.identity.key",
            "by reference",
        ),
        (with_identity().replace("      key: {env: IDENTITY_KEY}\n", ""), "districts.lakeside.identity.key", "missing"),
    ],
)
def test_what_is_wrong_with_an_identity_is_told_with_its_place(text: str, place: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded_of(text, "m.yaml")
    (problem,) = caught.value.problems
    assert place in str(problem)
    assert says in str(problem)
    assert "test-only" not in str(problem)


@pytest.mark.parametrize("written", ["test-only", "test-only\n", "test-only\r\n"])
def test_one_trailing_newline_is_no_part_of_a_secret(tmp_path: Path, written: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(written.encode())
    assert read_secret(SecretFromFile(file=path), {}) == "test-only"
    assert read_secret(SecretFromEnv(env="A"), {"A": written}) == "test-only"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"  ", "is empty"),
        (b"test-only\n\n", BROKEN_OFF),
        (b"test-only\x00", BROKEN_OFF),
        (b"test-only\xff", "is not UTF-8 text"),
        (b"x" * 64_001, "is longer than 64,000 characters"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_secret(SecretFromFile(file=path), {})
    assert str(caught.value) == f"file {path}: {message}"


@pytest.mark.parametrize("name", [".", "nul\0"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_secret(SecretFromFile(file=tmp_path / name), {})


@pytest.mark.parametrize("environ", [{}, {"B": "test-only"}])
def test_a_variable_that_is_not_set_is_named(environ: Mapping[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"^environment variable A: is not set$"):
        read_secret(SecretFromEnv(env="A"), environ)


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless device", "linked pipe"])
def test_a_secret_is_only_read_from_a_regular_file(tmp_path: Path, kind: str) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    (linked := tmp_path / "linked").symlink_to(pipe)
    path = {"pipe": pipe, "folder": tmp_path, "endless device": Path("/dev/zero"), "linked pipe": linked}[kind]
    with pytest.raises(ConfigurationError) as caught:
        read_secret(SecretFromFile(file=path), {})
    assert str(caught.value) == f"file {path}: cannot be read: it is no regular file"


def test_a_secret_may_lie_behind_links_as_in_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "token").write_text("test-only-token\n")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "token").symlink_to("..data/token")
    assert read_secret(SecretFromFile(file=tmp_path / "token"), {}) == "test-only-token"
