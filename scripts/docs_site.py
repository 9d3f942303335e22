"""Builds the site of docs/ into build/site. A link that leads nowhere fails it, and so does a page that no menu has.

mkdocs reads one folder, and our pages link out of docs/: so they are laid out in build/docs first. A page outside of
docs/ that is part of the documentation joins there; any other file is named and not linked, as a site that somebody
carries away has no repository beside it. Nothing that a page needs may be somewhere else: it is read offline, too.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

ROOT = Path(__file__).parents[1]
STAGED, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"

JOINED: Mapping[str, str] = {
    "docs/README.md": "index.md",
    "README.md": "project/readme.md",
    "SECURITY.md": "project/security.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "helm/README.md": "project/chart.md",
}
"""Pages that are elsewhere in the site than in docs/: by where they are in the repository."""

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)$", re.MULTILINE | re.DOTALL)
_FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?https?:|<link\b[^>]*\bhref=["']?https?:[^>]*"""
    r"""\brel=["']?(?:stylesheet|preload|preconnect|icon|modulepreload)|<link\b[^>]*\brel=["']?(?:stylesheet|preload|"""
    r"""preconnect|icon|modulepreload)["']?[^>]*\bhref=["']?https?:|url\(["']?https?:|@import\s+["']https?:"""
)


def place_of(source: str) -> str | None:
    """Where a page of the repository is in the site; None where it is not."""
    if source in JOINED:
        return JOINED[source]
    return source.removeprefix("docs/") if source.startswith("docs/") else None


def laid_out(text: str, source: str) -> str:
    """The text of a page, its links changed to where their targets are in the site. Code stays as it is."""
    parts, at = [], 0
    for code in _CODE.finditer(text):
        parts += [_relinked(text[at : code.start()], source), code[0]]
        at = code.end()
    return "".join([*parts, _relinked(text[at:], source)])


def _relinked(text: str, source: str) -> str:
    return _LINK.sub(lambda link: _linked(link, source), text)


def _linked(link: re.Match[str], source: str) -> str:
    picture, words, heading = link[1], link[2], link[4] or ""
    target = normpath(f"{PurePosixPath(source).parent}/{link[3]}")
    place, here = place_of(target), PurePosixPath(place_of(source) or "").parent
    if place is None or (ROOT / target).is_dir():
        return words if words.strip("`") in {link[3], target} else f"{words} (`{target}`)"
    return f"{picture}[{words}]({relpath(place, here)}{heading})"


def sources() -> Iterator[str]:
    """The pages, and the files beside them, by where they are in the repository."""
    for path in sorted((ROOT / "docs").rglob("*")):
        if path.is_file():
            yield path.relative_to(ROOT).as_posix()
    yield from (source for source in JOINED if not source.startswith("docs/"))


def stage() -> None:
    """Lay all pages out in build/docs."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for source in sources():
        target = STAGED / str(place_of(source))
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            target.write_text(laid_out((ROOT / source).read_text(encoding="utf-8"), source), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / source, target)


def from_elsewhere() -> Iterator[str]:
    """What pages of the site would load from another host."""
    for path in sorted(SITE.rglob("*")):
        if path.suffix in {".html", ".css"}:
            for found in _FROM_ELSEWHERE.finditer(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(ROOT)}: {found[0][:100]}"


def main() -> int:
    """Build the site. Returns the exit code: that of mkdocs, or 1 where something would be loaded from elsewhere."""
    stage()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean"]
    built = subprocess.run(command, cwd=ROOT, check=False)
    if built.returncode:
        return built.returncode
    loaded = list(from_elsewhere())
    print("\n".join(f"loads from elsewhere: {each}" for each in loaded) or f"the site is in {SITE.relative_to(ROOT)}")
    return 1 if loaded else 0


if __name__ == "__main__":
    sys.exit(main())
