"""Where the signed addresses of reports lead: a store of files on a port of its own, as object stores are."""

from contextlib import AsyncExitStack

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.schoolscan.reports import Reports
from sandbox.schoolscan.values import FileRefused
from sandbox.wire.server import run_servers

_NAME = "files"


class FileStore:
    """Listens from the first signed address on. Belongs to one event loop."""

    def __init__(self, reports: Reports) -> None:
        self._app = Starlette(routes=[Route("/files/{id}", self._show)])
        self._reports = reports
        self._running = AsyncExitStack()
        self._address = ""

    async def address(self) -> str:
        """Where it listens."""
        if not self._address:
            addresses = await self._running.enter_async_context(run_servers({_NAME: self._app}, {}))
            self._address = addresses[_NAME]
        return self._address

    async def close(self) -> None:
        """Stop listening."""
        await self._running.aclose()

    async def _show(self, request: Request) -> Response:
        """GET /files/{id}. An address is signed in one way: with a token beside it, it is refused."""
        if "authorization" in request.headers:
            return _refusal(FileRefused(400, "InvalidArgument"))
        name, query = request.path_params["id"], request.query_params
        try:
            content, media_type = self._reports.file(name, query.get("expires", ""), query.get("signature", ""))
        except FileRefused as refusal:
            return _refusal(refusal)
        return Response(content, media_type=media_type)


def _refusal(refusal: FileRefused) -> Response:
    words = f"<Error><Code>{refusal.code}</Code></Error>"
    return Response(words, refusal.status, media_type="application/xml")
