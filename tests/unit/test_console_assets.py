"""Scripts and styles of the console: what others wrote is what was fetched, and a page stays light."""

import ast
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from console.assets import BUNDLES, Asset, Assets

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "console" / "static"
OF_PAGES, OF_TESTS = STATIC / "vendor", ROOT / "tests" / "console" / "vendor"
TEMPLATES = sorted((ROOT / "console" / "templates").rglob("*.html"))


def rows_of(vendor: Path) -> list[dict[str, str]]:
    """What the folder says of its files."""
    rows: list[dict[str, str]] = json.loads((vendor / "vendored.json").read_text(encoding="utf-8"))
    return rows


@pytest.mark.parametrize("vendor", [OF_PAGES, OF_TESTS], ids=["pages", "tests"])
def test_every_file_of_others_is_the_one_that_was_fetched_and_there_is_no_other(vendor: Path) -> None:
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.iterdir()
        if path.name != "vendored.json"
    }
    assert hashes == {row["file"]: row["sha256"] for row in rows_of(vendor)}


@pytest.mark.parametrize("vendor", [OF_PAGES, OF_TESTS], ids=["pages", "tests"])
def test_every_package_has_its_licence_beside_it(vendor: Path) -> None:
    packages = {row["package"] for row in rows_of(vendor)}
    assert {row["package"] for row in rows_of(vendor) if row["file"].endswith("-licence.txt")} == packages


def test_the_versions_are_those_that_the_script_pins() -> None:
    written = (ROOT / "scripts" / "vendor_assets.py").read_text(encoding="utf-8")
    strings = {node.value for node in ast.walk(ast.parse(written)) if isinstance(node, ast.Constant)}
    rows = [*rows_of(OF_PAGES), *rows_of(OF_TESTS)]
    assert {value for row in rows for value in (row["package"], row["version"], row["licence"])} <= strings


def test_an_address_changes_with_the_content_and_only_with_it() -> None:
    one, same, other = (Asset.of("console.js", content) for content in (b"1;", b"1;", b"2;"))
    assert one.address == same.address != other.address
    assert one == same
    assert gzip.decompress(one.compressed) == one.content


def test_the_address_of_another_version_leads_to_the_one_that_there_is() -> None:
    assets = Assets()
    assert assets.addressed("console.0123456789abcdef.js") is assets["console.js"]
    for unknown in ("other.0123.js", "console", "", "console.js.map", "..%2fconsole.css"):
        assert assets.addressed(unknown) is None or unknown.startswith("console.")


@pytest.mark.parametrize("name", BUNDLES)
def test_no_script_or_style_asks_anything_of_anybody_else(name: str) -> None:
    content = Assets()[name].content.decode("utf-8")
    assert re.findall(r"""url\(["']?(?:https?:)?//[^)]*\)|@import|sourceMappingURL""", content) == []


@pytest.mark.parametrize("name", ["console.js", "live.js", "charts.js"])
def test_our_own_script_needs_no_evaluation(name: str) -> None:
    script = (STATIC / name).read_text(encoding="utf-8")
    assert re.findall(r"\beval\b|\bFunction\(|innerHTML|insertAdjacentHTML|document\.write|\.style\.", script) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_anything_inline_or_unescaped(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    inline = (
        r"""<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on|javascript:|js:|hx-trigger="[^"]*\[|\|\s*safe\b"""
    )
    assert re.findall(inline, text) == []
    assert "{% autoescape" not in text
