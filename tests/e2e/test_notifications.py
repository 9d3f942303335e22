"""A real worker tells people by a real mail server what is parked, once; a server that hangs holds up no ticket."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from remediation.store.keys import NOTIFY_TURN, TURN
from sandbox.secrets import DISTRICT
from tests.e2e.scene import REVIEWING, Scene, open_scene
from tests.e2e.watching import becomes
from tests.integration.people import Hook, Mailbox, listening_aside

pytestmark = pytest.mark.timeout(240)

_LOOKS = 3.0
"""Seconds in which a round has read what there is, and begun to send, unless the machine is busy."""

_MOST_ROUNDS = 8
_PAUSE = 0.05


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with listening_aside(mailbox):
        yield mailbox


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook(hangs=True)
    with listening_aside(hook):
        yield hook


@pytest.fixture
def scene(mailbox: Mailbox, hook: Hook) -> Iterator[Scene]:
    def with_channels(tree: Any) -> None:
        usual = {"after": "1s", "about": ["parked"]}
        tree["notify"] = {"mail": {"url": {"env": "MAIL_URL"}, **usual}, "hook": {"url": {"env": "HOOK_URL"}, **usual}}

    with open_scene() as scene:
        urls = {"MAIL_URL": mailbox.url, "HOOK_URL": hook.url}
        scene.stage.environment = {
            **scene.stage.environment,
            **urls,
            "MAPPINGS_PATH": scene.mappings("told.yaml", with_channels),
        }
        scene.stage.start_receiver()
        yield scene


def tell(scene: Scene, name: str, is_told: Callable[[], bool]) -> None:
    """A round that tells, by a worker that has just started: they are a minute apart otherwise."""
    scene.redis.delete(f"{TURN}notify", f"{NOTIFY_TURN}mail", f"{NOTIFY_TURN}hook")
    worker = scene.start_worker(name)
    becomes(lambda: bool(scene.redis.exists(f"{TURN}notify")), wanted=True)
    deadline = time.monotonic() + _LOOKS
    while not is_told() and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    becomes(lambda: bool(scene.redis.exists(f"{NOTIFY_TURN}mail")), wanted=False)
    assert worker.stop() == 0


def tell_until(scene: Scene, is_told: Callable[[], bool]) -> None:
    """Rounds, as many as it takes."""
    for number in range(_MOST_ROUNDS):
        tell(scene, f"told-{number}", is_told)
        if is_told():
            return
    pytest.fail(f"nothing was told in {_MOST_ROUNDS} rounds")


def test_what_is_parked_is_told_once_and_a_server_that_hangs_holds_up_no_ticket_and_no_stop(
    scene: Scene, mailbox: Mailbox, hook: Hook
) -> None:
    scene.told("finding.critical", {"finding_id": "fnd_nowhere"})
    tell_until(scene, lambda: bool(mailbox.mails and hook.asked))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "remedy: NotFound 404: parked"
    assert f"1 case by schoolscan:{DISTRICT}" in mail.get_content()
    assert "fnd_nowhere" not in mail.get_content()
    tell(scene, "silent", lambda: False)
    assert len(mailbox.mails) == 1
    assert hook.asked > 0
    scene.start_worker("last")
    scene.settles(scene.find(), REVIEWING)
    assert len(mailbox.mails) == 1
