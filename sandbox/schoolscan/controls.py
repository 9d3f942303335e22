"""What tests, the demo and the bench tell a SchoolScan stand-in to do. Needs no token and spends no limit.

    POST   /_sandbox/scans                     {district?, site?, findings?: N or [partial finding], find_again?: [id],
                                               duration_seconds?: 0} → {scan_id, findings: [id]}
    GET    /_sandbox/scans?district=           every scan of a district, as the API would show it
    POST   /_sandbox/findings                  {district?, site?, findings?: N or [partial]} → {findings: [id]}
    GET    /_sandbox/findings?district=        every finding of a district, as the API would show it
    PATCH  /_sandbox/findings/{id}             fields as a person would change them
    DELETE /_sandbox/findings/{id}             404 from then on
    GET    /_sandbox/findings/{id}/audit       [{status, note, at, by: api, person or scan}]
    GET    /_sandbox/audits?district=          the same of every finding of a district, by its id
    POST   /_sandbox/findings/{id}/review      {outcome?, and fields to change} → sends finding.expert_reviewed
    POST   /_sandbox/events                    {district?, type, data?, id?} → sends just that
    PUT    /_sandbox/webhooks/{district}       {url, secret, form?, attempts?, first_wait?, copies?, reorder?}
    DELETE /_sandbox/webhooks/{district}
    GET    /_sandbox/files                     {address}: where signed addresses lead; faults can be ordered there, too
    GET    /_sandbox/deliveries                what was sent, with the result of every attempt
    DELETE /_sandbox/deliveries
    PATCH  /_sandbox/settings                  {envelope?, scan_seconds?, scan_finds?, scan_finds_again?: [id],
                                               scan_fails?: N, report_seconds?, reads?, writes?, window_seconds?};
                                               new windows begin

Adding findings sends no event. `district` may be left out where there is only one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.schoolscan.api import error_response, json_body
from sandbox.schoolscan.envelopes import Envelope
from sandbox.schoolscan.signing import SignatureForm
from sandbox.schoolscan.stage import Behaviour, Stage
from sandbox.schoolscan.values import ApiError
from sandbox.schoolscan.webhooks import Endpoint

Control = Callable[[Stage, Request], Awaitable[Response]]

_LIMITS = frozenset({"reads", "writes", "window_seconds"})
_BEHAVIOUR = frozenset(field.name for field in fields(Behaviour))


def routes() -> Mount:
    """Every control of a SchoolScan stand-in."""
    return Mount(
        "/_sandbox",
        routes=[
            _control("GET", "/scans", list_scans),
            _control("POST", "/scans", play_scan),
            _control("GET", "/findings", list_findings),
            _control("POST", "/findings", add_findings),
            _control("PATCH", "/findings/{id}", change_finding),
            _control("DELETE", "/findings/{id}", delete_finding),
            _control("GET", "/findings/{id}/audit", show_audit),
            _control("GET", "/audits", show_audits),
            _control("POST", "/findings/{id}/review", review_finding),
            _control("POST", "/events", send_event),
            _control("PUT", "/webhooks/{district}", put_webhook),
            _control("DELETE", "/webhooks/{district}", delete_webhook),
            _control("GET", "/files", show_file_store),
            _control("GET", "/deliveries", list_deliveries),
            _control("DELETE", "/deliveries", forget_deliveries),
            _control("PATCH", "/settings", change_settings),
        ],
    )


async def play_scan(stage: Stage, request: Request) -> Response:
    """POST /scans."""
    order = await _order(request)
    district, site = _place(stage, order)
    run = stage.world.scans.begin(district, site, _partials(order, usual=0), order.get("find_again", ()))
    stage.play(run, float(order.get("duration_seconds", 0)))
    ids = [*(draft["id"] for draft in run.planned), *run.find_again]
    return JSONResponse({"scan_id": run.scan["id"], "findings": ids}, 201)


async def list_scans(stage: Stage, request: Request) -> Response:
    """GET /scans."""
    district, _ = _place(stage, request.query_params)
    return JSONResponse(stage.world.scans.listed(district, {}))


async def list_findings(stage: Stage, request: Request) -> Response:
    """GET /findings."""
    district, _ = _place(stage, request.query_params)
    return JSONResponse(stage.world.findings.listed(district, {}))


async def add_findings(stage: Stage, request: Request) -> Response:
    """POST /findings."""
    order = await _order(request)
    district, site = _place(stage, order)
    findings = stage.world.findings
    drafts = [findings.draft(district, each, site=site, scan_id="scan_sandbox") for each in _partials(order, usual=1)]
    return JSONResponse({"findings": [findings.keep(district, draft)["id"] for draft in drafts]}, 201)


async def change_finding(stage: Stage, request: Request) -> Response:
    """PATCH /findings/{id}."""
    return JSONResponse(stage.world.findings.change_as_person(request.path_params["id"], await _order(request)))


async def delete_finding(stage: Stage, request: Request) -> Response:
    """DELETE /findings/{id}."""
    stage.world.findings.delete(request.path_params["id"])
    return Response(status_code=204)


async def show_audit(stage: Stage, request: Request) -> Response:
    """GET /findings/{id}/audit."""
    return JSONResponse(stage.world.findings.kept(request.path_params["id"]).audit)


async def show_audits(stage: Stage, request: Request) -> Response:
    """GET /audits."""
    district, _ = _place(stage, request.query_params)
    kept = stage.world.findings
    return JSONResponse({each["id"]: kept.kept(each["id"]).audit for each in kept.listed(district, {})})


async def review_finding(stage: Stage, request: Request) -> Response:
    """POST /findings/{id}/review."""
    changes = await _order(request)
    outcome = str(changes.pop("outcome", "confirmed"))
    stage.send(stage.world.review(request.path_params["id"], outcome, changes))
    return Response(status_code=202)


async def send_event(stage: Stage, request: Request) -> Response:
    """POST /events."""
    order = await _order(request)
    district, _ = _place(stage, order)
    event = stage.world.event(district, str(order.get("type")), order.get("data", {}), order.get("id"))
    stage.send([event])
    return JSONResponse({"id": event.id}, 202)


async def put_webhook(stage: Stage, request: Request) -> Response:
    """PUT /webhooks/{district}."""
    district = stage.world.account(request.path_params["district"]).district
    endpoint = Endpoint(**await _order(request))
    if endpoint.form not in get_args(SignatureForm):
        raise ApiError(400, "invalid_parameter", "No such signature format.")
    stage.courier.endpoints[district] = endpoint
    return Response(status_code=204)


async def delete_webhook(stage: Stage, request: Request) -> Response:
    """DELETE /webhooks/{district}."""
    stage.courier.endpoints.pop(request.path_params["district"], None)
    return Response(status_code=204)


async def show_file_store(stage: Stage, _request: Request) -> Response:
    """GET /files."""
    return JSONResponse({"address": await stage.files.address()})


async def list_deliveries(stage: Stage, _request: Request) -> Response:
    """GET /deliveries."""
    return JSONResponse([asdict(delivery) for delivery in stage.courier.deliveries])


async def forget_deliveries(stage: Stage, _request: Request) -> Response:
    """DELETE /deliveries."""
    stage.courier.deliveries.clear()
    return Response(status_code=204)


async def change_settings(stage: Stage, request: Request) -> Response:
    """PATCH /settings."""
    order = await _order(request)
    if not order.keys() <= _LIMITS | _BEHAVIOUR or order.get("envelope", "cursor") not in get_args(Envelope):
        raise ApiError(400, "invalid_parameter", "No such setting.")
    for name, value in order.items():
        setattr(stage.world.limits if name in _LIMITS else stage.behaviour, name, value)
    stage.world.limits.forget()
    return Response(status_code=204)


def _control(method: str, path: str, control: Control) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return await control(request.app.state.stage, request)
        except ApiError as error:
            return error_response(error)
        except (TypeError, ValueError) as error:
            return error_response(ApiError(400, "invalid_parameter", str(error)))

    return Route(path, answer, methods=[method])


async def _order(request: Request) -> dict[str, Any]:
    order = await json_body(request)
    if not isinstance(order, dict):
        raise ApiError(400, "malformed", "The body must be an object.")
    return order


def _place(stage: Stage, order: Mapping[str, Any]) -> tuple[str, str]:
    """The district that is meant (the only one, unless it is named), and the site."""
    accounts = stage.world.accounts
    account = stage.world.account(order.get("district", next(iter(accounts)) if len(accounts) == 1 else None))
    site = order.get("site") or (account.domains[0] if account.domains else f"{account.district}.example")
    return account.district, str(site)


def _partials(order: Mapping[str, Any], *, usual: int) -> list[Mapping[str, Any]]:
    wanted = order.get("findings", usual)
    return [{}] * wanted if isinstance(wanted, int) else list(wanted)
