"""What a worker's probes are answered."""

from collections.abc import Sequence

import httpx2
import pytest

from workers.health import create_health_app


async def asked(path: str, problems: Sequence[str] = (), dead: Sequence[str] = ()) -> tuple[int, str]:
    async def tell() -> Sequence[str]:
        return problems

    transport = httpx2.ASGITransport(app=create_health_app(tell, dead=lambda: dead))  # type: ignore[arg-type]  # uvicorn's own types
    async with httpx2.AsyncClient(transport=transport, base_url="http://worker.example") as client:
        answer = await client.get(path)
    return answer.status_code, answer.text


async def test_a_worker_in_which_nothing_died_is_alive_whatever_its_problems() -> None:
    assert await asked("/livez", ["Redis does not answer"]) == (200, "alive\n")


async def test_a_worker_says_what_has_died_in_it() -> None:
    dead = ["the work loop has ended", "a thread of jira has died"]
    assert await asked("/livez", dead=dead) == (503, "the work loop has ended\na thread of jira has died\n")


@pytest.mark.parametrize(("problems", "status"), [((), 200), (("stopping",), 503)])
async def test_a_worker_is_ready_while_it_has_no_problem(problems: Sequence[str], status: int) -> None:
    assert (await asked("/readyz", problems))[0] == status
