"""`python -m chaos.launch [OPTIONS] WORDS…`: the remedy command, changed as a test wants it.

Always: the failpoint `request_sent`, at the only place where it can be: inside the standard library's HTTP client, when
the last byte of a create has been handed to the kernel and nothing of its answer has been read. `--clock SECONDS` makes
this process's clock differ from the machine's, `--later SECONDS` the whole world's: Redis's clock, too. `--planted BUG`
puts one known bug in (planted.py). `--hurried` has feeds of incidents asked for every third of a second, and waited for
for two, and what lies minutes apart for scans happen a second apart: what depends on these times stays as it is.
"""

import argparse
import datetime as dt
import http.client
import re
import time
from typing import Any, Self

from redis.asyncio import Redis

from remediation.failpoints import failpoint

_CREATES = re.compile(r"/rest/api/\d/issue$|/api/now/v2/table/[a-z_]+(?:\?|$)")


def watch_creates() -> None:
    """Put the failpoint `request_sent` behind the sending of every create."""
    client: Any = http.client.HTTPConnection
    put_request, response_of = client.putrequest, client.getresponse

    def putrequest(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:
        self.is_create = method == "POST" and _CREATES.search(url) is not None
        put_request(self, method, url, *args, **options)

    def getresponse(self: Any, *args: Any, **options: Any) -> Any:
        if getattr(self, "is_create", False):
            failpoint("request_sent")
        return response_of(self, *args, **options)

    client.putrequest, client.getresponse = putrequest, getresponse


def set_clock(seconds: float) -> None:
    """Let this process believe that it is so much later. Must come before whatever keeps a clock of its own."""
    real = time.time
    time.time = lambda: real() + seconds
    import arq.worker  # noqa: PLC0415 - it takes time.time as it finds it

    class Later(dt.datetime):
        """The clock by which arq starts crons."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Self:
            return super().now(tz) + dt.timedelta(seconds=seconds)

    arq.worker.datetime = Later  # type: ignore[attr-defined] # the clock that it reads


def set_redis_clock(seconds: float) -> None:
    """Let Redis say that it is so much later."""
    real = Redis.time

    async def later(self: Redis) -> tuple[int, int]:
        whole, micro = await real(self)
        return whole + int(seconds), micro

    Redis.time = later  # type: ignore[assignment,method-assign] # for this process, which is a test's


def hurry() -> None:
    """Read feeds of incidents, and give up their answers, in a tenth of the usual times or less; scan soon, too."""
    import workers.settings  # noqa: PLC0415 - only where it is asked for
    from remediation.sources.incident_feed import client  # noqa: PLC0415 - as above
    from workers.rounds import feeds  # noqa: PLC0415 - as above

    workers.settings.FEED_SECONDS = 0.3  # type: ignore[attr-defined] # for this process, which is a test's
    client.WHOLE_CALL_SECONDS, feeds.ASKED_FOR = 2, 2.2
    hurry_scans()


def hurry_scans() -> None:
    """Verify mendings, and count scans again, after a second or less instead of minutes."""
    import workers.settings  # noqa: PLC0415 - as above
    from remediation.domain.cases.verification import ScanTimes  # noqa: PLC0415 - as above
    from remediation.mapping.config.schema import ScanWords  # noqa: PLC0415 - as above
    from workers.jobs import counting  # noqa: PLC0415 - as above
    from workers.rounds import verifying  # noqa: PLC0415 - as above

    workers.settings.VERIFY_SECONDS = 0.3  # type: ignore[attr-defined] # as above
    verifying.LOOKED_AT_EVERY, verifying._SOONEST, verifying.LOST_AFTER = 0.5, 0.3, 4.0  # noqa: SLF001 - as above
    soon = dt.timedelta(seconds=0.5)
    ScanWords.times = property(lambda words: ScanTimes(soon, soon, words.within))  # type: ignore[assignment,method-assign] # as above
    pause = counting._pause  # noqa: SLF001 - as above

    def shortly(context: Any, district: str) -> float | None:
        return None if pause(context, district) is None else 0.5

    counting._pause = shortly  # noqa: SLF001 - as above


def launch() -> None:
    """Change what is asked for, then be the remedy command."""
    parser = argparse.ArgumentParser(prog="python -m chaos.launch")
    parser.add_argument("--clock", type=float, default=0.0)
    parser.add_argument("--later", type=float, default=0.0)
    parser.add_argument("--planted", default="")
    parser.add_argument("--hurried", action="store_true")
    asked, words = parser.parse_known_args()
    if ahead := asked.clock + asked.later:
        set_clock(ahead)
    if asked.later:
        set_redis_clock(asked.later)
    watch_creates()
    if asked.hurried:
        hurry()
    from remedy.main import main  # noqa: PLC0415 - only now, when the clock is set

    if asked.planted:
        from chaos.planted import BUGS  # noqa: PLC0415 - as above

        BUGS[asked.planted]()
    main(words)


if __name__ == "__main__":
    launch()
