"""A prefix of all addresses, behind a proxy that takes it away, and behind one that does not."""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from remediation.domain.errors import Problem


class Prefix:
    """Middleware: addresses are below `prefix` ("/remedy"; "" for none), whether or not the proxy leaves it in.

    No route may begin with the prefix: `/remedy/cases` is then the page `/cases` in both cases.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI. Its path has the prefix from here on, and `root_path` says which."""
        if self._prefix and scope["type"] == "http":
            path: str = scope["path"]
            if path == self._prefix:
                path += "/"
            elif not path.startswith(f"{self._prefix}/"):
                path = self._prefix + path
            scope = {**scope, "root_path": self._prefix, "path": path}
        await self._app(scope, receive, send)


def prefix_problems(url: str, prefix: str) -> list[Problem]:
    """What is wrong where people reach the console at `url`, and its addresses have this prefix; both may be empty.

    An identity provider sends people back to `url`, and links of pages begin with the prefix: if they differ, one of
    them leads nowhere.
    """
    path = urlsplit(url).path.rstrip("/")
    if not url or path == prefix:
        return []
    told = f"its path is {path or '/'}, and ROOT_PATH is {prefix or 'not set'}: both say where the console is"
    return [Problem("console.url", told)]
