"""Builds the sdist and, from that, the wheel into a folder, and checks that the wheel holds all that is needed.

Run as: .venv/bin/python scripts/dist.py [FOLDER]   (dist where none is named)

Nothing is fetched: the build's one requirement, setuptools, is in .venv.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("console", "receiver", "remediation", "remedy", "sandbox", "workers")
BESIDE = ("LICENSE", "README.md", "pyproject.toml")
KINDS = {".css", ".html", ".js", ".json", ".lua", ".py", ".svg", ".txt"}


def main(folder: Path) -> int:
    """Build and check. The exit code: 1 where the wheel lacks something, or holds what is not there any more."""
    if folder.is_dir():
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as tree:
        copied(Path(tree))  # the build leaves files behind, and would take what an earlier one has left
        built(Path(tree), folder)
    (wheel,) = folder.glob("*.whl")
    flaws = flaws_of(wheel)
    for flaw in flaws:
        print(f"{wheel.name}: {flaw}", file=sys.stderr)
    if not flaws:
        print(f"{wheel}: all is in it")
    return 1 if flaws else 0


def copied(tree: Path) -> None:
    """What a build needs of the repository."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(ROOT / name, tree / name)


def built(tree: Path, folder: Path) -> None:
    """The sdist and the wheel."""
    uv = Path(sys.executable).with_name("uv")
    options = ["--no-build-isolation", "--offline", "--quiet", "--python", sys.executable, "--out-dir", str(folder)]
    subprocess.run([uv, "build", *options, str(tree)], check=True, stdout=sys.stderr)


def flaws_of(wheel: Path) -> list[str]:
    """What is missing in the wheel, and what is there that should not be."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
        (entries,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/entry_points.txt"))
    ours = {name for name in names if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in KINDS and "__pycache__" not in path.parts
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    flaws = [f"lacks {name}" for name in sorted(wanted - ours)]
    flaws += [f"holds {name}, which is not in the repository" for name in sorted(ours - wanted)]
    if "remedy = remedy.main:main" not in entries:
        flaws.append("installs no command remedy")
    if not any(name.endswith("/LICENSE") for name in names):
        flaws.append("lacks the licence")
    if metadata.count("\nRequires-Dist: ") < len(project["dependencies"]):
        flaws.append("does not name all packages that it needs")
    return flaws


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"))
