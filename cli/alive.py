"""For a container's health check: exit code 0 where the process of this container answers /livez in time, and with 200.

Asks the receiver's port, then a worker's, as the settings name them: a container has one of the two.
"""

import sys
import urllib.error
import urllib.request

from remediation.settings import load_settings

SECONDS = 3.0


def main() -> int:
    """0 where one of them answers, 1 otherwise."""
    settings = load_settings()
    ports = (settings.receiver_port, settings.worker_port)
    return 0 if any(_answers(f"http://127.0.0.1:{port}/livez") for port in ports) else 1


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the environment's proxies are for others
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
