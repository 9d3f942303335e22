"""Atlassian's own parser of wiki markup, as a node process: what Jira Cloud makes of a text.

Its packages, with all that they need, are pinned by hash in atlassian/package-lock.json. They are installed once, into
a folder of this machine's cache that is named after the lock.
"""

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remediation.settings import environ

_PINNED = Path(__file__).parent / "atlassian"
INSTALL_SECONDS = 240
"""The longest that npm may take."""
_PLAIN = frozenset({"doc", "paragraph", "text", "hardBreak"})
"""What a document of mere text is made of."""


@dataclass(slots=True)
class Shown:
    """What a reader sees. `markup` has everything that is more than text; `links` each link's text and address."""

    text: str = ""
    markup: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


class WikiParser:
    """The parser, asked one text at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def shown(self, markup: str) -> Shown:
        """The document of this markup, as a reader sees it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(markup) + "\n")
        self._process.stdin.flush()
        shown = Shown()
        shown.text = _text_of(json.loads(self._process.stdout.readline()), shown)
        return shown


def _text_of(node: dict[str, Any], shown: Shown) -> str:
    kind = node["type"]
    if kind not in _PLAIN:
        shown.markup.append(kind)
    for mark in node.get("marks", ()):
        if mark["type"] == "link":
            shown.links.append((node["text"], mark["attrs"]["href"]))
        else:
            shown.markup.append(mark["type"])
    if kind in {"text", "hardBreak"}:
        return str(node["text"]) if kind == "text" else "\n"
    inside = "".join(_text_of(child, shown) for child in node.get("content", ()))
    return inside + "\n" if kind == "paragraph" else inside


@contextlib.contextmanager
def wiki_parser() -> Iterator[WikiParser]:
    """The parser, for as long as this is open. Skips the test where there is no node or npm, or no registry.

    A build server (CI) has a registry: there an installation that fails is a failure.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm: Atlassian's parser is a package of theirs")
    words = [node, str(_PINNED / "parse.mjs")]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=_installed(npm), stdin=pipe, stdout=pipe, encoding="utf-8") as process:
        yield WikiParser(process)


def _installed(npm: str) -> Path:
    lock = (_PINNED / "package-lock.json").read_bytes()
    cache = Path(environ().get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remedy-tests"
    folder = cache / f"atlassian-{hashlib.sha256(lock).hexdigest()[:16]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=cache))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_PINNED / name, fresh)
    try:
        words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(words, cwd=fresh, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        with contextlib.suppress(OSError):  # another process was faster
            fresh.rename(folder)
    except (subprocess.SubprocessError, OSError) as error:
        if environ().get("CI"):
            raise
        pytest.skip(f"npm could not install Atlassian's parser ({type(error).__name__})")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
