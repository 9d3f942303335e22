"""What tests, the demo and the fault suite tell a feed to do. Needs no token.

    GET    /_sandbox/incidents?district=      [{uuid, type, date, last_modified, deleted, bounced, withheld}]
    POST   /_sandbox/incidents                {district?, incidents: N or [changes]} → {incidents: [uuid]}
    POST   /_sandbox/years                    {district?, incidents: N, first?, last?}: spread over these days, or over
                                              the school year down to today → {incidents: [uuid]}
    PATCH  /_sandbox/incidents/{uuid}         the words of sandbox/incident_feed/changes.py
    POST   /_sandbox/incidents/{uuid}/{what}  refer, bounce, delete, undelete, withhold or restore
    PATCH  /_sandbox/settings                 fields of `FeedBehaviour`
    POST   /_sandbox/spellings                fields of `Spelling`, and {page?, times?: 1 or null}
    DELETE /_sandbox/spellings
    POST   /_sandbox/moves                    {after_page, add?: N, withhold?: N}
    DELETE /_sandbox/moves

`district` may be left out where there is only one. What goes wrong on the wire is ordered as for every stand-in
(sandbox/wire/faults.py): `status`, `html`, `half` and `cut`, `slow` and `trickle`, and `large`, which with `gzip` and
size 0 is a page that is compressed and no larger than it was.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.incident_feed.api import Feed
from sandbox.incident_feed.behaviour import Move, behaviour_from, spelt_from
from sandbox.incident_feed.school_year import Window
from sandbox.incident_feed.values import KeptIncident
from sandbox.incident_feed.world import IncidentWorld

_DEEDS: Mapping[str, Callable[[IncidentWorld, str], KeptIncident]] = {
    "refer": IncidentWorld.refer,
    "bounce": IncidentWorld.bounce,
    "delete": IncidentWorld.delete,
    "undelete": IncidentWorld.undelete,
    "withhold": IncidentWorld.withhold,
    "restore": IncidentWorld.restore,
}


class FeedControls:
    """The controls of one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._world = feed.world

    def routes(self) -> Mount:
        """Every control."""
        return Mount(
            "/_sandbox",
            routes=[
                _control("GET", "/incidents", self.list_incidents),
                _control("POST", "/incidents", self.add_incidents),
                _control("POST", "/years", self.fill_year),
                _control("PATCH", "/incidents/{uuid}", self.change_incident),
                _control("POST", "/incidents/{uuid}/{what}", self.do),
                _control("PATCH", "/settings", self.change_settings),
                _control("POST", "/spellings", self.order_spelling),
                _control("DELETE", "/spellings", self.clear_spellings),
                _control("POST", "/moves", self.order_move),
                _control("DELETE", "/moves", self.clear_moves),
            ],
        )

    async def list_incidents(self, request: Request) -> Response:
        """GET /incidents."""
        district = self._district(request.query_params)
        return JSONResponse([_shown(each) for each in self._world.incidents(district)])

    async def add_incidents(self, request: Request) -> Response:
        """POST /incidents."""
        order = await _order(request)
        added = self._world.add(self._district(order), order.get("incidents", 1))
        return JSONResponse({"incidents": added}, 201)

    async def fill_year(self, request: Request) -> Response:
        """POST /years."""
        order = await _order(request)
        days = [date.fromisoformat(order[name]) for name in ("first", "last") if name in order]
        added = self._world.fill(self._district(order), int(order.get("incidents", 1)), Window(*days) if days else None)
        return JSONResponse({"incidents": added}, 201)

    async def change_incident(self, request: Request) -> Response:
        """PATCH /incidents/{uuid}."""
        return JSONResponse(_shown(self._world.change(request.path_params["uuid"], await _order(request))))

    async def do(self, request: Request) -> Response:
        """POST /incidents/{uuid}/{what}."""
        deed = _DEEDS[request.path_params["what"]]
        return JSONResponse(_shown(deed(self._world, request.path_params["uuid"])))

    async def change_settings(self, request: Request) -> Response:
        """PATCH /settings."""
        self._feed.orders.behaviour = behaviour_from(self._feed.orders.behaviour, await _order(request))
        return Response(status_code=204)

    async def order_spelling(self, request: Request) -> Response:
        """POST /spellings."""
        self._feed.orders.spellings.append(spelt_from(await _order(request)))
        return Response(status_code=204)

    async def clear_spellings(self, _request: Request) -> Response:
        """DELETE /spellings."""
        self._feed.orders.spellings.clear()
        return Response(status_code=204)

    async def order_move(self, request: Request) -> Response:
        """POST /moves."""
        self._feed.orders.moves.append(Move(**await _order(request)))
        return Response(status_code=204)

    async def clear_moves(self, _request: Request) -> Response:
        """DELETE /moves."""
        self._feed.orders.moves.clear()
        return Response(status_code=204)

    def _district(self, order: Mapping[str, Any]) -> str:
        """The district that is meant: the only one, unless it is named. Raises KeyError."""
        accounts = self._world.accounts
        named = order.get("district", next(iter(accounts)) if len(accounts) == 1 else None)
        return accounts[named].district


def _control(method: str, path: str, control: Callable[[Request], Awaitable[Response]]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return await control(request)
        except KeyError as error:
            return JSONResponse({"error": f"there is no {error}"}, 404)
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return Route(path, answer, methods=[method])


async def _order(request: Request) -> dict[str, Any]:
    order = await request.json()
    if not isinstance(order, dict):
        raise TypeError("an order is an object")
    return order


def _shown(incident: KeptIncident) -> dict[str, Any]:
    """The state of an incident, without what it says of people."""
    return {
        "uuid": incident.uuid,
        "type": incident.type,
        "date": incident.happened_on.isoformat(),
        "last_modified": incident.modified_at.isoformat(),
        "deleted": incident.is_deleted,
        "bounced": incident.is_bounced,
        "withheld": incident.is_withheld,
    }
