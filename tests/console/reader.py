"""Somebody who reads the console in a real browser, and what the browser complains of meanwhile."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Response

from tests.console import probes

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
"""WCAG 2.1, A and AA."""

MOST_SHIFTED = 0.02
"""The sum of layout shifts under which nothing that somebody reads has moved visibly; Chrome calls 0.1 good."""

NARROW, WIDE, HIGH = 320, 1280, 800
"""The narrowest window of WCAG 1.4.10 and a usual one, in pixels."""

STOPS = 5
"""The most stops of Tab in one control: a date has its day, month and year, and a calendar."""


@dataclass
class Reader:
    """One window. `complaints` are errors and warnings of the browser: scripts, blocked by policy, not found."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Response:
        """Go to a path of the console; returns its answer."""
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        return answer

    @property
    def path(self) -> str:
        """The path, with its query, of the page that is open."""
        return self.page.url.removeprefix(self.address)

    def listen(self) -> None:
        """Note complaints from now on."""
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.path}: {error}"))

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.path}: {message.text}")

    async def violations(self, *rules: str) -> list[str]:
        """What axe finds wrong with the page, by all rules of WCAG 2.1 AA or only by these."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(_axe())
        violations, _ = await self.page.evaluate(probes.AXE, [TAGS, list(rules)])
        return [f"{self.path}: {each}" for each in violations]

    async def resize(self, width: int) -> None:
        """Make the window so wide."""
        await self.page.set_viewport_size({"width": width, "height": HIGH})

    async def enlarge_text(self) -> None:
        """Show the page's text twice as large."""
        await self.page.evaluate(probes.TALLER_TEXT)

    async def words(self) -> set[str]:
        """The words that the page shows in its main part, without times, which scripts show in the reader's zone."""
        return set(await self.page.evaluate(probes.WORDS))

    async def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(await self.page.evaluate(probes.OVERFLOW))

    async def clipped(self) -> list[str]:
        """What hides a part of itself."""
        return [f"{self.path}: {each}" for each in await self.page.evaluate(probes.CLIPPED)]

    async def shifted(self) -> float:
        """How much has moved since the page began to be shown."""
        return float(await self.page.evaluate(probes.SHIFTED))

    async def unreachable(self) -> list[str]:
        """What is wrong with the way through the page by Tab: what is left out, and where the focus is not seen."""
        count = int(await self.page.evaluate(probes.CONTROLS))
        order: list[int] = []
        wrong: set[str] = set()
        for _ in range(count * STOPS):
            await self.page.keyboard.press("Tab")
            focused = await self.page.evaluate(probes.FOCUSED)
            if focused is None or (order and focused["at"] < order[-1] == count - 1):
                break
            order.append(focused["at"])
            if not focused["isVisible"]:
                wrong.add(f"{self.path}: the focus is not seen on {focused['html']}")
        left_out = sorted(set(range(count)) - set(order))
        wrong |= {f"{self.path}: Tab does not reach {await self._control(each)}" for each in left_out}
        return sorted(wrong) + ([] if order == sorted(order) else [f"{self.path}: Tab jumps: {order}"])

    async def _control(self, number: int) -> str:
        return str(await self.page.evaluate("(number) => window.controls[number].outerHTML.slice(0, 120)", number))


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


async def reader_of(context: BrowserContext, address: str) -> Reader:
    """A new window of a browser's context."""
    reader = Reader(await context.new_page(), address)
    reader.listen()
    return reader
