"""Where a request comes from and where a browser may be sent to, and the names of cookies. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}")
"""A path of ours with its query: one slash at the beginning, and no backslash, space or control character."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class CookiePlace:
    """How cookies are set, so that no other site or path can set or read them.

    `secure` is false only over plain HTTP on this very machine. `root` is the prefix of our paths, empty without one.
    """

    secure: bool
    root: str = ""

    def name(self, word: str) -> str:
        """The whole name of a cookie: a browser takes one with such a beginning only as we set it."""
        if not self.secure:
            return word
        return f"__Secure-{word}" if self.root else f"__Host-{word}"

    def header(self, word: str, value: str, seconds: int | None = None) -> str:
        """The header that sets a cookie; 0 seconds delete it, None keeps it until the browser ends."""
        age = "" if seconds is None else f"; Max-Age={seconds}"
        secure = "; Secure" if self.secure else ""
        return f"{self.name(word)}={value}; Path={self.root or '/'}{age}; HttpOnly; SameSite=Lax{secure}"


def cookie_place(scope: Mapping[str, Any], host: str) -> CookiePlace:
    """How cookies are set for this request; `host` is its Host header."""
    is_local = scope["scheme"] == "http" and (host_name(host) in _LOOPBACK)
    return CookiePlace(not is_local, str(scope.get("root_path", "")).rstrip("/"))


def host_name(host: str) -> str:
    """A Host header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def own_path(written: str) -> str:
    """The path and query of a page of ours to come back to; `/` for anything else."""
    return written if _PATH.fullmatch(written) else "/"


def is_background(headers: Mapping[str, str]) -> bool:
    """Whether a script asks, and not a person who opens a page."""
    return headers.get("sec-fetch-dest") == "empty" or "hx-request" in headers


def is_from_us(headers: Mapping[str, str], own_url: str) -> bool:
    """Whether a page of ours sends this change.

    Browsers say it in Sec-Fetch-Site, which no script can set; over plain HTTP they send only Origin. Who says neither
    is no browser in which somebody has signed in.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host and origin.partition("://")[2] == host) or bool(own_url and origin == origin_of(own_url))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
