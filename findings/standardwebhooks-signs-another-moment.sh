#!/usr/bin/env bash
# standardwebhooks signs a time of another zone as another moment, so that no receiver accepts the signature.
#
# Expected: `sign(msg_id, timestamp, data)` takes a datetime, and 18:00 in UTC is 12:00 in Chicago: one moment, one Unix time,
#           one signature, whichever zone the datetime is written in.
# Happens:  the zone is not converted but replaced by UTC: 12:00 in Chicago is signed as 12:00 in UTC. The header that goes
#           with it, `str(int(timestamp.timestamp()))`, says the right moment, and verify() answers "No matching signature
#           found", a word that names secrets and bodies rather than clocks. The library of svix does the same.
# Version:  standardwebhooks 1.1.0 (Webhook.sign in webhooks.py: `timestamp.replace(tzinfo=timezone.utc)`), svix 2.9.1
# Source:   Standard Webhooks specification, "Webhook Headers": webhook-timestamp is a Unix time
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1 tzdata==2025.2
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import standardwebhooks
import svix.webhooks

SECRET = "whsec_" + base64.b64encode(b"test-only-" * 3).decode()
BODY = '{"type":"example"}'


def accepted(module, header, moment):
    """Whether the library accepts what it has signed itself, with the header that says the moment."""
    webhook = module.Webhook(SECRET)
    headers = {
        f"{header}-id": "msg_1",
        f"{header}-timestamp": str(int(moment.timestamp())),
        f"{header}-signature": webhook.sign("msg_1", moment, BODY),
    }
    try:
        webhook.verify(BODY, headers)
    except module.WebhookVerificationError as error:
        return f"refused: {error}"
    return "accepted"


now = datetime.now(timezone.utc)
seen = {}
for name, module, header in (("standardwebhooks", standardwebhooks, "webhook"), ("svix", svix.webhooks, "svix")):
    for zone in (timezone.utc, ZoneInfo("America/Chicago")):
        seen[name, str(zone)] = accepted(module, header, now.astimezone(zone))
        print(f"{name}, signed with a datetime of {zone}: {seen[name, str(zone)]}")
same = all((word == "accepted") == (zone == "UTC") for (_, zone), word in seen.items())
sys.exit(0 if same else "this has changed")
PYTHON
