"""Pictures of pages: whole ones to look at, and small ones for docs/console."""

import io
from pathlib import Path

from PIL import Image

from tests.console.reader import HIGH, WIDE, Reader

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "build" / "console"
OF_DOCS = ROOT / "docs" / "console"
WIDTH = 1000
"""How wide pictures are, in pixels: as wide as a page of the documentation is on a large screen."""

COLOURS = 64


async def take_pictures(reader: Reader, name: str, *, is_in_docs: bool) -> None:
    """Write pictures of the page that is open: light and dark whole ones, and the small one where docs have it."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await reader.resize(WIDTH)
    for scheme in ("dark", "light"):
        await reader.page.emulate_media(color_scheme=scheme)
        await reader.page.screenshot(path=ARTEFACTS / f"{name}-{scheme}.png", full_page=True)
    if is_in_docs:
        OF_DOCS.mkdir(exist_ok=True)
        await reader.page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
        _write_small(await reader.page.screenshot(full_page=True), OF_DOCS / f"{name}.png")
    await reader.page.set_viewport_size({"width": WIDE, "height": HIGH})


def _write_small(picture: bytes, path: Path) -> None:
    """Of so few colours that its text is as sharp as before and its size a third; cut off where a window ends."""
    with Image.open(io.BytesIO(picture)) as opened:
        cut = opened.convert("RGB").crop((0, 0, opened.width, min(opened.height, HIGH)))
    cut.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
