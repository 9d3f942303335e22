"""A stand-in for a ServiceNow instance: its Table API (v2) over HTTP, pages for people, and controls for tests.

Controls: `GET /_sandbox/records[/{table}[/{sys_id}]]` shows records with their journals, and `GET
/_sandbox/files/{table}/{sys_id}` the files on one; `GET` and `PATCH
/_sandbox/settings` read and change `Settings`; `DELETE /_sandbox/tokens` revokes access tokens; `PUT|DELETE
/_sandbox/webhook` and `GET /_sandbox/deliveries` are of the business rule that tells of changes.
"""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, fields

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.pages.servicenow import ServiceNowPages
from sandbox.servicenow.directory import COLUMNS
from sandbox.servicenow.queries import Row
from sandbox.servicenow.replies import error_of, paging_headers, shown
from sandbox.servicenow.schema import INTEGRATION, PERSON, ROBOT, TABLES, Account
from sandbox.servicenow.sign_in import SignIn
from sandbox.servicenow.tables import Denied, Missing, Record, ServiceNowTables, Settings
from sandbox.servicenow.webhooks import EVENTS, ServiceNowSender
from sandbox.wire.webhooks import control_routes

__all__ = ["INTEGRATION", "PERSON", "ROBOT", "ServiceNowTables", "Settings", "servicenow_app"]

_DEFAULT_LIMIT = 10_000
_HOUR = 3600
_RULE = "0f1c2ab9c3a13110d1b2f0e4a5013d77"
"""The sys_id of the one rule that there may be."""
_MISSING = error_of("No Record found", "Record doesn't exist or ACL restricts the record retrieval")
_MIXED = {"message": "Transaction cancelled: maximum execution time exceeded", "detail": "Check logs for error trace"}


def servicenow_app(tables: ServiceNowTables | None = None) -> Starlette:
    """The application; its tables are `app.state.servicenow`, `app.state.sender` tells of changes in them."""
    instance = _Instance(tables or ServiceNowTables())
    sender = ServiceNowSender(instance.tables)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with sender.running():
            yield

    app = Starlette(
        routes=[
            Route("/api/now/v2/table/{table}", instance.list_records, methods=["GET"]),
            Route("/api/now/v2/table/{table}", instance.insert, methods=["POST"]),
            Route("/api/now/v2/table/{table}/{sys_id}", instance.read, methods=["GET"]),
            Route("/api/now/v2/table/{table}/{sys_id}", instance.update, methods=["PATCH", "PUT"]),
            Route("/api/now/v2/table/{table}/{sys_id}", instance.delete, methods=["DELETE"]),
            Route("/api/now/attachment", instance.list_files, methods=["GET"]),
            Route("/api/now/attachment/file", instance.attach, methods=["POST"]),
            Route("/api/now/attachment/{file}", instance.detach, methods=["DELETE"]),
            Route("/oauth_token.do", instance.sign_in.token, methods=["POST"]),
            *ServiceNowPages(instance.tables).routes(),
            Route("/_sandbox/records", instance.show_records),
            Route("/_sandbox/records/{table}", instance.show_records),
            Route("/_sandbox/records/{table}/{sys_id}", instance.show_record),
            Route("/_sandbox/files/{table}/{sys_id}", instance.show_files),
            Route("/_sandbox/tokens", instance.sign_in.revoke, methods=["DELETE"]),
            Route("/_sandbox/settings", instance.show_settings, methods=["GET"]),
            Route("/_sandbox/settings", instance.change_settings, methods=["PATCH"]),
            *control_routes(sender, EVENTS),
        ],
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((Denied, Missing, HTTPException), _failure),
    )
    app.state.servicenow = instance.tables
    app.state.sender = sender
    return app


class _Instance:
    """The routes over one instance's tables."""

    def __init__(self, tables: ServiceNowTables) -> None:
        self.tables = tables
        self.sign_in = SignIn(tables)
        self._requests: dict[tuple[int, str], int] = {}

    async def list_records(self, request: Request) -> Response:
        by, table = self._enter(request, readable=frozenset(COLUMNS))
        params = dict(request.query_params)
        limit = max(_number(params.get("sysparm_limit"), _DEFAULT_LIMIT), 1)
        offset = _number(params.get("sysparm_offset"), 0)
        query = params.get("sysparm_query", "").replace("javascript:gs.getUserID()", by.sys_id)
        rows, total = self.tables.page(table, query, limit, offset, by)
        result = [self._shown(request, by, table, row) for row in rows]
        body: dict[str, object] = {"result": result}
        if self.tables.settings.mixed_answers:
            self.tables.settings.mixed_answers -= 1
            body = {"result": result[: len(rows) // 2], "error": _MIXED, "status": "failure"}
        paging = {}
        wanted = params.get("sysparm_suppress_pagination_header", "false").lower() != "true"
        if wanted and self.tables.settings.paging_headers:
            paging = paging_headers(f"{_address(request)}{request.url.path}", params, limit, offset, total)
        return _answer(request, body, 200, paging)

    async def insert(self, request: Request) -> Response:
        by, table = self._enter(request)
        record = self.tables.insert(table, await _payload(request), by)
        location = f"{_address(request)}/api/now/v2/table/{table}/{record.values['sys_id']}"
        return self._record(request, by, record, 201, {"Location": location})

    async def read(self, request: Request) -> Response:
        by, table = self._enter(request)
        return self._record(request, by, self.tables.read(table, request.path_params["sys_id"], by))

    async def update(self, request: Request) -> Response:
        by, table = self._enter(request)
        payload = await _payload(request)
        return self._record(request, by, self.tables.update(table, request.path_params["sys_id"], payload, by))

    async def delete(self, request: Request) -> Response:
        by, table = self._enter(request)
        self.tables.delete(table, request.path_params["sys_id"], by)
        return Response(status_code=204, headers=_limits_told(request))

    async def attach(self, request: Request) -> Response:
        by, params = self._caller(request), request.query_params
        table, name = params.get("table_name", ""), params.get("file_name", "")
        if table not in TABLES or not name:
            raise HTTPException(400, "Invalid table or file name")
        kind = request.headers.get("content-type", "")
        row = self.tables.attach(table, params.get("table_sys_id", ""), name, kind, await request.body(), by)
        return _answer(request, {"result": row}, 201, {})

    async def list_files(self, request: Request) -> Response:
        self._caller(request)
        limit = max(_number(request.query_params.get("sysparm_limit"), 1000), 1)
        return _answer(request, {"result": self.tables.files_of(request.query_params["sysparm_query"], limit)}, 200, {})

    async def detach(self, request: Request) -> Response:
        self._caller(request)
        self.tables.detach(request.path_params["file"])
        return Response(status_code=204, headers=_limits_told(request))

    async def show_files(self, request: Request) -> Response:
        """The files on a record, by name, as text."""
        named = (request.path_params["table"], request.path_params["sys_id"])
        of = [e for e in self.tables.files.values() if (e.values["table_name"], e.values["table_sys_id"]) == named]
        return JSONResponse([[each.values["file_name"], each.content.decode("latin-1")] for each in of])

    async def show_records(self, request: Request) -> Response:
        table = request.path_params.get("table")
        kept = [records for name, records in self.tables.records.items() if table in {None, name}]
        return JSONResponse([asdict(record) for records in kept for record in records.values()])

    async def show_record(self, request: Request) -> Response:
        table, sys_id = request.path_params["table"], request.path_params["sys_id"]
        return JSONResponse(asdict(self.tables.read(table, sys_id, PERSON)))

    async def show_settings(self, _request: Request) -> Response:
        return JSONResponse(asdict(self.tables.settings))

    async def change_settings(self, request: Request) -> Response:
        changes = await _payload(request)
        if not changes.keys() <= {each.name for each in fields(Settings)}:
            raise HTTPException(400, "No such setting")
        for name, value in changes.items():
            setattr(self.tables.settings, name, value)
        return await self.show_settings(request)

    def _enter(self, request: Request, readable: frozenset[str] = frozenset()) -> tuple[Account, str]:
        """Who asks, and about which table. Raises HTTPException: 401, 429, or 400 for a table that does not exist."""
        by = self._caller(request)
        table: str = request.path_params["table"]
        if table not in TABLES and table not in readable:
            raise HTTPException(400, "Invalid table")
        return by, table

    def _caller(self, request: Request) -> Account:
        """Who asks. Raises HTTPException 401 or 429, or Denied."""
        by = self.sign_in.account(request)
        if by is None:
            raise HTTPException(401, "User Not Authenticated", {"WWW-Authenticate": 'Basic realm="Service-now"'})
        if self.tables.settings.unscoped:
            raise Denied("User Not Authorized", "Access to unscoped api is not allowed")
        self._count(request, by)
        return by

    def _count(self, request: Request, by: Account) -> None:
        """Count a request of this user against the hour's limit. Raises HTTPException 429 beyond it."""
        limit = self.tables.settings.rate_limit
        if limit is None:
            return
        now = int(self.tables.clock().timestamp())
        hour = now // _HOUR
        self._requests = {key: count for key, count in self._requests.items() if key[0] == hour}
        count = self._requests[hour, by.sys_id] = self._requests.get((hour, by.sys_id), 0) + 1
        reset = (hour + 1) * _HOUR
        told = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Reset": str(reset), "X-RateLimit-Rule": _RULE}
        request.state.limits = told
        if count > limit:
            raise HTTPException(429, "Rate limit exceeded", {"Retry-After": str(reset - now)})

    def _record(
        self,
        request: Request,
        by: Account,
        record: Record,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        values = self.tables.readable(record.values, by)
        body = {"result": self._shown(request, by, record.table, values)}
        return _answer(request, body, status, headers or {})

    def _shown(self, request: Request, by: Account, table: str, values: Row) -> dict[str, object]:
        asked = request.query_params.get("sysparm_fields", "").split(",")
        walked = {**self.tables.unfilled(table, by), **self.tables.behind(values, asked, by), **values}
        return shown(table, walked, request.query_params, _address(request))


def _limits_told(request: Request) -> dict[str, str]:
    """What every answer says to a request that a rule counts for, errors included."""
    told: dict[str, str] = getattr(request.state, "limits", {})
    return told


def _answer(request: Request, body: object, status: int, headers: Mapping[str, str]) -> Response:
    return JSONResponse(body, status, {"X-Transaction-ID": uuid.uuid4().hex[:12], **_limits_told(request), **headers})


async def _payload(request: Request) -> dict[str, object]:
    """The request's JSON object. Raises HTTPException 400."""
    try:
        payload = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        payload = None
    if not isinstance(payload, dict):
        raise HTTPException(400, "Exception while reading request")
    return payload


def _address(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


async def _failure(request: Request, error: Exception) -> Response:
    told = _limits_told(request)
    match error:
        case Denied():
            return JSONResponse(error_of(error.message, error.detail), 403, told)
        case Missing():
            return JSONResponse(_MISSING, 404, told)
        case HTTPException(status_code=404):
            return JSONResponse(
                error_of(f"Requested URI does not represent any resource: {request.url.path}", None), 404, told
            )
        case HTTPException():
            return JSONResponse(error_of(error.detail, None), error.status_code, {**told, **(error.headers or {})})
        case _:
            raise error
