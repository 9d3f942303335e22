"""Pages from templates: everything that is shown passes here, and is escaped."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from remediation.read_model.wording import count_words


class RouteNames:
    """The routes by their names. A page has hundreds of addresses: Starlette tries all routes for each."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = {each.name: each for each in routes if isinstance(each, Route)}

    def path(self, name: str, params: Mapping[str, str]) -> str:
        """The path of a route with these values. Raises KeyError, and NoMatchFound where it takes others."""
        return str(self._routes[name].url_path_for(name, **params))


class PageTemplates:
    """The templates of console/templates. `facts` are known to each of them besides what a page gives."""

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        self._environment = Environment(
            loader=PackageLoader("console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(moment=moment, counted=count_words)
        self._environment.globals.update({"version": ""} | dict(facts or {}))

    def text(self, name: str, values: Mapping[str, Any]) -> str:
        """A template with these values."""
        return self._environment.get_template(name).render(values)


def render(request: Request, name: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A whole page, or the part of one that is fetched again.

    Every template knows `path`, which makes an address of a route's name, and `asset` of a script's or style's, both
    below the prefix that a proxy may have put before it; `person`, who has signed in, or None; `form_token` for forms
    that change something; `sections` and `route` for the navigation; and `request_id`.
    """
    templates: PageTemplates = request.app.state.context.templates
    return HTMLResponse(templates.text(name, _known(request) | values), status)


def _known(request: Request) -> dict[str, Any]:
    return {
        "request": request,
        "path": partial(path_of, request),
        "asset": partial(_asset, request),
        "person": getattr(request.state, "person", None),
        "form_token": getattr(request.state, "form_token", ""),
        "request_id": getattr(request.state, "request_id", ""),
        "sections": request.app.state.sections,
        "route": getattr(request.scope.get("route"), "name", None),
    }


def _asset(request: Request, name: str) -> str:
    """The address of a script or a style, which changes with its content."""
    return path_of(request, "static", address=request.app.state.context.assets[name].address)


def path_of(request: Request, name: str, /, **params: Any) -> str:
    """The path of a route, without scheme and host: who reads it knows them better than we do.

    What stands in it from outside, an id, say, is quoted.
    """
    quoted = {key: quote(str(value), safe="/:") for key, value in params.items()}
    routes: RouteNames = request.app.state.routes
    return str(request.scope.get("root_path", "")).rstrip("/") + routes.path(name, quoted)


def moment(at: float | None, words: str = "never") -> Markup:
    """A time (Unix seconds) as UTC, in an element from which the browser makes the reader's own time.

    `words` stand for None.
    """
    if at is None:
        return Markup("<span>{}</span>").format(words)
    shown = datetime.fromtimestamp(at, tz=UTC)
    return Markup('<time datetime="%s">%s UTC</time>') % (shown.isoformat(), f"{shown:%Y-%m-%d %H:%M}")
