"""The vendor's endpoints under /v1, with tokens, scopes, rate limits and structured errors."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.schoolscan.envelopes import listed
from sandbox.schoolscan.fakes import identifier
from sandbox.schoolscan.stage import Stage
from sandbox.schoolscan.values import SCOPES, Account, ApiError, Scope


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed: whose it is, and what it wants."""

    stage: Stage
    account: Account
    request: Request

    @property
    def district(self) -> str:
        """Whose token it was."""
        return self.account.district

    @property
    def id(self) -> str:
        """The id in the path."""
        return str(self.request.path_params["id"])


Work = Callable[[Call], Awaitable[Response]]


def routes() -> Mount:
    """Every endpoint of the vendor's page."""
    return Mount(
        "/v1",
        routes=[
            _endpoint("GET", "/scans", list_scans, "read-only"),
            _endpoint("POST", "/scans", start_scan, "scan-trigger"),
            _endpoint("GET", "/scans/{id}", show_scan, "read-only"),
            _endpoint("DELETE", "/scans/{id}", cancel_scan, "scan-trigger"),
            _endpoint("GET", "/findings", list_findings, "read-only"),
            _endpoint("GET", "/findings/{id}", show_finding, "read-only"),
            _endpoint("PATCH", "/findings/{id}", update_finding, "admin"),
            _endpoint("POST", "/reports", generate_report, "admin"),
            _endpoint("GET", "/reports/{id}", show_report, "read-only"),
            _endpoint("GET", "/reports/{id}/download", download_report, "read-only"),
        ],
    )


def error_response(error: ApiError) -> JSONResponse:
    """The structured body of every error, with the id of the request."""
    request_id = identifier("req", error.code, id(error))
    body = {"code": error.code, "message": error.message, "request_id": request_id, "hint": None}
    return JSONResponse({"error": body}, error.status, {"X-Request-Id": request_id})


async def not_found(_request: Request, _error: Exception) -> Response:
    """The answer for a path that is none of ours."""
    return error_response(ApiError(404, "not_found", "No such resource."))


async def json_body(request: Request) -> object:
    """The request's JSON. Raises ApiError 400."""
    try:
        body: object = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ApiError(400, "malformed", "The body is not JSON.") from None
    return body


async def list_scans(call: Call) -> Response:
    """GET /scans."""
    items = call.stage.world.scans.listed(call.district, call.request.query_params)
    return listed(items, call.stage.behaviour.envelope, call.request.url, call.request.query_params)


async def start_scan(call: Call) -> Response:
    """POST /scans."""
    behaviour = call.stage.behaviour
    order = await json_body(call.request)
    run = call.stage.world.scans.start(
        call.district, call.account.domains, order, behaviour.scan_finds, behaviour.scan_finds_again
    )
    if behaviour.scan_fails:
        behaviour.scan_fails -= 1
        run.fails = True
    call.stage.play(run, behaviour.scan_seconds)
    return JSONResponse({"scan_id": run.scan["id"], "status": run.scan["status"]}, 201)


async def show_scan(call: Call) -> Response:
    """GET /scans/{id}."""
    return JSONResponse(call.stage.world.scans.run(call.district, call.id).scan)


async def cancel_scan(call: Call) -> Response:
    """DELETE /scans/{id}."""
    return JSONResponse(call.stage.world.scans.cancel(call.district, call.id))


async def list_findings(call: Call) -> Response:
    """GET /findings."""
    items = call.stage.world.findings.listed(call.district, call.request.query_params)
    return listed(items, call.stage.behaviour.envelope, call.request.url, call.request.query_params)


async def show_finding(call: Call) -> Response:
    """GET /findings/{id}."""
    return JSONResponse(call.stage.world.findings.kept(call.id, call.district).finding)


async def update_finding(call: Call) -> Response:
    """PATCH /findings/{id}. Answers 201, as the vendor's page has it."""
    change = await json_body(call.request)
    return JSONResponse(call.stage.world.findings.update(call.district, call.id, change), 201)


async def generate_report(call: Call) -> Response:
    """POST /reports."""
    order = await json_body(call.request)
    seconds = call.stage.behaviour.report_seconds
    return JSONResponse(call.stage.world.reports.generate(call.district, order, seconds), 201)


async def show_report(call: Call) -> Response:
    """GET /reports/{id}."""
    return JSONResponse(call.stage.world.reports.report(call.district, call.id))


async def download_report(call: Call) -> Response:
    """GET /reports/{id}/download."""
    return JSONResponse(call.stage.world.reports.download(call.district, call.id, await call.stage.files.address()))


def _endpoint(method: str, path: str, work: Work, needed: Scope) -> Route:
    async def answer(request: Request) -> Response:
        stage: Stage = request.app.state.stage
        headers = stage.world.limits.untouched(method, stage.world.clock())
        try:
            account, scope = stage.world.account_of(_token(request))
            passes, headers = stage.world.limits.take(account.district, method, stage.world.clock())
            _admit(passes=passes, scope=scope, needed=needed)
            response = await work(Call(stage, account, request))
        except ApiError as error:
            response = error_response(error)
        response.headers.update(headers)
        return response

    return Route(path, answer, methods=[method])


def _admit(*, passes: bool, scope: Scope, needed: Scope) -> None:
    if not passes:
        raise ApiError(429, "rate_limited", "Too many requests in this minute.")
    if SCOPES.index(scope) < SCOPES.index(needed):
        raise ApiError(403, "forbidden", "The token lacks permission.")


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
