"""Settings and mappings.yaml: what can be checked without asking any system."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from console.http.prefix import prefix_problems
from console.people.oidc import url_of
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.mapping.reading.warnings import warnings_of
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble, well
from remediation.settings import Settings
from remediation.store.processes import Role
from remedy.runtime.assembly import signed_in

_ALIKE = 0.88
"""How similar an unknown name must be to a setting's to count as a misspelling: one letter in nine."""

_OF_TLS = ("redis_ca_file", "redis_tls_verify_name")
_OF_REDIS = (
    *("redis_username", "redis_password", *_OF_TLS, "redis_cert_file", "redis_key_file"),
    *("redis_sentinel_username", "redis_sentinel_password"),
)
"""Settings that only complete REDIS_URL. With an address that excludes them, the others end the start."""

_OF_TRACES = ("otel_exporter_otlp_headers", "otel_exporter_otlp_certificate")


def look_at_settings(settings: Settings, environ: Mapping[str, str]) -> list[Diagnosis]:
    """Names that are nearly a setting's, settings without effect, and settings that contradict each other."""
    count = len(settings.model_fields_set)
    troubles = [*_misspelt(environ), *_idle(settings), *_contradicting(settings)]
    return ordinary("settings", f"{count} set, the rest as usual", *troubles)


def _misspelt(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(environ.keys() - known):
        near = get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if near:
            yield trouble(Code.SETTING_UNKNOWN, "settings", f"{name} is no setting; is {near[0]} meant?")


def _idle(settings: Settings) -> Iterator[Diagnosis]:
    url = settings.redis_url
    if url is None:
        yield from _without_effect(settings, _OF_REDIS, "without REDIS_URL the embedded server is used")
    elif not url.uses_tls:
        yield from _without_effect(settings, _OF_TLS, "REDIS_URL does not begin with rediss://")
    if settings.otel_exporter_otlp_endpoint is None:
        yield from _without_effect(settings, _OF_TRACES, "without OTEL_EXPORTER_OTLP_ENDPOINT there are no traces")
    if settings.remedy_failpoints:
        yield trouble(Code.FAILPOINTS, "settings", "REMEDY_FAILPOINTS is set: processes break on purpose")


def _without_effect(settings: Settings, names: Sequence[str], why: str) -> Iterator[Diagnosis]:
    if written := [name.upper() for name in names if name in settings.model_fields_set]:
        yield trouble(Code.SETTING_IDLE, "settings", f"no effect of {', '.join(written)}: {why}")


def _contradicting(settings: Settings) -> Iterator[Diagnosis]:
    if settings.redis_url is None:
        return
    try:
        signed_in(settings.redis_url, settings)
    except ConfigurationError as error:
        for problem in error.problems:
            yield trouble(Code.SETTINGS_CONTRADICT, "settings", str(problem))


def look_at_console_address(settings: Settings, loaded: Loaded, role: Role | None) -> list[Diagnosis]:
    """Whether people reach the console where its addresses begin, in its own pod or where ROOT_PATH is set."""
    if role != "console" and settings.root_path is None:
        return []
    problems = prefix_problems(url_of(loaded.mappings), settings.root_path or "")
    return [trouble(Code.SETTINGS_CONTRADICT, "settings", str(problem)) for problem in problems]


def look_at_mappings(settings: Settings) -> tuple[list[Diagnosis], Loaded | None]:
    """What is wrong with the file, or else what it probably does not mean.

    Also the file; None where it cannot be used.
    """
    where = str(settings.mappings_path)
    try:
        loaded = load_mappings(settings.mappings_path)
    except ConfigurationError as error:
        return [trouble(Code.MAPPINGS_WRONG, where, str(problem)) for problem in error.problems], None
    doubts = (trouble(Code.MAPPINGS_DOUBTFUL, where, str(problem)) for problem in warnings_of(loaded))
    return [well(where, f"{len(loaded.mappings.rules)} rules"), *doubts], loaded
