"""Settings and mappings.yaml: what can be told without asking anybody."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from cli.assembly import signed_in
from cli.doctor.diagnosis import Code, Diagnosis, ordinary, trouble, well
from remediation.errors import ConfigurationError
from remediation.mapping.loading import Loaded, load_mappings
from remediation.mapping.warnings import warnings_of
from remediation.settings import Settings

_ALIKE = 0.88
"""How alike a name must be to a setting's to be taken for it, misspelt: one letter in nine."""


def look_at_settings(settings: Settings, environ: Mapping[str, str]) -> list[Diagnosis]:
    """Names that are nearly a setting's, settings without effect, and those that contradict each other."""
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
    is_encrypted = settings.redis_url is not None and settings.redis_url.uses_tls
    if settings.redis_ca_file and not is_encrypted:
        says = "REDIS_CA_FILE has no effect: REDIS_URL does not begin with rediss://"
        yield trouble(Code.SETTING_IDLE, "settings", says)
    if settings.redis_url is None and (settings.redis_username or settings.redis_password):
        says = "REDIS_USERNAME and REDIS_PASSWORD have no effect without REDIS_URL"
        yield trouble(Code.SETTING_IDLE, "settings", says)
    if settings.remedy_failpoints:
        yield trouble(Code.FAILPOINTS, "settings", "REMEDY_FAILPOINTS is set: processes break on purpose")


def _contradicting(settings: Settings) -> Iterator[Diagnosis]:
    if settings.redis_url is None:
        return
    try:
        signed_in(settings.redis_url, settings)
    except ConfigurationError as error:
        for problem in error.problems:
            yield trouble(Code.SETTINGS_CONTRADICT, "settings", str(problem))


def look_at_mappings(settings: Settings) -> tuple[list[Diagnosis], Loaded | None]:
    """What is wrong with the file, or else what it probably does not mean; None where it cannot be used."""
    where = str(settings.mappings_path)
    try:
        loaded = load_mappings(settings.mappings_path)
    except ConfigurationError as error:
        return [trouble(Code.MAPPINGS_WRONG, where, str(problem)) for problem in error.problems], None
    doubts = (trouble(Code.MAPPINGS_DOUBTFUL, where, str(problem)) for problem in warnings_of(loaded))
    return [well(where, f"{len(loaded.mappings.rules)} rules"), *doubts], loaded
