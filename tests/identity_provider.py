"""An OpenID Connect provider with some users, as a process of its own: its import warns."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2

from sandbox.wire.ports import free_port

_STARTED_WITHIN = 30.0


@contextlib.contextmanager
def open_provider(users: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The issuer's address. Each user is what its tokens claim; `sub` is what one signs in with."""
    port = free_port()
    words = [part for user in users for part in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "-n", "true", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            issuer = f"http://127.0.0.1:{port}"
            _wait_for(f"{issuer}/.well-known/openid-configuration")
            yield issuer
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(address, trust_env=False).is_success:
                return
        if time.monotonic() > deadline:
            raise RuntimeError("the identity provider did not start")
        time.sleep(0.05)
