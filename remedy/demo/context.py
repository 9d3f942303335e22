"""The context `demo`: with it, every command works against the demo for as long as that runs."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from remediation.contexts import OF_THE_DEMO, path_of
from remediation.domain.errors import ConfigurationError
from remedy.embedded.server import HOLDER_LOCK
from sandbox.secrets import ENVIRONMENT, TRACKER_WEBHOOKS
from sandbox.stage.processes import Stage

_MARK = "# Written by remedy demo, which removes it at its end."
_SETTINGS = ("REDIS_URL", "MAPPINGS_PATH", "DATA_DIR", "POLL_SECONDS", "CONSOLE_PORT")
_SECRETS = (*ENVIRONMENT, *TRACKER_WEBHOOKS, "INCIDENT_FEED_TOKEN")
_OWNER_ONLY = 0o600


@contextlib.contextmanager
def demo_context(stage: Stage) -> Iterator[str]:
    """Write the context for a stage whose receiver runs, and remove it on leaving; yields what to tell of it.

    A context of that name that a person wrote stays as it is. A later demo takes the name over, and then the earlier
    one leaves it alone at its end. Where the file cannot be written, the demo goes on without it.
    """
    text = _text(stage)
    try:
        path, told = _written(text)
    except ConfigurationError as error:
        path, told = None, f"No context was written: {error}"
    except OSError as error:
        path, told = None, f"No context was written: {error.strerror}"
    try:
        yield told
    finally:
        if path is not None:
            with contextlib.suppress(OSError):
                _remove(path, text)


def _written(text: str) -> tuple[Path | None, str]:
    """Where it was written, and what to tell. Raises OSError."""
    path = path_of(OF_THE_DEMO)
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        return None, f"No context was written: {path} is yours, and stays."
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path, text)
    return path, f"Every command works against it, while it runs: remedy --context {OF_THE_DEMO} case list"


def _remove(path: Path, text: str) -> None:
    if path.read_text(encoding="utf-8") == text:
        path.unlink()


def _text(stage: Stage) -> str:
    """What the context says. The secrets that it refers to are written into files of the stage's folder."""
    folder = stage.folder / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = {name: stage.environment[name] for name in _SETTINGS}
    settings |= {"RECEIVER_URL": stage.receiver_address, "DATA_KEYS_FILE": str(folder / "DATA_KEYS")}
    for name in ("DATA_KEYS", *_SECRETS):
        _replace(folder / name, stage.environment[name] + "\n")
    lines = [_MARK, "settings:", *(f"  {name}: {json.dumps(value)}" for name, value in settings.items())]
    lines += ["secrets:", *(f"  {name}: {{file: {json.dumps(str(folder / name))}}}" for name in _SECRETS)]
    lines.append(f"valid_while_locked: {json.dumps(str(stage.redis_folder / HOLDER_LOCK))}")
    return "\n".join(lines) + "\n"


def _replace(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w", encoding="utf-8") as file:
        file.write(text)
    beside.rename(path)
