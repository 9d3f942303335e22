"""Scripts and styles: read once, put together, compressed ahead, and addressed by what they contain."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import NotShown

BUNDLES: Mapping[str, tuple[str, ...]] = {
    "console.css": ("vendor/pico.min.css", "console.css"),
    "console.js": ("console.js",),
    "live.js": ("vendor/htmx.min.js", "vendor/hx-sse.min.js", "live.js"),
    "charts.css": ("vendor/uplot.min.css", "charts.css"),
    "charts.js": ("vendor/uplot.min.js", "charts.js"),
    "icon.svg": ("icon.svg",),
}
"""Of which files of console/static each consists that a browser gets. Pages with charts and pages with live
parts ask for theirs."""

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_DIGITS = 16
"""Digits of the hash in an address."""

_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as a browser gets it. `address` is its name with the hash of its content."""

    address: str
    media_type: str
    content: bytes
    compressed: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> "Asset":
        """The asset of this name (`console.js`) with this content."""
        stem, _, kind = name.partition(".")
        digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
        return cls(f"{stem}.{digest}.{kind}", _TYPES[kind], content, gzip.compress(content, mtime=0))


class Assets:
    """All assets, by the names of BUNDLES."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """Read them from a folder: console/static without one."""
        static = folder or files("console") / "static"
        self._assets = {
            name: Asset.of(name, b"\n".join((static / part).read_bytes() for part in parts))
            for name, parts in BUNDLES.items()
        }

    def __getitem__(self, name: str) -> Asset:
        return self._assets[name]

    def addressed(self, address: str) -> Asset | None:
        """The asset with this address. While processes are replaced, also that of another version of the same name."""
        stem, _, rest = address.partition(".")
        return self._assets.get(f"{stem}.{rest.rpartition('.')[2]}")


async def static(request: Request) -> Response:
    """One asset. A browser keeps it for ever, unless it has asked for another version."""
    assets: Assets = request.app.state.context.assets
    address = request.path_params["address"]
    asset = assets.addressed(address)
    if asset is None:
        raise NotShown("There is no such file.")
    headers = {"vary": "accept-encoding"}
    if address == asset.address:
        headers["cache-control"] = _FOR_EVER
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(asset.compressed, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


ROUTES = [Route("/static/{address}", static, name="static")]
