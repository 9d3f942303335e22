from pathlib import Path

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.redis_address import RedisAddress, RedisHost, UnixSocket
from remediation.settings import Settings, environ, load_settings

SCHEMES = "must begin with redis://, rediss://, unix://, redis+sentinel:// or rediss+sentinel://"
ELSEWHERE = "a user or a password with characters such as / # ? @ % belongs into REDIS_USERNAME and REDIS_PASSWORD"
PROXY = "must be an address such as http://proxy.example:3128, without a user and a password"
DSN = "must be a DSN as Sentry shows it: https://KEY@HOST/PROJECT, where the project is a number"
ENDPOINT = "must be an http or https address without a user, a query or a fragment"
PAIRS = "must be NAME=VALUE, with a comma between several"
HEADERS = "must be NAME=VALUE with a header's name and a value in ASCII, percent-encoded, with a comma between several"
VARIABLES = [name.upper() for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_is_on_this_machine() -> None:
    settings = load_settings()
    assert settings.redis_url is None
    assert settings.mappings_path == Path("mappings.yaml")
    assert settings.data_dir == Path(".remedy")
    assert {settings.receiver_host, settings.metrics_host, settings.worker_host} == {"127.0.0.1"}
    assert (settings.receiver_port, settings.metrics_port, settings.worker_port) == (8080, 9090, 9091)
    assert settings.max_body_bytes == 256 * 1024
    assert settings.allow_weak_durability is False


@pytest.mark.parametrize(
    ("variable", "written", "value"),
    [
        ("REDIS_URL", "rediss://r.example/1", RedisAddress(RedisHost("r.example", 6379), uses_tls=True, database=1)),
        ("REDIS_URL", "unix:///run/redis.sock", RedisAddress(UnixSocket("/run/redis.sock"))),
        ("REDIS_TLS_VERIFY_NAME", "false", False),
        ("REDIS_URL", "", None),
        ("MAPPINGS_PATH", "/etc/remedy/m.yaml", Path("/etc/remedy/m.yaml")),
        ("DATA_KEYS", "test-only-keys", "test-only-keys"),
        ("DATA_DIR", "/data", Path("/data")),
        ("LOG_LEVEL", "WARNING", "warning"),
        ("RECEIVER_HOST", "0.0.0.0", "0.0.0.0"),
        ("RECEIVER_PORT", "0", 0),
        ("METRICS_HOST", "::", "::"),
        ("METRICS_PORT", "9191", 9191),
        ("WORKER_HOST", "::1", "::1"),
        ("WORKER_PORT", "65535", 65535),
        ("MAX_BODY_BYTES", "1048576", 1_048_576),
        ("BODY_DEADLINE", "2.5", 2.5),
        ("MAX_CONNECTIONS", "500", 500),
        ("MAX_URL_BYTES", "1024", 1_024),
        ("MAX_HEADER_BYTES", "8192", 8_192),
        ("HEADER_DEADLINE", "4.5", 4.5),
        ("IDLE_SECONDS", "75", 75.0),
        ("ALLOW_WEAK_DURABILITY", "true", True),
        ("MAX_JOBS", "8", 8),
        ("POLL_SECONDS", "5", 5),
        ("SENTRY_DSN", "https://key@sentry.example:8443/base/17", "https://key@sentry.example:8443/base/17"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:4318/base", "http://[::1]:4318/base"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a=,x-b=", "authorization=Bearer%20a=,x-b="),
    ],
)
def test_each_variable_is_read(monkeypatch: pytest.MonkeyPatch, variable: str, written: str, value: object) -> None:
    monkeypatch.setenv(variable, written)
    assert getattr(load_settings(), variable.lower()) == value


@pytest.mark.parametrize(
    ("variable", "written", "message"),
    [
        ("REDIS_URL", "http://test-only-secret@redis", SCHEMES),
        ("REDIS_URL", "redis://r.example/test-only", "the database must be a whole number, such as 0: " + ELSEWHERE),
        ("REDIS_TLS_VERIFY_NAME", "no!", "must be true or false"),
        ("REDIS_PASSWORD", "test-only-\udcff", "holds bytes that are no UTF-8"),
        ("OUTBOUND_PROXY", "http://u:test-only/x@proxy.example:3128", PROXY),
        ("OUTBOUND_PROXY", "socks5://proxy.example:1080", PROXY),
        ("LOG_LEVEL", "loud", "must be debug, info, warning or error"),
        ("RECEIVER_PORT", "tcp://10.0.0.1:8080", "must be a whole number"),
        ("RECEIVER_PORT", "65536", "must be at most 65,535"),
        ("METRICS_PORT", "-1", "must be at least 0"),
        ("WORKER_PORT", "9" * 5000, "must be a whole number"),
        ("MAX_BODY_BYTES", "1k", "must be a whole number"),
        ("MAX_BODY_BYTES", "10", "must be at least 1,024"),
        ("BODY_DEADLINE", "0", "must be more than 0"),
        ("BODY_DEADLINE", "nan", "must be a number"),
        ("BODY_DEADLINE", "soon", "must be a number"),
        ("MAX_CONNECTIONS", "15", "must be at least 16"),
        ("MAX_URL_BYTES", "255", "must be at least 256"),
        ("MAX_HEADER_BYTES", "262145", "must be at most 262,144"),
        ("HEADER_DEADLINE", "0", "must be more than 0"),
        ("IDLE_SECONDS", "inf", "must be a number"),
        ("ALLOW_WEAK_DURABILITY", "maybe", "must be true or false"),
        ("MAX_JOBS", "0", "must be at least 1"),
        ("POLL_SECONDS", "1.5", "must be a whole number"),
        ("SENTRY_DSN", "https://test-only@sentry.example/", DSN),
        ("SENTRY_DSN", "https://test-only@sentry.example/project", DSN),
        ("SENTRY_DSN", "https://test-only@sentry.example:99999/1", DSN),
        ("SENTRY_DSN", "https://test-only@sentry.example:port/1", DSN),
        ("SENTRY_DSN", "https://test-only@[::1/1", DSN),
        ("SENTRY_DSN", "https://test-only\u2100@sentry.example/1", DSN),  # urlsplit quotes what it refuses
        ("SENTRY_DSN", "https://test-only@sentry .example/1", DSN),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:99999", ENDPOINT),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:port", ENDPOINT),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1", ENDPOINT),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:test-only\u2100@collector", ENDPOINT),
        ("OTEL_SERVICE_NAME", "test-only-\udcff", "holds bytes that are no UTF-8"),
        ("SENTRY_ENVIRONMENT", "test-only-\udcff", "holds bytes that are no UTF-8"),
        ("RECEIVER_HOST", "test-only-\udcff", "holds bytes that are no UTF-8"),
        ("OTEL_RESOURCE_ATTRIBUTES", "test-only", PAIRS),
        ("OTEL_EXPORTER_OTLP_HEADERS", "test-only", HEADERS),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=test-only", HEADERS),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=test-only%0Amore", HEADERS),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=test-only-\u0142", HEADERS),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=test-only-%ff", HEADERS),
    ],
)
def test_a_wrong_value_is_one_message_with_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, written: str, message: str
) -> None:
    monkeypatch.setenv(variable, written)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert [str(problem) for problem in caught.value.problems] == [f"{variable}: {message}"]


def test_all_wrong_values_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_JOBS", "many")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert {problem.where for problem in caught.value.problems} == {"MAX_JOBS", "LOG_LEVEL"}


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:test-only-password@redis.example")
    monkeypatch.setenv("DATA_KEYS", "test-only-keys")
    assert "test-only" not in repr(load_settings())


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().max_jobs = 1


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    before = environ()
    monkeypatch.setenv("MAX_JOBS", "7")
    assert "MAX_JOBS" not in before
    assert environ()["MAX_JOBS"] == "7"
