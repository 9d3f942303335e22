"""Contexts: what their files may say, and what stands before the environment then."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediation.contexts import OF_AN_INSTALLATION, ContextVariables, chosen_variables, context_of, read_context
from remediation.domain.errors import ConfigurationError
from remediation.settings import Settings, environ, load_settings, use_context
from remedy.main import main
from remedy.runtime.failures import ExitCode

SECRET = "test-only-secret"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name.upper() for name in Settings.model_fields]:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "contexts"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("REMEDY_CONTEXTS", str(folder))
    monkeypatch.delenv("REMEDY_CONTEXT", raising=False)
    yield folder
    use_context(None)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def choose(name: str) -> None:
    use_context(lambda: chosen_variables(name), OF_AN_INSTALLATION)


def wrong(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        context_of(text, "prod", Path("prod.yaml"))
    return str(caught.value)


def test_a_context_gives_settings_and_reads_its_secrets_when_they_are_asked_for(folder: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    write(
        folder,
        "prod",
        f"settings: {{REDIS_URL: 'rediss://r.example:6380/2', MAPPINGS_PATH: /etc/m.yaml, POLL_SECONDS: 5}}\n"
        f"secrets: {{SCHOOLSCAN_TOKEN: {{file: {token}}}}}",
    )
    choose("prod")
    settings = load_settings()
    assert (str(settings.redis_url and settings.redis_url.place), settings.poll_seconds) == ("r.example:6380", 5)
    assert settings.mappings_path == Path("/etc/m.yaml")
    with pytest.raises(
        ConfigurationError, match=rf"prod\.yaml: secrets\.SCHOOLSCAN_TOKEN: file {token}: cannot be read"
    ):
        environ()["SCHOOLSCAN_TOKEN"]
    token.write_text(f"{SECRET}\n", encoding="ascii")
    assert environ()["SCHOOLSCAN_TOKEN"] == SECRET


def test_what_a_context_says_stands_before_the_environment_and_no_installation_is_made_of_two(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "prod", "settings: {REDIS_URL: 'redis://prod.example', LOG_LEVEL: error}")
    for name, value in {
        "REDIS_URL": "redis://lab.example",
        "REDIS_PASSWORD": SECRET,
        "DATA_KEYS": SECRET,
        "MAPPINGS_PATH": "/lab.yaml",
        "LOG_LEVEL": "debug",
        "WORKER_PORT": "1234",
        "JIRA_TOKEN": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    choose("prod")
    settings = load_settings()
    assert "prod.example" in str(settings.redis_url)
    assert (settings.redis_password, settings.data_keys, settings.mappings_path) == (None, None, Path("mappings.yaml"))
    assert (settings.log_level, settings.worker_port) == ("error", 1234)
    assert environ()["JIRA_TOKEN"] == SECRET
    assert "REDIS_PASSWORD" not in environ()


def test_a_secret_setting_may_come_from_a_variable_of_another_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "prod", "secrets: {REDIS_PASSWORD: {env: PROD_REDIS}}")
    monkeypatch.setenv("PROD_REDIS", SECRET)
    choose("prod")
    assert load_settings().redis_password == SECRET


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"settings: {{DATA_KEYS: {SECRET}}}", "1:23: settings.DATA_KEYS: is a secret: it belongs under secrets"),
        (f"settings: {{JIRA_TOKEN: {SECRET}}}", "a secret of mappings.yaml belongs under secrets"),
        ("settings: {REDIS_ULR: 'redis://r'}", "is no process setting; did you mean REDIS_URL?"),
        (f"settings: {{REDIS_URL: 'redis://u:{SECRET}@r'}}", "holds a password, which belongs under secrets"),
        (f"settings: {{REDIS_URL: 'redis://:{SECRET}/#@r'}}", "holds a password, which belongs under secrets"),
        ("settings: {MAPPINGS_PATH: mappings.yaml}", "must be an absolute path"),
        ("settings: {DATA_DIR: ''}", "is empty: leave it out instead"),
        ("settings: {ALLOW_FAILPOINTS: true}", "is no process setting"),
        (f"secrets: {{JIRA_TOKEN: {SECRET}}}", "secrets are given by reference: {env: NAME} or {file: PATH}"),
        ("secrets: {JIRA_TOKEN: {file: token}}", "secrets.JIRA_TOKEN.file: must be an absolute path"),
        ("secrets: {REDIS_URL: {env: A}}\nsettings: {REDIS_URL: 'redis://r'}", "stands under settings, too"),
        ("secrets: {LOG_LEVEL: {env: A}}", "is no secret: it belongs under settings"),
        ("setings: {}", "did you mean 'settings'?"),
        ("valid_while_locked: lock", "must be an absolute path"),
        ("settings: [", "prod.yaml:1:"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_place_and_without_a_secret(text: str, message: str) -> None:
    told = wrong(text)
    assert message in told
    assert SECRET not in told


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_context_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    write(folder, "prod", "").chmod(mode)
    with pytest.raises(ConfigurationError, match="others may write it, and so send commands elsewhere: chmod go-w"):
        read_context("prod")


def test_a_folder_that_others_may_write_is_refused(folder: Path) -> None:
    write(folder, "prod", "")
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod go-w"):
        read_context("prod")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_an_unknown_context_is_answered_with_the_nearest_one(folder: Path) -> None:
    write(folder, "prod", "")
    write(folder, "lab", "")
    result = run("--context", "prdo", "status")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stderr == f"error: {folder}: no context is named 'prdo'; did you mean 'prod'? (there are lab, prod)\n"
    assert "; it is there while remedy demo runs (there are lab, prod)" in run("--context", "demo", "status").stderr
    assert run("--context", "../prod", "status").exit_code == ExitCode.CONFIGURATION


def test_a_command_that_needs_no_setting_does_not_fail_for_a_context(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDY_CONTEXT", "gone")
    assert run("case", "list", "--help").exit_code == 0
    assert run("context", "list").exit_code == 0
    assert run("status").exit_code == ExitCode.CONFIGURATION


def test_the_option_stands_before_the_subcommand_and_says_so() -> None:
    result = run("status", "--context", "prod")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "--context stands before the subcommand: remedy --context NAME" in result.stderr
    assert "takes no --context" in run("--context", "prod", "demo").stderr


def test_a_context_of_a_process_that_has_ended_says_so(folder: Path, tmp_path: Path) -> None:
    lock = tmp_path / "holder.lock"
    lock.touch()
    write(folder, "demo", f"settings: {{REDIS_URL: 'unix:///x.sock'}}\nvalid_while_locked: {lock}")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        choose("demo")
        assert load_settings().redis_url is not None
    result = run("--context", "demo", "status")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "belongs to a process that has ended: start it again with remedy demo" in result.stderr
    (row,) = json.loads(run("context", "list", "--json").stdout)["contexts"]
    assert (row["name"], row["state"]) == ("demo", "has ended")


def test_contexts_are_shown_with_the_places_of_their_secrets(folder: Path, tmp_path: Path) -> None:
    path = write(
        folder,
        "prod",
        f"settings: {{REDIS_URL: 'redis://r.example', ALLOW_WEAK_DURABILITY: true}}\n"
        f"secrets: {{JIRA_TOKEN: {{file: {tmp_path}/token}}, DATA_KEYS: {{env: KEYS}}}}",
    )
    write(folder, "broken", "settings: 1")
    shown = run("context", "show", "prod").stdout
    assert shown.splitlines() == [
        f"prod: {path}",
        "  ALLOW_WEAK_DURABILITY=true",
        "  REDIS_URL=redis://r.example",
        "  DATA_KEYS from the variable KEYS",
        f"  JIRA_TOKEN from the file {tmp_path}/token",
    ]
    assert json.loads(run("context", "show", "prod", "--json").stdout)["secrets"]["DATA_KEYS"] == {"env": "KEYS"}
    listed = run("context", "list").stdout.splitlines()
    assert "broken" in listed[0]
    assert "unusable" in listed[0]
    assert listed[1].split() == ["prod", "ready", "redis://r.example"]


def test_the_variables_of_a_context_can_be_listed_without_reading_a_secret() -> None:
    context = context_of("settings: {LOG_LEVEL: info}\nsecrets: {JIRA_TOKEN: {env: GONE}}", "a", Path("a.yaml"))
    variables = ContextVariables(context, {})
    assert (set(variables), len(variables)) == ({"LOG_LEVEL", "JIRA_TOKEN"}, 2)
    assert [name in variables for name in ("LOG_LEVEL", "JIRA_TOKEN", "GONE")] == [True, True, False]


@pytest.mark.parametrize(
    "written",
    [
        f"REDIS_URL: 'redis://r.example/0?password={SECRET}'",
        f"OTEL_EXPORTER_OTLP_ENDPOINT: 'https://remedy:{SECRET}@otel.example'",
        f"OUTBOUND_PROXY: 'http://remedy:{SECRET}@proxy.example:3128'",
    ],
)
def test_a_password_in_any_address_is_refused_and_shown_by_no_command(folder: Path, written: str) -> None:
    message = wrong(f"settings: {{{written}}}")
    assert "password" in message
    assert SECRET not in message


def test_a_context_that_is_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "prod.yaml", 0o600)
    with pytest.raises(ConfigurationError, match="is no regular file"):
        read_context("prod")
