"""A topic's picture: horizontal bars as SVG, drawn by hand. Pure."""

from html import escape

from bench.report import Report

_LABEL, _BAR, _VALUE, _ROW, _TOP = 380, 420, 120, 30, 50
_FONT = 'font-family="sans-serif" font-size="14"'


def svg(report: Report) -> str:
    """The report's bars, the longest as wide as the picture allows."""
    longest = max(report.bars.values(), default=0) or 1
    width, height = _LABEL + _BAR + _VALUE, _TOP + _ROW * len(report.bars) + 10
    rows = [_bar(n, label, value, longest) for n, (label, value) in enumerate(report.bars.items())]
    title = f'<text x="10" y="28" {_FONT} font-weight="bold">{escape(f"{report.topic}: {report.unit}")}</text>'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([frame, ground, title, *rows, "</svg>", ""])


def _bar(number: int, label: str, value: float, longest: float) -> str:
    top, length = _TOP + _ROW * number, _BAR * value / longest
    return (
        f'<text x="{_LABEL - 10}" y="{top + 15}" text-anchor="end" {_FONT}>{escape(label)}</text>'
        f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="20" fill="#3465a4"/>'
        f'<text x="{_LABEL + length + 8:.1f}" y="{top + 15}" {_FONT}>{_digits(value)}</text>'
    )


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - whole numbers need three digits
