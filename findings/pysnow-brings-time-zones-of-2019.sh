#!/usr/bin/env bash
# One would expect: a ServiceNow client may be installed beside what needs today's time zones, and its import is silent.
# What happens: pysnow 0.7.17, its last release, asks for `pytz>=2019.3,<2020.0`, so that every program beside it gets the
# time zones of October 2019: Mexico, which gave up summer time in 2022, is an hour off from April to October. From
# Python 3.12 on its import warns (`datetime.utcfromtimestamp`), and fails where warnings are errors.
# Source: the metadata of pysnow 0.7.17 and pytz 2019.3 on PyPI; tzdata 2025.2 has the rules of today.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  setuptools==80.9.0 pysnow==0.7.17 tzdata==2025.2

"$folder/venv/bin/python" - <<'PROBE'
import importlib.metadata
import subprocess
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

import pytz

wanted = [each for each in importlib.metadata.requires("pysnow") if each.startswith("pytz")]
print("pysnow", importlib.metadata.version("pysnow"), "requires", wanted, "and gets pytz", pytz.__version__)

summer = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
zone = "America/Mexico_City"
old = summer.astimezone(pytz.timezone(zone)).utcoffset()
zoneinfo.reset_tzpath(to=[])  # the tzdata of PyPI, not what the machine has
new = summer.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset()
print(f"{zone} on 2026-07-01: pytz says UTC{old / timedelta(hours=1):+.0f}, tzdata says UTC{new / timedelta(hours=1):+.0f}")

strict = subprocess.run([sys.executable, "-W", "error", "-c", "import pysnow"], capture_output=True, text=True)
last = (strict.stderr.strip().splitlines() or ["imported"])[-1]
print(f"import pysnow with warnings as errors on {sys.version_info[0]}.{sys.version_info[1]}: {last[:110]}")

holds = pytz.__version__ == "2019.3" and old - new == timedelta(hours=1)
if sys.version_info >= (3, 12):
    holds = holds and "utcfromtimestamp" in last
sys.exit(0 if holds else 1)
PROBE
