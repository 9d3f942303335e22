"""Writes the folders of what others wrote anew: what the console's pages have, and what their tests have.

`make assets` runs it, with npm. A package is taken only where its archive is the one that is pinned here. Which files
there are in a folder, whose, and their hashes stands in its vendored.json, to which a test holds it.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Package(NamedTuple):
    """A package: the SHA-256 of its archive, its licence, and its files by what they are called here."""

    name: str
    version: str
    sha256: str
    licence: str
    files: dict[str, str]


OF_PAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        "5fba65616ca148a86d377e9771bcada7f35faee3558651feb929eea425e13b3c",
        "0BSD",
        {
            "htmx.min.js": "dist/htmx.min.js",
            "hx-sse.min.js": "dist/ext/hx-sse.min.js",
            "htmx-licence.txt": "LICENSE",
        },
    ),
    Package(
        "@picocss/pico",
        "2.1.1",
        "4affbb56f49df6d5325610b06762156f1dcdbc6ef57cea5c136d7e8a00a8cd24",
        "MIT",
        {"pico.min.css": "css/pico.min.css", "pico-licence.txt": "LICENSE.md"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d",
        "MIT",
        {
            "uplot.min.js": "dist/uPlot.iife.min.js",
            "uplot.min.css": "dist/uPlot.min.css",
            "uplot-licence.txt": "LICENSE",
        },
    ),
)
"""Scripts and styles that browsers get."""

OF_TESTS = (
    Package(
        "axe-core",
        "4.14.1",
        "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
        "MPL-2.0",
        {
            "axe.min.js": "axe.min.js",
            "axe-licence.txt": "LICENSE",
            "axe-third-parties-licence.txt": "LICENSE-3RD-PARTY.txt",
        },
    ),
)
"""What looks at pages in tests. It is no part of what is shipped."""

FOLDERS = {
    ROOT / "console" / "static" / "vendor": OF_PAGES,
    ROOT / "tests" / "console" / "vendor": OF_TESTS,
}


def fetched(package: Package, folder: Path) -> Path:
    """The package's archive, fetched into a folder. Ends the script where it is another one than is pinned."""
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}", "--pack-destination", str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    archive = folder / told.split()[-1]
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        sys.exit(f"{package.name} {package.version} has SHA-256 {found}, and {package.sha256} is pinned")
    return archive


def taken(package: Package, archive: Path, vendor: Path) -> Iterator[dict[str, str]]:
    """Write the package's files into a folder, and return the row of each."""
    with tarfile.open(archive) as opened:
        for here, there in package.files.items():
            member = opened.extractfile(f"package/{there}")
            if member is None:
                sys.exit(f"{package.name} {package.version} has no {there}")
            content = member.read()
            (vendor / here).write_bytes(content)
            yield {
                "file": here,
                "package": package.name,
                "version": package.version,
                "licence": package.licence,
                "sha256": hashlib.sha256(content).hexdigest(),
            }


def written(vendor: Path, packages: tuple[Package, ...]) -> int:
    """Fetch the packages, and write the folder. Returns how many files it has."""
    vendor.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        archives = [(package, fetched(package, Path(folder))) for package in packages]
        for each in vendor.iterdir():
            each.unlink()
        rows = [row for package, archive in archives for row in taken(package, archive, vendor)]
    (vendor / "vendored.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return len(rows)


def main() -> None:
    """Write all folders."""
    for vendor, packages in FOLDERS.items():
        print(f"{written(vendor, packages)} files of {len(packages)} packages in {vendor.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
