"""How ServiceNow's adapter signs in, against the stand-in over real HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from remediation.domain.errors import TryLater, Waiting
from remediation.mapping.config.trackers import servicenow
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.servicenow.sign_in import ClientCredentials
from remediation.trackers.servicenow.tracker import ServiceNow
from sandbox.servicenow.stand_in import INTEGRATION
from tests.contract.servicenow_world import SECRET, ServiceNowWorld, servicenow_world
from tests.contract.tracker_suite import mark_of

CLIENT = {"oauth": {"client_id": INTEGRATION.user_name, "client_secret": SECRET}}
TOKENS = "/oauth_token.do"


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


@asynccontextmanager
async def signed_in(
    world: ServiceNowWorld, auth: dict[str, Any], secret: str | None, largest_answer: int = LARGEST_ANSWER
) -> AsyncIterator[ServiceNow]:
    assert secret is not None
    tracker = world.connect(auth=auth, secret=secret, largest_answer=largest_answer)
    yield tracker
    await tracker.close()


def fetched(world: ServiceNowWorld) -> int:
    return sum(entry["path"] == TOKENS for entry in world.requests())


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        ({"basic": {"user": INTEGRATION.user_name, "password": SECRET}}, INTEGRATION.password),
        ({"bearer": SECRET}, INTEGRATION.token),
        ({"api_key": SECRET}, INTEGRATION.api_key),
        (CLIENT, INTEGRATION.client_secret),
    ],
)
async def test_every_way_of_signing_in_is_the_same_account(
    world: ServiceNowWorld, auth: dict[str, Any], secret: str | None
) -> None:
    async with signed_in(world, auth, secret) as tracker:
        assert await tracker.whoami() == INTEGRATION.user_name


@pytest.mark.parametrize("auth", [{"api_key": SECRET}, {"bearer": SECRET}, CLIENT])
async def test_a_wrong_secret_may_get_mended(world: ServiceNowWorld, auth: dict[str, Any]) -> None:
    async with signed_in(world, auth, "test-only-wrong") as tracker:
        with pytest.raises(TryLater) as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
    assert (caught.value.status, caught.value.ambiguous) == (401, False)
    assert "test-only-wrong" not in str(caught.value)


async def test_one_token_serves_all_threads_until_shortly_before_it_ends(world: ServiceNowWorld) -> None:
    async with signed_in(world, CLIENT, INTEGRATION.client_secret) as tracker:
        await asyncio.gather(*(tracker.whoami() for _ in range(20)))
        assert fetched(world) == 1


async def test_a_token_that_is_refused_is_replaced_once_and_the_request_sent_again(world: ServiceNowWorld) -> None:
    async with signed_in(world, CLIENT, INTEGRATION.client_secret) as tracker:
        await tracker.whoami()
        world.http.delete("/_sandbox/tokens")
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        assert (fetched(world), world.count(mark_of("fnd_1"))) == (2, 1)
        assert (await tracker.read(ticket.id)).mark == mark_of("fnd_1")


async def test_a_new_token_that_is_refused_as_well_is_not_replaced_again(world: ServiceNowWorld) -> None:
    world.set(token_lifetime=0)
    async with signed_in(world, CLIENT, INTEGRATION.client_secret) as tracker:
        with pytest.raises(TryLater) as caught:
            await tracker.whoami()
    assert (caught.value.status, fetched(world)) == (401, 2)


@pytest.mark.parametrize("kind", ["status", "html", "reset", "half"])
async def test_without_a_token_nothing_is_sent(world: ServiceNowWorld, kind: str) -> None:
    world.fault(kind=kind, path=TOKENS, times=None, status=503)
    async with signed_in(world, CLIENT, INTEGRATION.client_secret) as tracker:
        with pytest.raises(TryLater, match="no access token") as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
    assert not caught.value.ambiguous
    assert world.count(mark_of("fnd_1")) == 0


@pytest.mark.parametrize(
    ("status", "waiting"),
    [(403, Waiting.SIGN_IN), (400, Waiting.SIGN_IN), (429, Waiting.LIMIT), (404, Waiting.AWAY), (502, Waiting.AWAY)],
)
async def test_what_the_tokens_endpoint_waits_for_is_told(
    world: ServiceNowWorld, status: int, waiting: Waiting
) -> None:
    world.fault("status", path=TOKENS, times=None, status=status, headers={"Retry-After": "7"})
    async with signed_in(world, CLIENT, INTEGRATION.client_secret) as tracker:
        with pytest.raises(TryLater, match="no access token") as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
    assert (caught.value.waiting, caught.value.after, caught.value.ambiguous) == (waiting, 7, False)


async def test_a_token_in_an_answer_larger_than_one_may_be_is_none(world: ServiceNowWorld) -> None:
    world.fault("large", path=TOKENS, size=60_000, gzip=True, times=None)
    async with signed_in(world, CLIENT, INTEGRATION.client_secret, 50_000) as tracker:
        with pytest.raises(TryLater, match="no access token: the answer is larger") as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
    assert (caught.value.waiting, caught.value.ambiguous) == (Waiting.TOO_LARGE, False)


async def test_a_token_that_trickles_in_stops_no_thread_for_good(
    world: ServiceNowWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicenow, "TOKEN_TIMEOUTS", (timedelta(seconds=0.1), timedelta(seconds=0.2)))
    world.fault("trickle", path=TOKENS, seconds=0.05)
    hasty = world.connect(auth=CLIENT, secret=INTEGRATION.client_secret, connect_timeout=0.1, read_timeout=0.2)
    started = time.monotonic()
    try:
        calls = (hasty.whoami() for _ in range(8))
        assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {TryLater}
        assert await hasty.whoami() == INTEGRATION.user_name
    finally:
        await hasty.close()
    assert time.monotonic() - started < 3


def test_a_token_is_fetched_anew_when_its_time_is_nearly_over(world: ServiceNowWorld) -> None:
    now = [0.0]
    config = ServiceNowTracker.model_validate({"kind": "servicenow", "url": world.address, "auth": CLIENT})
    assert config.auth.oauth is not None
    client_id, secret = config.auth.oauth.client_id, str(INTEGRATION.client_secret)
    credentials = ClientCredentials("now", config, client_id, secret, lambda: now[0])
    first = credentials._valid_token(None)
    now[0] = 1_700.0
    assert credentials._valid_token(None) is first
    now[0] = 1_799.0 - 60
    assert credentials._valid_token(None) is not first


def test_the_longest_call_fits_into_a_job(world: ServiceNowWorld) -> None:
    config = ServiceNowTracker.model_validate({"kind": "servicenow", "url": world.address, "auth": CLIENT})
    assert config.longest_call <= timedelta(seconds=28)
