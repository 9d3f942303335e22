"""The sandbox's SchoolScan for people: findings with their audit trails, and a button for what only a site could do.

Nobody signs in: SchoolScan's own pages are no part of what is tried here.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pages.html import Layout, facts, form, link, posted, said, see_other, table, text
from sandbox.schoolscan.stage import Stage
from sandbox.schoolscan.values import ApiError, Kept

_LAYOUT = Layout("SchoolScan")
_SHOWN = ("severity", "status", "domain_type", "title", "url", "scan_id", "detected_at", "updated_at")


def routes() -> list[Route]:
    """Every page."""
    return [
        Route("/", list_findings),
        Route("/findings/{id}", show_finding, methods=["GET"]),
        Route("/findings/{id}/found-again", find_again, methods=["POST"]),
    ]


async def list_findings(request: Request) -> Response:
    """Every finding, the newest first, by district."""
    world = _stage(request).world
    body = "".join(
        table(
            f"Findings of {district}",
            ("Finding", "Severity", "Status", "Kind", "Title"),
            ((link(f"/findings/{each['id']}", each["id"]), *_cells(each)) for each in reversed(found)),
        )
        for district in world.accounts
        if (found := world.findings.listed(district, {}))
    )
    return _LAYOUT.page("Findings", body or "<p>Nothing has been found.</p>")


async def show_finding(request: Request) -> Response:
    """One finding, its audit trail, and a scan that finds it again."""
    try:
        kept = _stage(request).world.findings.kept(request.path_params["id"])
    except ApiError as error:
        return _LAYOUT.page("There is no such finding", "", status=error.status)
    shown = {"district": kept.district, **{name: kept.finding.get(name) for name in _SHOWN}}
    trail = [(f"{each['at']}, by {each['by']}: {each['status']}", each["note"] or "") for each in kept.audit]
    path, button = f"{request.url.path}/found-again", "Scan the site: it is still there"
    again = form(path, "The next scan", (), button, hidden={"again": "yes"})
    body = f"{facts('Details', shown)}<h2>Audit trail</h2>{said(trail, 'Nothing was decided yet.')}{again}"
    return _LAYOUT.page(f"Finding {kept.finding['id']}", body)


async def find_again(request: Request) -> Response:
    """Let a scan of the finding's site find it again, and tell of it by webhooks; not where another site asks."""
    sent, stage = await posted(request), _stage(request)
    try:
        kept = stage.world.findings.kept(request.path_params["id"])
    except ApiError as error:
        return _LAYOUT.page("There is no such finding", "", status=error.status)
    if sent:
        run = stage.world.scans.begin(kept.district, _site(kept), (), (kept.finding["id"],))
        stage.play(run, 0)
    return see_other(f"/findings/{kept.finding['id']}")


def _cells(finding: dict[str, object]) -> tuple[str, ...]:
    return tuple(text(finding.get(name) or "") for name in ("severity", "status", "domain_type", "title"))


def _site(kept: Kept) -> str:
    return urlsplit(str(kept.finding.get("url") or "")).hostname or f"{kept.district}.example"


def _stage(request: Request) -> Stage:
    stage: Stage = request.app.state.stage
    return stage
