"""A container's health check: exit code 0 where the process of this container answers /livez with 200 in time.

It asks the receiver, a worker and the console at the addresses in the settings: a container has one of them.
"""

import sys
import urllib.error
import urllib.request
from ipaddress import ip_address

from remediation.settings import load_settings

SECONDS = 3.0

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}
"""The loopback address, by the version of IP."""


def main() -> int:
    """0 where one of them answers, 1 otherwise."""
    settings = load_settings()
    places = (
        (settings.receiver_host, settings.receiver_port),
        (settings.worker_host, settings.worker_port),
        (settings.console_host, settings.console_port),
    )
    return 0 if any(_answers(f"http://{reachable(host)}:{port}/livez") for host, port in places) else 1


def reachable(host: str) -> str:
    """A process's listening address as the host in a URL; for all addresses, the loopback address."""
    try:
        listening = ip_address(host)
    except ValueError:
        return host  # a name
    address = _LOOPBACK[listening.version] if listening.is_unspecified else str(listening)
    return f"[{address}]" if ":" in address else address


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the environment's proxies are not for this
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
