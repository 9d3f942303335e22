"""The site of docs/: where pages go, and where their links lead. `make check` builds it, which proves every link."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_site", ROOT / "scripts" / "docs_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_site"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "link", "becomes"),
    [
        ("docs/sync.md", "[laws](student-data-laws.md#ferpa)", "[laws](student-data-laws.md#ferpa)"),
        ("docs/sync.md", "[all](README.md)", "[all](index.md)"),
        ("docs/privacy.md", "[security](../SECURITY.md#reporting)", "[security](project/security.md#reporting)"),
        ("docs/decisions/README.md", "[the chart](../../helm/README.md)", "[the chart](../project/chart.md)"),
        ("README.md", "[`status`](docs/operations.md#is-it-working)", "[`status`](../operations.md#is-it-working)"),
        ("README.md", "[mappings.yaml](mappings.yaml)", "mappings.yaml"),
        ("docs/install.md", "[the pins](../requirements.lock)", "the pins (`requirements.lock`)"),
        ("README.md", "[why](docs/decisions/)", "why (`docs/decisions`)"),
        (
            "docs/sync.md",
            "[out](https://www.example.org/a.md) and [here](#below)",
            "[out](https://www.example.org/a.md) and [here](#below)",
        ),
        ("docs/sync.md", "two\nlines [of\none](../SECURITY.md)", "two\nlines [of\none](project/security.md)"),
    ],
)
def test_a_link_leads_to_where_its_page_is_in_the_site(site: ModuleType, source: str, link: str, becomes: str) -> None:
    assert site.laid_out(f"{link}\n", source) == f"{becomes}\n"


def test_code_is_laid_out_as_it_stands(site: ModuleType) -> None:
    text = "```markdown\n[a](../SECURITY.md)\n```\n"
    assert site.laid_out(text, "docs/sync.md") == text


@pytest.mark.parametrize(
    "loads",
    [
        '<script src="https://unpkg.example/x.js">',
        "<link rel=stylesheet href=https://fonts.example/css>",
        '<link href="https://fonts.example" rel="preconnect">',
        "body{background:url(https://cdn.example/x.png)}",
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_seen(
    site: ModuleType, loads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "SITE", tmp_path / "site")
    (tmp_path / "site").mkdir()
    page = tmp_path / "site" / "index.html"
    page.write_text('<a href="https://www.example.org">there</a><script src="assets/x.js"></script>')
    assert list(site.from_elsewhere()) == []
    page.write_text(loads)
    assert len(list(site.from_elsewhere())) == 1


def test_every_page_of_docs_is_in_the_menu(site: ModuleType) -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    pages = [str(site.place_of(source)) for source in site.sources() if source.endswith(".md")]
    missing = [page for page in pages if not page.startswith("decisions/0") and f"- {page}\n" not in menu]
    assert missing == [], "name it in mkdocs.yml, below its reader"
