#!/usr/bin/env bash
# A test that moves the time of day wants the steady clock left alone: libfaketime has FAKETIME_DONT_FAKE_MONOTONIC=1 for
# that. One would expect that sleeping goes on as before. In Python 3.11 and later every time.sleep fails then, with
# "Invalid argument": Python sleeps until a moment of the monotonic clock (clock_nanosleep, TIMER_ABSTIME), and that call
# is refused. subprocess's wait with a timeout sleeps, too. asyncio, which waits by epoll, does not notice.
# libfaketime 0.9.10-2.1 (Debian 12), Python 3.11.7. Needs apt-get; nothing is installed, the package is laid out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet=2 libfaketime=0.9.10-2.1 2>/dev/null
dpkg -x libfaketime_*.deb .
library=$(find . -name 'libfaketimeMT.so.1')
run() { env LD_PRELOAD="$folder/$library" FAKETIME="-600s" "$@"; }

code='import time; time.sleep(0.01); print("slept")'
echo "the steady clock faked, too: $(run python3 -c "$code")"
alone=$(run FAKETIME_DONT_FAKE_MONOTONIC=1 python3 -c "$code" 2>&1 || true)
echo "the steady clock left alone: ${alone##*$'\n'}"
awaited='import asyncio; asyncio.run(asyncio.sleep(0.01)); print("slept")'
echo "asyncio, likewise:           $(run FAKETIME_DONT_FAKE_MONOTONIC=1 python3 -c "$awaited")"
grep --quiet "Invalid argument" <<<"$alone"
